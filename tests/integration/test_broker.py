"""The broker the program starts itself, both kinds: log-in, rights, restart, a taken port."""

import asyncio
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from device_adapters.mqtt.client import MqttSession, MqttUnavailable, connect
from gateway.broker import BrokerError, Choice, LocalBroker

pytestmark = pytest.mark.peer

KINDS: tuple[Choice, ...] = ("mosquitto", "embedded")
USERS = ("core", "hub-front", "hub-a", "hub-b", "device-x")


@pytest.fixture(params=KINDS)
async def running(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LocalBroker]:
    async with LocalBroker(tmp_path / "b", users=USERS, choice=request.param) as broker:
        assert broker.kind == request.param
        yield broker


def session(broker: LocalBroker, user: str) -> AbstractAsyncContextManager[MqttSession]:
    login = broker.credentials(user)
    return connect(
        broker.host, broker.port, client_id=user, user=login.username, password=login.password
    )


async def received(subscriber: MqttSession, sender: MqttSession, topics: list[str]) -> list[str]:
    """Publish to each topic, then a last message that surely passes; return what came before it."""
    for number, topic in enumerate(topics):
        await sender.publish(topic, str(number).encode())
    got: list[str] = []
    async with asyncio.timeout(5):
        while not got or got[-1] != topics[-1]:
            got += [message.topic for message in await subscriber.take(10)]
    return got


async def test_a_wrong_password_and_no_password_are_refused(running: LocalBroker) -> None:
    with pytest.raises(MqttUnavailable):
        async with connect(
            running.host, running.port, client_id="x", user="core", password="guess"
        ):
            pass
    with pytest.raises(MqttUnavailable):
        async with connect(running.host, running.port, client_id="x"):
            pass


async def test_a_hub_speaks_for_itself_only(running: LocalBroker) -> None:
    async with session(running, "core") as core, session(running, "hub-a") as hub:
        await core.subscribe("hw/1/#")
        got = await received(
            core,
            hub,
            [
                "hw/1/up/hub-b/e/live/1",
                "hw/1/status/hub-b",
                "hw/1/receipt/hub-a/e",
                "hw/1/core",
                "hw/1/up/hub-a/e/live/1",
                "hw/1/status/hub-a",
            ],
        )
    assert got == ["hw/1/up/hub-a/e/live/1", "hw/1/status/hub-a"]


async def test_a_hub_reads_its_receipts_and_nobody_elses(running: LocalBroker) -> None:
    async with session(running, "core") as core, session(running, "hub-a") as hub:
        await hub.subscribe("hw/1/receipt/hub-a/#", "hw/1/command/hub-a", "hw/1/core")
        got = await received(
            hub, core, ["hw/1/receipt/hub-b/e", "hw/1/command/hub-a", "hw/1/receipt/hub-a/e/live"]
        )
    assert got == ["hw/1/command/hub-a", "hw/1/receipt/hub-a/e/live"]


async def test_devices_reach_the_front_hub_and_no_home_hub(running: LocalBroker) -> None:
    async with (
        session(running, "device-x") as device,
        session(running, "hub-front") as front,
        session(running, "hub-b") as home,
        session(running, "core") as core,
    ):
        await front.subscribe("dev/1/#")
        sent = ["hw/1/up/hub-b/1", "dev/1/a~b~c/reading", "dev/1/x/reading"]
        assert await received(front, device, sent) == ["dev/1/x/reading"]
        try:
            await home.subscribe("dev/1/#", "hw/1/core")
        except MqttUnavailable:
            return  # the embedded broker refuses; mosquitto accepts and delivers nothing
        await device.publish("dev/1/x/reading", b"not for homes")
        assert await received(home, core, ["hw/1/core"]) == ["hw/1/core"]


async def test_after_a_kill_it_comes_back_on_the_same_port_with_the_same_secrets(
    running: LocalBroker,
) -> None:
    port = running.port
    os.kill(running.pid, signal.SIGKILL)
    await running.restart()
    assert running.port == port
    async with session(running, "hub-a") as hub:
        await hub.publish("hw/1/up/hub-a/e/live/1", b"")


@pytest.mark.parametrize("choice", KINDS)
async def test_secrets_are_kept_and_private(tmp_path: Path, choice: Choice) -> None:
    async with LocalBroker(tmp_path, users=["hub-a"], choice=choice) as broker:
        first = broker.credentials("hub-a")
    async with LocalBroker(tmp_path, users=["hub-a", "hub-b"], choice=choice) as broker:
        assert broker.credentials("hub-a") == first
        assert broker.credentials("hub-b").password != first.password
        with pytest.raises(BrokerError, match="no user hub-c"):
            broker.credentials("hub-c")
    for name in ("users.json", "passwords", "acl"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("choice", KINDS)
async def test_a_taken_port_is_an_error_that_says_so(tmp_path: Path, choice: Choice) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = int(other.getsockname()[1])
        with pytest.raises(BrokerError, match=r"in use|[Aa]ddress|port"):
            async with LocalBroker(tmp_path, port=port, choice=choice):
                pass
