"""A doubtful clock keeps its time in the store and takes nothing from an alert (decision D12)."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.facts import BindingFact
from rules.vocabulary import DeviceRef, Origin
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    CUFF,
    START,
    WANG,
    Bench,
    county_bench,
    minutes,
    pressure,
)

pytestmark = [pytest.mark.peer, pytest.mark.row("P11")]

SECOND_CUFF = DeviceRef(manufacturer="Acme", model="BP-2", serial="9")
STRANGER = DeviceRef(manufacturer="Acme", model="BP-2", serial="10")
BEHIND = [timedelta(0), timedelta(hours=8), timedelta(days=3), timedelta(days=40)]
"""How far the first cuff's clock is behind; 40 days lie beyond every rule's window."""


@pytest.fixture
async def bench(database: Database) -> AsyncGenerator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as county:
        worn = BindingFact(
            device=SECOND_CUFF.key, subject=WANG, valid_from=START - timedelta(days=400)
        )
        await county.tell(worn)
        yield county


@pytest.mark.parametrize("behind", BEHIND)
async def test_the_same_alerts_ring_at_the_same_minute_however_far_a_clock_is_behind(
    bench: Bench, behind: timedelta
) -> None:
    """One reading waits for its confirmation; another cuff, whose clock is right, confirms it."""
    await bench.feed(pressure(START - behind, 186, 112, received=START))
    assert await bench.rang() == []
    await bench.feed(pressure(START + minutes(5), 188, 113, device=SECOND_CUFF))
    alerts = await bench.alerts()
    assert [(row["rule_id"], row["stage"], row["dated"]) for row in alerts] == [
        ("HW-02", "confirmed", False)
    ]
    assert alerts[0]["raised_at"] == START + minutes(5)
    kept = await bench.owner.fetchrow("SELECT * FROM core.observation WHERE device = $1", CUFF.key)
    assert kept is not None
    assert (kept["effective_at"], kept["time_confidence"]) == (START - behind, "good")


@pytest.mark.parametrize("behind", BEHIND)
async def test_a_confirmation_that_never_comes_rings_however_far_a_clock_is_behind(
    bench: Bench, behind: timedelta
) -> None:
    """Of a person, and of somebody in a home whose cuff nobody wears."""
    mine = pressure(START - behind, 186, 112, received=START)
    await bench.feed(mine, replace(mine, device=STRANGER))
    for waited in (14, 16, 21):
        await bench.wake(START + minutes(waited))
    found = {(row["subject"], row["stage"], row["dated"]) for row in await bench.alerts()}
    assert (WANG, "unconfirmed", False) in found
    assert not any(dated for _, _, dated in found)


@pytest.mark.parametrize("behind", BEHIND)
async def test_an_emergency_rings_at_once_and_its_hub_can_be_found(
    bench: Bench, behind: timedelta
) -> None:
    await bench.feed(pressure(START - behind, 230, 130, received=START))
    (alert,) = await bench.alerts()
    assert (alert["rule_id"], alert["dated"], alert["effective_at"]) == ("HW-02", False, START)
    hubs = await bench.store.inbox.hubs_of_alert(str(alert["alert_id"]))
    assert list(hubs) == ["hub-1"]


async def test_the_same_record_from_a_memory_is_work_of_today(bench: Bench) -> None:
    old = pressure(START - timedelta(days=3), 230, 130, received=START, origin=Origin.BACKLOG)
    await bench.feed(old)
    (alert,) = await bench.alerts()
    assert alert["dated"]
