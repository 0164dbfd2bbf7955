"""What readings of a span could come to, from the day columns of many people. Vectorised.

A span that ends at the new reading begins somewhere inside a local day: of that day any of its
readings and sessions may be in or out; of the later days all are in. Nothing is worked out before
somebody asks for it.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gateway.recent import BEYOND, DAYS, LATELY, MOST_OF_A_DAY, RecentRows
from gateway.screen_algebra import ANY_NUMBER, COUNT, Flags, Floats, Range
from gateway.screening import SpanBounds

Whole = NDArray[np.int64]
Counts = NDArray[np.integer]

_ROUNDED = 0.15
"""A session mean stands in whole tenths of numbers in whole tenths: off by 0.1 at most."""


class DayColumns:
    """The day columns of many people, as numbers."""

    def __init__(self, recent: RecentRows) -> None:
        self.sums: Counts = recent["sums"]
        self.settled: Counts = recent["settled"]
        self.diastolic: Counts = recent["diastolic"]
        self.diastolic_high: Counts = recent["diastolic_high"]
        self.lowest: Counts = recent["lowest"]
        self.highest: Counts = recent["highest"]
        self._counts: Counts = recent["counts"]

    @cached_property
    def readings(self) -> Counts:
        """How many readings each day has; `MOST_OF_A_DAY` stands for any more too."""
        return (self._counts >> 4).astype(np.int32)

    @cached_property
    def sessions(self) -> Counts:
        """How many sessions each day has."""
        return (self._counts & 15).astype(np.int32)


class Reach:
    """Which day columns a span reaches; each has a row for each person.

    Attributes:
        cut: The column of the day in which the span begins; that day's own beginning may be out.
        many: Whether there may be more sessions, and readings, on the `open` days than are counted.
        lost: Of whom nothing is known.
    """

    def __init__(self, newest: Whole, begins: Whole, loose_day: Whole) -> None:
        """A span from the day `begins` on; up to `loose_day` the columns do not tell how many."""
        cut = newest - begins
        reached = loose_day >= begins
        # A number without its other half is no systolic reading, and may be newer than the columns.
        self.lost: Flags = (cut >= DAYS) | (reached & (loose_day > newest))
        self.cut: Whole = np.clip(cut, -1, DAYS - 1)
        self.many: Flags = reached & ~self.lost
        self._ends = np.where(self.many, np.minimum(newest - loose_day, self.cut), self.cut)

    @cached_property
    def within(self) -> Flags:
        """Days that are wholly in."""
        return np.arange(DAYS) < self.cut[:, None]

    @cached_property
    def exact(self) -> Flags:
        """Those of them of which readings and sessions are known to the number."""
        return np.arange(DAYS) < self._ends[:, None]

    @cached_property
    def open(self) -> Flags:
        """The others, and the day that is cut: any of their sessions may be in or out."""
        return ~self.exact & (np.arange(DAYS) <= self.cut[:, None])


class SystolicSpan(SpanBounds):
    """Of systolic pressure."""

    def __init__(self, days: DayColumns, reach: Reach) -> None:
        self._days = days
        self._reach = reach

    @cached_property
    def _at_cut(self) -> Counts:
        cut = self._reach.cut
        return self._days.readings[np.arange(cut.size), np.maximum(cut, 0)] * (cut >= 0)

    @cached_property
    def readings(self) -> Range:
        """How many there are."""
        reach = self._reach
        surely = (self._days.readings * reach.within).sum(axis=1, dtype=np.int32)
        full = (self._days.readings >= MOST_OF_A_DAY) & (reach.within | reach.open)
        uncounted = reach.lost | reach.many | full.any(axis=1)
        high = np.where(uncounted, np.inf, surely + self._at_cut)
        return Range(np.where(reach.lost, 0.0, surely), high)

    @cached_property
    def days(self) -> Range:
        """On how many local days."""
        days = ((self._days.readings > 0) & self._reach.within).sum(axis=1) + (self._at_cut > 0)
        return Range(np.zeros(()), np.where(self._reach.lost, np.inf, days))

    @cached_property
    def _ends(self) -> tuple[Floats, Floats]:
        """Between which numbers readings of the open days lie; 0 and 0 where there are none."""
        within, lowest = self._reach.open, self._days.lowest
        high = np.where(within, self._days.highest, 0).max(axis=1)
        low = np.where(within & (lowest > 0), lowest, BEYOND).min(axis=1).astype(np.float64)
        low = np.where(high > 0, 2.0 * (low - 1), 0.0)
        return low, np.where(high == BEYOND, np.inf, 2.0 * high)

    @cached_property
    def mean(self) -> Range:
        """The mean of the session means."""
        return _mean(self._days.sessions, self._days.sums, self._ends, self._reach)

    @cached_property
    def settled(self) -> Range:
        """The same with first readings left out."""
        return _mean(self._days.sessions, self._days.settled, self._ends, self._reach)


class DiastolicSpan(SpanBounds):
    """Of diastolic pressure: the settled mean only."""

    def __init__(self, days: DayColumns, reach: Reach) -> None:
        self._days = days
        self._reach = reach

    @cached_property
    def readings(self) -> Range:
        """Nothing is known of their number."""
        return COUNT

    @cached_property
    def days(self) -> Range:
        """Nor of this one."""
        return COUNT

    @cached_property
    def mean(self) -> Range:
        """Nor of this one."""
        return ANY_NUMBER

    @cached_property
    def settled(self) -> Range:
        """The mean of the session means, first readings left out."""
        within = self._reach.open[:, :LATELY]
        high = np.where(within, self._days.diastolic_high, 0).max(axis=1)
        ends = np.zeros(high.size), np.where(high == BEYOND, np.inf, high.astype(np.float64))
        return _mean(self._days.sessions, self._days.diastolic, ends, self._reach)


def _mean(sessions: Counts, sums: Counts, ends: tuple[Floats, Floats], reach: Reach) -> Range:
    """The mean of session means: k more of them between `ends` move it furthest when all are in.

    Settled means have columns of a few days only; of longer spans nothing is known.
    """
    lost = reach.lost
    if sums.shape[1] < DAYS:
        lost = lost | (reach.cut < 0) | (reach.cut >= sums.shape[1])
    whole = (sessions * reach.exact).sum(axis=1, dtype=np.int32)
    total = (sums * reach.exact[:, : sums.shape[1]]).sum(axis=1, dtype=np.int32) / 10
    partly = (sessions * reach.open).sum(axis=1, dtype=np.int32)
    found: list[Floats] = []
    for end in ends:
        with np.errstate(all="ignore"):
            without, with_all = total / whole, (total + partly * end) / (whole + partly)
        with_all = np.where(reach.many, end, with_all)
        known = reach.many | (whole + partly > 0)
        found += [np.where(whole > 0, without, end), np.where(known, with_all, end)]
    low = np.minimum.reduce(found[:2]) - _ROUNDED
    high = np.maximum.reduce(found[2:]) + _ROUNDED
    lost = lost | ~reach.many & (whole + partly == 0)
    unknown = lost | reach.many | (whole == 0)
    return Range(np.where(lost, -np.inf, low), np.where(lost, np.inf, high), unknown)
