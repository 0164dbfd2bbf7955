"""A bonded device on a virtual link, and a plain witness that writes down what arrives.

The witness is bleak over the simulator's central: it decodes nothing.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Unpack

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError
from bumble.core import AdvertisingData
from bumble.device import Advertisement
from bumble.hci import Address

from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.central import hang_up
from firmware_sim.faults.kind import FaultKind, Scene
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.options import PeripheralOptions
from firmware_sim.peripheral import PERIPHERALS
from firmware_sim.profiles.names import Profile
from firmware_sim.push_device import PushDevice

AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # 07:30 on the 21st in China
LOCAL = bytes.fromhex("ea070b15071e00")  # 2026-11-21 07:30:00 as a date time field
NAME = Identity(
    manufacturer="Acme", model="X-1", serial="SN1", address="C0:00:00:00:00:01", name="SIM-X"
)
RADIO = "C0:FF:EE:00:00:01"

MEASUREMENT = {
    Profile.BLOOD_PRESSURE: 0x2A35,
    Profile.GLUCOSE: 0x2A18,
    Profile.CGM: 0x2AA7,
    Profile.THERMOMETER: 0x2A1C,
    Profile.PULSE_OXIMETER: 0x2A5E,
    Profile.WEIGHT_SCALE: 0x2A9D,
    Profile.BODY_COMPOSITION: 0x2A9C,
    Profile.HEART_RATE: 0x2A37,
}
ASKED = (Profile.GLUCOSE, Profile.CGM, Profile.PULSE_OXIMETER)
CONTEXT, RACP, BATTERY, SERIAL = 0x2A34, 0x2A52, 0x2A19, 0x2A25
SESSION_START = 0x2AAA
REPORT_ALL = b"\x01\x01"
_OPTIONS: PeripheralOptions = {
    "interval_ms": 5.0,
    "hang_up_after_s": 0.02,
    "patience_s": 2.0,
}
_FOUND_S = 2.0


def uuid(number: int) -> str:
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


@dataclass(slots=True, kw_only=True)
class Seen:
    """What one session brought.

    Attributes:
        arrived: Characteristic and octets of every announcement, in order.
        over: Set when nothing more will come.
        times: When each announcement arrived, in seconds.
        error: What bleak said when something failed, else "".
        hung_up: Whether the device ended the link.
        battery: Level in percent; None where it was not read.
        serial: What the name plate says.
        session_start: 0x2AAA of a glucose sensor.
    """

    arrived: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    over: asyncio.Event = field(default_factory=asyncio.Event)
    times: list[float] = field(default_factory=list[float])
    error: str = ""
    hung_up: bool = False
    battery: int | None = None
    serial: str = ""
    session_start: bytes = b""

    @property
    def refused(self) -> bool:
        """Whether a report was answered with anything but success."""
        return any(answer[2:3] == b"\1" and answer[3] != 1 for answer in self.of(RACP))

    def of(self, number: int) -> list[bytes]:
        return [octets for which, octets in self.arrived if which == number]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One device, one radio, and the scene that a fault is done to."""

    scene: Scene
    radio: VirtualRadio
    device: PushDevice

    @property
    def profile(self) -> Profile:
        return self.scene.profile

    @property
    def asked(self) -> bool:
        """Whether its records must be asked for."""
        return self.profile in ASKED

    async def do(self, kind: FaultKind) -> None:
        assert kind.inject is not None
        await kind.inject(self.scene)

    def frames(self, seen: Seen) -> list[bytes]:
        """The measurements; a sensor's packet may hold several, each begins with its size."""
        packets = seen.of(MEASUREMENT[self.profile])
        if self.profile is not Profile.CGM:
            return packets
        return [frame for packet in packets for frame in _unpacked(packet)]

    async def listen(
        self,
        *,
        pair: bool = False,
        request: bytes = REPORT_ALL,
        found_s: float = _FOUND_S,
        address: str = "",
    ) -> Seen:
        """Connect, subscribe to everything, ask where one must, stay until nothing more will come.

        That is when the device hangs up, or when it answers a request with anything but success.
        """
        seen, gone = Seen(), asyncio.Event()

        def hung_up(_client: BleakClient) -> None:
            gone.set()
            seen.over.set()

        client = BleakClient(
            address or self.device.identity.address,
            hung_up,
            pair=pair,
            timeout=found_s,
            backend=self.radio.client_backend,
        )
        try:
            await client.connect()
            await self._subscribe(client, seen)
            if self.asked:
                await client.write_gatt_char(uuid(RACP), request, response=True)
            async with asyncio.timeout(5):
                await seen.over.wait()
            seen.hung_up = gone.is_set()
        except BleakError as error:
            seen.error = f"{type(error).__name__}: {error}"
            await asyncio.sleep(0.01)  # bleak tells of the end of a link a moment later
            seen.hung_up = gone.is_set()
        finally:
            await client.disconnect()
        return seen

    async def _subscribe(self, client: BleakClient, seen: Seen) -> None:
        seen.serial = (await client.read_gatt_char(uuid(SERIAL))).decode()
        seen.battery = (await client.read_gatt_char(uuid(BATTERY)))[0]
        if client.services.get_characteristic(uuid(SESSION_START)) is not None:
            seen.session_start = bytes(await client.read_gatt_char(uuid(SESSION_START)))
        for number in (MEASUREMENT[self.profile], CONTEXT, RACP):
            if client.services.get_characteristic(uuid(number)) is not None:
                await client.start_notify(uuid(number), noting(seen, number))

    async def clocks(self) -> dict[str, bytes]:
        """Where a bonded central finds a clock, as "service/characteristic", and what it shows."""
        found: dict[str, bytes] = {}
        client = BleakClient(
            self.device.identity.address, timeout=_FOUND_S, backend=self.radio.client_backend
        )
        async with client:
            for item in client.services.characteristics.values():
                if item.uuid in {uuid(0x2A2B), uuid(0x2A08)}:
                    place = f"{item.service_uuid[4:8]}/{item.uuid[4:8]}"
                    found[place] = bytes(await client.read_gatt_char(item))
        return found

    async def told(self) -> list[bytes]:
        """The measurements of one session in which nothing fails."""
        seen = await self.listen()
        assert seen.error == "", seen.error
        return self.frames(seen)

    async def bond(self) -> None:
        """Pair in pairing mode, without looking at anything."""
        await self.device.pairing_mode(at=AT)
        address = Address(self.device.identity.address)
        connection = await self.radio.connect(address, timeout_s=_FOUND_S)
        await connection.pair()
        await hang_up(connection)

    async def hear(self, seconds: float = _FOUND_S) -> dict[str, Advertisement]:
        """Who advertises, by address; returns soon after the first one is heard."""
        heard: dict[str, Advertisement] = {}
        first = asyncio.Event()

        def note(advertisement: Advertisement) -> None:
            heard[str(advertisement.address).removesuffix("/P")] = advertisement
            first.set()

        await self.radio.listen(note)
        try:
            async with asyncio.timeout(seconds):
                await first.wait()
            await asyncio.sleep(0.03)
        except TimeoutError:
            pass
        finally:
            await self.radio.stop_listening(note)
        return heard


