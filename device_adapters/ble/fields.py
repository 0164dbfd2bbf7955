"""Fields shared by the health profiles: SFLOAT, FLOAT, date-time, and a reader that names the byte.

Layouts: IEEE 11073-20601 (SFLOAT, FLOAT and their special values), GATT Specification Supplement
(Date Time). All little-endian.
"""

import struct
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache

from device_adapters.adapter import DecodeError
from device_adapters.ble.layout import ends_inside, too_long
from rules.vocabulary import Bound, NoValue, QualityFlag, Quantity
from rules.wire import MAX_DECIMAL_EXPONENT

Number = Decimal | NoValue | Bound

_SFLOAT_SPECIAL: dict[int, Number] = {
    0x07FF: NoValue.NAN,
    0x0800: NoValue.NRES,
    0x07FE: Bound.ABOVE,
    0x0802: Bound.BELOW,
    0x0801: NoValue.RESERVED,
}
_FLOAT_SPECIAL: dict[int, Number] = {
    0x007FFFFF: NoValue.NAN,
    0x00800000: NoValue.NRES,
    0x007FFFFE: Bound.ABOVE,
    0x00800002: Bound.BELOW,
    0x00800001: NoValue.RESERVED,
}


_DATE_TIME = struct.Struct("<HBBBBB")
_FIRST_YEAR = 1582

MOST_REMEMBERED = 4096
"""Numbers that a `Quantities` keeps ready; a device that sends more costs time, not memory."""


class Clock(Enum):
    """Why a device time is missing although the field is there."""

    UNKNOWN = "unknown"  # year, month or day is 0
    IMPOSSIBLE = "impossible"  # no such date


_UNKNOWN, _IMPOSSIBLE = Clock.UNKNOWN, Clock.IMPOSSIBLE
_TIME_FAULT = (QualityFlag.TIME_FAULT,)
# Looking a member up in its enumeration costs more than everything around it: hot code binds them.


def sfloat(raw: int) -> Number:
    """What the 16 bits `raw` say: exponent in the top 4 bits, mantissa in the lower 12, signed.

    The number keeps the device's resolution: mantissa 20 with exponent -1 is `2.0`.
    """
    special = _SFLOAT_SPECIAL.get(raw)
    return _scaled(raw, mantissa_bits=12, exponent_bits=4) if special is None else special


def float32(raw: int) -> Number:
    """What the 32 bits `raw` say: exponent in the top 8 bits, mantissa in the lower 24, signed."""
    special = _FLOAT_SPECIAL.get(raw)
    return _scaled(raw, mantissa_bits=24, exponent_bits=8) if special is None else special


def measurable_float32(raw: int) -> Number:
    """As `float32`, for a measurement.

    Raises:
        OverflowError: it lies beyond 10^12: the exponent is 8 bits, but no home device measures
            that.
    """
    number = float32(raw)
    if isinstance(number, Decimal) and abs(number.adjusted()) > MAX_DECIMAL_EXPONENT:
        raise OverflowError(f"{number}, not a measurement")
    return number


def _scaled(raw: int, *, mantissa_bits: int, exponent_bits: int) -> Decimal:
    mantissa = _signed(raw & ((1 << mantissa_bits) - 1), mantissa_bits)
    exponent = _signed(raw >> mantissa_bits, exponent_bits)
    return Decimal(mantissa).scaleb(exponent)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def quantity_of(number: Number, unit: str | None) -> Quantity:
    """`number` as a quantity: a value, censored for an infinity, or no value."""
    match number:
        case Bound():
            return Quantity(unit=unit, censored=number)
        case NoValue():
            return Quantity(unit=unit, no_value=number)
        case _:
            return Quantity(value=number, unit=unit)


class Quantities(dict[int, Quantity]):
    """The quantity of each raw number, in one unit; made once, then found.

    Indexing raises what `read` raises and keeps at most `MOST_REMEMBERED` quantities.
    """

    def __init__(self, unit: str, read: Callable[[int], Number] = sfloat) -> None:
        super().__init__()
        self.unit = unit
        self._read = read

    def __missing__(self, raw: int) -> Quantity:
        quantity = quantity_of(self._read(raw), self.unit)
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        self[raw] = quantity
        return quantity


def stepped(step: str, failed: int | None = None) -> Callable[[int], Number]:
    """Reads a raw count of `step`, exactly; the count `failed` means that there is no value."""
    exact = Decimal(step)

    def read(raw: int) -> Number:
        return NoValue.NAN if raw == failed else raw * exact

    return read


