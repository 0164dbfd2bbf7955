"""A device that does not become ours: named by what the radio really said, with one next step."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from bleak.exc import BleakError
from bumble.gatt import Service
from bumble.gatt_server import Server
from bumble.hci import Address

from device_adapters.ble.link import Link, LinkCause, LinkError
from device_adapters.ble.pairing import PairingState, Phase
from device_adapters.ble.pairing_causes import ADVICE, Cause
from device_adapters.ble.pairing_session import PairingFailed, PairingSession, PairingSettings
from device_adapters.ble.radio import BleakRadio
from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.bleak_scanner import VirtualScanner
from firmware_sim.central import Central, hang_up
from firmware_sim.gatt_device import Peripheral
from firmware_sim.gatt_services import constant, uuid16
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import BloodPressureCuff, Glucometer
from rules.vocabulary import HubStamp

pytestmark = pytest.mark.peer

AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
RADIO = "C0:FF:EE:00:00:01"
PLATE = Identity(
    manufacturer="Acme", model="X-1", serial="R1", address="C0:00:00:00:00:0A", name="SIM-R"
)
ROCHE = replace(PLATE, manufacturer="Roche", model="Accu-Chek Guide")
OMRON = replace(PLATE, manufacturer="Omron", model="HEM-7322T")


def stamp() -> HubStamp:
    return HubStamp(boot_id="b", monotonic_s=0.0, wall=AT, wall_trusted=True)


class MoodyRadio(BleakRadio):
    """Loses so many links, before anything was said, and counts the connections."""

    attempts = losses = 0

    @asynccontextmanager
    async def connect(
        self, address: str, on_lost: Callable[[], None], *, timeout_s: float
    ) -> AsyncGenerator[Link]:
        self.attempts += 1
        if self.attempts <= self.losses:
            raise LinkError(LinkCause.LOST, "the link broke")
        async with super().connect(address, on_lost, timeout_s=timeout_s) as link:
            yield link


@asynccontextmanager
async def pairing(
    radio: VirtualRadio,
    *,
    window_s: float = 120.0,
    look_s: float = 30.0,
    ours: BleakRadio | None = None,
) -> AsyncGenerator[PairingSession]:
    session = PairingSession(
        ours or BleakRadio(radio.scanner_backend, radio.client_backend),
        PairingSettings(
            zone=UTC,
            window_s=window_s,
            connect_timeout_s=30.0,
            hear_again_s=30.0,
            look_s=look_s,
        ),
        stamps=stamp,
        known=lambda: (),
    )
    async with session:
        yield session


async def found(session: PairingSession) -> None:
    async with asyncio.timeout(60):
        while session.state.phase is Phase.SEARCHING:
            await session.changed(session.state)


async def cause_of_pairing(
    radio: VirtualRadio,
    device: Peripheral,
    *,
    look_s: float = 30.0,
    ours: BleakRadio | None = None,
) -> Cause:
    """What becomes of one confirmation, with the device waiting to be paired."""
    await device.pairing_mode(at=AT)
    async with pairing(radio, look_s=look_s, ours=ours) as session:
        await found(session)
        with pytest.raises(PairingFailed) as failure:
            await session.confirm(device.identity.address)
        assert session.state.cause is failure.value.cause
    return failure.value.cause


async def closed_window(
    radio: VirtualRadio, heard: Callable[[PairingState], bool], ours: BleakRadio | None = None
) -> PairingState:
    """A window that closed after the device was heard, and somebody confirmed it too late."""
    for window_s in (1.0, 4.0, 16.0, 60.0):  # a busy machine hears it in a later one
        async with pairing(radio, window_s=window_s, ours=ours) as session:
            while not session.state.closed:
                await session.changed(session.state)
            if heard(session.state):
                state = session.state
                with pytest.raises(PairingFailed) as failure:
                    await session.confirm(PLATE.address)
                assert failure.value.cause is Cause.WINDOW_MISSED
                return state
    raise AssertionError("the device was never heard")


async def bonds_with(link: VirtualLink, device: Peripheral, partners: int) -> None:
    for number in range(partners):
        async with Central(link, address=f"C0:FF:EE:00:01:{number:02X}") as phone:
            await device.pairing_mode(at=AT)
            connection = await phone.connect(Address(device.identity.address), timeout_s=30)
            await connection.pair()
            await hang_up(connection)
            async with asyncio.timeout(30):
                while device.connected:  # noqa: ASYNC110 - the device tells nobody
                    await asyncio.sleep(0.01)


@pytest.mark.row("P6")
async def test_a_meter_whose_five_slots_are_taken_says_so_and_lets_us_in_once_one_is_free() -> None:
    link = VirtualLink()
    async with (
        VirtualRadio(link, RADIO) as radio,
        Glucometer(link, ROCHE, bond_slots=5) as meter,
    ):
        await bonds_with(link, meter, partners=5)
        assert await cause_of_pairing(radio, meter) is Cause.SLOTS_FULL
        advice = ADVICE[Cause.SLOTS_FULL]
        assert "配对名单已满" in advice.zh
        assert "list of partners is full" in advice.en
        assert "清除设备的蓝牙配对" in advice.next_zh
        assert "Clear the device's Bluetooth partners" in advice.next_en
        await meter.forget_bonds()  # cleared as the manual says
        await meter.pairing_mode(at=AT)
        async with pairing(radio) as session:
            await found(session)
            assert (await session.confirm(ROCHE.address)).model == "Accu-Chek Guide"


@pytest.mark.row("P6")
@pytest.mark.parametrize(
    ("plate", "cause"),
    [(PLATE, Cause.BOND_REFUSED), (OMRON, Cause.PAIRED_ELSEWHERE), (ROCHE, Cause.SLOTS_FULL)],
    ids=["unknown model", "one bond", "several bonds"],
)
async def test_a_refusal_is_explained_by_the_label_that_the_device_shows_to_everybody(
    plate: Identity, cause: Cause
) -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, plate) as cuff:
        cuff.refuses_pairing = True
        assert await cause_of_pairing(radio, cuff) is cause


async def test_a_refusing_device_that_switches_off_at_the_look_is_called_refusing() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, ROCHE) as cuff:
        cuff.refuses_pairing = True
        cuff.interference.hides_on_unpaired_discovery = True
        assert await cause_of_pairing(radio, cuff, look_s=2.0) is Cause.BOND_REFUSED


class HastyRadio(BleakRadio):
    """Still ending the refused link when it is asked for another, as BlueZ may be."""

    looks = 0

    @asynccontextmanager
    async def look(self, address: str, *, timeout_s: float) -> AsyncGenerator[Link]:
        self.looks += 1
        if self.looks == 1:
            raise LinkError(LinkCause.FAILED, "le-connection-abort-by-local")
        async with super().look(address, timeout_s=timeout_s) as link:
            yield link


async def test_a_look_that_breaks_is_taken_again() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, OMRON) as cuff:
        cuff.refuses_pairing = True
        ours = HastyRadio(radio.scanner_backend, radio.client_backend)
        assert await cause_of_pairing(radio, cuff, ours=ours) is Cause.PAIRED_ELSEWHERE
        assert ours.looks == 2


class Cycle(BloodPressureCuff):
    """Waits to be paired and measures cadence, which is nobody's blood pressure."""

    service_number = 0x1816


