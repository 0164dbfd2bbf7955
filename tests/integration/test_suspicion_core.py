"""A reading of a couple's cuff that fits the other one better waits for a tap, in the real core."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.baselines import STATE
from gateway.clock import WallClock
from gateway.commands import Asking, CommandBody
from gateway.core import Core
from gateway.core_settings import CoreSettings
from gateway.facts import BindingFact, OwnerFact
from gateway.sorting import Batch
from rules.explain import why
from rules.vocabulary import (
    DeviceRef,
    Observation,
    Origin,
    Profile,
    Quantity,
    QuantityName,
    SubjectRef,
)
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    HUB,
    START,
    WANG,
    Bench,
    county_bench,
    envelope,
    minutes,
    pressure,
)

pytestmark = [pytest.mark.peer, pytest.mark.row("P9")]

LI = SubjectRef("s-li")
DAY = timedelta(days=1)
SHARED = DeviceRef(manufacturer="Acme", model="BP-2", serial="7")
DAYS = 20
NOW = START + DAYS * DAY
HIS, HERS = (152, 92, 84), (118, 74, 62)
"""Systolic, diastolic and pulse that are usual for Wang (slot 1) and for Li (slot 2)."""


def shared(
    at: datetime,
    values: tuple[int, int, int],
    *,
    slot: int,
    received: datetime | None = None,
    origin: Origin = Origin.LIVE,
) -> Observation:
    """A reading of the couple's cuff."""
    systolic, diastolic, pulse = values
    taken = pressure(at, systolic, diastolic, device=SHARED, received=received, origin=origin)
    beat = {QuantityName.PULSE: Quantity(value=Decimal(pulse), unit="/min")}
    return replace(taken, user_slot=slot, quantities={**taken.quantities, **beat})


def scattered(usual: tuple[int, int, int], chance: Random) -> tuple[int, int, int]:
    """A day's values about what is usual."""
    shift = chance.gauss(0, 6)
    return (
        round(usual[0] + shift + chance.gauss(0, 3)),
        round(usual[1] + 0.6 * shift + chance.gauss(0, 2)),
        round(usual[2] + chance.gauss(0, 3)),
    )


def history(days: int = DAYS, seed: int = 3) -> list[Observation]:
    """Both measure every morning and evening, ten minutes apart."""
    chance = Random(seed)  # noqa: S311 - a test's dice
    return [
        shared(START + day * DAY + half * DAY / 2 + minutes(10 * slot), values, slot=slot)
        for day in range(days)
        for half in (0, 1)
        for slot, usual in ((1, HIS), (2, HERS))
        for values in (scattered(usual, chance),)
    ]


@dataclass(slots=True)
class Couple:
    """A bench with the couple's weeks in it, and the real core at its inbox."""

    bench: Bench
    core: Core

    async def tell(self, fact: OwnerFact, now: datetime) -> str | None:
        """What the service would append; why it was refused."""
        known = await self.bench.owner.fetchval(
            "INSERT INTO core.inbox (created_at, kind, body) VALUES ($1, 'owner', $2)"
            " RETURNING inbox_id",
            now,
            msgspec.json.encode(fact).decode(),
        )
        await self.core.settle(now)
        row = await self.bench.owner.fetchrow(
            "SELECT refused, applied_at FROM core.inbox WHERE inbox_id = $1", known
        )
        assert row is not None
        assert row["applied_at"] is not None
        return row["refused"]

    async def doubts(self) -> list[tuple[str, str, float, bool, str | None]]:
        """(subject, other, systolic, waits, answer) of every doubt, oldest first."""
        rows = await self.bench.owner.fetch(
            "SELECT subject, other, (point->'values'->'systolic'->>'value')::float8 AS systolic,"
            " waits, answer FROM core.suspicion ORDER BY effective_at, identity"
        )
        return [tuple(row.values()) for row in rows]

    async def doubted(self) -> str:
        """Identity of the only doubt."""
        return await self.bench.owner.fetchval("SELECT identity FROM core.suspicion")

    async def valid(self, systolic: int, at: datetime) -> tuple[str, bool]:
        """Whose the stored reading is, and whether it counts."""
        row = await self.bench.owner.fetchrow(
            "SELECT subject, valid FROM core.observation WHERE systolic = $1 AND effective_at = $2",
            systolic,
            at,
        )
        assert row is not None
        return row["subject"], row["valid"]

    async def states(self) -> list[tuple[str, bytes]]:
        """What the baselines of each have learned."""
        rows = await self.bench.owner.fetch(
            "SELECT subject, state FROM core.subject_state ORDER BY subject"
        )
        return [(row["subject"], row["state"]) for row in rows]


