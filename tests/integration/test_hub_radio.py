"""The hub and its radio: paired by command, every reading spooled, receipted and once."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs
from pydantic import SecretStr

from device_adapters.ble.radio import BleakRadio
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import (
    BloodPressureCuff,
    DeviceClock,
    Glucometer,
    GlucoseSensor,
    Identity,
    Peripheral,
)
from gateway.broker import LocalBroker
from gateway.clock import ManualClock, WallClock
from gateway.commands import CommandBody, PairingOrder, sign_command
from gateway.hub import Hub, RunningHub
from gateway.hub_radio import HubRadio
from gateway.hub_settings import HubSettings, TimeSource
from gateway.hub_status import PairingReport, RadioReport
from gateway.refused import decode_refused
from gateway.spool import Spool
from gateway.stamps import Stamps, always
from rules.vocabulary import DeviceRef, HubId, Observation, Origin, QuantityName
from rules.wire import Lane, decode_envelope
from tests.fakes.receipt_peer import ReceiptPeer
from tests.fakes.virtual_agent import VirtualAgent
from tests.integration.test_hub import login

pytestmark = pytest.mark.peer

HUB = HubId("hub-home")
CHINA = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
SECRET = bytes(range(32))
RADIO = "C0:FF:EE:00:00:01"
SENSOR = Identity(
    manufacturer="Acme", model="CG-1", serial="SN3", address="C0:00:00:00:00:03", name="SIM-CGM"
)
CUFF = Identity(
    manufacturer="Acme", model="BP-1", serial="SN1", address="C0:00:00:00:00:01", name="SIM-BP"
)
METER = Identity(
    manufacturer="Acme", model="GM-1", serial="SN2", address="C0:00:00:00:00:02", name="SIM-GLU"
)


@dataclass
class Home:
    """A hub with a virtual radio, and the core that commands it."""

    hub: RunningHub
    peer: ReceiptPeer
    version: int = 0
    bound: tuple[str, ...] = ()

    async def command(self, body: CommandBody) -> None:
        self.version += 1
        signed = sign_command(
            hub=HUB,
            version=self.version,
            issued_at=WallClock().now(),
            body=body,
            secret=SECRET,
        )
        await self.peer.command(HUB, signed)

    async def order(self, session: str, **more: str) -> None:
        until = WallClock().now() + timedelta(minutes=4)
        pairing = PairingOrder(session=session, until=until, **more)
        await self.command(CommandBody(bindings_known=self.bound, pairing=pairing))

    async def reported(self, *states: str, cause: str | None = None) -> PairingReport:
        assert self.hub.radio is not None
        async with asyncio.timeout(60):
            while True:
                report = self.hub.radio.report()
                if report is not None and report.state in states and report.cause == cause:
                    return report
                await asyncio.sleep(0.01)

    async def pair(self, device: Peripheral, session: str) -> PairingReport:
        await self.order(session)
        await device.pairing_mode(at=WallClock().now())
        found = await self.reported("found")
        await self.order(session, confirm=found.candidates[0].address)
        return await self.reported("paired")

    async def settled(self) -> None:
        async with asyncio.timeout(60):
            await self.hub.settle(WallClock().now())

    def received(self, lane: Lane) -> list[Observation]:
        return [decode_envelope(p).observation for p in self.peer.payloads(HUB, lane)]


@contextlib.asynccontextmanager
async def home(
    broker: LocalBroker, folder: Path, radio: VirtualRadio, peer: ReceiptPeer
) -> AsyncGenerator[Home]:
    settings = HubSettings(
        hub_id=HUB,
        secret_hex=SecretStr(SECRET.hex()),
        data_dir=folder,
        time_source=TimeSource.ALWAYS,
        broker_host=broker.host,
        broker_port=broker.port,
        broker_password=SecretStr(broker.credentials(HUB).password),
    )
    async with Hub(
        settings,
        WallClock(),
        scanner_backend=radio.scanner_backend,
        client_backend=radio.client_backend,
        agent=VirtualAgent(radio),
    ) as hub:
        yield Home(hub, peer)


@pytest.fixture
async def peer(broker: LocalBroker) -> AsyncGenerator[ReceiptPeer]:
    async with ReceiptPeer.connect(login(broker, "core", "peer")) as peer:
        await peer.command(HUB, b"")  # the broker of the whole run keeps other tests' orders
        yield peer


@pytest.mark.row("P1")
async def test_a_cuff_paired_by_command_sends_a_live_reading_to_the_core(
    broker: LocalBroker, tmp_path: Path, peer: ReceiptPeer
) -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, strict_pairing=True) as cuff,
    ):
        async with home(broker, tmp_path, radio, peer) as here:
            report = await here.pair(cuff, "p1")
            assert report.address == CUFF.address
            assert report.device is not None
            assert (report.device.model, report.device.serial) == ("BP-1", "SN1")
            assert report.candidates[0].kind == "blood_pressure"
            await cuff.measure(systolic=138, diastolic=88, at=WallClock().now())
            await cuff.transferred()
            await here.settled()
            (reading,) = here.received(Lane.LIVE)
            assert reading.origin is Origin.LIVE
            assert reading.quantities[QuantityName.SYSTOLIC].value == 138
            assert here.received(Lane.BACKLOG) == []
            assert here.hub.radio is not None
            (known,) = here.hub.radio.devices()
            assert (known.device.serial, known.address) == ("SN1", CUFF.address)
            assert known.heard_at is not None
            assert known.overdue_at == known.heard_at + timedelta(days=3)
            assert (known.reason, known.battery_percent) == ("hung_up", 87)
            assert known.clock_ahead_s is not None
            assert abs(known.clock_ahead_s) < 5
            assert known.rssi is not None
            assert here.hub.radio.adapter() == RadioReport()
        # After a restart the device is known without pairing, and the order is not begun again.
        async with home(broker, tmp_path, radio, peer) as here:
            here.version = 2
            await cuff.measure(systolic=141, diastolic=90, at=WallClock().now())
            await cuff.transferred()
            await here.settled()
            readings = here.received(Lane.LIVE)
            assert [o.quantities[QuantityName.SYSTOLIC].value for o in readings] == [138, 141]
            assert here.hub.radio is not None
            assert here.hub.radio.report() is None
            assert here.hub.radio.devices()[0].heard_at is not None
            # Bound to nobody in this home any more: it is not synchronised.
            await here.command(CommandBody(bindings_known=("Other/X/1",)))
            async with asyncio.timeout(60):
                while here.hub.radio.known():  # noqa: ASYNC110 - a state, looked at
                    await asyncio.sleep(0.01)


async def test_a_cuff_that_forgot_us_is_offered_and_paired_again_by_command(
    broker: LocalBroker, tmp_path: Path, peer: ReceiptPeer
) -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, strict_pairing=True) as cuff,
        home(broker, tmp_path, radio, peer) as here,
    ):
        await here.pair(cuff, "first")
        await cuff.transferred()
        await cuff.forget_bonds()
        await cuff.measure(systolic=151, diastolic=95, at=WallClock().now())
        here.bound = ("Acme/BP-1/SN1",)
        await here.pair(cuff, "second")
        await cuff.transferred()
        await here.settled()
        (reading,) = here.received(Lane.LIVE)
    assert reading.quantities[QuantityName.SYSTOLIC].value == 151


@pytest.mark.row("P11")
async def test_a_cuff_that_is_paired_again_keeps_which_clock_dated_its_memory(
    broker: LocalBroker, tmp_path: Path, peer: ReceiptPeer
) -> None:
    link, now = VirtualLink(), WallClock().now()
    slow = DeviceClock.shifted(timedelta(hours=-3), since=now - timedelta(days=1))
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, clock=slow, strict_pairing=True) as cuff,
        home(broker, tmp_path, radio, peer) as here,
    ):
        await here.pair(cuff, "first")
        await cuff.transferred()
        await cuff.measure(systolic=150, diastolic=95, at=WallClock().now())
        await cuff.transferred()
        await here.settled()
        (before,) = await here.hub.spool.paired()
        assert len(before.clock_sets) == 1
        await cuff.forget_bonds()
        await cuff.measure(systolic=151, diastolic=95, at=WallClock().now())
        here.bound = ("Acme/BP-1/SN1",)
        await here.pair(cuff, "second")
        (after,) = await here.hub.spool.paired()
    assert after.clock_sets[:1] == before.clock_sets


async def test_a_live_230_from_a_reset_cuff_is_said_on_the_local_page(
    broker: LocalBroker, tmp_path: Path, peer: ReceiptPeer
) -> None:
    link = VirtualLink()
    clock = DeviceClock.absent()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, clock=clock) as cuff,
        home(broker, tmp_path, radio, peer) as here,
    ):
        await here.pair(cuff, "p1")
        await cuff.measure(systolic=230, diastolic=130, at=WallClock().now())
        await cuff.transferred()
        await here.settled()
        assert [alert.rule_id for alert in here.hub.red_path.alerts()] == ["HW-02"]
        assert "call 120" in await here.hub.page("en")


async def test_a_meters_backlog_is_fetched_once_and_broken_frames_are_refused(
    broker: LocalBroker, tmp_path: Path, peer: ReceiptPeer
) -> None:
    link = VirtualLink()
    now = WallClock().now()
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, METER) as meter,
        BloodPressureCuff(link, CUFF) as cuff,
        home(broker, tmp_path, radio, peer) as here,
    ):
        await here.pair(meter, "p1")
        for day in range(20, -1, -1):
            await meter.measure(glucose_mmol=6.1, unit="mmol/L", at=now - timedelta(days=day))
        await meter.transferred()
        await here.settled()
        assert [o.sequence for o in here.received(Lane.BACKLOG)] == list(range(20))
        assert [o.sequence for o in here.received(Lane.LIVE)] == [20]
        await meter.measure(glucose_mmol=5.5, unit="mmol/L", at=now + timedelta(minutes=1))
        await meter.transferred()
        await here.settled()
        # Asked from the high-water mark: the others did not come again.
        assert [o.sequence for o in here.received(Lane.LIVE)] == [20, 21]
        assert len(here.received(Lane.BACKLOG)) == 20
        await here.pair(cuff, "p2")
        cuff.inject(b"\x1e\x8a")
        await cuff.transferred()
        await here.settled()
        (refused,) = [
            refused
            for payload in here.peer.payloads(HUB, Lane.BACKLOG)
            if (refused := decode_refused(payload)) is not None
        ]
        assert (refused.source, refused.raw) == ("2A35", b"\x1e\x8a")
        assert refused.field.startswith("byte ")


@pytest.mark.row("P10")
async def test_skipped_numbers_and_a_sensors_session_are_known_to_the_hub(
    broker: LocalBroker, tmp_path: Path, peer: ReceiptPeer
) -> None:
    link = VirtualLink()
    now = WallClock().now()
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, METER) as meter,
        GlucoseSensor(link, SENSOR) as sensor,
    ):
        async with home(broker, tmp_path, radio, peer) as here:
            assert here.hub.radio is not None
            await here.pair(meter, "p1")
            for hours in range(9, 0, -1):
                await meter.measure(glucose_mmol=6.1, at=now - timedelta(hours=hours))
                if hours in {6, 5}:
                    meter.memory.remove([meter.records[-1]])
            await meter.transferred()
            await here.settled()
            assert here.hub.radio.devices()[0].missing == ((3, 4),)
            await meter.measure(glucose_mmol=6.2, at=now)
            await meter.transferred()
            await here.settled()
            assert here.hub.radio.devices()[0].missing == ((3, 4),)  # still known, told once
            await here.pair(sensor, "p2")
            began = now - timedelta(hours=1)
            for minutes in range(0, 60, 5):
                await sensor.measure_typical(began + timedelta(minutes=minutes))
            await sensor.transferred()
            await here.settled()
            kept = {paired.address: paired for paired in await here.hub.spool.paired()}
            assert (kept[METER.address].high_water, kept[METER.address].series) == (9, None)
            assert kept[SENSOR.address].high_water == 55
            assert kept[SENSOR.address].series is not None
        sent = len(here.received(Lane.LIVE)) + len(here.received(Lane.BACKLOG))
        # After a restart the sensor is asked from its own mark on, in its own session.
        async with home(broker, tmp_path, radio, peer) as here:
            await sensor.measure_typical(now)
            await sensor.transferred()
            await here.settled()
            assert len(here.received(Lane.LIVE)) + len(here.received(Lane.BACKLOG)) == sent + 1


async def test_a_passkey_is_asked_for_and_handed_on(
    broker: LocalBroker, tmp_path: Path, peer: ReceiptPeer
) -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, METER, passkey=123456) as meter,
        home(broker, tmp_path, radio, peer) as here,
    ):
        await here.order("p1")
        await meter.pairing_mode(at=WallClock().now())
        await here.reported("found")
        await here.order("p1", confirm=METER.address)
        await here.reported("pairing", "failed", cause="passkey_wanted")
        await meter.pairing_mode(at=WallClock().now())
        await here.order("p1", confirm=METER.address, passkey="123456")
        report = await here.reported("paired")
        assert report.device is not None
        expected = DeviceRef(manufacturer="Acme", model="GM-1", serial="SN2")
        assert [paired.device for paired in await here.hub.spool.paired()] == [expected]


@pytest.mark.row("P3")
@pytest.mark.parametrize("behind", [timedelta(), timedelta(days=3)], ids=["right", "behind"])
async def test_a_pairing_window_closes_by_itself_whatever_the_clock_says(
    tmp_path: Path, behind: timedelta
) -> None:
    link, clock = VirtualLink(), ManualClock(START - behind)
    async with (
        VirtualRadio(link, RADIO) as virtual,
        BloodPressureCuff(link, CUFF) as cuff,
        Spool.open(tmp_path / "spool.db") as spool,
        asyncio.TaskGroup() as group,
    ):
        radio = HubRadio(
            hub=HUB,
            spool=spool,
            stamps=Stamps(clock, always),
            zone=CHINA,
            radio=BleakRadio(virtual.scanner_backend, virtual.client_backend),
            clock=clock,
            on_spooled=_take,
            on_change=lambda: None,
        )
        serving = group.create_task(radio.run(), name="radio")
        order = PairingOrder(session="p1", until=START + timedelta(minutes=5))
        radio.obey(1, CommandBody(pairing=order))
        await cuff.pairing_mode(at=START)
        await _state(radio, "found")
        for _ in range(7 * 60 // 5):
            clock.advance(timedelta(seconds=5))
            await asyncio.sleep(0.001)
        confirm = structs.replace(order, confirm=CUFF.address)
        radio.obey(2, CommandBody(pairing=confirm))
        await asyncio.sleep(0.5)
        assert await spool.paired() == []
        serving.cancel()


@pytest.mark.row("P6")
@pytest.mark.parametrize("fresh", [True, False], ids=["published now", "kept for the hub"])
async def test_a_clock_that_is_ahead_is_named_and_an_old_order_is_nothing(
    tmp_path: Path, fresh: bool
) -> None:
    """Ten minutes ahead of the county, each window of five is over before it begins."""
    clock = ManualClock(START + timedelta(minutes=10))
    changes: list[None] = []
    async with (
        VirtualRadio(VirtualLink(), RADIO) as virtual,
        Spool.open(tmp_path / "spool.db") as spool,
    ):
        radio = HubRadio(
            hub=HUB,
            spool=spool,
            stamps=Stamps(clock, always),
            zone=CHINA,
            radio=BleakRadio(virtual.scanner_backend, virtual.client_backend),
            clock=clock,
            on_spooled=_take,
            on_change=lambda: changes.append(None),
        )
        order = PairingOrder(session="p1", until=START + timedelta(minutes=5))
        radio.obey(1, CommandBody(pairing=order), fresh=fresh)
        report = radio.report()
    if fresh:
        assert report is not None
        assert (report.session, report.state, report.cause) == ("p1", "failed", "hub_clock_wrong")
        assert changes
    else:
        assert report is None


async def _take(observations: list[Observation]) -> None:
    del observations


async def _state(radio: HubRadio, state: str) -> None:
    async with asyncio.timeout(60):
        while (report := radio.report()) is None or report.state != state:  # noqa: ASYNC110 - a state
            await asyncio.sleep(0.01)


async def test_a_cancelled_window_ends_and_another_can_open(
    broker: LocalBroker, tmp_path: Path, peer: ReceiptPeer
) -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF) as cuff,
        home(broker, tmp_path, radio, peer) as here,
    ):
        await here.order("p1")
        await here.reported("searching")
        await here.command(CommandBody())
        assert here.hub.radio is not None
        async with asyncio.timeout(60):
            while here.hub.radio.report() is not None:  # noqa: ASYNC110 - a state
                await asyncio.sleep(0.01)
        report = await here.pair(cuff, "p2")
        assert report.session == "p2"
