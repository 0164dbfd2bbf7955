"""The whole hub against a real broker: devices' messages in, receipts, commands, crash."""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2
import pytest
from msgspec import structs
from pydantic import SecretStr

from device_adapters.mqtt.client import MqttSession, MqttSettings, mqtt_session
from firmware_sim.identity import Identity
from firmware_sim.publisher import Quantity, Reading, encode_reading
from gateway.broker import LocalBroker
from gateway.clock import ManualClock, ProcessClock, WallClock
from gateway.commands import CommandBody, Told, sign_command
from gateway.hub import Hub, RunningHub
from gateway.hub_rules import HubRules, WornLimits, rules_for_hubs
from gateway.hub_settings import HubSettings, TimeSource
from gateway.hub_status import HubStatus, decode_status
from gateway.packs import load_first_pack
from gateway.refused import MAX_RAW_BYTES, decode_refused
from gateway.spool import Spool
from gateway.uplink_window import FIRST
from rules.vocabulary import HubId, Origin, Vital
from rules.wire import Lane, decode_envelope, status_topic
from service.lab import say_command
from tests.fakes.receipt_peer import ReceiptPeer
from tests.unit.gateway.observations import START, blood_pressure

pytestmark = pytest.mark.peer

FRONT = HubId("hub-front")
SECRET = bytes(range(32))
ZONE = ZoneInfo("Asia/Shanghai")
CUFF = Identity(
    manufacturer="Acme", model="NetCuff", serial="N-1", address="C0:00:00:00:00:01", name="NetCuff"
)


def login(broker: LocalBroker, user: str, client_id: str) -> MqttSettings:
    credentials = broker.credentials(user)
    return MqttSettings(
        host=broker.host,
        port=broker.port,
        client_id=client_id,
        user=credentials.username,
        password=credentials.password,
    )


def settings(broker: LocalBroker, folder: Path, hub: str = FRONT, **changes: object) -> HubSettings:
    given: dict[str, object] = {
        "hub_id": hub,
        "secret_hex": SecretStr(SECRET.hex()),
        "data_dir": folder,
        "time_source": TimeSource.ALWAYS,
        "broker_host": broker.host,
        "broker_port": broker.port,
        "broker_password": SecretStr(broker.credentials(hub).password),
        "bluetooth": False,
        "mqtt_devices": True,
        "page_port": 0,
    }
    return HubSettings.model_validate({**given, **changes})


def reading(number: int, at: datetime, systolic: float = 138) -> bytes:
    quantities = (
        ("systolic", Quantity(value=systolic, unit="mm[Hg]")),
        ("diastolic", Quantity(value=88, unit="mm[Hg]")),
    )
    local = at.astimezone(ZONE).replace(tzinfo=None, microsecond=0)
    return encode_reading(
        CUFF,
        Reading(kind="blood_pressure", quantities=quantities, device_time=local, sequence=number),
    )


@contextlib.asynccontextmanager
async def home(
    broker: LocalBroker, folder: Path, clock: ProcessClock
) -> AsyncGenerator[tuple[RunningHub, MqttSession, ReceiptPeer]]:
    """A running front hub, a device's connection, and a core that gives receipts."""
    async with (
        ReceiptPeer.connect(login(broker, "core", "peer")) as peer,
        Hub(settings(broker, folder), clock) as hub,
        mqtt_session(login(broker, "bridge-a", "device")) as device,
    ):
        yield hub, device, peer


async def settled(hub: RunningHub, now: datetime) -> None:
    async with asyncio.timeout(60):
        await hub.settle(now)


async def test_settle_waits_for_what_devices_published(broker: LocalBroker, tmp_path: Path) -> None:
    clock = ManualClock(START)
    async with home(broker, tmp_path, clock) as (hub, device, peer):
        await settled(hub, START)
        for number in range(100):
            device.publish_nowait(f"dev/1/{CUFF.key}/reading", reading(number, START))
        await device.drain()
        await settled(hub, START)
        sent = [decode_envelope(p).observation for p in peer.payloads(FRONT, Lane.LIVE)]
        assert [o.sequence for o in sent] == list(range(100))
        assert {o.origin for o in sent} == {Origin.LIVE}


