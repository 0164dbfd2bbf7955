"""Who a device is: its type label, the version of its program, and its battery."""

from device_adapters.adapter import DecodeError
from device_adapters.ble.characteristics import BATTERY, FIRMWARE, MANUFACTURER, MODEL, SERIAL
from device_adapters.ble.decoders.battery import decode_battery
from device_adapters.ble.link import Link
from device_adapters.plain_text import text_of
from rules.vocabulary import DeviceRef

_MOST_FIRMWARE = 40
"""Letters of a version that are kept: it is shown to people."""


async def read_device(link: Link, address: str) -> DeviceRef:
    """Manufacturer, model and serial number from Device Information, as `text_of` reads them.

    A device without a serial number is told apart by its (static) radio address, written as
    `@C0:00:...`: two of the same model in a home must not become one.
    """
    manufacturer, model, serial = [
        text_of(await link.read(number) or b"") for number in (MANUFACTURER, MODEL, SERIAL)
    ]
    return DeviceRef(manufacturer=manufacturer, model=model, serial=serial or f"@{address}")


async def read_firmware(link: Link) -> str:
    """The version of the device's own program (0x2A26) as `text_of` reads it; empty if untold."""
    return text_of(await link.read(FIRMWARE) or b"")[:_MOST_FIRMWARE]


async def read_battery(link: Link) -> int | None:
    """The battery's level in percent, None where the device does not tell."""
    octets = await link.read(BATTERY)
    try:
        return None if octets is None else decode_battery(octets)
    except DecodeError:
        return None  # worth nothing to a reading
