"""One reading as a row of `core.observation`: columns SQL asks for, and the exact rest, packed.

The rest (`detail`) is MessagePack of an array, some 80 bytes for a blood pressure: what the device
sent digit for digit, the hub's stamp, the frame. Columns and rest together are the observation as
it came (`observation_of`) and the point as rules saw it (`point_of`); neither is kept twice. Rows
from before the packing hold both as one JSON object instead, which begins with `{`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg
import msgspec

from gateway.intake import Admitted
from rules import codes
from rules.vocabulary import (
    Bound,
    CoincidentClocks,
    DeviceRef,
    HubId,
    HubStamp,
    NoValue,
    Observation,
    Origin,
    QualityFlag,
    Quantity,
    QuantityName,
    TimeConfidence,
    Vital,
)
from rules.window import Point, Value

COLUMNS = (
    QuantityName.SYSTOLIC,
    QuantityName.DIASTOLIC,
    QuantityName.PULSE,
    QuantityName.GLUCOSE,
)
"""Quantities with a column of their own; another kind's main one stands in `number`."""

_NAMES = tuple(QuantityName)
"""Their places are stored: a new quantity is added to the end of `QuantityName`."""

_NAME_PLACES = {name: place for place, name in enumerate(_NAMES)}

_UNITS = (
    *(codes.MMHG, codes.KPA, codes.PER_MINUTE, codes.MMOL_L, codes.MG_DL, codes.MOL_L, codes.KG_L),
    *(codes.PERCENT, codes.CELSIUS, codes.FAHRENHEIT, codes.KG, codes.POUND, codes.KG_M2),
    *(codes.METRE, codes.INCH, codes.KJ),
)
"""Their places are stored: only ever added to at the end. Any other unit is stored in words."""

_UNIT_PLACES: Mapping[str | None, int] = {unit: place for place, unit in enumerate(_UNITS)}
_NUMBER_OF = {
    kind: next((name for name in main if name not in COLUMNS), None)
    for kind, main in codes.MAIN_QUANTITIES.items()
}

_UNUSED = "-"
_SPECIAL: Mapping[str, Bound | NoValue] = {
    "<": Bound.BELOW,
    ">": Bound.ABOVE,
    **{word.value: word for word in NoValue},
}
_SPECIAL_WORDS: Mapping[Bound | NoValue | None, str] = {w: text for text, w in _SPECIAL.items()}

_LEGACY = b"{"
_HEX_DIGITS, _UUID_LETTERS = 32, 36
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - device times are naive: the device's own local time
_SECOND = timedelta(seconds=1)


class _Said(msgspec.Struct, array_like=True, frozen=True):
    """One quantity: which, the digits (or word) as sent, its unit, and the canonical digits.

    `canonical` is None where the unit is the canonical one, `-` where rules do not see the value.
    """

    name: int
    digits: str
    unit: int | str | None
    canonical: str | None


class _Detail(msgspec.Struct, array_like=True, frozen=True):
    """Everything that no column holds; a member is only ever added at the end, with a default."""

    said: list[_Said]
    device: tuple[str, str, str] | None  # where the key does not say which part is which
    boot: bytes
    monotonic_s: float
    wall_trusted: bool
    session: bytes
    ordinal: int
    device_time: int | str | None  # seconds since 1970 on the device's clock
    sequence: int | None
    clocks: tuple[datetime, datetime] | None
    own_flags: int  # how many of the row's flags the device itself raised
    context: dict[str, str]
    source: str
    raw: bytes


class _Before(msgspec.Struct, frozen=True):
    point: Point
    sent: Observation


_ENCODER = msgspec.msgpack.Encoder()
_DETAILS = msgspec.msgpack.Decoder(_Detail)
_BEFORE = msgspec.json.Decoder(_Before)
_JSON = msgspec.json.Encoder()


def row_of(item: Admitted, claimed_at: datetime) -> tuple[object, ...]:
    """The row of `item` in the order of the query `keep_observations`."""
    observation, point = item.observation, item.point
    values = point.values
    number = _NUMBER_OF[point.kind]
    return (
        *(claimed_at, point.identity, item.subject, point.device, observation.user_slot),
        *(point.kind.value, point.effective_at, point.confidence.value, point.received_at),
        *(point.origin.value, point.valid, point.possible_repeat, point.rings_by_arrival),
        *[_number(values.get(name)) for name in COLUMNS],
        *(number and _number(values.get(number)), _beyond(values), ",".join(point.flags)),
        *(observation.hub, _detail(item)),
    )


def point_of(row: asyncpg.Record) -> Point:
    """The point as rules saw it when it was stored.

    `row` needs identity, device, kind, the three times and their confidence, origin, valid,
    possible_repeat, rings_by_arrival, flags and detail.
    """
    detail: bytes = row["detail"]
    if detail.startswith(_LEGACY):
        return replace(_BEFORE.decode(detail).point, valid=row["valid"])  # an answer may change it
    rest = _DETAILS.decode(detail)
    flags: str = row["flags"]
    return Point(
        identity=identity_text(row["identity"]),
        kind=Vital(row["kind"]),
        device=row["device"],
        effective_at=row["effective_at"],
        received_at=row["received_at"],
        confidence=TimeConfidence(row["time_confidence"]),
        origin=Origin(row["origin"]),
        values=dict(_values(rest.said)),
        flags=tuple(flags.split(",")) if flags else (),
        context=rest.context,
        valid=row["valid"],
        possible_repeat=row["possible_repeat"],
        rings_by_arrival=row["rings_by_arrival"],
    )