@pytest.fixture
async def couple(database: Database) -> AsyncIterator[Couple]:
    """Wang and Li have measured for three weeks on one cuff, each on an own slot."""
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        settings = CoreSettings(dsn=database.dsn_as("hw_core"))
        await bench.tell(
            Profile(subject=LI, birth_year=1950, household="h-1", area="t-1"),
            BindingFact(device=SHARED.key, user_slot=1, subject=WANG, valid_from=START - DAY),
            BindingFact(device=SHARED.key, user_slot=2, subject=LI, valid_from=START - DAY),
        )
        core = Core(settings, WallClock(), bench.store, bench.county, bench.rules)
        for day in range(0, DAYS, 4):
            some = history()[day * 4 : (day + 4) * 4]
            await bench.feed(*some)
        yield Couple(bench=bench, core=core)


async def test_weeks_of_own_readings_raise_no_doubt(couple: Couple) -> None:
    assert await couple.doubts() == []
    count = "SELECT count(*) FROM core.observation WHERE valid"
    assert await couple.bench.owner.fetchval(count) == DAYS * 4


async def test_a_swapped_slot_waits_and_counts_nowhere(couple: Couple) -> None:
    swapped = shared(NOW, (117, 75, 61), slot=1)
    await couple.bench.feed(swapped)
    assert await couple.doubts() == [(WANG, LI, 117.0, True, None)]
    assert await couple.valid(117, NOW) == (WANG, False)
    # four days later nobody has learned it
    before = await couple.states()
    later = NOW + 4 * DAY
    await couple.bench.feed(shared(later, (152, 92, 84), slot=1), shared(later, HERS, slot=2))
    assert await couple.states() != before
    rows = await couple.bench.owner.fetchval(
        "SELECT count(*) FROM core.suspicion WHERE answer IS NULL"
    )
    assert rows == 1


async def answer(couple: Couple, subject: SubjectRef, now: datetime) -> str | None:
    fact = OwnerFact(identity=await couple.doubted(), subject=subject, by="account-1", at=now)
    return await couple.tell(fact, now)


async def test_couple_swaps_cuff_slots(couple: Couple) -> None:
    """Not me: the reading is Li's, from its own time, and learned by her alone."""
    await couple.bench.feed(shared(NOW, (117, 75, 61), slot=1))
    assert await answer(couple, LI, NOW + DAY) is None
    assert await couple.doubts() == [(WANG, LI, 117.0, True, LI)]
    assert await couple.valid(117, NOW) == (LI, True)
    assert await answer(couple, WANG, NOW + DAY) == (
        f"identity: {await couple.doubted()} is answered already: s-li"
    )
    later = NOW + 4 * DAY
    await couple.bench.feed(shared(later, HIS, slot=1), shared(later, HERS, slot=2))
    learned = await couple.states()
    # The same as if the right slot had been pressed.
    await couple.bench.owner.execute(
        "TRUNCATE core.observation, core.subject_state, core.suspicion, core.seen"
    )
    await reload(couple)
    await couple.bench.feed(*history())
    await couple.bench.feed(shared(NOW, (117, 75, 61), slot=2))
    await couple.bench.feed(shared(later, HIS, slot=1), shared(later, HERS, slot=2))
    assert await couple.states() == learned


async def reload(couple: Couple) -> None:
    """Forget what is in memory, as a core that starts again does."""
    from gateway.county import load_county  # noqa: PLC0415 - only here

    couple.bench.county = await load_county(couple.bench.store)


