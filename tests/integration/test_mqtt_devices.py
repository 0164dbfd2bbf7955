"""The MQTT connection against a real mosquitto on loopback."""

import asyncio
import shutil
import socket
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from device_adapters.mqtt.client import (
    MqttSession,
    MqttSettings,
    MqttUnavailable,
    MqttWill,
    connect,
    mqtt_session,
)

MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
pytestmark = pytest.mark.peer


@pytest.fixture
async def broker_port(tmp_path: Path) -> AsyncGenerator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    config = tmp_path / "broker.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\nmax_queued_messages 20000\n"
        "acl_file " + str(tmp_path / "acl") + "\n"
    )
    (tmp_path / "acl").write_text("topic readwrite dev/#\ntopic readwrite t/#\ntopic read will/#\n")
    (tmp_path / "acl").chmod(0o600)
    process = await asyncio.create_subprocess_exec(
        MOSQUITTO, "-c", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        for _ in range(100):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                await writer.wait_closed()
                break
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


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


async def test_nobody_listening_and_a_refused_topic_are_told_as_unavailable(
    broker_port: int,
) -> None:
    with pytest.raises(MqttUnavailable, match="refused"):
        async with connect("127.0.0.1", 1, client_id="x"):
            pass
    async with connect("127.0.0.1", broker_port, client_id="y") as session:
        await session.subscribe("will/#")


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
