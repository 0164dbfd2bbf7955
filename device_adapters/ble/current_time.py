"""What a device's clock shows, and how to set it: Current Time 0x2A2B and Date Time 0x2A08.

Current Time Service 1.1: Exact Time 256 (date-time 7, day of week u8 with 1 for Monday, fractions
u8 in 1/256 s), then the adjust reason u8. Date Time is the seven octets alone. The services define
writing them for exactly this purpose.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from device_adapters.ble.fields import Reader, encode_date_time, known_time

CURRENT_TIME, DATE_TIME = "2A2B", "2A08"
_AFTER_DATE = struct.Struct("<BBB")
_EXTERNAL_REFERENCE = 0x02
_LAST_DAY_OF_WEEK = 7
_MICROSECONDS_PER_FRACTION = 1_000_000 / 256


def decode_current_time(payload: bytes) -> datetime | None:
    """The device's local time, naive, to 1/256 s; None when it is not set or not a date.

    Raises:
        DecodeError: shorter or longer than ten octets, or an eighth day of the week.
    """
    reader = Reader(CURRENT_TIME, payload)
    shown = known_time(reader.date_time())
    at = reader.at
    day = reader.unsigned(1, "day of week")
    fractions = reader.unsigned(1, "fractions of a second")
    reader.unsigned(1, "adjust reason")
    reader.finish()
    if day > _LAST_DAY_OF_WEEK:
        raise reader.refuse(f"day of week is {day}", at=at)
    if shown is None:
        return None
    return shown.replace(microsecond=int(fractions * _MICROSECONDS_PER_FRACTION))


def encode_current_time(local: datetime) -> bytes:
    """Ten octets that set a device's clock to the naive local time `local`."""
    return encode_date_time(local) + _AFTER_DATE.pack(
        local.isoweekday(),
        int(local.microsecond / _MICROSECONDS_PER_FRACTION),
        _EXTERNAL_REFERENCE,
    )


def decode_date_time(payload: bytes) -> datetime | None:
    """The device's local time, naive, to the second; None when it is not set or not a date.

    Raises:
        DecodeError: shorter or longer than seven octets.
    """
    reader = Reader(DATE_TIME, payload)
    shown = known_time(reader.date_time())
    reader.finish()
    return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A characteristic that shows a device's clock and takes a new time."""

    characteristic: str
    decode: Callable[[bytes], datetime | None]
    encode: Callable[[datetime], bytes]


CLOCKS: Mapping[str, Clock] = MappingProxyType(
    {
        CURRENT_TIME: Clock(
            characteristic=CURRENT_TIME, decode=decode_current_time, encode=encode_current_time
        ),
        DATE_TIME: Clock(
            characteristic=DATE_TIME, decode=decode_date_time, encode=encode_date_time
        ),
    }
)
"""The clocks that a service defines; `Quirk.clock` names the one of a model."""


def current_time_facts(payload: bytes) -> dict[str, str]:
    """0x2A2B as words: `local_time`, or that it is not known; see `decode_current_time`."""
    return _shown(decode_current_time(payload))


def date_time_facts(payload: bytes) -> dict[str, str]:
    """0x2A08 as words: `local_time`, or that it is not known; see `decode_date_time`."""
    return _shown(decode_date_time(payload))


def _shown(local: datetime | None) -> dict[str, str]:
    return {"local_time": "unknown" if local is None else local.isoformat()}
