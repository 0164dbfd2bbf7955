"""The short form of `make chaos`, and what its own judges would notice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp

import pytest

from tests.chaos.journey import Scale, chaos, table
from tests.chaos.overload import overload
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
    assert len(struck) == 50 + len(OTHERS)
    assert all(struck.count(kill) == 50 // len(KILLS) for kill in KILLS)


@pytest.mark.timeout(400)
async def test_an_overload_waits_in_the_hubs_and_memory_stays_flat(wide_folder: Path) -> None:
    """The short form of `python -m tests.chaos.overload`: a few seconds of far too much."""
    result = await overload(
        wide_folder, homes=400, seconds=4, rate_per_s=2500, say=lambda _said: None
    )
    assert result.stored == result.published  # each once
    assert result.capacity_per_s < result.offered_per_s
    assert result.growth_mb(lambda second: second.broker_mb) < 30  # a queue of 20,000 is bounded
    assert result.growth_mb(lambda second: second.core_mb) < 60
