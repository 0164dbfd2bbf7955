"""Law 2 through the real store: the same set in any order gives the same store, baselines, cases.

A person's readings of nine days (calm ones, crises with and without a second reading, lows, one too
low to read) arrive in any order, split over batches and over the two lanes, some of them again,
with facts told in between; then a clinician closes what is open. The same of lives that are drawn,
in which later readings take back what earlier ones decided.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from gateway.arrivals import Arrival
from gateway.detect import Rulebook
from gateway.facts import BindingFact, ClosingFact, HubFact
from gateway.packs import load_shipped
from gateway.sorting import Batch
from rules.vocabulary import Observation, Origin
from rules.wire import Lane
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    HUB,
    START,
    WANG,
    ZONE,
    Bench,
    county_bench,
    envelope,
    minutes,
    pressure,
    sugar,
)

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.row("L2")]

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = START + 9 * DAY
SHIPPED = load_shipped()
TOLD = NOW - minutes(1)
"""All of it is told in one minute: what waits for a second reading is not yet overdue."""


def _readings() -> list[Observation]:
    calm = [(n, 124 + 3 * (n % 5), 78) for n in range(0, 9 * 24, 11)]
    high = [(30, 186, 112), (30.1, 184, 111), (100, 232, 131), (160, 183, 112), (215.4, 188, 114)]
    pressures = [pressure(START + n * HOUR, sys, dia) for n, sys, dia in [*calm, *high]]
    sugars = [(9, "6.1"), (60, "3.6"), (150, "3.7"), (180, "3.5"), (181, "LO"), (200, "5.8")]
    glucose = [sugar(START + n * HOUR, value) for n, value in sugars]
    return [_told(reading) for reading in (*pressures, *glucose)]


def _told(reading: Observation) -> Observation:
    received = replace(reading.received, wall=TOLD)
    return replace(reading, received=received, origin=Origin.BACKLOG)


READINGS = _readings()


@dataclass(frozen=True, slots=True)
class Course:
    """How the set arrives: which reading when, by which lane, cut where, with which facts between.

    A fact before a batch: 0 none, 1 the hub again, 2 a cuff that nobody has used, 3 a new profile
    of nothing new.
    """

    order: Sequence[int]
    lanes: Sequence[Lane]
    cuts: Sequence[int]
    facts: Sequence[int]


@st.composite
def courses(draw: st.DrawFn, count: int = len(READINGS)) -> Course:
    """Every one of so many readings at least once, up to six of them again."""
    again = draw(st.lists(st.integers(0, count - 1), max_size=6))
    order = draw(st.permutations([*range(count), *again]))
    lanes = draw(st.lists(st.sampled_from(Lane), min_size=len(order), max_size=len(order)))
    cuts = draw(st.sets(st.integers(1, len(order) - 1), max_size=8))
    facts = draw(st.lists(st.integers(0, 3), min_size=9, max_size=9))
    return Course(order=order, lanes=lanes, cuts=sorted(cuts), facts=facts)


def in_order_of(readings: Sequence[Observation]) -> Course:
    """Everything in one batch, in the order in which it was measured."""
    return Course(
        order=sorted(range(len(readings)), key=lambda n: str(readings[n].device_time)),
        lanes=[Lane.BACKLOG] * len(readings),
        cuts=(),
        facts=[0] * 9,
    )


async def _fact(bench: Bench, number: int) -> None:
    if number == 1:
        fact = HubFact(hub=HUB, household="h-1", area="t-1", secret_hex="00" * 32)
        await bench.tell(fact, now=NOW)
    elif number == 2:
        await bench.tell(BindingFact(device="Acme/BP-1/new", subject=WANG, valid_from=NOW), now=NOW)
    elif number == 3:
        await bench.county.recall(bench.store, people=[WANG])
        await bench.tell(bench.county.profile(WANG), now=NOW)


async def _live_through(bench: Bench, course: Course, readings: Sequence[Observation]) -> None:
    sent = dict.fromkeys(Lane, 0)
    bounds = [0, *course.cuts, len(course.order)]
    for place, (begin, end) in enumerate(pairwise(bounds)):
        await _fact(bench, course.facts[place])
        arrivals: list[Arrival] = []
        for index, lane in list(zip(course.order, course.lanes, strict=True))[begin:end]:
            sent[lane] += 1
            arrivals.append(envelope(readings[index], sent[lane], lane))
        await bench.take(Batch(arrivals=arrivals), NOW)


CASES = (
    "SELECT family, rule_id, priority, state, outcome, began_at, last_point_at, limb, facts::text,"
    " decided_at, decided_on, is_confirmed FROM core.case WHERE state <> 'withdrawn'"
    " ORDER BY family, began_at"
)
ROWS = (
    "SELECT identity::text, subject, claimed_at, effective_at, time_confidence, valid, systolic,"
    " diastolic, glucose, flags FROM core.observation ORDER BY 1"
)


Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Books:
    """Readings, the baselines' bytes, cases."""

    rows: list[Row]
    state: bytes
    cases: list[Row]


