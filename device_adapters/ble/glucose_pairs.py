"""Joins a glucose measurement with its context, which travels in a frame of its own.

The context usually follows, may come first, and may never come; the sequence number joins them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from device_adapters.adapter import Frame, Record
from device_adapters.ble.origin import CONTEXT_FOLLOWS
from device_adapters.ble.quirks import Quirk
from rules.codes import UnitError, to_canonical
from rules.vocabulary import Bound, QuantityName

MOST_WAITING = 16
"""A measurement is handed on without its context once this many younger ones wait as well."""

_LOW_MMOL_L, _HIGH_MMOL_L = Decimal("3.9"), Decimal("16.7")
"""From here on a rule of the first pack may ring (HW-06, HW-08)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A measurement that is ready, with the words of its context.

    None where the context that it announced did not come.
    """

    frame: Frame
    record: Record
    context: dict[str, str] | None


class GlucosePairs:
    """Holds what waits for its other half; every measurement comes out exactly once."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[Frame, Record]] = {}
        self._early: dict[int, dict[str, str]] = {}
        self._owed: set[int] = set()

    def dropped(self, record: Record) -> None:
        """A measurement that nobody wants once more takes its own context with it.

        Two records of one number are in a meter whose numbers began again: the context of the one
        must never join the other.
        """
        sequence = record.sequence
        if sequence is None or CONTEXT_FOLLOWS not in record.context:
            return
        if self._early.pop(sequence, None) is None and sequence not in self._waiting:
            self._owed.add(sequence)

    def measurement(self, frame: Frame, record: Record) -> list[Joined]:
        """What is ready once this measurement is there."""
        sequence = record.sequence
        if sequence is None or CONTEXT_FOLLOWS not in record.context:
            return [Joined(frame=frame, record=record, context={})]
        early = self._early.pop(sequence, None)
        if early is not None:
            return [Joined(frame=frame, record=record, context=early)]
        ready = self._take(sequence, None)
        self._waiting[sequence] = (frame, record)
        if len(self._waiting) > MOST_WAITING:
            ready += self._take(next(iter(self._waiting)), None)
        return ready

    def context(self, record: Record) -> list[Joined]:
        """What is ready once this context is there."""
        sequence = record.sequence
        if sequence is None:
            return []
        if sequence in self._owed:
            self._owed.remove(sequence)
            return []
        ready = self._take(sequence, dict(record.context))
        if not ready:
            self._early[sequence] = dict(record.context)
        return ready

    @property
    def waiting(self) -> frozenset[bytes]:
        """The values of the measurements that wait for their context."""
        return frozenset(frame.payload for frame, _ in self._waiting.values())

    def rest(self, stays: Callable[[Frame, Record], bool] | None = None) -> list[Joined]:
        """Everything that still waits, without context: nothing more will come.

        What `stays` goes on waiting.
        """
        self._owed.clear()
        self._early.clear()
        ready = [
            number
            for number, (frame, record) in self._waiting.items()
            if stays is None or not stays(frame, record)
        ]
        return [joined for number in ready for joined in self._take(number, None)]

    def _take(self, sequence: int, context: dict[str, str] | None) -> list[Joined]:
        waiting = self._waiting.pop(sequence, None)
        if waiting is None:
            return []
        return [Joined(frame=waiting[0], record=waiting[1], context=context)]


def is_urgent(record: Record, quirk: Quirk) -> bool:
    """Whether a glucose reading may ring whatever its context says: it waits for no next session.

    Of a model whose ketone tests come as glucose a low number says nothing before its context: 1.2
    mmol/L of ketone looks like 12 mg/dL. A high one is no ketone.
    """
    said = record.quantities.get(QuantityName.GLUCOSE)
    if said is None:
        return False
    low, high = said.censored is Bound.BELOW, said.censored is Bound.ABOVE
    if said.value is not None:
        try:
            mmol_l = to_canonical(QuantityName.GLUCOSE, said.value, said.unit)
        except UnitError:
            return True
        low, high = mmol_l < _LOW_MMOL_L, mmol_l >= _HIGH_MMOL_L
    return high or (low and quirk.ketone_meal is None)
