"""Sessions with virtual devices: real GATT, SMP and L2CAP octets, our adapter on bleak."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from device_adapters.adapter import DecodeError, Frame
from device_adapters.ble.central import BleCentral, CentralSettings
from device_adapters.ble.clocks import ClockSet
from device_adapters.ble.link import LinkCause
from device_adapters.ble.origin import classify
from device_adapters.ble.radio import BleakRadio
from device_adapters.ble.session import Remembered, SessionReason, SessionSummary
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import (
    LO,
    BloodPressureCuff,
    DeviceClock,
    Glucometer,
    Identity,
    Peripheral,
    Special,
)
from rules.identity import observation_identity
from rules.vocabulary import (
    Bound,
    DeviceRef,
    HubId,
    HubStamp,
    NoValue,
    Observation,
    Origin,
    QualityFlag,
    Quantity,
    QuantityName,
)

pytestmark = pytest.mark.peer

CHINA = timezone(timedelta(hours=8))
AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
LOCAL = AT.astimezone(CHINA).replace(tzinfo=None)
CUFF = Identity(
    manufacturer="Acme", model="BP-1", serial="SN1", address="C0:00:00:00:00:01", name="SIM-BP"
)
METER = Identity(
    manufacturer="Acme", model="GM-1", serial="SN2", address="C0:00:00:00:00:02", name="SIM-GLU"
)
PATIENCE_S = 60.0
RADIO = "C0:FF:EE:00:00:01"


@dataclass
class Inbox:
    """Keeps what a hub would spool."""

    observations: list[Observation] = field(default_factory=list[Observation])
    refused: list[tuple[Frame, DecodeError]] = field(
        default_factory=list[tuple[Frame, DecodeError]]
    )
    sessions: list[SessionSummary] = field(default_factory=list[SessionSummary])
    clock_sets: dict[str, tuple[ClockSet, ...]] = field(
        default_factory=dict[str, tuple[ClockSet, ...]]
    )
    _ended: asyncio.Queue[SessionSummary] = field(default_factory=asyncio.Queue[SessionSummary])

    async def on_observation(self, observation: Observation) -> None:
        await asyncio.sleep(0)
        self.observations.append(observation)

    async def on_refused(self, frame: Frame, error: DecodeError) -> None:
        self.refused.append((frame, error))

    async def on_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> bool:
        self.clock_sets[address] = sets
        return True

    async def on_session_end(self, summary: SessionSummary) -> None:
        self.sessions.append(summary)
        self._ended.put_nowait(summary)

    async def next_session(self) -> SessionSummary:
        async with asyncio.timeout(PATIENCE_S):
            return await self._ended.get()

    def remembered(self, address: str) -> Remembered | None:
        known = [one for one in self.sessions if one.address == address and one.device is not None]
        if not known or known[-1].device is None:
            return None
        marks = [one for one in known if one.high_water is not None]
        return Remembered(
            device=known[-1].device,
            high_water=marks[-1].high_water if marks else None,
            newest=marks[-1].newest if marks else None,
            clock_sets=self.clock_sets.get(address, ()),
        )

    def of(self, summary: SessionSummary) -> list[Observation]:
        return [o for o in self.observations if o.session == summary.session]


class Hand:
    """A hub's clock that a test moves."""

    def __init__(self) -> None:
        self.now = AT
        self.trusted = True

    def __call__(self) -> HubStamp:
        seconds = (self.now - AT).total_seconds()
        return HubStamp(boot_id="b", monotonic_s=seconds, wall=self.now, wall_trusted=self.trusted)


@asynccontextmanager
async def hub(
    radio: VirtualRadio,
    *devices: Peripheral,
    clock: Hand | None = None,
    inbox: Inbox | None = None,
    quiet_s: float = 10.0,
) -> AsyncGenerator[Inbox]:
    inbox = inbox or Inbox()
    central = BleCentral(
        CentralSettings(hub=HubId("hub-1"), zone=CHINA, first_wait_s=30.0, quiet_s=quiet_s),
        stamps=clock or Hand(),
        listener=inbox,
        remembered=inbox.remembered,
        radio=BleakRadio(radio.scanner_backend, radio.client_backend),
    )
    known = [device.identity.address for device in devices]
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(central.sessions(lambda: known), name="central")
        yield inbox
        serving.cancel()


