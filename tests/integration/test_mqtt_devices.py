"""The MQTT connection against a real mosquitto on loopback."""

import asyncio
import shutil
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import aiomqtt
import pytest

from device_adapters.mqtt.client import (
    MqttMessage,
    MqttSession,
    MqttSettings,
    MqttUnavailable,
    MqttWill,
    connect,
    mqtt_session,
)
from device_adapters.mqtt.payloads.body import Arrival, PayloadError
from device_adapters.mqtt.payloads.hearthwatch import TOPIC_FILTER, decode_reading
from firmware_sim.identity import Identity
from firmware_sim.publisher import MqttDevice
from rules.vocabulary import HubId, HubStamp, Observation, Origin, QuantityName

AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
CUFF = Identity(manufacturer="Acme", model="BP 9", serial="SN9")
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
pytestmark = pytest.mark.peer


@asynccontextmanager
async def mosquitto(folder: Path, access: str) -> AsyncGenerator[int]:
    """A broker of our own on loopback: its port; killed at the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = folder / "broker.conf"
    config.write_text(f"listener {port} 127.0.0.1\nuser root\nmax_queued_messages 20000\n{access}")
    process = await asyncio.create_subprocess_exec(
        MOSQUITTO, "-c", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(10):
            while not await _listens(port):  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.02)
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@pytest.fixture
async def broker_port(tmp_path: Path) -> AsyncGenerator[int]:
    async with mosquitto(tmp_path, "allow_anonymous true\n") as port:
        yield port


async def test_a_message_arrives_with_topic_payload_and_its_retained_mark(broker_port: int) -> None:
    async with connect("127.0.0.1", broker_port, client_id="out") as out:
        await out.publish("t/kept", b"1", retain=True)
        async with connect("127.0.0.1", broker_port, client_id="in") as session:
            await session.subscribe("t/#")
            await out.publish("t/fresh", b"\x00\xff")
            seen = [await anext(session.messages) for _ in range(2)]
    assert {(m.topic, m.payload, m.retain) for m in seen} == {
        ("t/kept", b"1", True),
        ("t/fresh", b"\x00\xff", False),
    }


async def test_ten_thousand_messages_keep_their_order_through_a_small_queue(
    broker_port: int,
) -> None:
    count = 10_000
    settings = MqttSettings(
        host="127.0.0.1", port=broker_port, client_id="in", incoming_limit=500, timeout_s=30
    )
    numbers: list[int] = []
    started = time.perf_counter()
    async with (
        mqtt_session(settings) as session,
        connect("127.0.0.1", broker_port, client_id="out") as out,
    ):
        await session.subscribe("t/n")
        async with asyncio.TaskGroup() as group:
            group.create_task(_publish_numbers(out, count), name="publish")
            while len(numbers) < count:
                numbers += [int(m.payload) for m in await session.take(1000)]
    rate = count / (time.perf_counter() - started)
    assert numbers == list(range(count))
    print(f"{rate:.0f} messages/s, one loop for both ends")  # noqa: T201 - a measured figure


async def _publish_numbers(out: MqttSession, count: int) -> None:
    for number in range(count):
        out.publish_nowait("t/n", str(number).encode())
        if number % 500 == 499:
            await out.drain()


async def test_nobody_listening_is_told_as_unavailable() -> None:
    with pytest.raises(MqttUnavailable, match=r"127\.0\.0\.1:1: .*refused"):
        async with connect("127.0.0.1", 1, client_id="x"):
            pass


async def test_device_documents_travel_through_a_real_broker(broker_port: int) -> None:
    """The simulator's own client publishes, ours receives, broken ones are refused by field."""
    seen: list[Observation] = []
    refused: list[str] = []
    async with connect("127.0.0.1", broker_port, client_id="hub") as hub:
        await hub.subscribe(TOPIC_FILTER)
        async with aiomqtt.Client("127.0.0.1", broker_port) as client:
            device = MqttDevice(client, CUFF)
            await device.measure_blood_pressure(systolic=138, diastolic=88, pulse=60, at=AT)
            await client.publish(device.topic, b"not json", qos=1)
            await device.measure_blood_pressure(systolic=230, diastolic=130, at=AT)
        for ordinal in range(3):
            message = await anext(hub.messages)
            try:
                seen.append(decode_reading(message.payload, _arrival(message, ordinal)))
            except PayloadError as error:
                refused.append(error.field)
    assert [o.quantities[QuantityName.SYSTOLIC].value for o in seen] == [138, 230]
    assert [o.origin for o in seen] == [Origin.LIVE, Origin.LIVE]
    assert seen[0].device.key == "Acme/BP 9/SN9"
    assert refused == ["document"]


def _arrival(message: MqttMessage, ordinal: int) -> Arrival:
    return Arrival(
        topic=message.topic,
        retain=message.retain,
        received=HubStamp(boot_id="b", monotonic_s=0.0, wall=AT, wall_trusted=True),
        hub=HubId("hub-1"),
        session="s",
        ordinal=ordinal,
        zone=timezone(timedelta(hours=8)),
    )


async def test_a_lost_line_ends_every_wait_and_publishes_the_will(broker_port: int) -> None:
    async with connect("127.0.0.1", broker_port, client_id="watch") as watch:
        await watch.subscribe("will/hub")
        settings = MqttSettings(
            host="127.0.0.1",
            port=broker_port,
            client_id="hub",
            will=MqttWill(topic="will/hub", payload=b"gone"),
        )
        async with mqtt_session(settings) as hub:
            async with connect("127.0.0.1", broker_port, client_id="hub"):
                with pytest.raises(MqttUnavailable, match="lost"):
                    await hub.take(1)
            with pytest.raises(MqttUnavailable, match="lost"):
                await hub.publish("t/x", b"")
            with pytest.raises(MqttUnavailable, match="lost"):
                hub.publish_nowait("t/x", b"")


async def test_a_full_outgoing_queue_is_refused_to_the_caller_and_drains(broker_port: int) -> None:
    settings = MqttSettings(host="127.0.0.1", port=broker_port, client_id="out", outgoing_limit=50)
    async with mqtt_session(settings) as session:
        for _ in range(50):
            session.publish_nowait("t/x", b"")
        with pytest.raises(MqttUnavailable, match="50 messages wait"):
            session.publish_nowait("t/x", b"")
        await session.drain()
        session.publish_nowait("t/x", b"")
        await session.drain()


async def test_a_refused_log_in_says_so(tmp_path: Path) -> None:
    async with mosquitto(tmp_path, "allow_anonymous false\n") as port:
        with pytest.raises(MqttUnavailable, match="refused by the broker: Not authorized"):
            async with connect("127.0.0.1", port, client_id="x", user="hub", password="wrong"):
                pass


async def test_a_broker_that_dies_ends_every_wait(tmp_path: Path) -> None:
    async with mosquitto(tmp_path, "allow_anonymous true\n") as port:
        session = MqttSession(MqttSettings(host="127.0.0.1", port=port, client_id="x"))
        await session.__aenter__()
        await session.subscribe("t/#")
    with pytest.raises(MqttUnavailable, match="lost"):
        await session.take(1)
    await session.__aexit__(None, None, None)