async def test_bad_payloads_reach_quarantine_and_the_stream_goes_on(
    broker: LocalBroker, tmp_path: Path
) -> None:
    clock = ManualClock(START)
    topic = f"dev/1/{CUFF.key}/reading"
    async with home(broker, tmp_path, clock) as (hub, device, peer):
        await settled(hub, START)
        for payload in (b"\x00not json", b"{}", b"[" * 70_000):
            await device.publish(topic, payload)
        await device.publish(topic, reading(1, START))
        await settled(hub, START)
        refused = [decode_refused(p) for p in peer.payloads(FRONT, Lane.BACKLOG)]
        kept = b"[" * MAX_RAW_BYTES
        assert [r and r.raw for r in refused] == [b"\x00not json", b"{}", kept]
        assert all(r and r.reason and r.source == topic for r in refused)
        assert len(peer.payloads(FRONT, Lane.LIVE)) == 1


async def test_a_dangerous_reading_is_on_the_local_page_at_once(
    broker: LocalBroker, tmp_path: Path
) -> None:
    clock = ManualClock(START)
    async with home(broker, tmp_path, clock) as (hub, device, _):
        await settled(hub, START)
        await device.publish(f"dev/1/{CUFF.key}/reading", reading(1, START, systolic=231))
        await settled(hub, START)
        page = await fetch(hub, "zh")
        assert "拨打120" in page
        assert "systolic 231 mm[Hg]" in page
        assert [alert.rule_id for alert in hub.red_path.alerts()] == ["HW-02"]


async def test_the_local_page_asks_how_one_feels_and_the_answer_rings_and_goes_up(
    broker: LocalBroker, tmp_path: Path
) -> None:
    clock = ManualClock(START)
    async with home(broker, tmp_path, clock) as (hub, device, peer):
        await settled(hub, START)
        await device.publish(f"dev/1/{CUFF.key}/reading", reading(1, START, systolic=184))
        await settled(hub, START)
        assert hub.red_path.alerts() == (), "the second reading is being waited for"
        clock.advance(timedelta(minutes=2))
        page = await fetch(hub, "en")
        assert '<button name="said" value="chest_pain">' in page
        fields = dict(re.findall(r'name="(key|of)" value="([^"]*)"', page))
        for wrong in ({"key": "guessed"}, {"of": "Other/1/1#"}, {"said": "eye_pain<"}):
            assert await press(hub, {**fields, "said": "chest_pain", **wrong}) == 400
        told = argparse.Namespace(said="deep_breathing", hub=f"127.0.0.1:{hub.page_port}")
        assert await asyncio.to_thread(say_command.run, told) == 1, "nobody asks that"
        told.said = "chest_pain"
        assert await asyncio.to_thread(say_command.run, told) == 0
        assert [alert.rule_id for alert in hub.red_path.alerts()] == ["HW-01"]
        assert "call 120" in await fetch(hub, "en")
        await settled(hub, START)
        sent = [decode_envelope(p).observation for p in peer.payloads(FRONT, Lane.LIVE)]
        assert [one.kind for one in sent] == [Vital.BLOOD_PRESSURE, Vital.SYMPTOM]
        assert (sent[1].device, dict(sent[1].context)["symptom"]) == (sent[0].device, "chest_pain")


async def press(hub: RunningHub, fields: Mapping[str, str]) -> int:
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"http://127.0.0.1:{hub.page_port}/", data=dict(fields))
    return answer.status_code


async def test_an_emergency_without_a_receipt_says_after_a_minute_that_nobody_was_reached(
    broker: LocalBroker, tmp_path: Path
) -> None:
    clock = ManualClock(START)
    async with home(broker, tmp_path, clock) as (hub, device, peer):
        await settled(hub, START)
        peer.silent = True
        await device.publish(f"dev/1/{CUFF.key}/reading", reading(1, START, systolic=231))
        await until(lambda: bool(hub.red_path.alerts()))
        assert "Nobody has been reached" not in await fetch(hub, "en")
        await clock_to(clock, START + timedelta(seconds=61))
        assert "Nobody has been reached" in await fetch(hub, "en")
        assert "还没有联系上任何人" in await fetch(hub, "zh")