async def test_me_counts_from_its_own_time(couple: Couple) -> None:
    await couple.bench.feed(shared(NOW, (117, 75, 61), slot=1))
    later = NOW + 4 * DAY
    await couple.bench.feed(shared(later, HIS, slot=1), shared(later, HERS, slot=2))
    without = await couple.states()
    assert await answer(couple, WANG, later) is None
    assert await couple.valid(117, NOW) == (WANG, True)
    learned = await couple.states()
    assert learned != without, "a late answer is learned late"
    assert [subject for subject, _ in learned] == [LI, WANG]
    assert learned[0] == without[0], "hers has not changed"


async def test_couple_swaps_cuff_slots_crisis(couple: Couple) -> None:
    """A value like nobody's is nobody else's either: it rings as whose the device says."""
    await couple.bench.feed(shared(NOW, (231, 134, 90), slot=2))
    assert await couple.doubts() == []
    assert [(r["subject"], r["rule_id"]) for r in await couple.bench.alerts()] == [(LI, "HW-02")]


@pytest.mark.row("P8")
async def test_a_crisis_that_may_be_the_others_rings_at_once(database: Database) -> None:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        await bench.tell(
            Profile(subject=LI, birth_year=1950, household="h-1", area="t-1"),
            BindingFact(device=SHARED.key, user_slot=1, subject=WANG, valid_from=START - DAY),
            BindingFact(device=SHARED.key, user_slot=2, subject=LI, valid_from=START - DAY),
        )
        chance = Random(5)  # noqa: S311 - a test's dice
        for day in range(DAYS):
            at = START + day * DAY
            await bench.feed(
                *[
                    shared(at + minutes(m), scattered((171, 98, 84), chance), slot=1)
                    for m in (0, 2)
                ],
                *[shared(at + minutes(m), scattered(HERS, chance), slot=2) for m in (10, 12)],
            )
        rang = len(await bench.alerts())
        await bench.feed(shared(NOW, (183, 104, 86), slot=2))
        await bench.feed(shared(NOW + minutes(5), (182, 102, 85), slot=2))
        found = [row for row in await bench.alerts() if row["subject"] == LI]
        assert [(row["rule_id"], row["stage"]) for row in found] == [("HW-02", "confirmed")]
        assert len(await bench.alerts()) == rang + 1
        card = why(found[0]["evidence"], "en")
        assert any("another user of the device" in line for line in card.certainty)
        waits = await bench.owner.fetch("SELECT waits FROM core.suspicion")
        assert [row["waits"] for row in waits] == [False, False]
        valid = "SELECT bool_and(valid) FROM core.observation WHERE subject = $1"
        assert await bench.owner.fetchval(valid, LI) is True


@dataclass(frozen=True, slots=True)
class Course:
    """An order of arrival: which reading of `RECORDS` comes when, and where batches are cut."""

    order: tuple[int, ...]
    cuts: tuple[int, ...]


RECORDS = [
    *history(13, seed=7),
    shared(START + 13 * DAY, (116, 73, 60), slot=1),
    shared(START + 13 * DAY + minutes(10), (153, 93, 85), slot=2),
    shared(START + 13 * DAY + minutes(20), (118, 75, 63), slot=2),
    shared(START + 16 * DAY, (151, 92, 83), slot=1),
    shared(START + 16 * DAY + minutes(10), (119, 75, 61), slot=2),
]


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """Any order, some records twice."""
    order = draw(st.permutations(range(len(RECORDS))))
    again = draw(st.lists(st.sampled_from(range(len(RECORDS))), max_size=4))
    cuts = draw(st.lists(st.integers(1, len(RECORDS) - 1), max_size=6, unique=True))
    return Course(order=(*order, *again), cuts=tuple(sorted(cuts)))


def backlog(record: Observation) -> Observation:
    """The record as a memory tells it long after."""
    stamp = replace(record.received, wall=START + 40 * DAY)
    return replace(record, received=stamp, origin=Origin.BACKLOG)


