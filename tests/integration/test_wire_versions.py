"""A county in the middle of an upgrade: hubs of two versions at one core; a third is set aside."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from firmware_sim.hub_clock import HubClock
from firmware_sim.hub_mishaps import Home
from firmware_sim.load import devices_of, hub_name
from firmware_sim.mqtt_line import MqttLine
from firmware_sim.sim_hub import SimHub
from gateway.broker import LocalBroker
from service.lab.children import Children
from service.lab.load_county import core_is_there, core_of, login_at, register_homes
from tests.fixtures.database import Database

pytestmark = [pytest.mark.peer, pytest.mark.slow]

CAPTURED = json.loads(
    Path(__file__).parents[1].joinpath("vectors", "wire", "version_1.json").read_text("utf-8")
)
PATIENCE_S = 60.0
HUBS = 4


@dataclass(slots=True, kw_only=True)
class Upgrade:
    """A broker, a core, and who may connect; `said` is what was heard, newest a topic."""

    broker: LocalBroker
    owner: "asyncpg.Connection[asyncpg.Record]"
    said: dict[str, bytes] = field(default_factory=dict[str, bytes])

    @contextlib.asynccontextmanager
    async def home(self, number: int, version: int) -> AsyncGenerator[Home]:
        at = datetime.now(UTC)  # noqa: TID251 - a test's own wall
        clock = asyncio.get_running_loop().time
        hub = SimHub(hub_name(number), HubClock(at), monotonic=clock, version=version)
        login = login_at(self.broker, hub.name)
        await hub.connect(login)
        try:
            yield Home(
                hub=hub, login=login, cuff=devices_of(number)[0], at=at, neighbour="hub-else"
            )
        finally:
            hub.disconnect()

    def hear(self, topic: str, payload: bytes, _retained: bool) -> None:
        self.said[topic] = payload


@contextlib.asynccontextmanager
async def upgrade(database: Database, folder: Path) -> AsyncGenerator[Upgrade]:
    await register_homes(database.dsn, HUBS)
    owner = await asyncpg.connect(database.dsn)
    users = ("core", "hub-a", *(hub_name(number) for number in range(HUBS)))
    try:
        async with (
            LocalBroker(folder / "broker", users=users, choice="mosquitto") as broker,
            Children(folder / "logs", lambda _: None) as children,
        ):
            children.start(core_of(broker, database.dsn_as("hw_core")))
            await core_is_there(broker)
            yield Upgrade(broker=broker, owner=owner)
    finally:
        await owner.close()


async def test_hubs_of_this_version_and_the_one_before_are_stored_and_receipted(
    database: Database, tmp_path: Path
) -> None:
    async with upgrade(database, tmp_path) as county:
        for number, version in enumerate((1, 2)):
            async with county.home(number, version) as home:
                home.measure()
                home.measure()
                await home.settled()  # it reads receipts of its own version only
                kept = await county.owner.fetchval(
                    "SELECT count(*) FROM core.observation WHERE hub = $1", home.hub.name
                )
                assert (version, kept) == (version, 2)
        assert await county.owner.fetchval("SELECT count(*) FROM core.quarantine") == 0


async def test_the_captured_messages_of_a_hub_of_version_1_get_the_captured_receipts(
    database: Database, tmp_path: Path
) -> None:
    messages = [(one["topic"], one["payload"].encode()) for one in CAPTURED["messages"]]
    receipts = {topic: payload for topic, payload in messages if "/receipt/" in topic}
    async with upgrade(database, tmp_path) as county:
        line = await MqttLine.dial(login_at(county.broker, "hub-a"), county.hear)
        try:
            await line.subscribe("hw/1/receipt/hub-a/#")
            for topic, payload in messages:
                if topic not in receipts:
                    line.publish(topic, payload)
            async with asyncio.timeout(PATIENCE_S):
                while county.said != receipts:  # noqa: ASYNC110 - filled by the line
                    await asyncio.sleep(0.05)
        finally:
            line.close()
        rows = await county.owner.fetch("SELECT reason, field FROM core.quarantine")
        # Nobody wears that device, and one was a frame that the hub could not read.
        assert sorted(row["reason"] for row in rows).count("malformed_frame") == 1
        assert not [row for row in rows if row["reason"] == "not_ours"]


@pytest.mark.parametrize("version", [0, 3])
async def test_another_version_is_quarantined_and_the_stream_goes_on(
    database: Database, tmp_path: Path, version: int
) -> None:
    async with upgrade(database, tmp_path) as county:
        async with county.home(2, version) as home:
            home.measure()
            await home.settled()  # receipted: kept is kept, it need not send for ever
            home.hub.version = 2  # and then somebody brings it up to date
            home.measure()
            await home.settled()
            hub = home.hub.name
        row = await county.owner.fetchrow("SELECT * FROM core.quarantine WHERE hub = $1", hub)
        assert row is not None
        assert (row["reason"], row["field"]) == ("not_ours", "v")
        assert f"version {version} is not read here" in row["detail"]
        kept = await county.owner.fetchval(
            "SELECT count(*) FROM core.observation WHERE hub = $1", hub
        )
        assert kept == 1


async def test_a_topic_of_another_form_reaches_nobody_and_its_sender_keeps_the_reading(
    database: Database, tmp_path: Path
) -> None:
    async with upgrade(database, tmp_path) as county, county.home(3, 2) as home:
        topic, payload = home.held()
        home.line.publish(topic.replace("hw/1/", "hw/2/", 1), payload)
        await home.line.drain()  # a PUBACK, which promises nothing
        assert home.hub.waiting == (1, 0)
        home.hub.disconnect()
        await home.hub.connect(home.login)
        await home.settled()
        (row,) = await county.owner.fetch("SELECT hub FROM core.observation")
        assert row["hub"] == home.hub.name
        assert await county.owner.fetchval("SELECT count(*) FROM core.quarantine") == 0
