"""What a core owes ten thousand hubs: readings do not wait for reports, and a new core is heard."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from firmware_sim.hub_clock import HubClock
from firmware_sim.hub_mishaps import Home
from firmware_sim.load import devices_of, hub_name
from firmware_sim.mqtt_line import MqttLine
from firmware_sim.sim_hub import SimHub
from firmware_sim.uplink_words import encode_status
from gateway.broker import LocalBroker
from service.lab.children import Children
from service.lab.load_county import core_is_there, core_of, login_at, register_homes
from tests.fixtures.database import Database

pytestmark = [pytest.mark.peer, pytest.mark.slow]

HUBS = 3_000
MARKS = 12_000


@contextlib.asynccontextmanager
async def core_over(database: Database, folder: Path) -> AsyncGenerator[LocalBroker]:
    """A broker with one home, and a core that has announced itself."""
    async with (
        LocalBroker(folder / "broker", users=("core", hub_name(0)), choice="mosquitto") as broker,
        Children(folder / "logs", lambda _: None) as children,
    ):
        children.start(core_of(broker, database.dsn_as("hw_core")))
        await core_is_there(broker)
        yield broker


async def test_a_reading_does_not_wait_for_the_reports_of_all_hubs(
    database: Database, tmp_path: Path
) -> None:
    await register_homes(database.dsn, HUBS)
    owner = await asyncpg.connect(database.dsn)
    now = datetime.now(UTC)  # noqa: TID251 - a test's own wall
    try:
        async with core_over(database, tmp_path) as broker:
            hub = SimHub(hub_name(0), HubClock(now), monotonic=asyncio.get_running_loop().time)
            home = Home(
                hub=hub,
                login=login_at(broker, hub.name),
                cuff=devices_of(0)[0],
                at=now,
                neighbour=hub_name(1),
            )
            await hub.connect(home.login)
            crowd = await MqttLine.dial(
                replace(login_at(broker, "core"), client_id="crowd"), _ignore
            )
            for number in range(HUBS):
                name = hub_name(number)
                crowd.publish(f"hw/1/status/{name}", encode_status(name, now, waiting=(0, 0)))
            await crowd.drain()
            home.measure()
            await home.settled()
            reported = await owner.fetchval("SELECT count(*) FROM core.hub_status")
            assert await owner.fetchval("SELECT count(*) FROM core.observation") == 1
            assert reported < HUBS
            async with asyncio.timeout(60):  # and none of them is forgotten
                while reported < HUBS:
                    await asyncio.sleep(0.1)
                    reported = await owner.fetchval("SELECT count(*) FROM core.hub_status")
            crowd.close()
            hub.disconnect()
    finally:
        await owner.close()


def _ignore(_topic: str, _payload: bytes, _retained: bool) -> None:
    return


async def test_a_core_with_more_marks_than_a_queue_holds_still_announces_itself(
    database: Database, tmp_path: Path
) -> None:
    owner = await asyncpg.connect(database.dsn)
    try:
        await owner.execute(
            "INSERT INTO core.receipt (hub, epoch, lane, through)"
            " SELECT 'hub-' || n, 'e', 'live', n FROM generate_series(1, $1::int) AS n",
            MARKS,
        )
    finally:
        await owner.close()
    heard: dict[str, bytes] = {}

    def hear(topic: str, payload: bytes, _retained: bool) -> None:
        heard[topic] = payload

    async with core_over(database, tmp_path) as broker:
        ear = await MqttLine.dial(replace(login_at(broker, "core"), client_id="ear"), hear)
        await ear.subscribe("hw/1/receipt/#")
        async with asyncio.timeout(30):
            while len(heard) < MARKS:  # noqa: ASYNC110 - filled by the connection
                await asyncio.sleep(0.05)
        ear.close()
    assert b'"through":12000' in heard["hw/1/receipt/hub-12000/e/live"]
