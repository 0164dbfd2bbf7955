"""The core's own connection against real brokers: it hears all in order, and tells a loss."""

import asyncio
from pathlib import Path

import pytest

from device_adapters.mqtt.client import MqttSettings, MqttUnavailable, connect
from device_adapters.mqtt.stream import MqttStream, mqtt_stream
from gateway.broker import LocalBroker

pytestmark = pytest.mark.peer

MESSAGES = 3000


def settings(broker: LocalBroker, *, password: str | None = None, limit: int = 400) -> MqttSettings:
    login = broker.credentials("core")
    return MqttSettings(
        host=broker.host,
        port=broker.port,
        client_id="core",
        user=login.username,
        password=password or login.password,
        incoming_limit=limit,
        in_flight=20,
    )


async def heard(stream: MqttStream, count: int) -> list[bytes]:
    found: list[bytes] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            found += [message.payload for message in await stream.take(70)]
    return found


async def test_more_than_its_queue_holds_is_heard_whole_and_in_order(tmp_path: Path) -> None:
    async with LocalBroker(tmp_path / "b", users=("core",), choice="mosquitto") as broker:
        login = broker.credentials("core")
        async with (
            mqtt_stream(settings(broker)) as stream,
            connect(
                broker.host,
                broker.port,
                client_id="hub",
                user=login.username,
                password=login.password,
            ) as hub,
        ):
            await stream.subscribe("hw/1/up/#")
            sent = [str(number).encode() * 60 for number in range(MESSAGES)]
            for payload in sent:
                hub.publish_nowait("hw/1/up/a/b/live/1", payload)
            await hub.drain()
            assert await heard(stream, MESSAGES) == sent


async def test_what_it_publishes_is_retained_beyond_what_may_be_under_way(tmp_path: Path) -> None:
    async with LocalBroker(tmp_path / "b", users=("core",), choice="mosquitto") as broker:
        async with mqtt_stream(settings(broker)) as stream:
            for number in range(200):
                stream.publish_nowait(f"hw/1/receipt/{number}", b"%d" % number, retain=True)
            await stream.subscribe("hw/1/receipt/+")
            there = set(await heard(stream, 200))
        assert there == {b"%d" % number for number in range(200)}


async def test_a_refusal_and_a_loss_are_told_with_their_reason(tmp_path: Path) -> None:
    async with LocalBroker(tmp_path / "b", users=("core",), choice="mosquitto") as broker:
        with pytest.raises(MqttUnavailable, match="refused by the broker: Not authorized"):
            async with mqtt_stream(settings(broker, password="guess")):
                pass
        async with mqtt_stream(settings(broker)) as stream:
            await stream.subscribe("hw/1/up/#")
            async with mqtt_stream(settings(broker)):  # the same client id ends the first
                with pytest.raises(MqttUnavailable, match="connection lost"):
                    await heard(stream, 1)
                with pytest.raises(MqttUnavailable, match="connection lost"):
                    stream.publish_nowait("hw/1/receipt/1", b"")
    with pytest.raises(MqttUnavailable):
        async with mqtt_stream(settings(broker)):
            pass