class Reader:
    """Takes fields off a frame one after the other; every refusal names characteristic and byte."""

    __slots__ = ("_at", "_characteristic", "_payload")

    def __init__(self, characteristic: str, payload: bytes) -> None:
        self._characteristic = characteristic
        self._payload = payload
        self._at = 0

    @property
    def at(self) -> int:
        """Offset of the next octet."""
        return self._at

    @property
    def remaining(self) -> int:
        """How many octets have not been taken."""
        return len(self._payload) - self._at

    def refuse(self, reason: str, *, at: int | None = None) -> DecodeError:
        """The error for the next octet, or for the octet `at`; the caller raises it."""
        return DecodeError(self._characteristic, self._at if at is None else at, reason)

    def skip(self, count: int) -> None:
        """Leave the next `count` octets unread; they must exist."""
        self._at += count

    def unsigned(self, size: int, name: str, *, big_endian: bool = False) -> int:
        """The next `size` octets as an unsigned integer; raises DecodeError when the frame ends."""
        return int.from_bytes(self.octets(size, name), "big" if big_endian else "little")

    def signed(self, size: int, name: str) -> int:
        """The next `size` octets as a signed integer (two's complement)."""
        return _signed(self.unsigned(size, name), size * 8)

    def sfloat(self, name: str) -> Number:
        """The next two octets as an SFLOAT."""
        return sfloat(self.unsigned(2, name))

    def float32(self, name: str) -> Number:
        """The next four octets as a FLOAT.

        Raises:
            DecodeError: the frame ends, or the number lies beyond 10^12: its exponent is 8 bits,
                but no home device measures that.
        """
        start = self._at
        try:
            return measurable_float32(self.unsigned(4, name))
        except OverflowError as error:
            raise self.refuse(f"{name} is {error}", at=start) from None

    def octets(self, size: int, name: str) -> bytes:
        """The next `size` octets as they are."""
        end = self._at + size
        if end > len(self._payload):
            raise ends_inside(self._characteristic, self._payload, name, end)
        raw = self._payload[self._at : end]
        self._at = end
        return raw

    def date_time(self, name: str = "time stamp") -> datetime | Clock:
        """The next seven octets as a naive local date and time, see `date_time`."""
        return date_time(self.octets(_DATE_TIME.size, name))

    def finish(self) -> None:
        """Refuse what is left over: an overlong frame is not the record it claims to be."""
        if self.remaining:
            raise too_long(self._characteristic, self._payload, self._at)


def date_time(octets: bytes) -> datetime | Clock:
    """Seven octets as a naive local date and time.

    A year, month or day of 0 means unknown. A date that cannot be (a year before 1582, which the
    format excludes, too) is told as such and does not refuse the frame: a clock fault alone never
    costs a value (law 3).
    """
    try:
        local = datetime(*_DATE_TIME.unpack(octets))  # noqa: DTZ001 - device-local
    except ValueError:
        year, month, day, *_ = _DATE_TIME.unpack(octets)
        return _IMPOSSIBLE if year and month and day else _UNKNOWN
    return local if local.year >= _FIRST_YEAR else _IMPOSSIBLE


def encode_date_time(local: datetime) -> bytes:
    """Seven octets of the naive local time `local`, whole seconds."""
    return _DATE_TIME.pack(
        local.year, local.month, local.day, local.hour, local.minute, local.second
    )


def swapped(raw: int) -> int:
    """Two octets read as little-endian, as what they say when they are big-endian."""
    return raw >> 8 | (raw & 0xFF) << 8


def known_time(stamp: datetime | Clock | None) -> datetime | None:
    """The device time, or None when the device sent none that can be used."""
    return stamp if isinstance(stamp, datetime) else None


def clock_flags(stamp: datetime | Clock | None) -> tuple[QualityFlag, ...]:
    """`time_fault` for an impossible date; an absent or unknown one is no fault."""
    return _TIME_FAULT if stamp is _IMPOSSIBLE else ()


def add_minutes(stamp: datetime | Clock, minutes: int) -> datetime | Clock:
    """Base time plus a signed offset in minutes; impossible beyond the years 1 to 9999."""
    if isinstance(stamp, Clock):
        return stamp
    try:
        return stamp + timedelta(minutes=minutes)
    except OverflowError:
        return _IMPOSSIBLE


def flags_in(bits: int, names: tuple[tuple[int, QualityFlag], ...]) -> tuple[QualityFlag, ...]:
    """The flags whose bit number is set in `bits`, in the order of `names`."""
    return tuple(flag for bit, flag in names if bits >> bit & 1)


@lru_cache(maxsize=1024)
def words_in(bits: int, names: tuple[tuple[int, str], ...]) -> str:
    """The words whose bit number is set in `bits`, comma-separated."""
    return ",".join(word for bit, word in names if bits >> bit & 1)


def word_of(code: int, words: tuple[str, ...]) -> str:
    """The word for an enumerated field; `words[0]` is code 0, codes beyond are reserved."""
    return words[code] if code < len(words) and words[code] else f"reserved({code})"
