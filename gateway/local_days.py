"""Local days of many instants at once, in a zone that may change its clocks."""

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from gateway.baseline_columns import EPOCH

Whole = NDArray[np.int64]

_DAY_US = 86_400_000_000
_QUARTER_US = 900_000_000
"""Zones change their clocks at whole quarters of an hour (UTC)."""

_LOOKED_UP = 40_000
"""Quarters that are looked up at a time to find the zone's offset the same: a year and more."""

_FIRST_DAY = datetime(1970, 1, 1, tzinfo=UTC).toordinal() - EPOCH


class LocalDays:
    """Days since `EPOCH` and hours of a zone; remembers the zone's offset for each quarter hour.

    Most zones keep an offset for months, China's for good: between two quarters that are known to
    have the same one, with all between them, nobody has to be asked.
    """

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._offsets: dict[int, int] = {}
        self._even = range(0)
        self._shift = 0

    def local(self, at: Whole) -> Whole:
        """Microseconds since 1970 on the zone's clocks, of instants in microseconds since 1970."""
        if at.size and self._is_even(int(at.min()) // _QUARTER_US, int(at.max()) // _QUARTER_US):
            return at + self._shift
        quarters, place = np.unique(at // _QUARTER_US, return_inverse=True)
        offsets = [self._offset(int(quarter)) for quarter in quarters]
        return at + np.array(offsets, dtype=np.int64)[place]

    def day(self, at: Whole) -> Whole:
        """The local day of each instant, in days since `EPOCH`."""
        return self.local(at) // _DAY_US + _FIRST_DAY

    def _is_even(self, first: int, last: int) -> bool:
        """Whether one offset, `_shift`, is known to hold from one quarter to another."""
        if first in self._even and last in self._even:
            return True
        even = self._even or range(last, last)
        begin, end = min(first, even.start), max(last + 1, even.stop)
        if end - begin - len(even) > _LOOKED_UP:
            even = range(last, last)
            begin, end = first, last + 1
        if end - begin > _LOOKED_UP + len(even):
            return False
        shift = self._shift if even else self._offset(last)
        missing = chain(range(begin, even.start), range(even.stop, end))
        if all(self._offset(quarter) == shift for quarter in missing):
            self._even, self._shift = range(begin, end), shift
            return True
        self._even = range(0)
        return False

    def _offset(self, quarter: int) -> int:
        known = self._offsets.get(quarter)
        if known is None:
            if len(self._offsets) > 100_000:  # noqa: PLR2004 - three years of quarters
                self._offsets.clear()
            begin = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=quarter * _QUARTER_US)
            offset = begin.astimezone(self._zone).utcoffset() or timedelta(0)
            known = self._offsets[quarter] = offset // timedelta(microseconds=1)
        return known


def hours_of(local: Whole) -> Whole:
    """The hour (0-23) that the zone's clocks show at local instants."""
    return local % _DAY_US // 3_600_000_000