async def _books(bench: Bench) -> Books:
    rows = [tuple(row) for row in await bench.owner.fetch(ROWS)]
    cases = [tuple(row) for row in await bench.owner.fetch(CASES)]
    state = await bench.owner.fetchval("SELECT state FROM core.subject_state")
    return Books(rows, state, cases)


async def run(
    database: Database,
    course: Course,
    readings: Sequence[Observation] = READINGS,
    rules: Rulebook | None = None,
) -> tuple[Books, Books]:
    """The books before and after a clinician has closed every case."""
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        bench.rules = rules or bench.rules
        await _live_through(bench, course, readings)
        before = await _books(bench)
        for row in await bench.owner.fetch("SELECT case_id::text FROM core.case"):
            fact = ClosingFact(case_id=row["case_id"], outcome="advice", by="x", at=NOW)
            await bench.tell(fact, now=NOW)
        repeat = [envelope(readings[index], 1000 + index) for index in course.order]
        await bench.take(Batch(arrivals=repeat), NOW + minutes(1))
        after = await _books(bench)
        await bench.empty(
            "core.observation, core.subject_state, core.receipt, core.seen, core.case,"
            " core.alert, core.outbox, core.taken, core.inbox, core.quarantine"
        )
        return before, after


@pytest.fixture
async def in_order(database: Database) -> tuple[Books, Books]:
    """Everything in one batch, in the order in which it was measured."""
    return await run(database, in_order_of(READINGS))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(course=courses())
async def test_any_order_gives_the_same_store_baselines_and_cases(
    database: Database, in_order: tuple[Books, Books], course: Course
) -> None:
    before, after = await run(database, course)
    assert before == in_order[0]
    assert after == in_order[1]


async def test_what_is_compared_is_there(in_order: tuple[Books, Books]) -> None:
    before, after = in_order
    assert len(before.rows) == len(READINGS)
    assert before.state
    assert {row[0] for row in before.cases} == {"blood_pressure", "glucose"}
    assert {row[3] for row in before.cases} == {"open"}
    assert {row[3] for row in after.cases} == {"closed"}


PRESSURES = ((118, 70), (142, 88), (158, 98), (163, 101), (168, 105), (186, 112), (92, 55))
SUGARS = ("6.1", "7.4", "3.6", "2.8", "14.5", "17.0", "9.0")


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[Observation], Course]:
    """Days about the limits: what some readings decide, others take back.

    High ones over three days open a case, a mean that has come down ends it, a further high one
    opens the next; a crisis is confirmed, or taken apart by a calm reading between the two.
    """
    days = draw(st.sampled_from([3, 5, 9, 16]))
    hours = draw(st.lists(st.integers(0, days * 24 - 1), min_size=6, max_size=24, unique=True))
    readings: list[Observation] = []
    for hour in hours:
        at = NOW - days * DAY + hour * HOUR
        if draw(st.integers(0, 3)) == 0:
            readings.append(_told(sugar(at, draw(st.sampled_from(SUGARS)))))
            continue
        readings.append(_told(pressure(at, *draw(st.sampled_from(PRESSURES)))))
        if draw(st.integers(0, 3)) == 0:
            soon = at + minutes(draw(st.integers(1, 9)))
            readings.append(_told(pressure(soon, *draw(st.sampled_from(PRESSURES)))))
    return readings, draw(courses(len(readings)))


@pytest.mark.parametrize("packs", ["live", "beside"])
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(life=lives())
async def test_what_later_readings_take_back_is_no_case_in_any_order(
    database: Database, packs: str, life: tuple[list[Observation], Course]
) -> None:
    """Under the rules that run, and under every pack."""
    readings, course = life
    rules = Rulebook(pack=SHIPPED.live if packs == "live" else SHIPPED.beside, zone=ZONE)
    expected = await run(database, in_order_of(readings), readings, rules)
    found = await run(database, course, readings, rules)
    event(f"cases: {len(expected[0].cases)}")
    assert found[0] == expected[0]
