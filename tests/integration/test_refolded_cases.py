"""What late readings take back, through the real core: the case goes, what has rung has rung.

`test_law_two.py` holds any order to the same cases; here stands what becomes of the rows, of the
alerts, and of whatever a person has said.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.county import load_county
from gateway.detect import Rulebook
from gateway.facts import ClosingFact
from gateway.packs import load_first_pack, load_shipped
from gateway.rehearsal import Rehearsal
from rules.vocabulary import Origin
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    START,
    WANG,
    ZONE,
    Bench,
    county_bench,
    minutes,
    pressure,
    sugar,
)
from tests.integration.test_shadow import following

pytestmark = [pytest.mark.peer, pytest.mark.row("L2")]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HIGH = [
    (0, 162, 102),
    (12, 163, 102),
    (24, 164, 102),
    (36, 165, 102),
    (49, 166, 102),
    (60, 163, 102),
]
LOW = [(25, 120, 70), (37, 118, 70), (50, 119, 71)]
"""Hours and pressures: HW-10 asks for somebody at the mean of HIGH, and not with LOW between."""

Told = Sequence[tuple[float, int, int]]


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        yield bench


async def tell(bench: Bench, readings: Told, *, at: float) -> None:
    """One after the other, each in a batch of its own, received so many hours after the start."""
    now = START + at * HOUR
    for hour, upper, lower in readings:
        made = START + hour * HOUR
        reading = pressure(made, upper, lower, received=now, origin=Origin.BACKLOG)
        await bench.feed(reading, now=now)


async def say(bench: Bench, made: float, upper: int, lower: int, *, at: float) -> None:
    """Minutes after the start: the hub heard it when it was made, the core at `at`."""
    reading = pressure(START + minutes(made), upper, lower, origin=Origin.BACKLOG)
    await bench.feed(reading, now=START + minutes(at))


async def begin_anew(bench: Bench) -> None:
    await bench.empty(
        "core.observation, core.subject_state, core.receipt, core.seen, core.case,"
        " core.alert, core.outbox, core.taken, core.inbox, core.quarantine"
    )
    bench.county = await load_county(bench.store)


async def cases(bench: Bench) -> list[tuple[str, str]]:
    """(rule, state) of every case, oldest first."""
    rows = await bench.owner.fetch("SELECT rule_id, state FROM core.case ORDER BY began_at, state")
    return [(row["rule_id"], row["state"]) for row in rows]


async def test_a_mean_that_later_readings_take_back_withdraws_its_case(bench: Bench) -> None:
    await tell(bench, HIGH, at=60)
    assert await cases(bench) == [("HW-10", "open")]
    before = [dict(alert) for alert in await bench.alerts()]
    await tell(bench, LOW, at=61)
    assert await cases(bench) == [("HW-10", "withdrawn")]
    assert [dict(alert) for alert in await bench.alerts()] == before, "what rang has rung"
    assert await bench.owner.fetchval("SELECT bool_and(is_lost) FROM core.taken")


async def test_after_a_withdrawn_case_the_next_one_rings(bench: Bench) -> None:
    await tell(bench, HIGH, at=60)
    await tell(bench, LOW, at=61)
    await tell(bench, [(64 + 12 * n, 168, 104) for n in range(8)], at=150)
    assert (
        await bench.rang() == [("HW-10", "condition"), ("HW-02", "unconfirmed")]
        or [rule for rule, _ in await bench.rang()].count("HW-10") > 1
    )
    assert ("HW-10", "withdrawn") in await cases(bench)
    assert "open" in {state for _, state in await cases(bench)}


async def test_what_a_clinician_has_closed_stays_as_it_was_left(bench: Bench) -> None:
    await tell(bench, HIGH, at=60)
    name = await bench.owner.fetchval("SELECT case_id::text FROM core.case")
    now = START + 60.5 * HOUR
    await bench.tell(ClosingFact(case_id=name, outcome="advice", by="dr", at=now), now=now)
    await tell(bench, LOW, at=61)
    assert await cases(bench) == [("HW-10", "closed")]


async def test_a_case_that_had_not_ended_goes_on_as_one(bench: Bench) -> None:
    """Ended by a mean that was low for want of readings; what comes late had kept it open."""
    calm = [(84, 138, 80), (96, 137, 80), (108, 136, 80), (120, 137, 80), (132, 137, 80)]
    calm += [(144, 136, 80), (156, 137, 80), (168, 137, 80)]
    await tell(bench, HIGH, at=60)
    for reading in calm:
        await tell(bench, [reading], at=reading[0])
    assert await cases(bench) == [("HW-10", "cleared")]
    rang = await bench.rang()
    late = [(hour + 1, 176, 106) for hour, _, _ in calm]
    await tell(bench, late, at=170)
    assert [state for _, state in await cases(bench)].count("open") == 1
    assert "cleared" not in {state for _, state in await cases(bench)}
    assert (await bench.rang())[: len(rang)] == rang


async def test_a_crisis_taken_apart_is_told_of_all_the_same(bench: Bench) -> None:
    """186 and 184 confirm each other; 150 between them came late. Somebody shall look at it."""
    await tell(bench, [(0, 186, 112), (0.1, 184, 111)], at=0.1)
    assert await bench.rang() == [("HW-02", "confirmed")]
    await tell(bench, [(0.05, 150, 84)], at=0.2)
    assert await bench.rang() == [("HW-02", "confirmed")], "nothing is unsent, nothing rings twice"
    assert [rule for rule, _ in await cases(bench)] == ["HW-02"]


async def test_a_crisis_taken_apart_waits_and_rings_as_it_would_have_in_order(
    bench: Bench,
) -> None:
    await say(bench, 0, 186, 112, at=0)
    await say(bench, 6, 184, 111, at=6)
    await say(bench, 3, 150, 84, at=7)
    await bench.wake(START + minutes(40))
    late = [case for case in await cases(bench) if case[1] != "withdrawn"]
    assert ("HW-02", "unconfirmed") in await bench.rang()
    await begin_anew(bench)
    for made, upper, lower in ((0, 186, 112), (3, 150, 84), (6, 184, 111)):
        await say(bench, made, upper, lower, at=made)
    await bench.wake(START + minutes(40))
    assert late == await cases(bench) == [("HW-02", "open")]


async def test_a_withdrawn_case_that_was_answered_is_not_used_again(bench: Bench) -> None:
    """The crisis that calm readings took apart is told of when its own wait is over, and rings."""
    await say(bench, 0, 186, 112, at=0)
    await say(bench, 6, 184, 111, at=6)
    await say(bench, 3, 150, 84, at=7)
    name = await bench.owner.fetchval("SELECT case_id::text FROM core.alert")
    now = START + minutes(10)
    await bench.tell(ClosingFact(case_id=name, outcome="advice", by="dr", at=now), now=now)
    await bench.wake(START + minutes(40))
    await say(bench, -60, 130, 80, at=41)
    state = "SELECT (state, outcome) FROM core.case WHERE case_id = $1::text::uuid"
    assert await bench.owner.fetchval(state, name) == ("withdrawn", "advice")
    assert ("HW-02", "open") in await cases(bench)
    assert [rule for rule, _ in await bench.rang()].count("HW-02") == 2


async def test_a_case_that_is_open_again_rings_with_its_next_decision(bench: Bench) -> None:
    """Its readings were back, so nobody is asked any more: what rang before holds nothing."""
    calm = [(hour, 137, 80) for hour in (84, 96, 108, 120, 132, 144, 156, 168)]
    await tell(bench, HIGH, at=60)
    for reading in calm:
        await tell(bench, [reading], at=reading[0])
    assert await cases(bench) == [("HW-10", "cleared")]
    await tell(bench, [(hour + 1, 176, 106) for hour, _, _ in calm], at=170)
    for n in range(10):
        await tell(bench, [(176 + 12 * n, 172, 108)], at=176 + 12 * n)
    assert [rule for rule, _ in await bench.rang()].count("HW-10") == 2


async def test_a_case_that_is_there_again_rings_with_its_next_decision(bench: Bench) -> None:
    await tell(bench, [(hour, 165, 102) for hour in (0, 6, 12, 24, 36, 49, 60)], at=60)
    await tell(bench, [(25, 110, 60), (37, 110, 60)], at=61)
    assert await cases(bench) == [("HW-10", "withdrawn")]
    await tell(bench, [(hour, 179, 109) for hour in (1, 2, 3, 4, 5, 7)], at=62)
    assert ("HW-10", "open") in await cases(bench)
    for n in range(12):
        await tell(bench, [(70 + 12 * n, 172, 108)], at=70 + 12 * n)
    assert [rule for rule, _ in await bench.rang()].count("HW-10") == 2


async def test_what_a_case_before_has_rung_for_holds_no_crisis(bench: Bench) -> None:
    """A routine case that was over rang; the urgent one that is open is a task, and has not."""
    await say(bench, 0, 186, 112, at=0)
    await say(bench, 5, 150, 84, at=5)
    await bench.wake(START + minutes(20))
    await say(bench, 1440, 130, 80, at=1440)
    assert await cases(bench) == [("HW-02b", "cleared")]
    await say(bench, 1500, 186, 112, at=1680)
    await bench.wake(START + minutes(1681))
    await say(bench, 30, 131, 80, at=1690)
    before = len(await bench.alerts())
    await say(bench, 1700, 188, 114, at=1700)
    await say(bench, 1706, 187, 113, at=1706)
    await bench.wake(START + minutes(1780))
    new = (await bench.alerts())[before:]
    assert [(alert["rule_id"], alert["dated"]) for alert in new] == [("HW-02", False)]


@pytest.mark.parametrize("told", [[6, 60], [60, 6]])
async def test_a_lower_reading_of_the_wait_told_after_it_is_told_in_any_order(
    bench: Bench, told: list[int]
) -> None:
    """Measured six minutes after the crisis, heard of after an hour: the newest, or behind one."""
    await say(bench, 0, 190, 104, at=0)
    await bench.wake(START + minutes(15))
    assert await cases(bench) == [("HW-02", "open")]
    pressures = {6: (150, 86), 60: (148, 85)}
    for number, made in enumerate(told):
        await say(bench, made, *pressures[made], at=70 + number)
    assert await cases(bench) == [("HW-02b", "open")]


async def test_a_shift_that_late_readings_explain_away_is_taken_back(bench: Bench) -> None:
    """What was usual before is known only now: the case was one for want of these readings."""

    def usual(begin: int, end: int, level: int, late: float = 0) -> Told:
        halves = [(day * 24 + half + late, day) for day in range(begin, end) for half in (0, 12)]
        return [(hour, level + day % 3, 80) for hour, day in halves]

    async def at_once(readings: Told) -> None:
        now = START + 40 * DAY
        made = [(START + hour * HOUR, upper, lower) for hour, upper, lower in readings]
        told = [pressure(*one, received=now, origin=Origin.BACKLOG) for one in made]
        await bench.feed(*told, now=now)

    await at_once([*usual(0, 22, 122), *usual(22, 38, 137)])
    assert await cases(bench) == [("HW-11", "open")]
    await at_once([*usual(0, 22, 150, 1), *usual(0, 22, 151, 2)])
    assert await cases(bench) == [("HW-11", "withdrawn")]


@pytest.mark.parametrize("split", [True, False])
async def test_a_crisis_of_a_memory_is_a_task_however_long_ago(bench: Bench, split: bool) -> None:
    """A cuff that is read after 25 days; the meter was read meanwhile, and is the newest."""
    now = START + 60 * DAY
    crisis = pressure(now - 25 * DAY, 205, 122, received=now, origin=Origin.BACKLOG)
    sweet = [
        sugar(now - n * 12 * HOUR, "6.1", received=now, origin=Origin.BACKLOG) for n in range(49)
    ]
    readings = [crisis, *reversed(sweet)]
    for batch in [[one] for one in readings] if split else [readings]:
        await bench.feed(*batch, now=now)
    await bench.wake(now + minutes(16))
    rang = [(alert["rule_id"], alert["stage"], alert["dated"]) for alert in await bench.alerts()]
    assert ("HW-02", "unconfirmed", True) in rang


async def test_another_profile_takes_no_case_back(bench: Bench) -> None:
    """What is decided was decided of an adult; a late reading that changes nothing is no reason."""
    await tell(bench, HIGH, at=60)
    await bench.county.recall(bench.store, people=[WANG])
    child = replace(bench.county.profile(WANG), birth_year=2012)
    await bench.tell(child, now=START + 60.5 * HOUR)
    await tell(bench, [(5, 164, 102)], at=61)
    assert await cases(bench) == [("HW-10", "open")]


async def test_a_closed_case_keeps_its_outcome_when_the_same_reading_opens_another(
    bench: Bench,
) -> None:
    await say(bench, 10, 186, 112, at=10)
    await bench.wake(START + minutes(40))
    name = await bench.owner.fetchval("SELECT case_id::text FROM core.case WHERE priority = 3")
    now = START + minutes(50)
    await bench.tell(ClosingFact(case_id=name, outcome="advice", by="dr", at=now), now=now)
    await say(bench, 0, 185, 111, at=55)
    outcome = "SELECT outcome FROM core.case WHERE case_id = $1::text::uuid"
    assert await bench.owner.fetchval(outcome, name) == "advice"
    assert await cases(bench) == [("HW-02", "open"), ("HW-02", "closed")]


@pytest.mark.parametrize("which", ["first", "beside"])
async def test_shadow_and_backtest_ask_for_the_same_when_cases_are_folded_anew(
    database: Database, which: str
) -> None:
    pack = load_first_pack() if which == "first" else load_shipped().beside
    again = [(86 + 9 * n, 168, 104) for n in range(9)]
    later = [(87 + 9 * n, 112, 66) for n in range(9)]
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        bench.rules = Rulebook(pack=pack, zone=ZONE)
        async with following(database, pack, "same", START - DAY) as follower:
            for readings, at in ((HIGH, 60.0), (LOW, 61.0), (again, 160.0), (later, 161.0)):
                for number, reading in enumerate(readings):
                    await tell(bench, [reading], at=at + number / 60)
            await follower.catch_up(START + 170 * HOUR)
        columns = "rule_id, stage, raised_at, effective_at, case_id"
        query = f"SELECT {columns} FROM {{}} ORDER BY raised_at, alert_id"  # noqa: S608 - our words
        rang = [tuple(row) for row in await bench.owner.fetch(query.format("core.alert"))]
        shadow = [tuple(row) for row in await bench.owner.fetch(query.format("core.shadow_alert"))]
        points = await bench.store.windows({WANG: START - 400 * DAY})
        profiles = await bench.store.facts.profiles([WANG])
        states = await cases(bench)
    rehearsal = Rehearsal(Rulebook(pack=pack, zone=ZONE), answered_after=timedelta(days=400))
    told = await rehearsal.live_through(points, profiles, lambda _: None)
    end = max(row[2] for row in rang)
    asked = [alert for alert in told.alerts if alert.raised_at <= end]
    assert "withdrawn" in {state for _, state in states}, "nothing was taken back"
    assert shadow == rang
    assert [(a.rule_id, a.stage.value, a.raised_at, a.effective_at) for a in asked] == [
        row[:4] for row in rang
    ]
