"""A wait for a confirmation does not run while nothing could arrive, and holds nobody for long."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from tests.fixtures.database import Database
from tests.integration.county_bench import HUB, START, Bench, county_bench, minutes, pressure

pytestmark = pytest.mark.peer


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        yield bench


async def down(bench: Bench, what: str, began_at: datetime, ended_at: datetime) -> None:
    await bench.owner.execute(
        "INSERT INTO core.downtime (what, began_at, ended_at) VALUES ($1, $2, $3)",
        *(what, began_at, ended_at),
    )


@pytest.mark.row("L7")
async def test_a_dead_core_that_is_back_first_hears_what_was_measured_meanwhile(
    bench: Bench,
) -> None:
    await bench.feed(pressure(START, 186, 112))
    back = START + timedelta(hours=5)
    await down(bench, "core", START + minutes(5), back)
    await bench.wake(
        back + timedelta(seconds=1)
    )  # fifteen minutes were over long ago, of which five were seen
    assert await bench.rang() == []
    assert bench.county.states.next_wake_at() == back + minutes(10)
    await bench.feed(pressure(START + minutes(10), 150, 90, received=START + minutes(10)))
    await bench.wake(back + minutes(11))
    assert await bench.rang() == [("HW-02b", "unconfirmed")], "to be measured again the next day"


@pytest.mark.row("L7")
async def test_a_confirmation_that_does_not_come_after_a_downtime_either_rings(
    bench: Bench,
) -> None:
    await bench.feed(pressure(START, 186, 112))
    await down(bench, "broker", START + minutes(5), START + minutes(12))
    await bench.wake(START + minutes(15))
    assert await bench.rang() == []
    await bench.wake(START + minutes(22))
    assert await bench.rang() == [("HW-02", "unconfirmed")]


@pytest.mark.row("L7")
async def test_a_hub_that_stays_silent_holds_a_crisis_no_longer_than_the_wait_itself(
    bench: Bench,
) -> None:
    await bench.feed(pressure(START, 186, 112))
    await bench.owner.execute(
        "INSERT INTO core.hub_status (hub, reported_at, body) VALUES ($1, $2, $3)"
        " ON CONFLICT (hub) DO UPDATE SET reported_at = excluded.reported_at",
        *(HUB, START + minutes(5), json.dumps({"online": False})),
    )
    for minute in (15, 25, 29):
        await bench.wake(START + minutes(minute))
        assert await bench.rang() == []
    await bench.wake(START + minutes(30))
    assert await bench.rang() == [("HW-02", "unconfirmed")]