def mmhg(value: int) -> Quantity:
    return Quantity(value=Decimal(value), unit="mm[Hg]")


@pytest.mark.row("P12")
async def test_one_measurement_arrives_once_live_and_complete() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF) as cuff,
        hub(radio, cuff) as inbox,
    ):
        frame = await cuff.measure(systolic=138, diastolic=88, pulse=60, at=AT, user_id=1, status=1)
        summary = await inbox.next_session()
    (seen,) = inbox.observations
    assert seen.device == DeviceRef(manufacturer="Acme", model="BP-1", serial="SN1")
    assert seen.quantities[QuantityName.SYSTOLIC] == mmhg(138)
    assert seen.quantities[QuantityName.DIASTOLIC] == mmhg(88)
    assert (seen.user_slot, seen.device_time, seen.raw) == (1, LOCAL, frame)
    assert seen.flags == (QualityFlag.BODY_MOVEMENT,)
    assert (seen.hub, seen.session, seen.source) == ("hub-1", summary.session, "ble:2A35")
    assert summary.count == 1
    assert summary.battery_percent == 87
    assert classify(inbox.of(summary), zone=CHINA) == [Origin.LIVE]


@pytest.mark.row("P10")
async def test_a_full_backlog_arrives_and_two_identical_syncs_are_the_same_records() -> None:
    link, hand = VirtualLink(), Hand()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, keeps_records=True) as cuff,
    ):
        for day in range(60):
            hand.now = AT - timedelta(days=60 - day)
            await cuff.measure(systolic=130 + day % 3, diastolic=80, at=hand.now)
        async with hub(radio, cuff, clock=hand) as inbox:
            first = await inbox.next_session()
            await cuff.transferred()
            hand.now = AT
            await cuff.measure(systolic=150, diastolic=90, at=AT)
            second = await inbox.next_session()
    once = [observation_identity(o) for o in inbox.of(first)]
    again = [observation_identity(o) for o in inbox.of(second)]
    assert len(set(once)) == 60
    assert again[:60] == once
    assert len(set(again)) == 61
    assert classify(inbox.of(first), zone=CHINA) == [Origin.BACKLOG] * 59 + [Origin.LIVE]
    assert classify(inbox.of(second), zone=CHINA) == [Origin.BACKLOG] * 60 + [Origin.LIVE]


@pytest.mark.row("P10")
async def test_a_meter_is_asked_from_the_high_water_mark_and_once_more_after_a_reset() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, METER) as meter,
        hub(radio, meter) as inbox,
    ):
        for number in range(5):
            at = AT - timedelta(hours=5 - number)
            await meter.measure(glucose_mmol=5.0 + number / 10, at=at, meal="fasting")
        counted = 0
        while counted < 5:
            summary = await inbox.next_session()
            counted = len({o.sequence for o in inbox.observations})
            assert summary.reason is SessionReason.TRANSFERRED
            assert summary.high_water is not None
        assert {o.context["meal"] for o in inbox.observations} == {"fasting"}
        assert len({observation_identity(o) for o in inbox.observations}) == 5

        await meter.transferred()
        await meter.measure(glucose_mmol=LO, at=AT)
        summary = await inbox.next_session()
        (low,) = inbox.of(summary)
        assert low.quantities == {
            QuantityName.GLUCOSE: Quantity(unit="mol/L", censored=Bound.BELOW)
        }
        assert classify([low], zone=CHINA) == [Origin.LIVE]
        assert summary.high_water == 5

        await meter.transferred()
        meter.restart_numbering()
        await meter.measure(glucose_mmol=9.9, at=AT)
        summary = await inbox.next_session()
        assert len(inbox.of(summary)) == 6  # everything but the one of our mark
        assert len({observation_identity(o) for o in inbox.observations}) == 7


