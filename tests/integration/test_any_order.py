"""Any order, any repetition, any split over sessions of the same device records: the same store.

Frames as the simulator encodes them go through decoding, a session, the hub's spool and the core's
transaction on a real PostgreSQL, with the hub restarted in between. What may differ is when we
heard of a record and as what (live or backlog), on which alone it rests whether it rings by its
arrival; who, what, when and how sure may not, nor what a person's baselines have learned. Of an
undated record the earliest arrival is all that is known of its time: that is a fact of the receipts
too, and the same for the same receipts in any order. A record with neither time nor number has no
identity but its receipt (design section 5), so there is none here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.facts import BindingFact
from gateway.sorting import Batch
from gateway.store.reading_row import point_of
from rules.vocabulary import Origin, Profile, SubjectRef
from tests.fixtures.database import Database
from tests.integration.any_order_devices import (
    AHEAD,
    BLIND,
    COMPOSING,
    DAY,
    DEVICES,
    FAST,
    HEARD,
    KETONES,
    MINUTE,
    OLD_METER,
    RECORDS,
    SCALE,
    UNDATED,
    Hub,
)
from tests.integration.county_bench import CUFF, METER, START, WANG, Bench, county_bench
from tests.integration.session_bench import uplinked

pytestmark = [pytest.mark.peer, pytest.mark.row("L2"), pytest.mark.row("P10")]

INDICES = st.integers(0, len(RECORDS) - 1)
HUSBAND = SubjectRef("s-li")


@dataclass(frozen=True, slots=True)
class Break:
    """A link that breaks after so many values (below 0: before the end), of every device."""

    after: int
    then_restart: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """What happened: the records of each session in their order, and the order of the uplink.

    `restarts` are the sessions before which the hub's process began anew, `breaks` what went before
    a session: after how many values (of a memory, from its beginning or counted from its end) the
    link broke, time after time, and whether the hub's process began anew afterwards. `at_once`
    takes all in one batch.
    """

    sessions: Sequence[Sequence[int]]
    seed: int
    restarts: frozenset[int] = frozenset()
    at_once: bool = False
    breaks: Mapping[int, Sequence[Break]] = field(default_factory=dict[int, Sequence[Break]])


BREAKS = st.builds(Break, after=st.integers(-6, 12), then_restart=st.booleans())


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """Sessions that tell every record at least once, some of them again and again."""
    told = draw(st.lists(st.lists(INDICES, min_size=1, max_size=8), max_size=5))
    left = sorted(set(range(len(RECORDS))) - {index for one in told for index in one})
    rest = draw(st.permutations(left))
    cut = draw(st.integers(0, len(rest)))
    told = [part for part in (*told, rest[:cut], rest[cut:]) if part]
    return Course(
        sessions=draw(st.permutations(told)),
        seed=draw(st.integers(0, 1000)),
        restarts=draw(st.frozensets(st.integers(1, 7), max_size=3)),
        breaks=draw(st.dictionaries(st.integers(0, 7), st.lists(BREAKS, max_size=4), max_size=4)),
    )


async def tell(bench: Bench, folder: Path, course: Course) -> None:
    """The whole way of a course, with batches of any size in any order, one of them twice."""
    chance = Random(course.seed)  # noqa: S311 - a test's dice
    hub = Hub(folder)
    await hub.start()
    try:
        for number, indices in enumerate(course.sessions):
            if number in course.restarts:
                await hub.start()
            for device in DEVICES:
                told = [RECORDS[i] for i in indices if RECORDS[i].device == device]
                if not told:
                    continue
                name, now = f"s{number}-{device.model}", HEARD + MINUTE * number
                values = sum(len(one.values) for one in told)
                for place, each in enumerate(course.breaks.get(number, ())):
                    after = min(each.after if each.after >= 0 else values + each.after, values)
                    await hub.hear(f"{name}-{place}", told, now, breaks_after=max(after, 0))
                    if each.then_restart:
                        await hub.start()
                await hub.hear(name, told, now)
        arrivals = await uplinked(hub.spool, HEARD + DAY)
    finally:
        await hub.stop()
    chance.shuffle(arrivals)
    arrivals += chance.choices(arrivals, k=3)
    while arrivals:
        size = len(arrivals) if course.at_once else chance.randint(1, 9)
        batch, arrivals = arrivals[:size], arrivals[size:]
        await bench.take(Batch(arrivals=batch), HEARD + DAY)


@dataclass(frozen=True, slots=True)
class Store:
    """What a course leaves behind; `upper_bounds` are the arrivals that undated records keep."""

    rows: list[tuple[object, ...]]
    learned: list[tuple[object, ...]]
    aside: int
    upper_bounds: list[tuple[object, ...]]


COLUMNS = ("identity", "subject", "device", "kind", "time_confidence")
NUMBERS = ("systolic", "diastolic", "pulse", "glucose", "number", "beyond")


async def stored(bench: Bench) -> Store:
    """The store without the facts of transport, and what was learned."""
    rows = await bench.owner.fetch("SELECT * FROM core.observation ORDER BY identity")
    found: list[tuple[object, ...]] = []
    bounds: list[tuple[object, ...]] = []
    for row in rows:
        point = replace(
            point_of(row), received_at=HEARD, origin=Origin.LIVE, rings_by_arrival=False
        )
        times: tuple[object, ...] = (row["claimed_at"], row["effective_at"])
        if row["time_confidence"] == "unknown":
            bounds.append((row["identity"], row["effective_at"], row["received_at"]))
            point = replace(point, effective_at=HEARD)
            times = ()
        shown = (row[name] for name in (*COLUMNS, *NUMBERS))
        found.append((*shown, *times, repr(point)))
    states = await bench.owner.fetch("SELECT subject, state FROM core.subject_state ORDER BY 1")
    return Store(
        rows=found,
        learned=[tuple(row) for row in states],
        aside=await bench.count("core.quarantine"),
        upper_bounds=bounds,
    )


async def cleaned(bench: Bench) -> None:
    await bench.owner.execute(
        "TRUNCATE core.observation, core.subject_state, core.receipt, core.seen, core.quarantine"
    )


async def run(database: Database, course: Course) -> Store:
    """What a course leaves behind: rows, what was learned, and how many were set aside."""
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        long_ago = START - timedelta(days=400)
        await bench.tell(
            Profile(subject=HUSBAND, birth_year=1951, household="h-1", area="t-1"),
            BindingFact(device=BLIND.key, user_slot=1, subject=WANG, valid_from=long_ago),
            BindingFact(device=BLIND.key, user_slot=2, subject=HUSBAND, valid_from=long_ago),
            *(
                BindingFact(device=device.key, subject=WANG, valid_from=long_ago)
                for device in (FAST, SCALE, OLD_METER, KETONES, COMPOSING)
            ),
        )
        with TemporaryDirectory() as folder:
            await tell(bench, Path(folder), course)
        result = await stored(bench)
        await cleaned(bench)
        return result


def same(one: Store, other: Store) -> bool:
    """Equal in everything that a split over sessions must not change."""
    return (one.rows, one.learned, one.aside) == (other.rows, other.learned, other.aside)


IN_ORDER = Course(sessions=[range(len(RECORDS))], seed=0)


@pytest.fixture
async def in_order(database: Database) -> Store:
    """The store after one session with each device that tells everything once."""
    return await run(database, IN_ORDER)


ALONE = Course(sessions=[(index,) for index in range(len(RECORDS))], seed=1)


async def test_every_record_told_alone_gives_the_same_store(
    database: Database, in_order: Store
) -> None:
    """Each time as if the measurement itself had opened the session."""
    alone = await run(database, ALONE)
    assert alone.rows == in_order.rows
    assert same(alone, in_order)


BEFORE_THE_CONTEXT, AND_AGAIN = Break(after=1), Break(after=-1)


@pytest.mark.parametrize(("times", "then_restart"), [(1, False), (2, False), (3, True)])
async def test_links_that_break_before_a_context_give_the_same_store(
    database: Database, in_order: Store, times: int, *, then_restart: bool
) -> None:
    """A ketone test whose context is cut off is no LO, and no meal is lost.

    Broken off a second time it is told as it is, and so is at once what may ring: the session that
    brings the context completes what is stored, kind and number included.
    """
    again = [replace(BEFORE_THE_CONTEXT, then_restart=then_restart)] * times
    alone = await run(database, replace(ALONE, breaks=dict.fromkeys(range(len(RECORDS)), again)))
    assert alone.rows == in_order.rows
    assert same(alone, in_order)
    at_the_end = replace(IN_ORDER, breaks={0: [AND_AGAIN] * times})
    assert same(await run(database, at_the_end), in_order)
    assert same(await run(database, replace(at_the_end, at_once=True)), in_order)


@pytest.mark.slow
@settings(
    max_examples=35, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(course=courses())
async def test_any_order_any_repetition_any_split_gives_the_same_store(
    database: Database, in_order: Store, course: Course
) -> None:
    assert same(await run(database, course), in_order)


TWICE = Course(
    sessions=[
        *((index,) for index in range(len(RECORDS))),
        range(len(RECORDS)),
        *((index,) for index in reversed(range(len(RECORDS)))),
    ],
    seed=2,
    restarts=frozenset({1, 9, 30}),
)


async def test_the_same_receipts_in_any_order_give_the_same_bounds_of_undated_records(
    database: Database,
) -> None:
    """Each is told alone, in a bundle, and alone again: the earliest arrival is kept."""
    one = await run(database, TWICE)
    assert len(one.upper_bounds) == UNDATED
    assert await run(database, replace(TWICE, seed=3)) == one
    assert await run(database, replace(TWICE, seed=4, at_once=True)) == one


async def test_what_is_compared_is_there(in_order: Store) -> None:
    """Twenty minutes of a slow clock are corrected; a meter without a clock is believed."""
    assert (len(in_order.rows), in_order.aside) == (len(RECORDS), 0)
    assert {subject for subject, _ in in_order.learned} == {WANG, HUSBAND}
    told = {(row[2], row[4], row[-2]) for row in in_order.rows if row[4] != "unknown"}
    assert (CUFF.key, "corrected", START) in told
    assert (FAST.key, "corrected", START) in told
    assert (METER.key, "good", START) in told
    assert (SCALE.key, "good", START) in told
    assert (BLIND.key, "good", START) in told
    assert (BLIND.key, "good", HEARD + AHEAD) in told
    undated = Counter(row[2] for row in in_order.rows if row[4] == "unknown")
    assert undated == {BLIND.key: 3, OLD_METER.key: 3}