def _unpacked(packet: bytes) -> list[bytes]:
    """The frames of a packet; the packet itself where their sizes do not add up."""
    frames, rest = list[bytes](), packet
    while rest and 0 < rest[0] <= len(rest):
        frames.append(rest[: rest[0]])
        rest = rest[rest[0] :]
    return [packet] if rest or not frames else frames


def noting(seen: Seen, number: int) -> Callable[[BleakGATTCharacteristic, bytearray], None]:
    def note(_source: BleakGATTCharacteristic, octets: bytearray) -> None:
        seen.arrived.append((number, bytes(octets)))
        seen.times.append(time.perf_counter())
        if seen.refused:
            seen.over.set()

    return note


def advertised(advertisement: Advertisement, kind: AdvertisingData.Type) -> bytes:
    """One field of an advertisement."""
    return next(octets for which, octets in advertisement.data.ad_structures if which == kind)


@asynccontextmanager
async def bench(
    profile: Profile, *, typed: int | None = None, **options: Unpack[PeripheralOptions]
) -> AsyncGenerator[Bench]:
    """A bonded device; the witness's radio holds the bond, its owner types a number if given."""
    link = VirtualLink()
    given: PeripheralOptions = {**_OPTIONS, **options}
    async with (
        VirtualRadio(link, RADIO, passkey=typed) as radio,
        PERIPHERALS[profile](link, NAME, **given) as device,
        AsyncExitStack() as stack,
    ):
        scene = Scene(profile=profile, device=device, radio=radio, link=link, at=AT, stack=stack)
        here = Bench(scene=scene, radio=radio, device=device)
        await here.bond()
        yield here
