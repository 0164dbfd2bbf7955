"""What no column of `core.observation` holds, packed: MessagePack of one array.

Some 120 bytes for a blood pressure: every quantity's digits and unit as sent, the hub's stamp, the
session, both clocks, the frame. Places in the tables below are stored, so they are only ever added
to at the end, and so are members of `Detail` (with a default).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

import msgspec

from rules import codes
from rules.vocabulary import (
    Bound,
    CoincidentClocks,
    NoValue,
    Observation,
    Quantity,
    QuantityName,
)
from rules.window import Value

_NAMES = tuple(QuantityName)
_PLACES = {name: place for place, name in enumerate(_NAMES)}

_UNITS = (
    *(codes.MMHG, codes.KPA, codes.PER_MINUTE, codes.MMOL_L, codes.MG_DL, codes.MOL_L, codes.KG_L),
    *(codes.PERCENT, codes.CELSIUS, codes.FAHRENHEIT, codes.KG, codes.POUND, codes.KG_M2),
    *(codes.METRE, codes.INCH, codes.KJ),
)
_UNIT_PLACES: Mapping[str | None, int] = {unit: place for place, unit in enumerate(_UNITS)}

_UNUSED = "-"
_SPECIAL: Mapping[str, Bound | NoValue] = {
    "<": Bound.BELOW,
    ">": Bound.ABOVE,
    **{word.value: word for word in NoValue},
}
_SPECIAL_WORDS: Mapping[Bound | NoValue | None, str] = {w: text for text, w in _SPECIAL.items()}

_TAGS = {32: b"h", 36: b"u"}
"""How a name of so many letters is packed, if it is hex digits or a UUID."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - device times are naive: the device's own local time
_SECOND = timedelta(seconds=1)


class Said(msgspec.Struct, array_like=True, frozen=True):
    """One quantity: which, the digits (or word) as sent, its unit, and the canonical digits.

    `canonical` is None where the unit is the canonical one, `-` where rules do not see the value.
    A unit that has no place of its own is kept in words.
    """

    name: int
    digits: str
    unit: int | str | None
    canonical: str | None


class Detail(msgspec.Struct, array_like=True, frozen=True):
    """The packed rest of a row. `own_flags`: how many of the row's flags the device itself raised.

    `device` is None where the row's key says which part of it is maker, model and serial number;
    device times are seconds since 1970 on the device's clock, in words where they have fractions.
    """

    said: list[Said]
    device: tuple[str, str, str] | None
    boot: bytes
    monotonic_s: float
    wall_trusted: bool
    session: bytes
    ordinal: int
    device_time: int | str | None
    sequence: int | None
    clocks: tuple[int | str, datetime] | None
    own_flags: int
    context: dict[str, str]
    source: str
    raw: bytes


_ENCODER = msgspec.msgpack.Encoder()
_DETAILS = msgspec.msgpack.Decoder(Detail)


def pack(sent: Observation, seen: Mapping[QuantityName, Value], key: str) -> bytes:
    """The rest of `sent`, of which rules see the values `seen`; `key` is the row's device."""
    stamp, clocks, device = sent.received, sent.clocks, sent.device
    whole = (device.manufacturer, device.model, device.serial)
    return _ENCODER.encode(
        Detail(
            [_said(name, each, seen.get(name)) for name, each in sent.quantities.items()],
            None if key.count("/") == len(whole) - 1 else whole,
            _packed_boot(stamp.boot_id),
            stamp.monotonic_s,
            stamp.wall_trusted,
            _packed(sent.session),
            sent.ordinal,
            None if sent.device_time is None else _seconds(sent.device_time),
            sent.sequence,
            None if clocks is None else (_seconds(clocks.device_time), clocks.hub_time),
            len(sent.flags),
            dict(sent.context),
            sent.source,
            sent.raw,
        )
    )


def unpack(packed: bytes) -> Detail:
    """The rest of a row.

    Raises:
        msgspec.DecodeError: the bytes are damaged.
    """
    return _DETAILS.decode(packed)


def values_of(said: Sequence[Said]) -> dict[QuantityName, Value]:
    """The values that rules see, in their canonical units."""
    return {
        _NAMES[each.name]: _value(each.canonical or each.digits)
        for each in said
        if each.canonical != _UNUSED
    }


def quantities_of(said: Sequence[Said]) -> dict[QuantityName, Quantity]:
    """The quantities as the device sent them."""
    return {_NAMES[each.name]: _as_sent(each) for each in said}


def words_of(packed: bytes) -> str:
    """The name of a boot or a session."""
    tag, rest = packed[:1], packed[1:]
    if tag == b"t":
        return rest.decode()
    return rest.hex() if tag == b"h" else str(UUID(bytes=rest))


def local_time(stored: int | str | None) -> datetime | None:
    """A time of the device's own clock."""
    return None if stored is None else _local(stored)


def clocks_of(stored: tuple[int | str, datetime] | None) -> CoincidentClocks | None:
    """The look at both clocks of the session."""
    if stored is None:
        return None
    return CoincidentClocks(device_time=_local(stored[0]), hub_time=stored[1])


def _said(name: QuantityName, quantity: Quantity, value: Value | None) -> Said:
    if quantity.value is None:
        digits = _SPECIAL_WORDS[quantity.censored or quantity.no_value]
    else:
        digits = str(quantity.value)
    if value is None:
        return _interned(name, digits, quantity.unit, _UNUSED)
    seen = digits if value.value is None else str(value.value)
    return _interned(name, digits, quantity.unit, None if seen == digits else seen)


@lru_cache(maxsize=8192)
def _interned(name: QuantityName, digits: str, unit: str | None, canonical: str | None) -> Said:
    return Said(_PLACES[name], digits, _UNIT_PLACES.get(unit, unit), canonical)


@lru_cache(maxsize=8192)
def _value(digits: str) -> Value:
    special = _SPECIAL.get(digits)
    return Value(censored=special) if isinstance(special, Bound) else Value(value=Decimal(digits))


def _as_sent(said: Said) -> Quantity:
    unit = _UNITS[said.unit] if isinstance(said.unit, int) else said.unit
    special = _SPECIAL.get(said.digits)
    if special is None:
        return Quantity(value=Decimal(said.digits), unit=unit)
    if isinstance(special, Bound):
        return Quantity(unit=unit, censored=special)
    return Quantity(unit=unit, no_value=special)


def _packed(text: str) -> bytes:
    """A tag and the text; 32 hex digits, or a UUID in its usual writing, in half the bytes."""
    tag = _TAGS.get(len(text))
    if tag is not None:
        try:
            short = tag + UUID(text).bytes
        except ValueError:
            return b"t" + text.encode()
        if words_of(short) == text:
            return short
    return b"t" + text.encode()


@lru_cache(maxsize=16384)
def _packed_boot(text: str) -> bytes:
    return _packed(text)


def _seconds(local: datetime) -> int | str:
    return local.isoformat() if local.microsecond else (local - _EPOCH) // _SECOND


def _local(stored: int | str) -> datetime:
    if isinstance(stored, str):
        return datetime.fromisoformat(stored)
    return _EPOCH + stored * _SECOND
