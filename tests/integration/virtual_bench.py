"""A bleak central on a virtual link: what the tests of simulated peripherals share."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice

from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.peripheral import Identity, Peripheral
from firmware_sim.uuids import short_uuid_text

AT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
"""07:30 on the 21st in China."""
RADIO = "C0:FF:EE:00:00:01"
RACP = 0x2A52
REPORT_ALL, REPORTED_ALL = b"\x01\x01", b"\x06\x00\x01\x01"


def identity(number: int = 1) -> Identity:
    """A name plate that differs from those of other numbers, 0..255."""
    return Identity(
        manufacturer="Acme",
        model="T-1",
        serial=f"SN{number}",
        address=f"C0:00:00:00:00:{number:02X}",
        name=f"SIM-{number}",
    )


class Inbox:
    """Collects what a characteristic announces."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self._news = asyncio.Event()

    def __call__(self, _source: BleakGATTCharacteristic, data: bytearray) -> None:
        self.frames.append(bytes(data))
        self._news.set()

    async def until(self, count: int) -> list[bytes]:
        """The first `count` values, within five seconds."""
        async with asyncio.timeout(60):
            while len(self.frames) < count:
                self._news.clear()
                await self._news.wait()
        return self.frames


class Listener:
    """A connected client with the inboxes of what it subscribed to."""

    def __init__(self, client: BleakClient) -> None:
        self.client = client
        self._inboxes: dict[int, Inbox] = {}

    def __getitem__(self, number: int) -> Inbox:
        return self._inboxes[number]

    async def subscribe(self, *numbers: int) -> None:
        """Listen to characteristics, in this order."""
        for number in numbers:
            inbox = self._inboxes[number] = Inbox()
            await self.client.start_notify(short_uuid_text(number), inbox)

    async def read(self, number: int) -> bytes:
        """A characteristic's value."""
        return bytes(await self.client.read_gatt_char(short_uuid_text(number)))

    async def write(self, number: int, value: bytes) -> None:
        """Write a characteristic and wait for the device's answer."""
        await self.client.write_gatt_char(short_uuid_text(number), value, response=True)

    async def ask(self, number: int, request: bytes) -> bytes:
        """What a control point indicates after a request."""
        before = len(self[number].frames)
        await self.write(number, request)
        return (await self[number].until(before + 1))[-1]


async def find(radio: VirtualRadio, device: Peripheral) -> BLEDevice:
    """The device as it advertises now."""
    found = await BleakScanner.find_device_by_address(
        device.identity.address, timeout=60, backend=radio.scanner_backend
    )
    assert found is not None
    return found


@asynccontextmanager
async def session(
    radio: VirtualRadio, device: Peripheral, *numbers: int
) -> AsyncGenerator[Listener]:
    """A connection to an advertising device with subscriptions; the bond, if any, is used."""
    client = BleakClient(await find(radio, device), timeout=60, backend=radio.client_backend)
    await client.connect()
    try:
        listener = Listener(client)
        await listener.subscribe(*numbers)
        yield listener
    finally:
        await client.disconnect()


async def bond(radio: VirtualRadio, device: Peripheral) -> None:
    """Pair, as once in a device's life."""
    await device.pairing_mode(at=AT)
    async with session(radio, device) as listener:
        await listener.client.pair()