Rows = list[tuple[object, ...]]
Left = tuple[Rows, Rows, Rows]


async def left_by(database: Database, course: Course) -> Left:
    """Doubts, what counts, and what was learned after a course."""
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        await bench.tell(
            Profile(subject=LI, birth_year=1950, household="h-1", area="t-1"),
            BindingFact(device=SHARED.key, user_slot=1, subject=WANG, valid_from=START - DAY),
            BindingFact(device=SHARED.key, user_slot=2, subject=LI, valid_from=START - DAY),
        )
        records = [backlog(RECORDS[index]) for index in course.order]
        for begin, end in pairwise((0, *course.cuts, len(records))):
            await bench.feed(*records[begin:end], now=START + 40 * DAY)
        fetch = bench.owner.fetch
        doubts = await fetch("SELECT identity, subject, other, ratio, waits FROM core.suspicion")
        counting = await fetch("SELECT identity::text, subject, valid FROM core.observation")
        learned = await fetch(
            "SELECT subject, substr(state, 1, $1) FROM core.subject_state", STATE.itemsize
        )
        await bench.owner.execute(
            "TRUNCATE core.observation, core.subject_state, core.suspicion, core.seen,"
            " core.receipt, core.binding"
        )
        return _sorted(doubts), _sorted(counting), _sorted(learned)


def _sorted(rows: "list[asyncpg.Record]") -> Rows:
    return sorted((tuple(row.values()) for row in rows), key=repr)


@pytest.fixture
async def in_order(database: Database) -> Left:
    """What one reading a batch in order of time leaves."""
    whole = range(len(RECORDS))
    return await left_by(database, Course(order=tuple(whole), cuts=tuple(whole)[1:]))


async def test_two_swaps_are_in_doubt_and_nothing_else(in_order: Left) -> None:
    doubts, counting, learned = in_order
    assert sorted((row[1], row[2]) for row in doubts) == [(LI, WANG), (WANG, LI)]
    assert len([row for row in counting if not row[2]]) == 2
    assert len(learned) == 2


@pytest.mark.slow
@pytest.mark.row("L2")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(course=courses())
async def test_any_order_leaves_the_same_doubts(
    database: Database, in_order: Left, course: Course
) -> None:
    assert await left_by(database, course) == in_order


async def asked_at_home(couple: Couple) -> list[Asking]:
    """What the hub's present command has it ask."""
    body = await couple.bench.owner.fetchval(
        "SELECT body::text FROM core.hub_command WHERE hub = $1", HUB
    )
    return list(msgspec.json.decode(body, type=CommandBody).asking)


async def test_the_hub_is_told_to_ask_until_somebody_answers(couple: Couple) -> None:
    arrival = envelope(shared(NOW, (117, 75, 61), slot=1), 9_001)
    await couple.core._commit(Batch(arrivals=[arrival]), NOW)  # pyright: ignore[reportPrivateUsage] - no broker here
    assert await asked_at_home(couple) == [Asking(at=NOW, values="117/75 mmHg")]
    await answer(couple, WANG, NOW + minutes(3))
    assert await asked_at_home(couple) == []


async def test_who_lost_a_reading_remembers_nothing_of_it(couple: Couple) -> None:
    """What the screen keeps of Wang's days is what it would be had he never had the reading."""
    day = NOW + minutes(30)
    await couple.bench.feed(shared(NOW, (117, 75, 61), slot=1))
    await couple.bench.feed(shared(day, HIS, slot=1), shared(day, HERS, slot=2))
    assert await answer(couple, LI, day) is None
    recent = "SELECT state FROM core.subject_state WHERE subject = $1"
    moved = await couple.bench.owner.fetchval(recent, WANG)
    await couple.bench.owner.execute(
        "TRUNCATE core.observation, core.subject_state, core.suspicion, core.seen"
    )
    await reload(couple)
    await couple.bench.feed(*history())
    couple.bench.county.screens = False
    await couple.bench.feed(shared(day, HIS, slot=1), shared(day, HERS, slot=2))
    assert await couple.bench.owner.fetchval(recent, WANG) == moved
