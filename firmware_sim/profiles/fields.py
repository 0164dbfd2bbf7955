"""Field encoders shared by the Bluetooth health profiles: SFLOAT, FLOAT, date-time, CRC.

Layouts: IEEE 11073-20601 Annex F.7 (FLOAT) and F.8 (SFLOAT); GATT Specification Supplement, "Date
Time".
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import Enum

_MANTISSA_LIMIT = 2045  # 2046 is +INF, 2047 NaN; -2046 -INF, -2047 reserved, -2048 NRes
_EXPONENTS = range(-8, 8)
_FLOAT_MANTISSA_LIMIT = 8_388_605  # 0x7FFFFD; the six patterns around it are special
_FLOAT_EXPONENTS = range(-128, 128)


class Special(Enum):
    """The SFLOAT bit patterns that are not numbers (IEEE 11073-20601, exponent 0)."""

    NAN = 0x07FF
    NRES = 0x0800
    POSITIVE_INFINITY = 0x07FE
    NEGATIVE_INFINITY = 0x0802
    RESERVED = 0x0801


class Limit(Enum):
    """What a device shows instead of a number outside the range it can measure."""

    LO = "LO"
    HI = "HI"


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
    mantissa, exponent = _scaled(value, exponent, _MANTISSA_LIMIT, _EXPONENTS)
    return struct.pack("<H", ((exponent & 0xF) << 12) | (mantissa & 0xFFF))


def read_sfloat(octets: bytes) -> float | None:
    """The number that two octets from a central hold; None for the patterns that are not one."""
    (raw,) = struct.unpack("<H", octets)
    if raw in {special.value for special in Special}:
        return None
    mantissa, exponent = raw & 0xFFF, raw >> 12
    mantissa -= 0x1000 if mantissa & 0x800 else 0
    exponent -= 0x10 if exponent & 0x8 else 0
    return float(Decimal(mantissa).scaleb(exponent))


_FLOAT_SPECIALS = {
    Special.NAN: 0x007F_FFFF,
    Special.NRES: 0x0080_0000,
    Special.POSITIVE_INFINITY: 0x007F_FFFE,
    Special.NEGATIVE_INFINITY: 0x0080_0002,
    Special.RESERVED: 0x0080_0001,
}


def float32(value: float | Special, *, exponent: int | None = None) -> bytes:
    """Four little-endian octets: 8-bit signed exponent above a 24-bit signed mantissa (FLOAT).

    Args:
        value: A number, or one of the special patterns.
        exponent: The power of ten to use (-128..127), rounding half to even; without it the
            exponent nearest to 0 that represents the value exactly.

    Raises:
        ValueError: The number does not fit into a mantissa of -8388605..8388605.
    """
    if isinstance(value, Special):
        return struct.pack("<I", _FLOAT_SPECIALS[value])
    mantissa, exponent = _scaled(value, exponent, _FLOAT_MANTISSA_LIMIT, _FLOAT_EXPONENTS)
    return struct.pack("<I", ((exponent & 0xFF) << 24) | (mantissa & 0xFF_FFFF))


def _scaled(value: float, exponent: int | None, limit: int, exponents: range) -> tuple[int, int]:
    """Mantissa and exponent of a number."""
    number = Decimal(repr(value))
    if not number.is_finite():
        message = f"{value} needs a Special pattern"
        raise ValueError(message)
    if exponent is None:
        exponent = _exact_exponent(number, limit, exponents)
    mantissa = int(number.scaleb(-exponent).to_integral_value(ROUND_HALF_EVEN))
    if abs(mantissa) > limit or exponent not in exponents:
        message = f"{value} does not fit into {_kind(limit)} with exponent {exponent}"
        raise ValueError(message)
    return mantissa, exponent


def _exact_exponent(number: Decimal, limit: int, exponents: range) -> int:
    for exponent in sorted(exponents, key=abs):
        mantissa = number.scaleb(-exponent)
        if abs(mantissa) <= limit and mantissa == mantissa.to_integral_value():
            return exponent
    message = f"{number} has no exact {_kind(limit)}"
    raise ValueError(message)


def _kind(limit: int) -> str:
    return "SFLOAT" if limit == _MANTISSA_LIMIT else "FLOAT"


def steps_of(value: float, step: str, *, octets: int = 2) -> bytes:
    """An unsigned little-endian integer that counts steps of a decimal size, half to even.

    Args:
        value: In the unit of the step, 0 or more.
        step: The resolution as a decimal, such as "0.005".
        octets: Size of the field.

    Raises:
        ValueError: The value is negative, not a number, or does not fit.
    """
    count = (Decimal(repr(value)) / Decimal(step)).to_integral_value(ROUND_HALF_EVEN)
    if not 0 <= count < 1 << (8 * octets):
        message = f"{value} does not fit into {octets} octets of {step}"
        raise ValueError(message)
    return int(count).to_bytes(octets, "little")


def crc16(octets: bytes) -> bytes:
    """The E2E-CRC of a value: CRC-CCITT, start 0xFFFF, least significant bit first, two octets.

    Source: CGM Service 1.0.2, section 3.11; its check value for "123456789" is 0x6F91.
    """
    register = 0xFFFF
    for octet in octets:
        register ^= octet
        for _bit in range(8):
            register = (register >> 1) ^ 0x8408 if register & 1 else register >> 1
    return struct.pack("<H", register)


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
