import asyncio
import contextlib
import dataclasses
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from structlog.testing import capture_logs

from device_adapters.mqtt.client import MqttMessage, MqttSettings
from gateway.broker import LocalBroker
from gateway.clock import ManualClock, ProcessClock, WallClock
from gateway.spool import Spool
from gateway.uplink import Uplink
from gateway.uplink_window import FIRST
from rules.vocabulary import HubId, Observation, Origin
from rules.wire import Lane, decode_envelope
from tests.fakes.receipt_peer import ReceiptPeer
from tests.unit.gateway.observations import START, blood_pressure

pytestmark = pytest.mark.peer

HUB = HubId("hub-a")


def settings(broker: LocalBroker, user: str, client_id: str) -> MqttSettings:
    login = broker.credentials(user)
    return MqttSettings(
        host=broker.host,
        port=broker.port,
        client_id=client_id,
        user=login.username,
        password=login.password,
    )


@contextlib.asynccontextmanager
async def uplink_of(
    spool: Spool,
    broker: LocalBroker,
    clock: ProcessClock | None = None,
    *,
    on_command: Callable[[MqttMessage], Awaitable[None]] | None = None,
) -> AsyncGenerator[Uplink]:
    async def command(_: MqttMessage) -> None:
        return

    async def status() -> bytes:
        return b"{}"

    uplink = Uplink(
        hub=HUB,
        spool=spool,
        clock=clock or WallClock(),
        broker=lambda: settings(broker, HUB, "uplink-under-test"),
        on_command=on_command or command,
        status=status,
        age_s=lambda stamp: 90.0 if stamp.boot_id == "b1" and not stamp.wall_trusted else None,
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(uplink.run())
        yield uplink
        running.cancel()


def readings(first: int, last: int, origin: Origin = Origin.BACKLOG) -> list[Observation]:
    return [blood_pressure(number, origin=origin) for number in range(first, last)]


async def rest(uplink: Uplink) -> None:
    async with asyncio.timeout(20):
        await uplink.at_rest()


async def test_what_a_hub_without_the_time_noticed_travels_with_its_age(
    broker: LocalBroker, tmp_path: Path
) -> None:
    def noticed(number: int, boot: str, *, trusted: bool) -> Observation:
        sent = blood_pressure(number, origin=Origin.LIVE)
        stamp = dataclasses.replace(sent.received, boot_id=boot, wall_trusted=trusted)
        return dataclasses.replace(sent, received=stamp)

    async with (
        Spool.open(tmp_path / "spool.db") as spool,
        ReceiptPeer.connect(settings(broker, "core", "peer")) as peer,
        uplink_of(spool, broker) as uplink,
    ):
        await spool.add_decided(
            [
                noticed(1, "b1", trusted=False),
                noticed(2, "b0", trusted=False),
                noticed(3, "b1", trusted=True),
            ]
        )
        uplink.wake()
        await rest(uplink)
        ages = [decode_envelope(payload).age_s for payload in peer.payloads(HUB, Lane.LIVE)]
        assert ages == [90.0, None, None]


async def arrived(peer: ReceiptPeer, count: int) -> None:
    """The first message sent again brings a receipt for all; the others are on their way."""
    async with asyncio.timeout(20):
        while len(peer.arrivals) < count:  # noqa: ASYNC110 - a list that the peer fills
            await asyncio.sleep(0.01)


async def test_500_messages_with_a_receipt_every_4(broker: LocalBroker, tmp_path: Path) -> None:
    async with (
        Spool.open(tmp_path / "spool.db") as spool,
        ReceiptPeer.connect(settings(broker, "core", "peer"), every=4) as peer,
    ):
        await spool.add_decided(readings(0, 500))
        async with uplink_of(spool, broker) as uplink:
            await rest(uplink)
        sent = [decode_envelope(p) for p in peer.payloads(HUB, Lane.BACKLOG)]
        assert [e.observation.ordinal for e in sent] == list(range(500))
        assert [e.sequence for e in sent] == list(range(1, 501))
        assert {e.epoch for e in sent} == {spool.epoch}
        assert peer.highest_gap <= 64
        assert peer.arrivals == [(Lane.BACKLOG, n) for n in range(1, 501)]  # none sent twice


async def test_live_overtakes_a_backlog(broker: LocalBroker, tmp_path: Path) -> None:
    async with (
        Spool.open(tmp_path / "spool.db") as spool,
        ReceiptPeer.connect(settings(broker, "core", "peer")) as peer,
    ):
        peer.silent = True
        await spool.add_decided(readings(0, 300))
        async with uplink_of(spool, broker) as uplink:
            await peer.until(Lane.BACKLOG, FIRST[Lane.BACKLOG])
            await spool.add_decided(readings(1000, 1001, Origin.LIVE))
            uplink.wake()
            await peer.until(Lane.LIVE, 1)
            assert len(peer.payloads(HUB, Lane.BACKLOG)) == FIRST[Lane.BACKLOG]
            peer.silent = False
            await peer.receipt_all()
            await rest(uplink)
        assert len(peer.payloads(HUB, Lane.BACKLOG)) == 300


async def test_live_goes_first_when_both_wait(broker: LocalBroker, tmp_path: Path) -> None:
    async with (
        Spool.open(tmp_path / "spool.db") as spool,
        ReceiptPeer.connect(settings(broker, "core", "peer")) as peer,
    ):
        await spool.add_decided(readings(0, 40))
        await spool.add_decided(readings(1000, 1003, Origin.LIVE))
        async with uplink_of(spool, broker) as uplink:
            await rest(uplink)
        assert [lane for lane, _ in peer.arrivals[:4]] == [Lane.LIVE] * 3 + [Lane.BACKLOG]


async def test_a_receipt_that_goes_back_brings_everything_again(
    broker: LocalBroker, tmp_path: Path
) -> None:
    async with (
        Spool.open(tmp_path / "spool.db") as spool,
        ReceiptPeer.connect(settings(broker, "core", "peer")) as peer,
    ):
        await spool.add_decided(readings(0, 100))
        async with uplink_of(spool, broker) as uplink:
            await rest(uplink)
            await peer.go_back((HUB, spool.epoch, Lane.BACKLOG), through=30)
            await peer.until(Lane.BACKLOG, 100)
            await rest(uplink)
        assert len(peer.payloads(HUB, Lane.BACKLOG)) == 100
        assert peer.arrivals.count((Lane.BACKLOG, 31)) == 2
        assert peer.arrivals.count((Lane.BACKLOG, 30)) == 1


async def test_without_receipt_it_is_sent_again_after_30_s(
    broker: LocalBroker, tmp_path: Path
) -> None:
    clock = ManualClock(START)
    async with (
        Spool.open(tmp_path / "spool.db") as spool,
        ReceiptPeer.connect(settings(broker, "core", "peer")) as peer,
    ):
        peer.silent = True
        await spool.add_decided(readings(0, 3))
        async with uplink_of(spool, broker, clock) as uplink:
            await peer.until(Lane.BACKLOG, 3)
            clock.advance(timedelta(seconds=29))
            await asyncio.sleep(0.1)
            assert len(peer.arrivals) == 3
            peer.silent = False
            clock.advance(timedelta(seconds=1))
            await rest(uplink)
        again = peer.arrivals[3:]
        assert again[0] == (Lane.BACKLOG, 1)
        assert len(again) <= 3, "the receipt for the first one may answer for all"


async def test_a_new_core_gets_the_unreceipted_at_once(broker: LocalBroker, tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with (
        Spool.open(tmp_path / "spool.db") as spool,
        ReceiptPeer.connect(settings(broker, "core", "peer")) as peer,
    ):
        await peer.announce_core(7)
        peer.silent = True
        await spool.add_decided(readings(0, 3))
        async with uplink_of(spool, broker, clock) as uplink:
            await peer.until(Lane.BACKLOG, 3)
            await asyncio.sleep(0.05)
            peer.silent = False
            await peer.announce_core(8)
            await rest(uplink)
            await arrived(peer, 6)
        assert len(peer.arrivals) == 6


async def test_a_core_that_connects_again_gets_the_unreceipted_at_once(
    broker: LocalBroker, tmp_path: Path
) -> None:
    """A broker that was started again lets hubs in before the core, which keeps its epoch."""
    clock = ManualClock(START)
    async with (
        Spool.open(tmp_path / "spool.db") as spool,
        ReceiptPeer.connect(settings(broker, "core", "peer")) as peer,
    ):
        await peer.announce_core(7)
        peer.silent = True
        await spool.add_decided(readings(0, 3))
        async with uplink_of(spool, broker, clock) as uplink:
            await peer.until(Lane.BACKLOG, 3)
            await asyncio.sleep(0.05)
            assert len(peer.arrivals) == 3  # the retained word of an old connection changes nothing
            peer.silent = False
            await peer.announce_core(7)
            await rest(uplink)
            await arrived(peer, 6)
        assert len(peer.arrivals) == 6


class Told:
    """What a hub's command handler was given."""

    def __init__(self) -> None:
        self.commands: list[tuple[bytes, bool]] = []
        self._came = asyncio.Event()

    async def command(self, message: MqttMessage) -> None:
        self.commands.append((message.payload, message.retain))
        self._came.set()

    async def first(self) -> None:
        async with asyncio.timeout(10):
            await self._came.wait()


@pytest.mark.parametrize("choice", ["mosquitto", "embedded"])
async def test_commands_are_never_read_as_receipts(
    tmp_path: Path, choice: Literal["mosquitto", "embedded"]
) -> None:
    told = Told()
    async with (
        LocalBroker(tmp_path / "mq", users=("core", HUB), choice=choice) as broker,
        Spool.open(tmp_path / "spool.db") as spool,
        ReceiptPeer.connect(settings(broker, "core", "peer")) as peer,
    ):
        await peer.command(HUB, b"before the hub was there")
        with capture_logs() as logs:
            async with uplink_of(spool, broker, on_command=told.command) as uplink:
                await told.first()
                await peer.command(HUB, b"at once")
                await spool.add_decided(readings(0, 3))
                uplink.wake()
                await rest(uplink)
        assert told.commands == [(b"before the hub was there", True), (b"at once", False)]
        assert [entry for entry in logs if entry["log_level"] == "warning"] == []


@pytest.mark.parametrize(
    "topic",
    ["hw/1/command/hub-b", "hw/1/command/hub-a/x", "hw/1/receipt/hub-b/e/live", "hw/2/receipt/x"],
)
async def test_a_message_that_nobody_asked_for_is_no_receipt(
    broker: LocalBroker, tmp_path: Path, topic: str
) -> None:
    told = Told()
    async with (
        Spool.open(tmp_path / "spool.db") as spool,
        ReceiptPeer.connect(settings(broker, "core", "peer")) as peer,
        uplink_of(spool, broker, on_command=told.command) as uplink,
    ):
        await spool.add_decided(readings(0, 3))
        uplink.wake()
        await rest(uplink)
        with capture_logs() as logs:
            await uplink.take(MqttMessage(topic, b'{"v":1}', retain=True))
        assert len(peer.arrivals) == 3
    assert told.commands == []
    assert [(entry["event"], entry["topic"]) for entry in logs] == [
        ("message nobody asked for", topic)
    ]


async def test_a_killed_broker_loses_nothing(tmp_path: Path) -> None:
    users = ("core", "hub-a")
    async with (
        LocalBroker(tmp_path / "mq", users=users, choice="mosquitto") as broker,
        Spool.open(tmp_path / "spool.db") as spool,
        uplink_of(spool, broker) as uplink,
    ):
        await spool.add_decided(readings(0, 50))
        uplink.wake()
        # Nobody reads: the broker acknowledges all 50 and throws them away with its death.
        async with asyncio.timeout(10):
            while not uplink.connected:  # noqa: ASYNC110 - a state, looked at once
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        os.kill(broker.pid, signal.SIGKILL)
        await spool.add_decided(readings(50, 100))
        uplink.wake()
        await asyncio.sleep(0.1)
        await broker.restart()
        async with ReceiptPeer.connect(settings(broker, "core", "peer")) as peer:
            await peer.announce_core(2)
            await peer.until(Lane.BACKLOG, 100)
            await rest(uplink)
            sent = [decode_envelope(p) for p in peer.payloads(HUB, Lane.BACKLOG)]
            assert [e.observation.ordinal for e in sent] == list(range(100))
