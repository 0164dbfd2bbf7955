"""Stretches of one person's time, each with a size: lows, arrhythmia, lack of oxygen, fluid."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.moments import Moments

MINUTES = 1440
"""Of a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """Stretches in order of time that do not overlap; the arrays have the same length.

    Attributes:
        begin: Minutes since the local midnight of day 0.
        end: Likewise, later than `begin`.
        size: What the owner says it is (lowest mmol/L, kg, percentage points...).
    """

    begin: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]
    size: npt.NDArray[np.float64]

    def __len__(self) -> int:
        """How many stretches."""
        return len(self.begin)

    def events(
        self,
        subject: str,
        calendar: Calendar,
        kind: EventKind,
        detail: Callable[[float], str] = lambda _size: "",
    ) -> list[Event]:
        """One event a stretch, its detail made from the size."""
        rows = zip(self.begin.tolist(), self.end.tolist(), self.size.tolist(), strict=True)
        return [
            Event(
                subject=subject,
                begins_at=calendar.instant(0, begin),
                ends_at=calendar.instant(0, end),
                kind=kind,
                detail=detail(size),
            )
            for begin, end, size in rows
        ]


def spans(rows: list[tuple[float, float, float]]) -> Spans:
    """The stretches (begin, end, size) in order of time; one that overlaps an earlier is left out.

    Two stretches keep at least two hours between them, so that ramps around them do not meet.
    """
    kept: list[tuple[float, float, float]] = []
    for row in sorted(rows):
        if not kept or row[0] >= kept[-1][1] + 120:
            kept.append(row)
    table = np.array(kept, np.float64).reshape(-1, 3)
    return Spans(begin=table[:, 0], end=table[:, 1], size=table[:, 2])


def minute_of(when: Moments) -> npt.NDArray[np.float64]:
    """Minutes since the local midnight of day 0."""
    return when.day * float(MINUTES) + when.minute


def inside(stretches: Spans, minute: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """True for the minutes (since the midnight of day 0) that lie in a stretch, end excluded."""
    if not len(stretches):
        return np.zeros(len(minute), np.bool_)
    last = np.searchsorted(stretches.begin, minute, side="right") - 1
    return (last >= 0) & (minute < stretches.end[np.maximum(last, 0)])
