"""Event time through the real core: what is late never rings as if it were now, and nothing heals.

Readings are heard out of order, days late and in one piece. Each test names a mutation it is there
for: judging by arrival, forgetting what joined a case silently, ending a case by waiting.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gateway.facts import ClosingFact
from gateway.sorting import Batch
from rules.vocabulary import Observation, Origin
from rules.wire import Lane
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    START,
    Bench,
    county_bench,
    envelope,
    minutes,
    pressure,
    sugar,
)

pytestmark = pytest.mark.peer

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        yield bench


def late(reading: Observation, received: datetime) -> Observation:
    """The same reading out of a memory, told at another time."""
    heard = replace(reading.received, wall=received)
    return replace(reading, received=heard, origin=Origin.BACKLOG)


async def rung(bench: Bench) -> list[tuple[str, bool]]:
    """(rule, is it a dated task) of every clinical alert."""
    return [
        (row["rule_id"], row["dated"])
        for row in await bench.alerts()
        if row["kind"] == "physiological"
    ]


async def states(bench: Bench) -> list[tuple[str, str]]:
    """(family, state) of every clinical case, oldest first."""
    rows = await bench.owner.fetch(
        "SELECT family, state FROM core.case WHERE family <> 'adherence' ORDER BY began_at"
    )
    return [(row["family"], row["state"]) for row in rows]


@pytest.mark.row("R19")
@pytest.mark.parametrize("lane", list(Lane))
@pytest.mark.parametrize("days", [1, 3, 30])
async def test_an_old_crisis_is_a_dated_task_and_never_rings(
    bench: Bench, lane: Lane, days: int
) -> None:
    """Whichever lane a hub chose: the age decides, and not the arrival."""
    old = [pressure(START - days * DAY + minutes(6 * n), 231, 131) for n in range(2)]
    told = [envelope(late(one, START), n + 1, lane) for n, one in enumerate(old)]
    await bench.take(Batch(arrivals=told), START)
    alerts = await rung(bench)
    assert alerts
    assert all(dated for _, dated in alerts)
    assert await bench.owner.fetchval("SELECT max(last_rang_at) FROM core.case") is None


@pytest.mark.row("R19")
async def test_an_old_reading_below_urgent_is_history_and_asks_for_nobody(bench: Bench) -> None:
    lows = [late(sugar(START - days * DAY, "3.6"), START) for days in (6, 5, 4)]
    await bench.feed(*lows, now=START)
    assert await rung(bench) == []
    assert await bench.count("core.observation") == 3


@pytest.mark.row("R19")
async def test_an_old_reading_completes_what_todays_began(bench: Bench) -> None:
    """Lows on two days of seven: today's is heard first, the other one comes late."""
    await bench.feed(sugar(START, "3.6"))
    assert await rung(bench) == []
    await bench.feed(late(sugar(START - 2 * DAY, "3.5"), START + HOUR), now=START + HOUR)
    assert await rung(bench) == [("HW-07", False)]
    effective_at = (await bench.alerts())[0]["effective_at"]
    assert effective_at == START  # it speaks of today's


@pytest.mark.row("R19")
async def test_a_crisis_told_backwards_rings_once(bench: Bench) -> None:
    await bench.feed(pressure(START + minutes(6), 186, 112))
    await bench.feed(pressure(START, 188, 113, received=START + minutes(7)))
    await bench.feed(pressure(START + minutes(3), 187, 112, received=START + minutes(8)))
    assert [rule for rule, _ in await rung(bench)] == ["HW-02"]
    assert await states(bench) == [("blood_pressure", "open")]


@pytest.mark.row("R19")
async def test_an_alert_once_sent_is_not_edited_by_what_comes_late(bench: Bench) -> None:
    await bench.feed(pressure(START, 186, 112))
    await bench.feed(pressure(START + minutes(6), 184, 111))
    before = [tuple(row) for row in await bench.alerts()]
    calm = [late(pressure(START + minutes(n), 128, 79), START + HOUR) for n in (-9, 2, 4, 20)]
    await bench.feed(*calm, now=START + HOUR)
    after = [tuple(row) for row in await bench.alerts()]
    assert after[: len(before)] == before
    assert len(after) == len(before)


async def _crisis_case(bench: Bench) -> None:
    """Rung once by a confirmed pair; two more readings joined the case without ringing."""
    for turn in range(4):
        await bench.feed(pressure(START + minutes(6 * turn), 186, 112))
    assert await rung(bench) == [("HW-02", False)]


