"""Services of every simulated device, and characteristics that demand an encrypted link."""
# bumble's Characteristic is generic without a parameter in its own signatures.
# pyright: reportUnknownMemberType=false

import struct
from collections.abc import Awaitable, Callable
from datetime import datetime

from bumble.att import ATT_Error, Attribute, AttributeValueV2, Bearer
from bumble.core import UUID
from bumble.gatt import (
    GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
    Characteristic,
    CharacteristicValue,
    Descriptor,
    Service,
)
from bumble.gatt_server import Server

from firmware_sim.identity import Identity
from firmware_sim.profiles.fields import DeviceDateTime, date_time

Guard = Callable[[Bearer], Awaitable[None]]
"""Raises an `ATT_Error` when the link may not do this yet."""

_DATA_FIELD_IGNORED = 0x80  # Current Time Service 1.1, section 1.6
_DATE_TIME = struct.Struct("<HBBBBB")


def uuid16(number: int) -> UUID:
    """A UUID of the Bluetooth SIG."""
    return UUID.from_16_bits(number)


def constant(number: int, value: bytes) -> Characteristic[bytes]:
    """A characteristic that anybody may read and that never changes."""
    return Characteristic(
        uuid16(number), Characteristic.Properties.READ, Characteristic.Permissions.READABLE, value
    )


def announcing(
    server: Server, number: int, properties: Characteristic.Properties, guard: Guard
) -> Characteristic[bytes]:
    """A notifying or indicating characteristic whose CCCD asks `guard` before every write.

    bumble's own CCCD is open, and its permission flags answer 0x0F where most cuffs answer 0x05, so
    the descriptor is our own and calls the server's subscription table itself.
    """
    item: Characteristic[bytes] = Characteristic(
        uuid16(number), properties, Characteristic.Permissions(0)
    )

    async def write(bearer: Bearer, value: bytes) -> None:
        await guard(bearer)
        server.write_cccd(bearer, item, value)

    item.descriptors = (
        Descriptor(
            GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
            Attribute.READABLE | Attribute.WRITEABLE,
            AttributeValueV2(lambda bearer: server.read_cccd(bearer, item), write),
        ),
    )
    return item


def device_information(identity: Identity) -> Service:
    """Device Information 0x180A: manufacturer, model, serial number, firmware if it tells."""
    texts = {0x2A29: identity.manufacturer, 0x2A24: identity.model, 0x2A25: identity.serial}
    if identity.firmware:
        texts[0x2A26] = identity.firmware
    return Service(
        uuid16(0x180A), [constant(number, text.encode()) for number, text in texts.items()]
    )


def date_time_clock(
    read: Callable[[], datetime | None], write: Callable[[datetime], None], guard: Guard
) -> Characteristic[bytes]:
    """Date Time 0x2A08, which some makers put into the service of the measurement as the clock.

    A bonded peer may read and set it. A time that does not exist is refused with 0x80.
    """

    async def on_write(bearer: Bearer, value: bytes) -> None:
        await guard(bearer)
        write(_date_time_of(value))

    async def on_read(bearer: Bearer) -> bytes:
        await guard(bearer)
        return date_time(read() or DeviceDateTime())

    return Characteristic(
        uuid16(0x2A08),
        Characteristic.Properties.READ | Characteristic.Properties.WRITE,
        Characteristic.Permissions.READABLE | Characteristic.Permissions.WRITEABLE,
        CharacteristicValue(on_read, on_write),
    )


def _date_time_of(value: bytes) -> datetime:
    try:
        return datetime(*_DATE_TIME.unpack_from(value))  # noqa: DTZ001 - no zone on the wire
    except (ValueError, struct.error) as error:
        raise ATT_Error(_DATA_FIELD_IGNORED) from error


def current_time(
    read: Callable[[], datetime | None], write: Callable[[datetime], None], guard: Guard
) -> Service:
    """Current Time 0x1805: anybody may read the clock, a bonded peer may set it.

    A time that does not exist is refused with 0x80 (data field ignored).
    """

    async def on_write(bearer: Bearer, value: bytes) -> None:
        await guard(bearer)
        write(_date_time_of(value))

    properties = Characteristic.Properties.READ | Characteristic.Properties.WRITE
    permissions = Characteristic.Permissions.READABLE | Characteristic.Permissions.WRITEABLE
    item: Characteristic[bytes] = Characteristic(
        uuid16(0x2A2B),
        properties,
        permissions,
        CharacteristicValue(lambda _connection: _current_time_frame(read()), on_write),
    )
    return Service(uuid16(0x1805), [item])


def _current_time_frame(shown: datetime | None) -> bytes:
    # Exact Time 256: date-time, day of week (1 Monday .. 7, 0 unknown), 1/256 s; adjust reason.
    weekday = 0 if shown is None else shown.isoweekday()
    return date_time(shown or DeviceDateTime()) + bytes([weekday, 0, 0])