class LearningClock(ManualClock):
    """The clock of a machine without a battery: it jumps when the machine learns the time."""

    _learnt = timedelta()

    def learn(self, step: timedelta) -> None:
        self._learnt += step
        self.advance(step)

    def monotonic(self) -> float:
        return super().monotonic() - self._learnt.total_seconds()


async def test_a_hub_that_learns_the_time_goes_on_telling(
    broker: LocalBroker, tmp_path: Path
) -> None:
    clock = LearningClock(START - timedelta(days=3))
    async with home(broker, tmp_path, clock) as (hub, device, peer):
        await settled(hub, clock.now())
        peer.silent = True
        high = reading(1, clock.now(), systolic=231)
        await device.publish(f"dev/1/{CUFF.key}/reading", high)
        await until(lambda: bool(hub.red_path.alerts()))
        clock.learn(timedelta(days=3))
        await asyncio.sleep(0.05)
        assert "拨打120" in await fetch(hub, "zh")
        assert "还没有联系上任何人" not in await fetch(hub, "zh")
        await clock_to(clock, START + timedelta(seconds=61))
        assert "还没有联系上任何人" in await fetch(hub, "zh")


async def test_a_person_who_was_told_ends_nobody_was_reached(
    broker: LocalBroker, tmp_path: Path
) -> None:
    clock = ManualClock(START)
    async with home(broker, tmp_path, clock) as (hub, device, peer):
        await settled(hub, START)
        await device.publish(f"dev/1/{CUFF.key}/reading", reading(1, START, systolic=231))
        await settled(hub, START)
        (alert,) = hub.red_path.alerts()
        assert await hub.settle(clock.now()) == START + timedelta(minutes=5)  # receipted
        await clock_to(clock, START + timedelta(minutes=2))
        assert "Nobody has been reached" not in await fetch(hub, "en")
        await clock_to(clock, START + timedelta(minutes=5))
        assert "Nobody has been reached" in await fetch(hub, "en")
        body = CommandBody(told=(Told(alert_id=alert.alert_id, at=START),))
        await peer.command(
            FRONT,
            sign_command(hub=FRONT, version=1, issued_at=START, body=body, secret=SECRET),
        )
        await until(lambda: len(hub.red_path.instructions(clock.now())) == 1)
        assert "Nobody has been reached" not in await fetch(hub, "en")
        await peer.command(FRONT, b"")  # forget the retained command: the broker is shared


async def test_the_hub_runs_the_rules_of_its_signed_command_and_keeps_them_when_bad_ones_come(
    broker: LocalBroker, tmp_path: Path
) -> None:
    first = rules_for_hubs(load_first_pack())
    # A county whose HW-02 rings from 200, signed or not: the hub runs what it is sent.
    lower = tuple(text.replace("'systolic', 220", "'systolic', 200") for text in first.rules)
    assert lower != first.rules
    clock = ManualClock(START)
    async with home(broker, tmp_path, clock) as (hub, device, peer):
        await settled(hub, START)

        async def send(version: int, rules: HubRules) -> None:
            body = CommandBody(rules=rules)
            signed = sign_command(
                hub=FRONT, version=version, issued_at=START, body=body, secret=SECRET
            )
            await peer.command(FRONT, signed)

        await device.publish(f"dev/1/{CUFF.key}/reading", reading(1, START, systolic=205))
        await settled(hub, START)
        assert hub.red_path.alerts() == ()
        await send(1, structs.replace(first, rules=lower))
        await send(2, structs.replace(first, rules=("{}",)))
        async with mqtt_session(login(broker, "core", "watcher")) as watcher:
            await watcher.subscribe(status_topic(FRONT))
            status = await status_with(watcher, 2)
        assert status.refused_rules.startswith(f"first {first.version}")
        await device.publish(f"dev/1/{CUFF.key}/reading", reading(2, START, systolic=205))
        await settled(hub, START)
        assert [alert.rule_id for alert in hub.red_path.alerts()] == ["HW-02"]
        await peer.command(FRONT, b"")