@pytest.mark.row("R20")
async def test_no_late_look_at_old_values_rings_again(bench: Bench) -> None:
    """The day after, when the rule is armed again, a calm reading of yesterday turns up."""
    await _crisis_case(bench)
    tomorrow = START + DAY + HOUR
    for minute in (-30, 1, 9, 40):
        old = late(pressure(START + minutes(minute), 126, 78), tomorrow)
        await bench.feed(old, now=tomorrow + minutes(minute / 10))
    assert await rung(bench) == [("HW-02", False)]


@pytest.mark.row("R20")
async def test_after_a_doctors_closing_old_values_open_nothing(bench: Bench) -> None:
    await _crisis_case(bench)
    case = await bench.owner.fetchval("SELECT case_id::text FROM core.case")
    closed_at = START + 2 * HOUR
    fact = ClosingFact(case_id=case, outcome="medication_changed", by="x", at=closed_at)
    await bench.tell(fact, now=closed_at)
    await bench.feed(late(pressure(START - HOUR, 126, 78), closed_at + HOUR))
    assert await rung(bench) == [("HW-02", False)]
    assert await states(bench) == [("blood_pressure", "closed")]


@pytest.mark.row("R20")
async def test_time_alone_rings_no_value_again_and_a_fresh_one_does(bench: Bench) -> None:
    await _crisis_case(bench)
    for days in range(1, 4):
        await bench.wake(START + days * DAY)
    assert await rung(bench) == [("HW-02", False)]
    old = late(pressure(START + DAY, 186, 112), START + 3 * DAY)
    await bench.feed(old, now=START + 3 * DAY)
    assert (await rung(bench))[1:] in ([], [("HW-02", True)])  # at most a task with its date
    fresh = START + 3 * DAY + HOUR
    await bench.feed(pressure(fresh, 186, 112), pressure(fresh + minutes(6), 187, 112))
    assert ("HW-02", False) in (await rung(bench))[1:]


async def _low_case(bench: Bench) -> None:
    """One low pressure that nobody measured again: two calm sessions end its case by themselves."""
    await bench.feed(pressure(START, 86, 55))
    await bench.wake(START + minutes(15))
    assert await rung(bench) == [("HW-04b", False)]
    assert await states(bench) == [("blood_pressure", "open")]


@pytest.mark.row("R22")
async def test_silence_ends_no_case_however_long(bench: Bench) -> None:
    """Neither one that asks for an outcome, nor one that two calm sessions would end."""
    await _low_case(bench)
    await bench.feed(sugar(START, "LO"))
    await bench.feed(pressure(START + HOUR, 104, 66))  # one calm session of the two
    for days in range(1, 100, 3):
        await bench.wake(START + days * DAY)
    assert {state for _, state in await states(bench)} == {"open"}
    assert len(await states(bench)) == 2


@pytest.mark.row("R22")
async def test_valid_readings_end_it_at_the_time_they_were_made(bench: Bench) -> None:
    """However late, and in whatever pieces, they are told."""
    await _low_case(bench)
    calm = [late(pressure(START + n * HOUR, 104, 66), START + 3 * DAY) for n in range(4)]
    await bench.feed(calm[3], now=START + 3 * DAY)
    assert await states(bench) == [("blood_pressure", "open")]
    await bench.feed(calm[2], now=START + 3 * DAY + HOUR)
    assert await states(bench) == [("blood_pressure", "cleared")]
    cleared = "SELECT ended_at FROM core.case WHERE state = 'cleared'"
    ended_at = await bench.owner.fetchval(cleared)
    assert ended_at == START + 3 * HOUR


@pytest.mark.row("R22")
async def test_a_case_that_ended_begins_anew_with_the_next_low_in_one_batch_as_in_many(
    database: Database,
) -> None:
    """A month out of a memory in one piece, and reading by reading as it was measured."""
    month = [pressure(START + n * 5 * HOUR, 108, 70) for n in range(1, 40)]
    lows = [sugar(START + days * DAY, "3.6") for days in (1, 2)]
    low = [pressure(START + minutes(1), 86, 55), pressure(START + 4 * DAY + minutes(2), 85, 54)]
    told = sorted([*month, *lows, *low], key=lambda one: one.received_at)
    found: list[list[tuple[object, ...]]] = []
    for size in (1, 7, len(told)):
        async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
            for begin in range(0, len(told), size):
                now = START + 9 * DAY
                await bench.feed(*told[begin : begin + size], now=now)
                await bench.wake(now)
            rows = await bench.owner.fetch(
                "SELECT family, state, rule_id, began_at, last_point_at, ended_at, limb,"
                " facts::text FROM core.case WHERE family <> 'adherence' ORDER BY began_at, family"
            )
            found.append([tuple(row) for row in rows])
            await bench.empty(
                "core.observation, core.subject_state, core.receipt, core.seen,"
                " core.case, core.alert, core.outbox, core.taken"
            )
    assert found[0] == found[1] == found[2]
