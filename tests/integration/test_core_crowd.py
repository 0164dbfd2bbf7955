"""What a core owes ten thousand hubs: readings do not wait for reports, and a new core is heard."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
import pytest

from firmware_sim.device_clock import CHINA
from firmware_sim.hub_clock import HubClock
from firmware_sim.hub_mishaps import Home
from firmware_sim.load import devices_of, hub_name
from firmware_sim.mqtt_line import MqttLine
from firmware_sim.sim_hub import SimHub
from firmware_sim.uplink_words import encode_status
from gateway.broker import LocalBroker
from gateway.canary_device import canary_device
from gateway.canary_watch import CanaryNews
from gateway.facts import BindingFact, HubFact
from gateway.store.core_store import open_core_store
from rules.vocabulary import HubId, Profile, SubjectRef
from rules.wire import (
    CANARY_TOPIC,
    WIRE_VERSION,
    Envelope,
    Lane,
    encode_envelope,
    uplink_topic,
)
from service.lab.children import Children
from service.lab.load_county import core_is_there, core_of, login_at, register_homes
from tests.chaos.ledger import register
from tests.fixtures.database import Database
from tests.integration.county_bench import sugar

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


@pytest.mark.row("L4")
async def test_a_core_without_a_service_tells_the_broker_that_nobody_answers_a_canary(
    database: Database, tmp_path: Path
) -> None:
    nobody, hub = SubjectRef("s-canary"), HubId(hub_name(0))
    device, now = canary_device(hub), datetime.now(UTC)  # noqa: TID251 - a test's own wall
    known = (
        HubFact(hub=hub, household="h-1", area="t-1", secret_hex="00"),
        Profile(subject=nobody, birth_year=1970, synthetic=True),
        BindingFact(device=device.key, subject=nobody, valid_from=now - timedelta(days=1)),
    )
    async with open_core_store(database.dsn_as("hw_core"), "x") as store:
        await register(store, known)
        await store.release_lease()
    heard: asyncio.Queue[CanaryNews] = asyncio.Queue()

    def hear(_topic: str, payload: bytes, _retained: bool) -> None:
        heard.put_nowait(msgspec.json.decode(payload, type=CanaryNews))

    async with core_over(database, tmp_path) as broker:
        ear = await MqttLine.dial(replace(login_at(broker, "core"), client_id="ear"), hear)
        await ear.subscribe(CANARY_TOPIC)
        async with asyncio.timeout(60):
            assert (await heard.get()).late == {}
            for sequence in (1, 2):  # a second apart: half of it is the core's patience
                at = now - timedelta(seconds=60 - sequence)
                low = replace(sugar(at, "LO"), device=device, hub=hub, session=f"c-{sequence}")
                message = Envelope(
                    v=WIRE_VERSION,
                    hub=hub,
                    epoch="c",
                    lane=Lane.LIVE,
                    sequence=sequence,
                    observation=replace(low, device_time=_shown(at)),
                )
                topic = uplink_topic(hub, "c", Lane.LIVE, sequence)
                ear.publish(topic, encode_envelope(message))
                await ear.drain()
                await asyncio.sleep(1)
            assert (await heard.get()).late.keys() == {hub}
        ear.close()


def _shown(at: datetime) -> datetime:
    return at.astimezone(CHINA).replace(tzinfo=None, microsecond=0)