@pytest.mark.row("P11")
async def test_a_reset_clock_is_seen_and_set_and_the_reading_is_live() -> None:
    link = VirtualLink()
    clock = DeviceClock.reset(since=AT - timedelta(minutes=10))
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, clock=clock) as cuff,
        hub(radio, cuff) as inbox,
    ):
        await cuff.measure(systolic=230, diastolic=130, at=AT)
        first = await inbox.next_session()
        (crisis,) = inbox.of(first)
        assert crisis.device_time == datetime(2000, 1, 1, 0, 10)  # noqa: DTZ001
        assert crisis.clocks is not None
        assert crisis.clocks.device_time == datetime(2000, 1, 1, 0, 10)  # noqa: DTZ001
        assert crisis.clocks.hub_time == AT
        assert classify([crisis], zone=CHINA) == [Origin.LIVE]
        await cuff.transferred()
        await cuff.measure(systolic=228, diastolic=128, at=AT + timedelta(minutes=1))
        (again,) = inbox.of(await inbox.next_session())
        assert again.device_time == LOCAL + timedelta(minutes=1)


@pytest.mark.row("P10")
async def test_a_second_reading_while_the_session_closes_is_not_lost() -> None:
    class SlowCard(Inbox):
        """The first record takes longer to be durable than the device is waited for."""

        writing = asyncio.Event()
        second_sent = asyncio.Event()

        async def on_observation(self, observation: Observation) -> None:
            await super().on_observation(observation)
            self.writing.set()
            await self.second_sent.wait()

    link, inbox = VirtualLink(), SlowCard()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, hang_up_after_s=30.0) as cuff,
        hub(radio, cuff, inbox=inbox, quiet_s=0.5),
    ):
        await cuff.measure(systolic=138, diastolic=88, pulse=60, at=AT, user_id=1, status=1)
        async with asyncio.timeout(PATIENCE_S):
            await inbox.writing.wait()
        await asyncio.sleep(1.0)  # twice the silence after which a device has said everything
        second = AT + timedelta(minutes=1)
        await cuff.measure(systolic=225, diastolic=121, pulse=60, at=second, user_id=1, status=1)
        async with asyncio.timeout(PATIENCE_S):
            while cuff.unsent:  # noqa: ASYNC110 - a state, looked at
                await asyncio.sleep(0.01)
        inbox.second_sent.set()
        summary = await inbox.next_session()
    assert [o.quantities[QuantityName.SYSTOLIC] for o in inbox.of(summary)] == [
        mmhg(138),
        mmhg(225),
    ]
    assert summary.count == 2


@pytest.mark.row("P11")
async def test_a_clock_is_left_alone_by_a_hub_that_does_not_know_the_time() -> None:
    link, hand = VirtualLink(), Hand()
    hand.trusted = False
    clock = DeviceClock.reset(since=AT)
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, clock=clock) as cuff,
        hub(radio, cuff, clock=hand) as inbox,
    ):
        await cuff.measure(systolic=120, diastolic=80, at=AT)
        (reading,) = inbox.of(await inbox.next_session())
    assert reading.clocks is None
    assert clock.read(AT) == datetime(2000, 1, 1)  # noqa: DTZ001


@pytest.mark.row("P13")
async def test_a_broken_frame_is_refused_with_its_byte_and_the_stream_goes_on() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF) as cuff,
    ):
        cuff.inject(bytes.fromhex("010203040506"))
        await cuff.measure(systolic=Special.NAN, diastolic=Special.NAN, at=AT)
        await cuff.measure(systolic=121, diastolic=79, at=AT)
        async with hub(radio, cuff) as inbox:
            summary = await inbox.next_session()
    ((frame, error),) = inbox.refused
    assert (frame.ordinal, str(error)[:13]) == (0, "2A35: byte 6:")
    failed, good = inbox.observations
    assert failed.quantities[QuantityName.SYSTOLIC].no_value is NoValue.NAN
    assert good.quantities[QuantityName.SYSTOLIC] == mmhg(121)
    assert (summary.count, summary.refused) == (2, 1)


