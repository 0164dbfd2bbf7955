"""What a hub does while nothing happens: beat, forget, trust its clock, know who only sleeps."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from device_adapters.ble.radio import BleakRadio
from device_adapters.mqtt.client import MqttSession, mqtt_session
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from gateway import stamps
from gateway.broker import LocalBroker
from gateway.clock import ManualClock
from gateway.hub import Hub
from gateway.hub_page import TEXTS
from gateway.hub_radio import HubRadio
from gateway.hub_settings import HubSettings, TimeSource
from gateway.hub_status import HubStatus, decode_status
from gateway.spool import Spool
from gateway.spool_devices import PairedDevice
from gateway.stamps import Stamps, always
from rules.vocabulary import DeviceRef, HubId, Observation, Origin
from rules.wire import Lane, status_topic
from tests.integration.test_hub import CUFF, FRONT, ZONE, login, reading, settings
from tests.unit.gateway.observations import START, blood_pressure

pytestmark = pytest.mark.peer

PATIENCE_S = 60
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


async def told_at(watcher: MqttSession, at: datetime) -> HubStatus:
    """The first report of a hub that is there and says this instant."""
    async with asyncio.timeout(PATIENCE_S):
        async for message in watcher.messages:
            status = decode_status(message.payload)
            if status.online and status.at == at:
                return status
    raise AssertionError


@pytest.mark.row("L3")
async def test_a_hub_with_nothing_to_say_reports_every_minute(
    broker: LocalBroker, tmp_path: Path
) -> None:
    began = START + timedelta(days=400)  # no other test's retained report says such a time
    clock = ManualClock(began)
    async with mqtt_session(login(broker, "core", "watcher")) as watcher:
        await watcher.subscribe(status_topic(HubId(FRONT)))
        async with Hub(settings(broker, tmp_path), clock):
            await told_at(watcher, began)
            for beat in range(1, 4):
                clock.advance(MINUTE)
                await told_at(watcher, began + beat * MINUTE)


@pytest.mark.row("P22")
async def test_what_was_receipted_is_kept_for_seven_days_and_no_longer(
    broker: LocalBroker, tmp_path: Path
) -> None:
    """A core that was restored from a backup asks for it again (decision D2)."""
    clock = ManualClock(START)
    offline = settings(broker, tmp_path, broker_port=1, mqtt_devices=False, page_port=None)
    async with Hub(offline, clock) as hub:
        await hub.spool.add_decided([blood_pressure(n, origin=Origin.LIVE) for n in range(2)])
        await hub.spool.receipt(Lane.LIVE, 1, START)
        await hub.spool.receipt(Lane.LIVE, 2, START + DAY)
        clock.advance_to(START + 7 * DAY - MINUTE)
        await asyncio.sleep(0.2)  # would be enough to forget too early
        assert [m.refused for m in await hub.spool.unsent(Lane.LIVE, 0, 10)] == [False, False]
        clock.advance_to(START + 7 * DAY + timedelta(hours=6, minutes=1))
        async with asyncio.timeout(PATIENCE_S):
            while not (await hub.spool.unsent(Lane.LIVE, 0, 10))[0].refused:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert [m.refused for m in await hub.spool.unsent(Lane.LIVE, 0, 10)] == [True, False]


@pytest.mark.parametrize(("state", "trusted"), [(5, False), (0, True)])
async def test_a_hub_believes_its_clock_when_the_kernel_does(
    broker: LocalBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    state: int,
    *,
    trusted: bool,
) -> None:
    monkeypatch.setattr(stamps, "clock_state", lambda: state)
    assert HubSettings.model_fields["time_source"].default is TimeSource.KERNEL
    given = settings(broker, tmp_path, time_source=TimeSource.KERNEL, page_port=None)
    async with (
        Hub(given, ManualClock(START)) as hub,
        mqtt_session(login(broker, "bridge-a", "device")) as device,
    ):
        assert hub.front is not None
        async with asyncio.timeout(PATIENCE_S):
            await hub.front.fence()
            await device.publish(f"dev/1/{CUFF.key}/reading", reading(1, START))
            while not (kept := await hub.spool.received_since(START - DAY, 10)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert [one.received.wall_trusted for one in kept] == [trusted]


PAIRED = PairedDevice(
    address="C0:00:00:00:00:01",
    device=DeviceRef(manufacturer="Acme", model="BP-1", serial="1"),
    command_version=0,
)


@asynccontextmanager
async def hub_with_a_cuff(folder: Path, clock: ManualClock) -> AsyncGenerator[HubRadio]:
    """The radio side of a hub whose cuff was heard each morning for five days."""

    async def take(observations: list[Observation]) -> None:
        del observations

    async with (
        VirtualRadio(VirtualLink(), "C0:FF:EE:00:00:01") as virtual,
        Spool.open(folder / "spool.db") as spool,
    ):
        await spool.remember_paired(PAIRED)
        for day in range(5):
            await spool.remember_heard(PAIRED.address, START + day * DAY)
        radio = HubRadio(
            hub=HubId("hub-1"),
            spool=spool,
            stamps=Stamps(clock, always),
            zone=ZONE,
            radio=BleakRadio(virtual.scanner_backend, virtual.client_backend),
            clock=clock,
            on_spooled=take,
            on_change=lambda: None,
        )
        await radio.prepare()
        yield radio


@pytest.mark.row("L3")
@pytest.mark.parametrize(
    ("silent", "said"), [(2.9 * DAY, "asleep"), (3 * DAY, "overdue")], ids=["asleep", "overdue"]
)
async def test_the_hubs_own_page_tells_a_sleeping_cuff_from_a_missing_one(
    broker: LocalBroker, tmp_path: Path, silent: timedelta, said: str
) -> None:
    """Heard each morning; three mornings without it are longer than usual."""
    now = START + 4 * DAY + silent
    async with hub_with_a_cuff(tmp_path / "before", ManualClock(START)) as radio:
        assert radio.book.availability(PAIRED.address, now).value == said
    folder = tmp_path / "before"
    given = settings(broker, folder, broker_port=1, mqtt_devices=False, bluetooth=True)
    async with VirtualRadio(VirtualLink(), "C0:FF:EE:00:00:01") as virtual:
        hub = Hub(
            given,
            ManualClock(now),
            scanner_backend=virtual.scanner_backend,
            client_backend=virtual.client_backend,
        )
        async with hub as running:
            for language in ("zh", "en"):
                page = await running.page(language)
                assert f"{PAIRED.device.key}: {TEXTS[language][said]}" in page
