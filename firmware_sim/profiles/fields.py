"""Field encoders shared by the Bluetooth health profiles: SFLOAT and date-time.

Layouts: IEEE 11073-20601 Annex F.8 (SFLOAT) and GATT Specification Supplement, "Date Time".
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum

_MANTISSA_LIMIT = 2045  # 2046 is +INF, 2047 NaN; -2046 -INF, -2047 reserved, -2048 NRes
_EXPONENT_MIN, _EXPONENT_MAX = -8, 7


class Special(Enum):
    """The SFLOAT bit patterns that are not numbers (IEEE 11073-20601, exponent 0)."""

    NAN = 0x07FF
    NRES = 0x0800
    POSITIVE_INFINITY = 0x07FE
    NEGATIVE_INFINITY = 0x0802
    RESERVED = 0x0801


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceDateTime:
    """A device's local date and time in which any part may be unknown (0 for year, month, day)."""

    year: int = 0
    month: int = 0
    day: int = 0
    hour: int = 0
    minute: int = 0
    second: int = 0


def sfloat(value: float | Special, *, exponent: int | None = None) -> bytes:
    """Two little-endian octets: 4-bit signed exponent above a 12-bit signed mantissa.

    Args:
        value: A number, or one of the special patterns.
        exponent: The power of ten to use (-8..7), rounding half to even; without it the exponent
            nearest to 0 that represents the value exactly.

    Raises:
        ValueError: The number does not fit into a mantissa of -2045..2045.
    """
    if isinstance(value, Special):
        return struct.pack("<H", value.value)
    number = Decimal(repr(value))
    if not number.is_finite():
        message = f"{value} needs a Special pattern"
        raise ValueError(message)
    if exponent is None:
        exponent = _exact_exponent(number)
    mantissa = int(number.scaleb(-exponent).to_integral_value(ROUND_HALF_EVEN))
    if abs(mantissa) > _MANTISSA_LIMIT or not _EXPONENT_MIN <= exponent <= _EXPONENT_MAX:
        message = f"{value} does not fit into an SFLOAT with exponent {exponent}"
        raise ValueError(message)
    return struct.pack("<H", ((exponent & 0xF) << 12) | (mantissa & 0xFFF))


def _exact_exponent(number: Decimal) -> int:
    candidates = sorted(range(_EXPONENT_MIN, _EXPONENT_MAX + 1), key=abs)
    for exponent in candidates:
        mantissa = number.scaleb(-exponent)
        if mantissa == mantissa.to_integral_value() and abs(mantissa) <= _MANTISSA_LIMIT:
            return exponent
    message = f"{number} has no exact SFLOAT"
    raise ValueError(message)


def date_time(value: datetime | DeviceDateTime) -> bytes:
    """Seven octets: year as uint16, then month, day, hour, minute, second.

    The wire carries no zone: an aware `datetime` is a mistake of the caller.

    Raises:
        ValueError: `value` is an aware datetime.
    """
    if isinstance(value, datetime) and value.tzinfo is not None:
        message = "a device writes local time without a zone"
        raise ValueError(message)
    return struct.pack(
        "<HBBBBB",
        value.year,
        value.month,
        value.day,
        value.hour,
        value.minute,
        value.second,
    )