async def test_a_link_that_breaks_in_a_transfer_ends_the_session_and_the_next_brings_the_rest() -> (
    None
):
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, METER) as meter,
    ):
        for number in range(10):
            at = AT - timedelta(hours=10 - number)
            await meter.measure(glucose_mmol=5.0 + number / 10, at=at)
        meter.drop_after = 4
        async with hub(radio, meter) as inbox:
            broken = await inbox.next_session()
            assert broken.reason is SessionReason.LINK_LOST
            assert broken.high_water is None
            whole = await inbox.next_session()
    assert whole.reason is SessionReason.TRANSFERRED
    assert len({observation_identity(o) for o in inbox.observations}) == 10


@pytest.mark.parametrize("loser", ["device", "hub"])
async def test_a_lost_bond_is_reported_once_and_nothing_is_taken(loser: str) -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, strict_pairing=True) as cuff,
    ):
        await cuff.pairing_mode(at=AT)
        ours = BleakRadio(radio.scanner_backend, radio.client_backend)
        heard = asyncio.Event()
        async with ours.scan(lambda _seen: heard.set()):
            await asyncio.wait_for(heard.wait(), 60)
            async with ours.connect(CUFF.address, lambda: None, timeout_s=30):
                pass
        await cuff.transferred()
        if loser == "device":
            await cuff.forget_bonds()
        else:
            await radio.forget(CUFF.address)
        async with hub(radio, cuff) as inbox:
            await cuff.measure(systolic=121, diastolic=80, at=AT)
            summary = await inbox.next_session()
            await asyncio.sleep(0.3)
    assert (summary.reason, summary.count, summary.device) == (SessionReason.BOND_LOST, 0, None)
    assert len(inbox.sessions) == 1
    assert cuff.unsent


async def test_a_subscription_that_is_refused_for_good_is_a_lost_bond() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,  # no keyboard: it can only bond without a passkey
        BloodPressureCuff(link, CUFF, clock=DeviceClock.absent(), passkey=123456) as cuff,
        hub(radio, cuff) as inbox,
    ):
        await cuff.measure(systolic=121, diastolic=80, at=AT)
        summary = await inbox.next_session()
    assert (summary.reason, summary.count) == (SessionReason.BOND_LOST, 0)
    assert "not_authenticated" in summary.detail


async def test_a_hub_that_stops_in_a_session_hangs_up_and_loses_nothing() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, hang_up_after_s=5.0) as cuff,
    ):
        async with hub(radio, cuff) as inbox:
            await cuff.measure(systolic=121, diastolic=80, at=AT)
            async with asyncio.timeout(60):
                while not inbox.observations:  # noqa: ASYNC110 - a list of a fake, no event
                    await asyncio.sleep(0.01)
            assert cuff.connected
        assert not inbox.sessions  # undecided: the hub decides from its spool when it starts again
        await asyncio.wait_for(cuff.transferred(), 60)
        assert not cuff.connected


async def test_an_unknown_device_is_never_connected() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF) as cuff,
        hub(radio) as inbox,
    ):
        await cuff.measure(systolic=120, diastolic=80, at=AT)
        await asyncio.sleep(0.2)
        assert not cuff.connected
    assert not inbox.sessions


async def test_two_devices_are_served_at_the_same_time() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF) as cuff,
        Glucometer(link, METER) as meter,
        hub(radio, cuff, meter) as inbox,
    ):
        await cuff.measure(systolic=120, diastolic=80, at=AT)
        await meter.measure(glucose_mmol=6.1, at=AT)
        await inbox.next_session()
        while len(inbox.sessions) < 2:
            await inbox.next_session()
    assert {o.device.serial for o in inbox.observations} == {"SN1", "SN2"}


async def test_a_radio_that_is_off_is_named_as_the_fault() -> None:
    radio = VirtualRadio(VirtualLink(), RADIO)
    central = BleCentral(
        CentralSettings(hub=HubId("hub-1"), zone=CHINA),
        stamps=Hand(),
        listener=Inbox(),
        radio=BleakRadio(radio.scanner_backend, radio.client_backend),
    )
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(central.sessions(list), name="central")
        await asyncio.sleep(0.1)
        serving.cancel()
    assert central.fault is LinkCause.ADAPTER_OFF
