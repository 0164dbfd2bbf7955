"""What the screen looks at: calm readings, the day columns and the baselines, many at once.

A span that ends at the new reading begins somewhere inside a local day: of that day any of its
readings and sessions may be in or out; of the later days all are in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
from gateway.recent import DAYS, LATELY, RecentRows
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
        # The column of the day in which the span begins; its own beginning may be out.
        cut = newest - begins
        loose = (cut >= DAYS) | (self.recent["loose_day"] >= begins)
        if quantity is QuantityName.DIASTOLIC:
            return _diastolic(self.recent, np.clip(cut, -1, DAYS - 1), loose)
        return _bounds(self.recent, np.clip(cut, -1, DAYS - 1), loose)

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


def _bounds(recent: RecentRows, cut: Whole, loose: Flags) -> SpanBounds:
    counts = recent["counts"]
    readings, sessions = (counts >> 4).astype(np.int32), (counts & 15).astype(np.int32)
    column = np.arange(DAYS)
    inside, at_cut = column < cut[:, None], np.maximum(cut, 0)
    surely, perhaps = _both(readings, inside, at_cut)
    total, _ = _both(recent["sums"].astype(np.int32), inside, at_cut)
    whole, partly = _both(sessions, inside, at_cut)
    rows = np.arange(cut.size)
    partly, perhaps = np.where(cut < 0, 0, partly), np.where(cut < 0, 0, perhaps)
    high = 2.0 * recent["highest"][rows, at_cut]
    low = 2.0 * np.maximum(recent["lowest"][rows, at_cut].astype(np.int32) - 1, 0)
    days, cut_day = (readings * inside > 0).sum(axis=1), (perhaps > 0).astype(np.int64)
    mean = _mean(total / 10, whole, partly, (low, high), loose)
    settled = _settled(
        recent["settled"], (sessions, inside, at_cut), (low, high), loose | (cut < 0)
    )
    return SpanBounds(
        readings=_counted(surely, perhaps, loose),
        days=_counted(days, cut_day, loose),
        mean=mean,
        settled=settled,
    )


def _diastolic(recent: RecentRows, cut: Whole, loose: Flags) -> SpanBounds:
    """The settled mean only."""
    sessions = (recent["counts"] & 15).astype(np.int32)
    inside, at_cut = np.arange(DAYS) < cut[:, None], np.maximum(cut, 0)
    high = recent["diastolic_high"][np.arange(cut.size), np.minimum(at_cut, LATELY - 1)]
    ends = (np.zeros(cut.size), high.astype(np.float64))
    settled = _settled(recent["diastolic"], (sessions, inside, at_cut), ends, loose | (cut < 0))
    return SpanBounds(readings=COUNT, days=COUNT, mean=ANY_NUMBER, settled=settled)


def _settled(
    sums: Counts,
    days: tuple[NDArray[np.int32], Flags, Whole],
    ends: tuple[Floats, Floats],
    loose: Flags,
) -> Range:
    """The mean of session means without first readings, of the days that have such a column."""
    sessions, inside, at_cut = days
    total = (sums * inside[:, :LATELY]).sum(axis=1, dtype=np.int32)
    whole, partly = _both(sessions, inside, at_cut)
    return _mean(total / 10, whole, partly, ends, loose | (at_cut >= LATELY))


def _both(
    column: NDArray[np.int32], inside: Flags, at_cut: Whole
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Sum over the days that are wholly in, and the number of the day that is cut."""
    return (column * inside).sum(axis=1, dtype=np.int32), column[np.arange(at_cut.size), at_cut]


def _counted(surely: Counts, perhaps: Counts, loose: Flags) -> Range:
    low = np.where(loose, 0.0, surely)
    return Range(low, np.where(loose, np.inf, surely + perhaps), np.zeros((), dtype=np.bool_))


def _mean(
    total: Floats, whole: Counts, partly: Counts, ends: tuple[Floats, Floats], loose: Flags
) -> Range:
    """The mean of session means: k more of them between `ends` move it furthest when all are in."""
    found: list[Floats] = []
    for end in ends:
        with np.errstate(all="ignore"):
            without, with_all = total / whole, (total + partly * end) / (whole + partly)
        found += [np.where(whole > 0, without, end), np.where(whole + partly > 0, with_all, end)]
    low = np.minimum.reduce(found[:2]) - _ROUNDED
    high = np.maximum.reduce(found[2:]) + _ROUNDED
    loose = loose | (whole + partly == 0)
    return Range(np.where(loose, -np.inf, low), np.where(loose, np.inf, high), loose | (whole == 0))
