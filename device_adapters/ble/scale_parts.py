"""Joins the two packets of a body composition that does not fit one (bit 12 of 0x2A9C)."""

from device_adapters.adapter import Frame, Record
from device_adapters.ble.decoders.body_composition import SEVERAL_PACKETS, joined
from device_adapters.ble.glucose_pairs import Joined


class ScaleParts:
    """Holds a first packet until the second is there; every measurement comes out exactly once."""

    def __init__(self) -> None:
        self._first: tuple[Frame, Record] | None = None

    def take(self, frame: Frame, record: Record) -> list[Joined]:
        """What is ready once this packet is there; a whole one after half a one lets go of both."""
        if SEVERAL_PACKETS not in record.context:
            return [*self.rest(), Joined(frame=frame, record=record, context={})]
        if self._first is None:
            self._first = frame, record
            return []
        (first_frame, first), self._first = self._first, None
        return [Joined(frame=first_frame, record=joined(first, record), context={})]

    def rest(self) -> list[Joined]:
        """The half that still waits, as it is: nothing more will come."""
        if self._first is None:
            return []
        (frame, record), self._first = self._first, None
        return [Joined(frame=frame, record=record, context={})]