class OwnProtocol(BloodPressureCuff):
    """Says blood pressure, and keeps its records behind a protocol of the maker's."""

    def _services(self, server: Server) -> list[Service]:
        del server
        return [Service(uuid16(self.service_number), [constant(0x2A49, b"\x00\x00")])]


@pytest.mark.row("P6")
async def test_a_device_that_waits_and_offers_nothing_of_ours_is_told_from_no_device() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, Cycle(link, PLATE) as device:
        await device.pairing_mode(at=AT)
        state = await closed_window(radio, lambda state: state.unreadable)
        assert state.candidates == ()
        assert state.cause is Cause.NOT_SUPPORTED
        advice = ADVICE[Cause.NOT_SUPPORTED]
        assert (advice.next_zh, advice.next_en) == (
            "请对照说明书中的支持型号，换用支持的设备。",
            "Use one of the supported models.",
        )


@pytest.mark.row("P6")
async def test_a_cuff_without_the_measurement_is_not_supported_and_keeps_no_half_bond() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, OwnProtocol(link, PLATE) as cuff:
        assert await cause_of_pairing(radio, cuff) is Cause.NOT_SUPPORTED
        assert not await radio.bonded(Address(PLATE.address))


@pytest.mark.parametrize(
    ("losses", "attempts", "phase"),
    [(0, 1, Phase.PAIRED), (2, 3, Phase.PAIRED), (9, 3, Phase.FAILED)],
)
async def test_a_lost_link_is_tried_again_twice_and_then_named(
    losses: int, attempts: int, phase: Phase
) -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, PLATE) as cuff:
        ours = MoodyRadio(radio.scanner_backend, radio.client_backend)
        ours.losses = losses
        await cuff.pairing_mode(at=AT)
        async with pairing(radio, ours=ours) as session:
            await found(session)
            async with AsyncExitStack() as expected:
                if phase is Phase.FAILED:
                    expected.enter_context(pytest.raises(PairingFailed, match="radio_failed"))
                await session.confirm(PLATE.address)
            assert session.state.phase is phase
    assert ours.attempts == attempts


async def test_a_confirmation_after_the_window_begins_nothing() -> None:
    link = VirtualLink()
    async with VirtualRadio(link, RADIO) as radio, BloodPressureCuff(link, PLATE) as cuff:
        ours = MoodyRadio(radio.scanner_backend, radio.client_backend)
        await cuff.pairing_mode(at=AT)
        state = await closed_window(radio, lambda state: bool(state.candidates), ours)
        assert state.cause is Cause.WINDOW_MISSED
    assert ours.attempts == 0


class Forbidden(VirtualScanner):
    """BlueZ where the bus's policy lets this program do nothing."""

    async def start(self) -> None:
        raise BleakError(
            "[org.freedesktop.DBus.Error.AccessDenied] Rejected send message, 2 matched rules"
        )


@pytest.mark.row("P6")
async def test_a_bus_that_forbids_us_the_radio_is_a_missing_permission() -> None:
    async with VirtualRadio(VirtualLink(), RADIO) as radio:
        ours = BleakRadio(Forbidden, radio.client_backend)
        async with pairing(radio, ours=ours) as session:
            assert (session.state.phase, session.state.cause) == (
                Phase.FAILED,
                Cause.NO_PERMISSION,
            )