async def test_the_hub_judges_by_the_limits_of_its_signed_command(
    broker: LocalBroker, tmp_path: Path
) -> None:
    shipped = rules_for_hubs(load_first_pack())
    over = "mean_over_target('systolic', '30m') >= 10.0"
    personal = tuple(
        text.replace("ge('systolic', 220) || ge('diastolic', 130)", over) for text in shipped.rules
    )
    rules = structs.replace(shipped, rules=personal)
    clock = ManualClock(START)
    async with home(broker, tmp_path, clock) as (hub, device, peer):
        await settled(hub, START)

        async def send(version: int, systolic: int) -> None:
            limits = {"systolic": Decimal(systolic)}
            worn = WornLimits(device="Acme/NetCuff/N-1", user_slot=None, limits=limits)
            body = CommandBody(rules=rules, limits=(worn,))
            signed = sign_command(
                hub=FRONT, version=version, issued_at=START, body=body, secret=SECRET
            )
            await peer.command(FRONT, signed)
            async with mqtt_session(login(broker, "core", "watcher")) as watcher:
                await watcher.subscribe(status_topic(FRONT))
                await status_with(watcher, version)

        await send(1, 160)
        await device.publish(f"dev/1/{CUFF.key}/reading", reading(1, START, systolic=155))
        await settled(hub, START)
        assert hub.red_path.alerts() == ()  # fifteen over the pack's 140, not over this person's
        await send(2, 150)
        await device.publish(f"dev/1/{CUFF.key}/reading", reading(2, START, systolic=165))
        await settled(hub, START)
        assert [alert.rule_id for alert in hub.red_path.alerts()] == ["HW-02"]
        await peer.command(FRONT, b"")


async def test_a_restart_in_an_emergency_goes_on_telling(
    broker: LocalBroker, tmp_path: Path
) -> None:
    async with Spool.open(tmp_path / "spool.db") as spool:
        cuff = blood_pressure(1, origin=Origin.LIVE, systolic=231)
        local = START.astimezone(ZONE).replace(tzinfo=None)
        await spool.add_decided([dataclasses.replace(cuff, device_time=local)])
    clock = ManualClock(START + timedelta(minutes=10))
    async with Hub(settings(broker, tmp_path), clock) as hub:
        assert "拨打120" in await fetch(hub, "zh")


@pytest.mark.parametrize("hours", [0.2, 5.0])
async def test_a_restart_after_the_receipt_goes_on_until_a_person_was_told(
    broker: LocalBroker, tmp_path: Path, hours: float
) -> None:
    local = START.astimezone(ZONE).replace(tzinfo=None)
    emergency = dataclasses.replace(
        blood_pressure(1, origin=Origin.LIVE, systolic=231), device_time=local
    )
    async with Spool.open(tmp_path / "spool.db") as spool:
        ((lane, sequence),) = await spool.add_decided([emergency])
        await spool.receipt(lane, sequence, START)
        # A meter's memory came afterwards, more than is judged again.
        await spool.add_decided([blood_pressure(n, session="m") for n in range(2, 2300)])
    clock = ManualClock(START + timedelta(hours=hours))
    async with Hub(settings(broker, tmp_path), clock) as hub:
        assert "还没有联系上任何人" in await fetch(hub, "zh")


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while True:
            if happened():
                return
            await asyncio.sleep(0.01)


async def clock_to(clock: ManualClock, when: datetime) -> None:
    """Advance and let the hub's own loop notice."""
    clock.advance_to(when)
    await asyncio.sleep(0.05)


