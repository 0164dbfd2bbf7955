"""Joins what a scale says of one measurement: a weight, and a body composition of one or two parts.

A composition that does not fit one packet comes as two (bit 12 of 0x2A9C). A scale that has both
characteristics sends the weight of the same moment in 0x2A9D; which of them comes first is open.
"""

from datetime import datetime

from msgspec import structs

from device_adapters.adapter import Frame, Record
from device_adapters.ble.characteristics import WEIGHT
from device_adapters.ble.decoders.body_composition import SEVERAL_PACKETS, joined
from device_adapters.ble.glucose_pairs import MOST_WAITING, Joined
from device_adapters.ble.origin import CONTEXT_FOLLOWS
from rules.vocabulary import QualityFlag

_Moment = tuple[datetime | None, int | None]


class ScaleParts:
    """Holds what waits for its other half; every measurement comes out exactly once.

    With `beside_weights` a composition waits for the weight of the same moment and user, and a
    weight for its composition: one observation, with the numbers of the weight and the estimates as
    words, so that a composition that was lost on the way does not make another reading of it.
    """

    def __init__(self, *, beside_weights: bool = False) -> None:
        self._beside_weights = beside_weights
        self._first: tuple[Frame, Record] | None = None
        self._waiting: dict[_Moment, tuple[Frame, Record]] = {}

    def take(self, frame: Frame, record: Record) -> list[Joined]:
        """What is ready once this packet is there; a whole one after half a one lets go of both."""
        if frame.characteristic == WEIGHT:
            return self._meet(frame, record)
        if SEVERAL_PACKETS not in record.context:
            return [*self._let_go_of_half(), *self._meet(frame, record)]
        if self._first is None:
            self._first = frame, record
            return []
        (first_frame, first), self._first = self._first, None
        return self._meet(first_frame, joined(first, record))

    def rest(self) -> list[Joined]:
        """What still waits, as it is: nothing more will come."""
        ready = self._let_go_of_half()
        return ready + [self._pop(moment) for moment in list(self._waiting)]

    def _let_go_of_half(self) -> list[Joined]:
        if self._first is None:
            return []
        (frame, record), self._first = self._first, None
        return self._meet(frame, record)

    def _meet(self, frame: Frame, record: Record) -> list[Joined]:
        """Join with the other kind of the same moment, or wait for it."""
        if not self._beside_weights:
            return [Joined(frame=frame, record=record, context={})]
        moment = (record.device_time, record.user_id)
        other = self._waiting.get(moment)
        if other is not None and other[0].characteristic != frame.characteristic:
            del self._waiting[moment]
            return [_one(other, (frame, record))]
        ready = [] if other is None else [self._pop(moment)]
        self._waiting[moment] = frame, record
        if len(self._waiting) > MOST_WAITING:
            ready.append(self._pop(next(iter(self._waiting))))
        return ready

    def _pop(self, moment: _Moment) -> Joined:
        """A half alone; told again with the other one, it is completed."""
        frame, record = self._waiting.pop(moment)
        words = {**record.context, CONTEXT_FOLLOWS: "true"}
        return Joined(frame=frame, record=structs.replace(record, context=words), context=None)


def _one(half: tuple[Frame, Record], other: tuple[Frame, Record]) -> Joined:
    by_kind = {frame.characteristic: (frame, record) for frame, record in (half, other)}
    frame, weight = by_kind.pop(WEIGHT)
    ((_, composition),) = by_kind.values()
    words = {**composition.context, **weight.context, CONTEXT_FOLLOWS: "true"}
    if QualityFlag.SENSOR_MALFUNCTION in composition.flags:
        words["body_composition"] = "failed"  # somebody in socks; the weight is as good as ever
    record = structs.replace(weight, context=words)
    return Joined(frame=frame, record=record, context={})