def observation_of(row: asyncpg.Record) -> Observation:
    """The observation as it came; `row` needs what `point_of` needs, and user_slot and hub."""
    detail: bytes = row["detail"]
    if detail.startswith(_LEGACY):
        return _BEFORE.decode(detail).sent
    rest = _DETAILS.decode(detail)
    own = row["flags"].split(",")[: rest.own_flags]
    manufacturer, model, serial = rest.device or row["device"].split("/")
    return Observation(
        device=DeviceRef(manufacturer=manufacturer, model=model, serial=serial),
        kind=Vital(row["kind"]),
        quantities={_NAMES[said.name]: _as_sent(said) for said in rest.said},
        received=HubStamp(
            boot_id=_unpacked(rest.boot),
            monotonic_s=rest.monotonic_s,
            wall=row["received_at"],
            wall_trusted=rest.wall_trusted,
        ),
        hub=HubId(row["hub"]),
        session=_unpacked(rest.session),
        ordinal=rest.ordinal,
        origin=Origin(row["origin"]),
        user_slot=row["user_slot"],
        device_time=_local_time(rest.device_time),
        sequence=rest.sequence,
        clocks=_clocks(rest.clocks),
        flags=tuple(QualityFlag(word) for word in own),
        context=rest.context,
        source=rest.source,
        raw=rest.raw,
    )


def identity_text(stored: UUID) -> str:
    """An identity of `rules.identity` from the column that keeps its 16 bytes."""
    return stored.hex


def _detail(item: Admitted) -> bytes:
    sent, point = item.observation, item.point
    stamp, clocks, device = sent.received, sent.clocks, sent.device
    plain = point.device.count("/") == 2  # noqa: PLR2004 - manufacturer/model/serial
    return _ENCODER.encode(
        _Detail(
            [
                _said(name, quantity, point.values.get(name))
                for name, quantity in sent.quantities.items()
            ],
            None if plain else (device.manufacturer, device.model, device.serial),
            _packed(stamp.boot_id),
            stamp.monotonic_s,
            stamp.wall_trusted,
            _packed(sent.session),
            sent.ordinal,
            _local_seconds(sent.device_time),
            sent.sequence,
            None if clocks is None else (clocks.device_time, clocks.hub_time),
            len(sent.flags),
            dict(sent.context),
            sent.source,
            sent.raw,
        )
    )


def _said(name: QuantityName, quantity: Quantity, value: Value | None) -> _Said:
    unit = _UNIT_PLACES.get(quantity.unit, quantity.unit)
    if quantity.value is None:
        word = _SPECIAL_WORDS[quantity.censored or quantity.no_value]
        return _Said(_NAME_PLACES[name], word, unit, _UNUSED if value is None else None)
    digits = str(quantity.value)
    if value is None:
        canonical = _UNUSED
    else:
        seen = str(value.value)
        canonical = None if seen == digits else seen
    return _Said(_NAME_PLACES[name], digits, unit, canonical)


def _as_sent(said: _Said) -> Quantity:
    unit = _UNITS[said.unit] if isinstance(said.unit, int) else said.unit
    special = _SPECIAL.get(said.digits)
    if special is None:
        return Quantity(value=Decimal(said.digits), unit=unit)
    if isinstance(special, Bound):
        return Quantity(unit=unit, censored=special)
    return Quantity(unit=unit, no_value=special)


def _values(said: list[_Said]) -> list[tuple[QuantityName, Value]]:
    found: list[tuple[QuantityName, Value]] = []
    for each in said:
        if each.canonical == _UNUSED:
            continue
        special = _SPECIAL.get(each.digits)
        if isinstance(special, Bound):
            found.append((_NAMES[each.name], Value(censored=special)))
        elif special is None:
            number = Decimal(each.canonical or each.digits)
            found.append((_NAMES[each.name], Value(value=number)))
    return found


def _number(value: Value | None) -> float | None:
    return None if value is None or value.value is None else float(value.value)


def _beyond(values: Mapping[QuantityName, Value]) -> str | None:
    beyond = {name: value.censored for name, value in values.items() if value.censored}
    return _JSON.encode(beyond).decode() if beyond else None


def _packed(text: str) -> bytes:
    """A tag and the text; 32 hex digits, or a UUID in its usual writing, in half the bytes."""
    if len(text) in (_HEX_DIGITS, _UUID_LETTERS):
        try:
            number = bytes.fromhex(text.replace("-", ""))
        except ValueError:
            return b"t" + text.encode()
        short = (b"h" if len(text) == _HEX_DIGITS else b"u") + number
        if _unpacked(short) == text:
            return short
    return b"t" + text.encode()


def _unpacked(stored: bytes) -> str:
    tag, rest = stored[:1], stored[1:]
    if tag == b"t":
        return rest.decode()
    return rest.hex() if tag == b"h" else str(UUID(bytes=rest))


def _local_seconds(local: datetime | None) -> int | str | None:
    if local is None:
        return None
    return local.isoformat() if local.microsecond else (local - _EPOCH) // _SECOND


def _local_time(stored: int | str | None) -> datetime | None:
    if stored is None or isinstance(stored, str):
        return None if stored is None else datetime.fromisoformat(stored)
    return _EPOCH + stored * _SECOND


def _clocks(stored: tuple[datetime, datetime] | None) -> CoincidentClocks | None:
    if stored is None:
        return None
    return CoincidentClocks(device_time=stored[0], hub_time=stored[1])
