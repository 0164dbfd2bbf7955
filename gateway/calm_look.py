"""What the screen looks at: calm readings, the day columns and the baselines, many at once.

A span that ends at the new reading begins somewhere inside a local day: of that day any of its
readings and sessions may be in or out; of the later days all are in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from gateway.baseline_columns import (
    ANCHOR_UNIT,
    EPOCH,
    MICRO,
    TRACKED,
    StateRows,
)
from gateway.baseline_fold import ANCHOR_DAYS, DAY_FADING, READING_FADING
from gateway.local_days import LocalDays
from gateway.recent import BEYOND, DAYS, LATELY, RecentRows
from gateway.screen_algebra import ANY_NUMBER, COUNT, Flags, Floats, Range
from gateway.screening import SpanBounds, Usual
from rules.vocabulary import QuantityName

Whole = NDArray[np.int64]
Counts = NDArray[np.integer]

_MINUTE_US = 60_000_000
_ROUNDED = 0.15
"""A session mean stands in whole tenths of numbers in whole tenths: off by 0.1 at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalmLook:
    """`screening.Look` over rows that hold the new readings already.

    `values` are the readings' numbers (NaN: none), `at` their instants in microseconds, `days`
    their local days since `EPOCH`; `glucose_at` as in `RECENT`, before these readings. What was
    asked once is remembered.
    """

    states: StateRows
    recent: RecentRows
    values: Mapping[QuantityName, Floats]
    at: Whole
    days: Whole
    glucose_at: Whole
    zone: LocalDays
    _spans: dict[tuple[QuantityName, timedelta], SpanBounds] = field(
        default_factory=dict[tuple[QuantityName, timedelta], SpanBounds]
    )
    _usual: dict[QuantityName, Usual] = field(default_factory=dict[QuantityName, Usual])

    @property
    def day(self) -> Floats:
        """Local days of the readings, as proleptic ordinals."""
        return (self.days + EPOCH).astype(np.float64)

    @property
    def pregnant(self) -> Flags:
        """Who is known to be pregnant."""
        return self.recent["pregnant"] > 0

    def value(self, quantity: QuantityName) -> Floats:
        """The readings' numbers; NaN where a reading carries no such one."""
        known = self.values.get(quantity)
        return np.full(self.at.size, np.nan) if known is None else known

    def over(self, quantity: QuantityName, length: timedelta) -> SpanBounds | None:
        """Bounds over a span; there are day columns of blood pressure only."""
        if quantity not in {QuantityName.SYSTOLIC, QuantityName.DIASTOLIC}:
            return None
        known = self._spans.get((quantity, length))
        if known is None:
            known = self._spans[quantity, length] = self._over(quantity, length)
        return known

    def _over(self, quantity: QuantityName, length: timedelta) -> SpanBounds:
        newest = self.recent["day"].astype(np.int64)
        begins = self.zone.day(self.at - length // timedelta(microseconds=1))
        span = _span(newest, begins, self.recent["loose_day"].astype(np.int64))
        return (_diastolic if quantity is QuantityName.DIASTOLIC else _bounds)(self.recent, span)

    def apart(self, quantity: QuantityName) -> Floats | None:
        """Since the newest valid glucose, up to a minute less."""
        if quantity is not QuantityName.GLUCOSE:
            return None
        never = self.glucose_at == 0
        return np.where(never, np.inf, self.at - (self.glucose_at + 1) * _MINUTE_US)

    def usual(self, quantity: QuantityName) -> Usual | None:
        """The baselines, as `baselines.baseline_of` tells them."""
        if quantity not in TRACKED:
            return None
        known = self._usual.get(quantity)
        if known is None:
            known = self._usual[quantity] = _usual(self.states, TRACKED.index(quantity))
        return known


def _usual(state: StateRows, place: int) -> Usual:
    readings = state["readings"][:, place].astype(np.float64)
    days = state["days"][:, place].astype(np.float64)
    start = state["start"][:, place] / MICRO
    none = readings == 0
    with np.errstate(all="ignore"):
        recent = _started(state["day_mean"][:, place], start, DAY_FADING, days)
        mean = _started(state["mean"][:, place], start, READING_FADING, readings)
        square = _started(state["square"][:, place], start * start, READING_FADING, readings)
        anchor = state["anchor_sum"][:, place] / ANCHOR_UNIT / state["anchor_readings"][:, place]
    sd = np.sqrt(np.maximum(square - mean * mean, 0.0))
    first = state["first_day"][:, place].astype(np.float64) + EPOCH
    fixed = (state["anchored"] >> place & 1).astype(np.bool_)
    whole = ~none & (state["folded_through"] >= first + ANCHOR_DAYS - 1)
    anchored = (state["anchor_readings"][:, place] > 0) & (fixed | whole)
    return Usual(
        recent_mean=np.where(none, np.nan, recent),
        recent_sd=np.where(readings > 1, sd, np.nan),
        anchor=np.where(anchored, anchor, np.nan),
        readings=readings,
        first_day=np.where(none, np.nan, first),
    )


def _started(mean: Floats, start: Floats, fading: float, count: Floats) -> Floats:
    left = (1 - fading) ** count
    return (mean - left * start) / (1 - left)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """Which day columns a span reaches; each has a row for each person.

    Attributes:
        cut: The column of the day in which the span begins; that day's own beginning may be out.
        within: Days that are wholly in.
        exact: Those of them of which readings and sessions are known to the number.
        open: The others, and the day that is cut: any of their sessions may be in or out.
        many: Whether there may be more sessions, and readings, on the `open` days than are counted.
        lost: Of whom nothing is known.
    """

    cut: Whole
    within: Flags
    exact: Flags
    open: Flags
    many: Flags
    lost: Flags


def _span(newest: Whole, begins: Whole, loose_day: Whole) -> _Span:
    """A span from the day `begins` on; up to `loose_day` the columns do not tell how many."""
    cut = newest - begins
    reached = loose_day >= begins
    # A number without its other half is no systolic reading, and may be newer than the columns.
    lost = (cut >= DAYS) | (reached & (loose_day > newest))
    cut = np.clip(cut, -1, DAYS - 1)
    many = reached & ~lost
    column, ends = np.arange(DAYS), np.where(many, np.minimum(newest - loose_day, cut), cut)
    return _Span(
        cut=cut,
        within=column < cut[:, None],
        exact=column < ends[:, None],
        open=(column >= ends[:, None]) & (column <= cut[:, None]),
        many=many,
        lost=lost,
    )


def _bounds(recent: RecentRows, span: _Span) -> SpanBounds:
    readings = (recent["counts"] >> 4).astype(np.int32)
    at_cut = readings[np.arange(span.cut.size), np.maximum(span.cut, 0)] * (span.cut >= 0)
    surely = (readings * span.within).sum(axis=1, dtype=np.int32)
    days = ((readings > 0) & span.within).sum(axis=1) + (at_cut > 0)
    ends = _ends(recent["lowest"], recent["highest"], span)
    return SpanBounds(
        readings=_counted(surely, surely + at_cut, span),
        days=Range(np.zeros(()), np.where(span.lost, np.inf, days), np.zeros((), dtype=np.bool_)),
        mean=_mean(recent, recent["sums"], ends, span),
        settled=_settled(recent, recent["settled"], ends, span),
    )


def _diastolic(recent: RecentRows, span: _Span) -> SpanBounds:
    """The settled mean only."""
    high = np.where(span.open[:, :LATELY], recent["diastolic_high"], 0).max(axis=1)
    ends = np.zeros(high.size), np.where(high == BEYOND, np.inf, high.astype(np.float64))
    settled = _settled(recent, recent["diastolic"], ends, span)
    return SpanBounds(readings=COUNT, days=COUNT, mean=ANY_NUMBER, settled=settled)


def _ends(lowest: Counts, highest: Counts, span: _Span) -> tuple[Floats, Floats]:
    """Between which numbers the readings of the open days lie; 0 and 0 where there are none."""
    high = np.where(span.open, highest, 0).max(axis=1)
    low = np.where(span.open & (lowest > 0), lowest, BEYOND).min(axis=1).astype(np.float64)
    low = np.where(high > 0, 2.0 * (low - 1), 0.0)
    return low, np.where(high == BEYOND, np.inf, 2.0 * high)


def _settled(recent: RecentRows, sums: Counts, ends: tuple[Floats, Floats], span: _Span) -> Range:
    """The mean of session means without first readings, of the days that have such a column."""
    unknown = (span.cut < 0) | (span.cut >= LATELY)
    return _mean(recent, sums, ends, replace(span, lost=span.lost | unknown))


def _counted(surely: Counts, perhaps: Counts, span: _Span) -> Range:
    low = np.where(span.lost, 0.0, surely)
    high = np.where(span.lost | span.many, np.inf, perhaps)
    return Range(low, high, np.zeros((), dtype=np.bool_))


def _mean(recent: RecentRows, sums: Counts, ends: tuple[Floats, Floats], span: _Span) -> Range:
    """The mean of session means: k more of them between `ends` move it furthest when all are in."""
    sessions = (recent["counts"] & 15).astype(np.int32)
    whole = (sessions * span.exact).sum(axis=1, dtype=np.int32)
    total = (sums * span.exact[:, : sums.shape[1]]).sum(axis=1, dtype=np.int32) / 10
    partly = (sessions * span.open).sum(axis=1, dtype=np.int32)
    found: list[Floats] = []
    for end in ends:
        with np.errstate(all="ignore"):
            without, with_all = total / whole, (total + partly * end) / (whole + partly)
        with_all = np.where(span.many, end, with_all)
        known = span.many | (whole + partly > 0)
        found += [np.where(whole > 0, without, end), np.where(known, with_all, end)]
    low = np.minimum.reduce(found[:2]) - _ROUNDED
    high = np.maximum.reduce(found[2:]) + _ROUNDED
    lost = span.lost | ~span.many & (whole + partly == 0)
    unknown = lost | span.many | (whole == 0)
    return Range(np.where(lost, -np.inf, low), np.where(lost, np.inf, high), unknown)
