"""Pairing on the virtual link: one confirmation, and every failure by its name."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone

import pytest

from device_adapters.ble.central import BleCentral, CentralSettings
from device_adapters.ble.pairing import PairingState, Phase
from device_adapters.ble.pairing_causes import Cause
from device_adapters.ble.pairing_session import PairingFailed, PairingSession, PairingSettings
from device_adapters.ble.radio import BleakRadio
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import BloodPressureCuff, DeviceClock, Glucometer, Identity
from rules.vocabulary import DeviceRef, HubId, HubStamp, QuantityName, Vital
from tests.fakes.virtual_agent import VirtualAgent
from tests.integration.test_ble_session import Inbox

pytestmark = pytest.mark.peer

CHINA = timezone(timedelta(hours=8))
AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
CUFF = Identity(
    manufacturer="Acme", model="BP-1", serial="SN1", address="C0:00:00:00:00:01", name="SIM-BP"
)
METER = Identity(
    manufacturer="Acme", model="GM-1", serial="SN2", address="C0:00:00:00:00:02", name="SIM-GLU"
)
RADIO = "C0:FF:EE:00:00:01"
CUFF_REF = DeviceRef(manufacturer="Acme", model="BP-1", serial="SN1")


def stamp() -> HubStamp:
    return HubStamp(boot_id="b", monotonic_s=0.0, wall=AT, wall_trusted=True)


@asynccontextmanager
async def pairing(
    radio: VirtualRadio,
    *,
    window_s: float = 120.0,
    scan_check_s: float = 5.0,
    connect_timeout_s: float = 30.0,
    known: Collection[str] = (),
    ours: BleakRadio | None = None,
) -> AsyncGenerator[PairingSession]:
    session = PairingSession(
        ours or BleakRadio(radio.scanner_backend, radio.client_backend),
        PairingSettings(
            zone=CHINA,
            window_s=window_s,
            connect_timeout_s=connect_timeout_s,
            hear_again_s=0.5,
            scan_check_s=scan_check_s,
        ),
        stamps=stamp,
        known=lambda: known,
        agent=VirtualAgent(radio),
    )
    async with session:
        yield session


async def found(session: PairingSession) -> None:
    async with asyncio.timeout(60):
        while session.state.phase is Phase.SEARCHING:
            await session.changed(session.state)


async def over(session: PairingSession) -> PairingState:
    """The state in which a window ends by itself, perhaps before this was asked."""
    async with asyncio.timeout(60):
        while session.state.phase is not Phase.FAILED:
            await session.changed(session.state)
    return session.state


@pytest.mark.row("P1")
async def test_a_cuff_is_discovered_and_one_confirmation_makes_its_first_reading_arrive() -> None:
    link, inbox = VirtualLink(), Inbox()
    clock = DeviceClock.reset(since=AT)
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, clock=clock, strict_pairing=True) as cuff,
    ):
        ours = BleakRadio(radio.scanner_backend, radio.client_backend)
        known: list[str] = []
        central = BleCentral(
            CentralSettings(hub=HubId("hub-1"), zone=CHINA, quiet_s=10.0),
            stamps=stamp,
            listener=inbox,
            radio=ours,
        )
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(central.sessions(lambda: known), name="central")
            async with pairing(radio, ours=ours) as session:
                assert session.state.phase is Phase.SEARCHING
                await cuff.pairing_mode(at=AT)
                await found(session)
                (candidate,) = session.candidates
                assert (candidate.name, candidate.kind) == ("SIM-BP", Vital.BLOOD_PRESSURE)
                assert await session.confirm(candidate.address) == CUFF_REF
                assert session.state.phase is Phase.PAIRED
                known.append(candidate.address)
            await cuff.measure(systolic=138, diastolic=88, at=AT)
            await inbox.next_session()
            serving.cancel()
    (first,) = inbox.observations
    assert first.device == CUFF_REF
    assert first.quantities[QuantityName.SYSTOLIC].value == 138
    assert clock.read(AT) == AT.astimezone(CHINA).replace(tzinfo=None)


async def test_pairing_leaves_the_clock_that_dated_the_memory_until_it_was_seen() -> None:
    """A cuff seven hours slow: what it holds when it is paired is corrected, not believed."""
    link, inbox = VirtualLink(), Inbox()
    behind, a_day = timedelta(hours=7), timedelta(days=1)
    slow = DeviceClock.shifted(-behind, since=AT - 2 * a_day)
    local = AT.astimezone(CHINA).replace(tzinfo=None)
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, clock=slow) as cuff,
    ):
        ours = BleakRadio(radio.scanner_backend, radio.client_backend)
        known: list[str] = []
        central = BleCentral(
            CentralSettings(hub=HubId("hub-1"), zone=CHINA, quiet_s=10.0),
            stamps=stamp,
            listener=inbox,
            radio=ours,
        )
        await cuff.measure(systolic=150, diastolic=90, at=AT - a_day)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(central.sessions(lambda: known), name="central")
            async with pairing(radio, ours=ours) as session:
                await cuff.pairing_mode(at=AT)
                await found(session)
                await session.confirm(CUFF.address)
                known.append(CUFF.address)
            await cuff.measure(systolic=138, diastolic=88, at=AT)
            await inbox.next_session()
            serving.cancel()
    assert inbox.observations[0].device_time == local - a_day - behind
    for record in inbox.observations:
        assert record.clocks is not None
        assert record.clocks.hub_time - record.clocks.device_time.replace(tzinfo=CHINA) == behind


async def test_a_passkey_is_asked_for_and_a_wrong_one_is_told_from_none() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, METER, passkey=123456) as meter,
        pairing(radio) as session,
    ):
        await meter.pairing_mode(at=AT)
        await found(session)
        for passkey, cause in ((None, Cause.PASSKEY_WANTED), (111111, Cause.PASSKEY_WRONG)):
            with pytest.raises(PairingFailed) as failure:
                await session.confirm(METER.address, passkey)
            assert failure.value.cause is cause
            assert (session.state.phase, session.state.cause) == (Phase.FAILED, cause)
            await meter.pairing_mode(at=AT)
        device = await session.confirm(METER.address, 123456)
    assert device.serial == "SN2"
    assert session.state.phase is Phase.PAIRED


@pytest.mark.row("P6")
async def test_a_device_outside_pairing_mode_is_told_from_one_that_refuses() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        BloodPressureCuff(link, CUFF, strict_pairing=True) as cuff,
    ):
        await cuff.measure(systolic=120, diastolic=80, at=AT)
        async with pairing(radio) as session:
            await found(session)
            with pytest.raises(PairingFailed) as failure:
                await session.confirm(CUFF.address)
    assert failure.value.cause is Cause.NOT_IN_PAIRING_MODE


async def test_a_bond_lost_on_the_device_is_replaced_by_pairing_again() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, CUFF) as cuff:
        for _ in range(2):
            await cuff.pairing_mode(at=AT)
            async with pairing(radio) as session:
                await found(session)
                assert await session.confirm(CUFF.address) == CUFF_REF
            await cuff.transferred()
            await cuff.forget_bonds()


async def test_windows_that_end_say_whether_a_device_was_there() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, CUFF) as cuff:
        async with pairing(radio, window_s=0.1) as session:
            state = await over(session)
            assert (state.phase, state.cause) == (Phase.FAILED, Cause.NOT_IN_PAIRING_MODE)
        await cuff.pairing_mode(at=AT)
        async with pairing(radio, window_s=4.0) as session:
            await found(session)
            state = await over(session)
            assert (state.phase, state.cause) == (Phase.FAILED, Cause.WINDOW_MISSED)


async def test_a_paired_device_is_not_offered_and_a_silent_one_is_out_of_range() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, CUFF) as cuff:
        await cuff.pairing_mode(at=AT)
        async with pairing(radio, known=[CUFF.address], window_s=0.3) as session:
            state = await over(session)
            assert state.candidates == ()
        async with pairing(radio, connect_timeout_s=2.0) as session:
            await found(session)
            await cuff.end_pairing_mode()
            with pytest.raises(PairingFailed) as failure:
                await session.confirm(CUFF.address)
            assert failure.value.cause is Cause.OUT_OF_RANGE
            with pytest.raises(PairingFailed) as failure:
                await session.confirm("C0:00:00:00:00:99")
            assert failure.value.cause is Cause.OUT_OF_RANGE


async def test_a_radio_that_is_off_is_the_cause() -> None:
    radio = VirtualRadio(VirtualLink(), RADIO)
    async with pairing(radio) as session:
        assert (session.state.phase, session.state.cause) == (Phase.FAILED, Cause.ADAPTER_OFF)


@pytest.mark.row("P6")
async def test_an_adapter_that_goes_away_while_the_window_is_open_is_the_cause() -> None:
    virtual = VirtualRadio(VirtualLink(), RADIO)
    async with AsyncExitStack() as adapter:
        await adapter.enter_async_context(virtual)
        async with (
            pairing(virtual, scan_check_s=0.05) as session,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(session.watch_radio(), name="pairing radio")
            await asyncio.sleep(0.2)
            assert session.state.phase is Phase.SEARCHING  # silence alone is no fault
            searching = session.state
            await adapter.aclose()
            state = await session.changed(searching)
            assert (state.phase, state.cause) == (Phase.FAILED, Cause.ADAPTER_OFF)
            session.stop_watching()


@pytest.mark.row("P6")
async def test_a_battery_that_ends_while_pairing_is_named() -> None:
    class Flat(BloodPressureCuff):
        """Says that its battery is nearly empty, and is off when its clock is asked for."""

        def _read_clock(self) -> datetime | None:
            self._spawn(self.die(), "die")
            return super()._read_clock()

    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, Flat(link, CUFF, battery_percent=6) as cuff:
        await cuff.pairing_mode(at=AT)
        async with pairing(radio) as session:
            await found(session)
            with pytest.raises(PairingFailed) as failure:
                await session.confirm(CUFF.address)
    assert failure.value.cause is Cause.BATTERY_LOW
