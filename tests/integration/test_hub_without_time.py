"""The whole hub after a power cut, before it learns the time: it rings, and not for old things."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from device_adapters.mqtt.client import mqtt_session
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.device_clock import DeviceClock
from firmware_sim.glucometer import Glucometer
from firmware_sim.link import VirtualLink
from firmware_sim.profiles.fields import Limit
from firmware_sim.quirks.quirk import SPECIFICATION, ClockService
from gateway import stamps
from gateway.broker import LocalBroker
from gateway.clock import WallClock
from gateway.commands import CommandBody, Told, sign_command
from gateway.hub import Hub
from gateway.hub_settings import TimeSource
from gateway.packs import load_first_pack
from gateway.red_path import RedPath
from gateway.spool import Spool
from rules.vocabulary import HubId, Observation, Origin
from rules.wire import Lane
from tests.fakes.receipt_peer import ReceiptPeer
from tests.integration.test_hub import (
    CUFF,
    SECRET,
    ZONE,
    LearningClock,
    clock_to,
    login,
    reading,
    settings,
    until,
)
from tests.integration.test_hub_radio import HUB as HOME
from tests.integration.test_hub_radio import METER, RADIO, home
from tests.unit.gateway.observations import START, blood_pressure

pytestmark = pytest.mark.peer

WALL = datetime(2023, 1, 1, tzinfo=UTC)
HUB = HubId("hub-c")
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def without_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stamps, "clock_state", lambda: 5)


def emergency(number: int, at: datetime) -> Observation:
    sent = blood_pressure(number, session=f"s{number}", origin=Origin.LIVE, systolic=235)
    return replace(
        sent,
        device_time=at.astimezone(ZONE).replace(tzinfo=None),
        received=replace(sent.received, wall=at),
    )


@pytest.mark.row("P11")
async def test_a_dated_reading_over_mqtt_rings_on_a_hub_without_the_time(
    broker: LocalBroker, tmp_path: Path
) -> None:
    clock = LearningClock(WALL)
    given = settings(broker, tmp_path, time_source=TimeSource.KERNEL, page_port=None)
    async with (
        Hub(given, clock) as hub,
        mqtt_session(login(broker, "bridge-a", "device")) as device,
    ):
        assert hub.front is not None
        async with asyncio.timeout(60):
            await hub.front.fence()
            for number, days in enumerate((2, 1, 0)):
                high = reading(number, START - days * DAY, systolic=231 + number)
                await device.publish(f"dev/1/{CUFF.key}/reading", high)
            await hub.front.fence()
        assert hub.red_path.alerts() == ()
        await clock_to(clock, WALL + timedelta(seconds=6))
        await until(lambda: bool(hub.red_path.alerts()))
        (alert,) = hub.red_path.alerts()
        (kept,) = [
            one
            for one in await hub.spool.received_since(WALL - DAY, 10)
            if one.ordinal == alert.record.ordinal
        ]
        assert (kept.sequence, kept.origin) == (2, Origin.BACKLOG)


async def test_a_power_cut_that_sets_the_clock_back_makes_no_old_emergency_new(
    broker: LocalBroker, tmp_path: Path
) -> None:
    """The older is a day before the newest stamp, the newest was told: silence, also later."""
    offline = settings(
        broker,
        tmp_path,
        HUB,
        broker_port=1,
        mqtt_devices=False,
        page_port=None,
        time_source=TimeSource.KERNEL,
    )
    old, told = emergency(1, START - 6 * DAY), emergency(2, START - 3 * DAY)
    path = RedPath(zone=ZONE, rules=load_first_pack())
    (alert,) = path.consider(told, told.received_at)
    async with Spool.open(tmp_path / "spool.db") as spool:
        for lane, sequence in await spool.add_decided([old, told]):
            await spool.receipt(lane, sequence, START - 3 * DAY)
        body = CommandBody(told=(Told(alert_id=alert.alert_id, at=START - 3 * DAY),))
        await spool.remember_command(
            sign_command(hub=HUB, version=1, issued_at=START, body=body, secret=SECRET)
        )
    clock = LearningClock(WALL)
    async with Hub(offline, clock) as hub:
        assert hub.to_say(clock.now()) == ()
        clock.learn(START - WALL)
        await hub.note_spooled([])
        await clock_to(clock, START + timedelta(minutes=7))
        assert hub.to_say(clock.now()) == ()


async def test_an_emergency_of_before_the_power_cut_sounds_until_the_time_is_learned(
    broker: LocalBroker, tmp_path: Path
) -> None:
    """Nobody was told, and how long the hub was off is not known before."""
    offline = settings(
        broker,
        tmp_path,
        HUB,
        broker_port=1,
        mqtt_devices=False,
        page_port=None,
        time_source=TimeSource.KERNEL,
    )
    async with Spool.open(tmp_path / "spool.db") as spool:
        await spool.add_decided([emergency(1, START - 3 * DAY)])
    clock = LearningClock(WALL)
    async with Hub(offline, clock) as hub:
        assert len(hub.to_say(clock.now())) == 1
        clock.learn(START - WALL)
        await hub.note_spooled([])
        assert hub.to_say(clock.now()) == ()


@pytest.mark.row("P11")
async def test_over_the_radio_the_one_low_after_the_mark_of_an_unreadable_clock_is_live(
    broker: LocalBroker, tmp_path: Path
) -> None:
    link, ahead = VirtualLink(), timedelta(hours=1)
    clock = DeviceClock.shifted(ahead, since=WallClock().now() - DAY)
    unreadable = replace(SPECIFICATION, clock=ClockService.NONE)
    async with (
        ReceiptPeer.connect(login(broker, "core", "peer")) as peer,
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, METER, clock=clock, quirk=unreadable) as meter,
    ):
        await peer.command(HOME, b"")
        async with home(broker, tmp_path, radio, peer) as here:
            await here.pair(meter, "p1")
            for hours in (3, 2):
                at = WallClock().now() - timedelta(hours=hours)
                await meter.measure(glucose_mmol=6.1, at=at)
            await meter.transferred()
            await here.settled()
            await meter.measure(glucose_mmol=Limit.LO, at=WallClock().now())
            await meter.transferred()
            await here.settled()
            await until(lambda: bool(here.hub.red_path.alerts()))
            assert [alert.rule_id for alert in here.hub.red_path.alerts()] == ["HW-05"]
            assert [one.sequence for one in here.received(Lane.LIVE)] == [2]
