"""Current Time 0x2A2B (Current Time Service 1.1): what the device's clock shows, and how to set it.

Exact Time 256 (date-time 7, day of week u8 with 1 for Monday, fractions u8 in 1/256 s), then the
adjust reason u8. The service defines writing it for exactly this purpose.
"""

import struct
from datetime import datetime

from device_adapters.ble.fields import Reader, known_time

CURRENT_TIME = "2A2B"
_LAYOUT = struct.Struct("<HBBBBBBBB")
_EXTERNAL_REFERENCE = 0x02
_MICROSECONDS_PER_FRACTION = 1_000_000 / 256


def decode_current_time(payload: bytes) -> datetime | None:
    """The device's local time, naive, to 1/256 s; None when it is not set or not a date.

    Raises:
        DecodeError: shorter or longer than ten octets.
    """
    reader = Reader(CURRENT_TIME, payload)
    shown = known_time(reader.date_time())
    reader.unsigned(1, "day of week")
    fractions = reader.unsigned(1, "fractions of a second")
    reader.unsigned(1, "adjust reason")
    reader.finish()
    if shown is None:
        return None
    return shown.replace(microsecond=int(fractions * _MICROSECONDS_PER_FRACTION))


def encode_current_time(local: datetime) -> bytes:
    """Ten octets that set a device's clock to the naive local time `local`."""
    return _LAYOUT.pack(
        local.year,
        local.month,
        local.day,
        local.hour,
        local.minute,
        local.second,
        local.isoweekday(),
        int(local.microsecond / _MICROSECONDS_PER_FRACTION),
        _EXTERNAL_REFERENCE,
    )
