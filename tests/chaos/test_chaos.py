"""The short form of `make chaos`, and what its own judges would notice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from tests.chaos.journey import BACKED_UP_AFTER, Scale, chaos, table
from tests.chaos.overload import Overloaded, Second, overload
from tests.chaos.plan import KILLS, OTHERS, Blow, Measured, blows, readings

pytestmark = [pytest.mark.peer, pytest.mark.slow]

SHORT = Scale(ours=3, theirs=10, seconds=20, live=6, backlog=6, calm_s=(0.1, 0.6))


@pytest.fixture
def wide_folder() -> Iterator[Path]:
    """A short path that the database's own user can enter."""
    folder = Path(mkdtemp(prefix="hw-chaos-"))
    yield folder
    rmtree(folder, ignore_errors=True)


@pytest.mark.row("L1")
@pytest.mark.row("L2")
@pytest.mark.timeout(300)
async def test_four_blows_lose_nothing_double_nothing_and_change_no_judgement(
    wide_folder: Path,
) -> None:
    planned = (Blow.KILL_ALL, Blow.HOLD_DATABASE, Blow.KILL_HUBS, Blow.KILL_CORE)
    verdict = await chaos(wide_folder, 11, SHORT, planned, lambda _said: None)
    assert verdict.faults == [], table(verdict)
    assert [one.blow for one in verdict.struck] == list(planned)
    assert sum((one.lost, one.doubled) == (0, 0) for one in verdict.struck) == len(planned)
    assert verdict.told > 12 * 12
    assert verdict.told_in_former_version > 12 * 3
    assert verdict.cases > 3  # what is compared is there
    assert verdict.alerts >= verdict.cases
    assert verdict.exits.count(-9) == 2  # killed twice, and never ended by a fault of its own
    assert set(verdict.exits) <= {-9, 0, 4}


def test_a_seed_gives_the_same_readings_and_the_same_blows() -> None:
    begin = datetime(2026, 11, 1, tzinfo=UTC)

    def planned(seed: int) -> tuple[list[Measured], list[Blow]]:
        chance = Random(seed)  # noqa: S311 - a seed, not a secret
        told = readings(chance, begin, homes=8, seconds=30, live=5, backlog=5)
        return told, blows(chance, 50)

    assert planned(3) == planned(3)
    assert planned(3) != planned(4)
    told, struck = planned(3)
    assert len({one.key for one in told}) == len(told)
    assert len(struck) == 50 + 10 + len(OTHERS)
    assert sum(struck.count(kill) for kill in KILLS) == 50
    assert all(struck.count(kill) in {12, 13} for kill in KILLS)
    assert struck.count(Blow.KILL_HUBS) == 10
    assert struck.index(Blow.RESTORE) >= len(struck) // 2 > 2 * len(struck) // BACKED_UP_AFTER


@pytest.mark.timeout(400)
async def test_an_overload_waits_in_the_hubs_and_memory_stays_flat(wide_folder: Path) -> None:
    """The short form of `python -m tests.chaos.overload`: a few seconds of far too much."""
    result = await overload(
        wide_folder,
        homes=300,
        people_per_home=10,
        seconds=3,
        rate_per_s=5000,  # of which the quickest machine commits half
        say=lambda _said: None,
    )
    assert result.faults == []  # each stored once, neither broker nor core has grown
    assert result.reports > 0  # while it was worked off
    assert result.capacity_per_s < result.offered_per_s


def test_an_overload_that_grows_or_loses_is_told() -> None:
    def second(at_s: float, broker_mb: float, core_mb: float) -> Second:
        return Second(at_s, broker_mb, core_mb, published=900, receipted=300)

    calm = [second(1, 20, 100), second(2, 30, 150), second(3, 45, 190), second(4, 58, 205)]
    flat = Overloaded(published=900, stored=900, worked_off_s=8, reports=1, seconds=calm)
    assert flat.faults == []
    assert flat.times == pytest.approx(3)
    grown = [*calm[:2], second(3, 61, 200), second(4, 50, 211)]
    said = Overloaded(published=900, stored=899, worked_off_s=50, reports=1, seconds=grown).faults
    assert said == [
        "broker grew by 31.0 MB",
        "core grew by 61.0 MB",
        "900 measured, 899 stored",
        "1 reports of the core in 50 s",
    ]
