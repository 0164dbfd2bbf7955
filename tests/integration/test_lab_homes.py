"""The simulated people go on where they were interrupted, and never measure one instant twice."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from device_adapters.mqtt.client import MqttSession, MqttSettings, mqtt_session
from firmware_sim.clock import PublishedTime
from firmware_sim.county import PlannedMeasurement
from gateway.broker import LocalBroker
from service.lab.homes import People, going_on, planned
from service.lab.homes_settings import DEVICE_USER, HomesSettings
from service.lab.neighbourhood import open_neighbourhood
from service.lab.played import Played
from service.lab.seed import FRONT
from service.lab.timekeeper import Timekeeper

pytestmark = pytest.mark.peer

START = datetime(2026, 11, 19, 20, tzinfo=UTC)


def settings_of(broker: LocalBroker) -> HomesSettings:
    return HomesSettings(
        timekeeper="",
        broker_host=broker.host,
        broker_port=broker.port,
        passwords={DEVICE_USER: broker.credentials(DEVICE_USER).password},
        hub_secrets={},
        seed=7,
        days=3,
        start=START,
        played_until=START - timedelta.resolution,
    )


@asynccontextmanager
async def ear(broker: LocalBroker) -> AsyncGenerator[MqttSession]:
    front = MqttSettings(
        host=broker.host,
        port=broker.port,
        client_id="ear-homes",
        user=FRONT,
        password=broker.credentials(FRONT).password,
    )
    async with mqtt_session(front) as session:
        await session.subscribe("dev/1/+/reading")
        yield session


async def live_through(
    folder: Path, given: HomesSettings, plan: list[PlannedMeasurement], *, begin: datetime
) -> list[datetime]:
    """A run of the homes from `begin` to the end of a plan; the instants it was told."""
    played = Played(folder)
    settings = going_on(given, played)
    async with (
        open_neighbourhood(folder, settings, plan) as around,
        Timekeeper(begin) as keeper,
        asyncio.TaskGroup() as group,
    ):
        host, _, port = keeper.address.rpartition(":")
        people = People(around, settings, PublishedTime(host, int(port)), plan, played)
        living = group.create_task(people.live())
        await keeper.joined("devices", timeout_s=5)
        instants = [now async for now in keeper.replay(lambda: plan[-1].at)]
        living.cancel()
    return instants


async def payloads(session: MqttSession, count: int) -> list[bytes]:
    heard: list[bytes] = []
    async with asyncio.timeout(5):
        while len(heard) < count:
            heard += [message.payload for message in await session.take(count)]
    return heard


async def test_an_instant_that_was_reached_is_not_played_again(
    broker: LocalBroker, tmp_path: Path
) -> None:
    settings = settings_of(broker)
    coming = [one for one in planned(settings) if one.transport == "mqtt"]
    later = [one for one in coming if one.at > coming[0].at]
    plan = [*coming[:2], *later[:2]]
    assert plan[0].at == plan[1].at
    async with ear(broker) as session:
        await live_through(tmp_path, settings, plan[:2], begin=START)
        before = await payloads(session, 2)
        assert Played(tmp_path).until() == plan[1].at
        # Interrupted here. What the core has stored begins anew at the instant last reached, and
        # homes that died alone are even told the beginning of the whole run.
        for told in (plan[1].at, settings.played_until):
            again = msgspec.structs.replace(settings, played_until=told)
            await live_through(tmp_path, again, plan[:2], begin=plan[1].at)
        await live_through(tmp_path, settings, plan, begin=plan[1].at)
        after = await payloads(session, 2)
    assert len({*before, *after}) == 4
    documents = [msgspec.json.decode(one, type=dict[str, object]) for one in (*before, *after)]
    assert len({str((one["device"], one["device_time"])) for one in documents}) == 4


async def test_an_instant_counts_as_played_before_its_first_measurement(
    broker: LocalBroker, tmp_path: Path
) -> None:
    settings = settings_of(broker)
    plan = [one for one in planned(settings) if one.transport == "mqtt"][:1]
    async with open_neighbourhood(tmp_path, settings, plan) as around:
        played = Played(tmp_path)
        assert played.until() is None
        async with Timekeeper(START) as keeper, asyncio.TaskGroup() as group:
            host, _, port = keeper.address.rpartition(":")
            people = People(around, settings, PublishedTime(host, int(port)), plan, played)
            living = group.create_task(people.live())
            await keeper.joined("devices", timeout_s=5)
            instants = keeper.replay(lambda: plan[0].at)
            assert await anext(instants) == START
            assert played.until() is None, "nothing was due"
            await anext(instants)
            living.cancel()
            await instants.aclose()
        assert played.until() == plan[0].at
