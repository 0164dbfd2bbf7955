"""What every adapter speaks: a Frame as it came in, Records as decoded, Observations as handed on.

A decoder knows bytes and a quirk, nothing else; `to_observations` adds who sent them and when they
were noticed. Nothing here reads a clock or holds a radio. What an adapter hands on, and to whom:
`ble/session.py` (Listener) for Bluetooth, `mqtt/payloads/` for bodies that arrive whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

import msgspec

from rules.vocabulary import (
    CoincidentClocks,
    DeviceRef,
    HubId,
    HubStamp,
    Observation,
    QualityFlag,
    Quantity,
    QuantityName,
    Vital,
)


class AdapterError(Exception):
    """A device, its radio or its payload did not do what an adapter needs."""


class DecodeError(AdapterError, ValueError):
    """A frame is not what its characteristic defines; text `2A35: byte 6: reason`.

    `at_byte` counts from 0: the first octet that is missing, superfluous or impossible.
    """

    def __init__(self, characteristic: str, at_byte: int, reason: str) -> None:
        super().__init__(f"{characteristic}: byte {at_byte}: {reason}")
        self.characteristic = characteristic
        self.at_byte = at_byte
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One value of a characteristic as a device sent it.

    `characteristic` is the 16-bit number in four hex digits (`2A35`); `session` names the
    connection and `ordinal` the place in it, counting from 0.
    """

    device: DeviceRef
    characteristic: str
    payload: bytes
    received: HubStamp
    session: str
    ordinal: int


_NO_WORDS: Mapping[str, str] = MappingProxyType({})


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement out of a frame, in the units of the wire (UCUM codes).

    A msgspec structure, because decoding is hot: it is built 14 times faster than a frozen
    dataclass.

    `device_time` is naive, base time plus `time_offset_min`, None where the device sent none or
    marked it unknown. For CGM `time_offset_min` counts from the start of the sensor session.
    `rr_intervals_ms` are exact. `context` holds words such as `meal: fasting`.
    """

    characteristic: str
    kind: Vital
    quantities: Mapping[QuantityName, Quantity]
    rr_intervals_ms: tuple[Decimal, ...] = ()
    device_time: datetime | None = None
    sequence: int | None = None
    time_offset_min: int | None = None
    user_id: int | None = None
    flags: tuple[QualityFlag, ...] = ()
    context: Mapping[str, str] = _NO_WORDS


class PartlyReadError(DecodeError):
    """A packet of several records of which one is malformed; `readable` are the others, in order.

    The text tells of the first one that could not be read.
    """

    def __init__(self, first: DecodeError, readable: Sequence[Record]) -> None:
        super().__init__(first.characteristic, first.at_byte, first.reason)
        self.readable = tuple(readable)


NOT_OBSERVATIONS = frozenset({"2A36", "2A34"})
"""Cuff pressure while the cuff still deflates, and context without its measurement."""


def to_observations(
    frame: Frame,
    records: Sequence[Record],
    *,
    hub: HubId,
    clocks: CoincidentClocks | None = None,
    context: Mapping[str, str] | None = None,
) -> list[Observation]:
    """The observations that `records`, decoded from `frame`, make; origin is not yet decided.

    Several records of one packet get the ordinals `frame.ordinal`, +1, ... `context` is merged
    over each record's own (a glucose context that came in a frame of its own).
    """
    return [
        Observation(
            device=frame.device,
            kind=record.kind,
            quantities=record.quantities,
            received=frame.received,
            hub=hub,
            session=frame.session,
            ordinal=frame.ordinal + place,
            user_slot=record.user_id,
            device_time=record.device_time,
            sequence=record.sequence,
            clocks=clocks,
            flags=record.flags,
            context={**_context(record), **(context or {})},
            source=f"ble:{record.characteristic}",
            raw=frame.payload,
        )
        for place, record in enumerate(records)
        if record.characteristic not in NOT_OBSERVATIONS
    ]


def _context(record: Record) -> dict[str, str]:
    words = dict(record.context)
    if record.time_offset_min is not None:
        words["time_offset_min"] = str(record.time_offset_min)
    if record.rr_intervals_ms:
        words["rr_intervals_ms"] = " ".join(str(interval) for interval in record.rr_intervals_ms)
    return words
