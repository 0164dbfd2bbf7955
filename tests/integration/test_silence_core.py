"""Silence is noticed by the person's own clock, and recovery is not taken from it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gateway.store.pulse_store import Downtime
from rules.explain import replay, why
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    HUB,
    START,
    Bench,
    county_bench,
    daily,
    minutes,
    pressure,
)

pytestmark = pytest.mark.peer

DAY = timedelta(days=1)


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        yield bench


async def sleep_until_woken(bench: Bench, *, until_days: float) -> None:
    """Look at whoever is due, as the core does, until nobody is before that day."""
    end = START + timedelta(days=until_days)
    while True:
        at = await bench.store.states.next_wake_at()
        if at is None or at > end:
            return
        await bench.wake(at)


@pytest.mark.row("L5")
async def test_who_measures_daily_is_missed_after_a_week(bench: Bench) -> None:
    await bench.feed(*daily(days=12, systolic=[130]))
    last = START + timedelta(days=11, hours=12)
    await sleep_until_woken(bench, until_days=18.4)
    assert await bench.rang() == []
    await sleep_until_woken(bench, until_days=60)
    assert await bench.rang() == [("HW-12", "absence")]
    (alert,) = await bench.alerts()
    assert alert["raised_at"] == last + 7 * DAY
    assert alert["kind"] == "technical"
    assert alert["family"] == "adherence"
    card = why(alert["evidence"], "en")
    assert "7 days" in card.headline
    assert "Usually measures every 1 days" in card.headline
    assert card.happened[0].startswith("Last before the silence: 2026-11-12 20:00 130/84")
    assert replay(alert["evidence"]).trigger == "silence:s-wang:pressure:2026-11-12"


@pytest.mark.row("L5")
async def test_who_measures_every_six_days_is_left_in_peace_for_eighteen(bench: Bench) -> None:
    for turn in range(6):
        await bench.feed(pressure(START + 6 * turn * DAY, 130, 80))
        await sleep_until_woken(bench, until_days=6 * turn + 5.9)
    habit_known = 30 + 18
    early = await bench.rang()
    await sleep_until_woken(bench, until_days=habit_known - 0.1)
    assert await bench.rang() == early == []
    await sleep_until_woken(bench, until_days=habit_known)
    assert await bench.rang() == [("HW-12", "absence")]


async def test_calm_readings_move_the_silence_and_the_case_clears_on_two_days(
    bench: Bench,
) -> None:
    await bench.feed(*daily(days=12, systolic=[130]))
    for day in range(12, 17):
        await bench.feed(pressure(START + day * DAY, 130, 80))
        await sleep_until_woken(bench, until_days=day + 0.9)
    await sleep_until_woken(bench, until_days=22.9)
    assert await bench.rang() == []
    await sleep_until_woken(bench, until_days=23)
    assert await bench.rang() == [("HW-12", "absence")]
    open_cases = "core.case WHERE state = 'open'"
    await bench.feed(pressure(START + 25 * DAY, 130, 80))
    assert await bench.count(open_cases) == 1
    await bench.feed(pressure(START + 26 * DAY, 130, 80))
    assert await bench.count(open_cases) == 0


async def test_time_in_which_nothing_could_arrive_is_not_silence(bench: Bench) -> None:
    await bench.feed(*daily(days=12, systolic=[130]))
    last = START + timedelta(days=11, hours=12)
    async with bench.store.batch():
        for what, hub in (("broker", None), ("hub", HUB)):
            await bench.store.pulses.note(
                Downtime(what=what, hub=hub, began_at=last + DAY, ended_at=last + 3 * DAY)
            )
        await bench.store.inbox.set_status(HUB, last + 8 * DAY, "{}")
    # two days are lost to both; from the eighth day on the hub is away again, and nobody is missed
    await bench.wake(last + 7 * DAY)
    assert await bench.rang() == []
    assert await bench.store.states.next_wake_at() == last + 9 * DAY
    await bench.wake(last + 9 * DAY)
    assert await bench.rang() == []
    assert await bench.store.states.next_wake_at() == last + 10 * DAY
    async with bench.store.batch():
        await bench.store.inbox.set_status(HUB, last + 10 * DAY - minutes(1), "{}")
    await bench.wake(last + 10 * DAY)
    assert await bench.rang() == [("HW-12", "absence")]


async def test_a_clinical_case_stays_open_through_silence(bench: Bench) -> None:
    await bench.feed(pressure(START, 186, 112))
    await bench.feed(pressure(START + minutes(6), 184, 111))
    await sleep_until_woken(bench, until_days=60)
    # the missed recheck has asked the village; a week of silence is its case's further point
    assert await bench.rang() == [("HW-02", "confirmed"), ("HW-12b", "unconfirmed")]
    rows = await bench.owner.fetch("SELECT family, state FROM core.case ORDER BY family")
    assert [tuple(row) for row in rows] == [("adherence", "open"), ("blood_pressure", "open")]