async def fetch(hub: RunningHub, language: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.page_port)
    writer.write(f"GET /?lang={language} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    page = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    return page


async def test_a_session_cut_by_a_crash_is_decided_at_the_start(
    broker: LocalBroker, tmp_path: Path
) -> None:
    single = blood_pressure(1, session="cut-1")
    async with Spool.open(tmp_path / "spool.db") as spool:
        await spool.add(single)
        for number in (2, 3):
            await spool.add(blood_pressure(number, session="cut-2"))
    async with (
        ReceiptPeer.connect(login(broker, "core", "peer")) as peer,
        Hub(
            settings(broker, tmp_path, bluetooth=True, mqtt_devices=False), ManualClock(START)
        ) as hub,
    ):
        await settled(hub, START)
        live = [decode_envelope(p).observation for p in peer.payloads(FRONT, Lane.LIVE)]
        assert [o.session for o in live] == ["cut-1"]
        assert len(peer.payloads(FRONT, Lane.BACKLOG)) == 2


async def test_only_signed_newer_commands_are_obeyed(broker: LocalBroker, tmp_path: Path) -> None:
    clock = WallClock()
    folder = settings(broker, tmp_path)

    def command(version: int, secret: bytes = SECRET) -> bytes:
        body = CommandBody(bindings_known=(f"d{version}",))
        return sign_command(hub=FRONT, version=version, issued_at=START, body=body, secret=secret)

    async with (
        ReceiptPeer.connect(login(broker, "core", "peer")) as peer,
        mqtt_session(login(broker, "core", "watcher")) as watcher,
    ):
        await watcher.subscribe(status_topic(FRONT))
        async with Hub(folder, clock):
            await peer.command(FRONT, command(9, secret=bytes(32)))
            await asyncio.sleep(0.1)
            await peer.command(FRONT, command(3))
            assert (await status_with(watcher, 3)).online
            await peer.command(FRONT, command(2))
            await peer.command(FRONT, command(4))
            assert (await status_with(watcher, 4)).spool is not None
        gone = await status_with(watcher, 4, online=False)
        assert not gone.online
        await peer.command(FRONT, command(1))  # what an attacker with the broker could replay
        async with Hub(folder, clock):
            assert (await status_with(watcher, 4)).online  # remembered over the restart


async def status_with(watcher: MqttSession, version: int, *, online: bool = True) -> HubStatus:
    async with asyncio.timeout(60):
        async for message in watcher.messages:
            status = decode_status(message.payload)
            assert status.command_version in {0, 1, 2, 3, 4}  # 1, 2: retained by a former test
            if (status.command_version, status.online) == (version, online):
                return status
    raise AssertionError


@contextlib.asynccontextmanager
async def hub_process(
    broker: LocalBroker, folder: Path
) -> AsyncGenerator[asyncio.subprocess.Process]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HEARTHWATCH_HUB_HUB_ID": FRONT,
        "HEARTHWATCH_HUB_SECRET_HEX": SECRET.hex(),
        "HEARTHWATCH_HUB_DATA_DIR": str(folder),
        "HEARTHWATCH_HUB_TIME_SOURCE": "always",
        "HEARTHWATCH_HUB_BROKER_PASSWORD": broker.credentials(FRONT).password,
    }
    arguments = ("--broker-port", str(broker.port), "--mqtt-devices", "--no-bluetooth")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "service.cli",
        "hub",
        *arguments,
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        up: set[str] = set()
        async with asyncio.timeout(60):
            while not up >= {"uplink up", "devices' line up"}:
                line = await process.stderr.readline()
                assert line, "the hub ended"
                up.add(str(json.loads(line)["event"]))
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_kill_9_between_spool_and_receipt_loses_nothing(
    broker: LocalBroker, tmp_path: Path
) -> None:
    topic = f"dev/1/{CUFF.key}/reading"
    now = WallClock().now()
    async with (
        ReceiptPeer.connect(login(broker, "core", "peer")) as peer,
        mqtt_session(login(broker, "bridge-a", "device")) as device,
    ):
        peer.silent = True
        async with hub_process(broker, tmp_path) as process:
            for number in range(150):
                await device.publish(topic, reading(number, now + timedelta(seconds=number)))
            # No receipt comes: what is beyond the first is spooled and not even sent.
            await peer.until(Lane.LIVE, FIRST[Lane.LIVE])
            os.kill(process.pid, signal.SIGKILL)
        with contextlib.closing(sqlite3.connect(tmp_path / "spool.db")) as spool:
            (spooled,) = spool.execute("SELECT count(*) FROM message").fetchone()
        assert spooled > FIRST[Lane.LIVE]
        peer.silent = False
        await peer.receipt_all()
        async with hub_process(broker, tmp_path) as process:
            await peer.until(Lane.LIVE, spooled)
            process.terminate()
            assert await process.wait() == 0
        numbers = [decode_envelope(p).observation.sequence for p in peer.payloads(FRONT, Lane.LIVE)]
        assert numbers == list(range(spooled))
