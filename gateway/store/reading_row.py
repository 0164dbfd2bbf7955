"""One reading as a row of `core.observation`: columns SQL asks for, and the exact rest, packed.

Columns and rest (`reading_detail.py`) together are the observation as it came (`observation_of`)
and the point as rules saw it (`point_of`); neither is kept twice. Rows from before the packing hold
both as one JSON object in `detail` instead, which begins with `{`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
import structlog

from gateway.intake import Admitted
from gateway.store.reading_detail import (
    clocks_of,
    local_time,
    pack,
    quantities_of,
    unpack,
    values_of,
    words_of,
)
from rules.codes import MAIN_QUANTITIES
from rules.vocabulary import (
    DeviceRef,
    HubId,
    HubStamp,
    Observation,
    Origin,
    QualityFlag,
    QuantityName,
    TimeConfidence,
    Vital,
)
from rules.window import Point, Value

_COLUMNS = (
    QuantityName.SYSTOLIC,
    QuantityName.DIASTOLIC,
    QuantityName.PULSE,
    QuantityName.GLUCOSE,
)
_NUMBERS = {
    kind: next((name for name in main if name not in _COLUMNS), None)
    for kind, main in MAIN_QUANTITIES.items()
}
"""The main quantity of a kind that has no column of its own: it stands in `number`."""

# looked up, because calling an enumeration costs more than the rest of a column
_KINDS = {kind.value: kind for kind in Vital}
_CONFIDENCES = {confidence.value: confidence for confidence in TimeConfidence}
_ORIGINS = {origin.value: origin for origin in Origin}

_BEFORE_BEGINS = b"{"

_log = structlog.get_logger("store")


class _Before(msgspec.Struct, frozen=True):
    point: Point
    sent: Observation


_BEFORE = msgspec.json.Decoder(_Before)
_JSON = msgspec.json.Encoder()


def row_of(item: Admitted, claimed_at: datetime) -> tuple[object, ...]:
    """The row of `item` in the order of the query `keep_observations`."""
    observation, point = item.observation, item.point
    values, key = point.values, point.device
    number = _NUMBERS[point.kind]
    return (
        *(claimed_at, point.identity, item.subject, key, observation.user_slot, point.kind.value),
        *(point.effective_at, point.confidence.value, point.received_at, point.origin.value),
        *(point.valid, point.possible_repeat, point.rings_by_arrival),
        *[_number(values.get(name)) for name in _COLUMNS],
        *(number and _number(values.get(number)), _beyond(values), ",".join(point.flags)),
        *(observation.hub, packed(item)),
    )


def packed(item: Admitted) -> bytes:
    """Everything of `item` that has no column of its own."""
    return pack(item.observation, item.point.values, item.point.device)


def point_of(row: asyncpg.Record) -> Point:
    """The point as rules saw it when it was stored; `valid` as it stands now.

    `row` needs identity, device, kind, effective_at, received_at, time_confidence, origin, valid,
    possible_repeat, rings_by_arrival, flags and detail.
    """
    detail: bytes = row["detail"]
    if detail.startswith(_BEFORE_BEGINS):
        return replace(_BEFORE.decode(detail).point, valid=row["valid"])
    rest = unpack(detail)
    flags: str = row["flags"]
    return Point(
        identity=identity_text(row["identity"]),
        kind=_KINDS[row["kind"]],
        device=row["device"],
        effective_at=row["effective_at"],
        received_at=row["received_at"],
        confidence=_CONFIDENCES[row["time_confidence"]],
        origin=_ORIGINS[row["origin"]],
        values=values_of(rest.said),
        flags=tuple(flags.split(",")) if flags else (),
        context=rest.context,
        valid=row["valid"],
        possible_repeat=row["possible_repeat"],
        rings_by_arrival=row["rings_by_arrival"],
    )


def readable(rows: Iterable[asyncpg.Record]) -> Iterator[tuple[asyncpg.Record, Point]]:
    """The rows that can be read, each with its point.

    A damaged row silences nobody: without it a person's other readings are judged as if it had
    never come, and `db verify` names it.
    """
    for row in rows:
        try:
            point = point_of(row)
        except (ValueError, ArithmeticError, LookupError, TypeError) as error:
            _log.error("stored reading is damaged", identity=str(row["identity"]), why=repr(error))
        else:
            yield row, point


def observation_of(row: asyncpg.Record) -> Observation:
    """The observation as it came; `row` needs what `point_of` needs, and user_slot and hub."""
    detail: bytes = row["detail"]
    if detail.startswith(_BEFORE_BEGINS):
        return _BEFORE.decode(detail).sent
    rest = unpack(detail)
    own = row["flags"].split(",")[: rest.own_flags]
    manufacturer, model, serial = rest.device or row["device"].split("/")
    return Observation(
        device=DeviceRef(manufacturer=manufacturer, model=model, serial=serial),
        kind=_KINDS[row["kind"]],
        quantities=quantities_of(rest.said),
        received=HubStamp(
            boot_id=words_of(rest.boot),
            monotonic_s=rest.monotonic_s,
            wall=row["received_at"],
            wall_trusted=rest.wall_trusted,
        ),
        hub=HubId(row["hub"]),
        session=words_of(rest.session),
        ordinal=rest.ordinal,
        origin=_ORIGINS[row["origin"]],
        user_slot=row["user_slot"],
        device_time=local_time(rest.device_time),
        sequence=rest.sequence,
        clocks=clocks_of(rest.clocks),
        flags=tuple(QualityFlag(word) for word in own),
        context=rest.context,
        source=rest.source,
        raw=rest.raw,
    )


def identity_text(stored: UUID) -> str:
    """An identity of `rules.identity` from the column that keeps its 16 bytes."""
    return stored.hex


def _number(value: Value | None) -> float | None:
    return None if value is None or value.value is None else float(value.value)


def _beyond(values: Mapping[QuantityName, Value]) -> str | None:
    beyond = {name: value.censored for name, value in values.items() if value.censored}
    return _JSON.encode(beyond).decode() if beyond else None
