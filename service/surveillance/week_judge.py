"""Seven days together held against yearly waves, for every judged day anew. Pure.

An outbreak that lasts shows more in a week's sum than in any of its days, so each judged day ends a
week, that week is held against the weeks that ended on the same weekday (`detectors.harmonic`), and
the day crosses where its own count brings the sum over the week's bound: a day that is no larger
than usual does not, or the same cases would be told for a week. What days tell of (their weekday,
how many people report, which of them are known) is an offset.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from service.surveillance.detectors.harmonic import HarmonicControl, harmonic
from service.surveillance.detectors.points import Counts, Flags, Indices, Series

YEARS = 3
LEFT_OUT = 26
"""Weeks before the judged one that are not learned from: an outbreak may be under way."""

WEEKS_NEEDED = 52 * YEARS + LEFT_OUT + 1
_LEAST_KNOWN = 130  # of the 156 weeks that are learned from: with those left out, three years
_WEEK = 7
_PRIOR = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekSeries:
    """Days without a gap, NaN where nothing is known; `places` are the days asked about.

    `base` is of how many people each day tells, None where that never changes. With fewer than
    `least_cases` in the years that are learned from nothing is said.
    """

    values: Counts
    base: Counts | None
    places: tuple[int, ...]
    least_cases: float
    alpha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedWeek:
    """What was expected of the day, the count above which its week crosses, the week's p-value."""

    expected: float
    upperbound: float
    pvalue: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """A row for each judged day: weekly sums, old to new, and what they tell of."""

    sums: Counts
    told: Counts
    day_told: Counts
    places: tuple[int, ...]


def judge_weeks(asked: Sequence[WeekSeries]) -> list[Mapping[int, JudgedWeek]]:
    """Of each series the judged days of which something can be said, by place."""
    rows = [_rows(one) for one in asked]
    if not any(one.places for one in rows):
        return [{} for _ in asked]
    points = harmonic(
        Series(
            observed=np.concatenate([one.sums for one in rows]),
            frequency=52,
            population=np.concatenate([one.told for one in rows]),
        ),
        HarmonicControl(
            range=(WEEKS_NEEDED,),
            b=YEARS,
            left_out=LEFT_OUT,
            alpha=asked[0].alpha,
            population_offset=True,
        ),
    )
    found: list[Mapping[int, JudgedWeek]] = []
    start = 0
    for series, one in zip(asked, rows, strict=True):
        end = start + len(one.places)
        columns = (points.expected, points.upperbound, points.pvalue)
        laws = np.concatenate([column[start:end] for column in columns], axis=1)
        found.append(_judged(series, one, laws))
        start = end
    return found


def _judged(series: WeekSeries, rows: _Rows, laws: Counts) -> Mapping[int, JudgedWeek]:
    """`laws` are expectation, bound and p-value of each row's last week."""
    found: dict[int, JudgedWeek] = {}
    for row, place in enumerate(rows.places):
        mean, bound, pvalue = (float(one) for one in laws[row])
        if np.isnan(pvalue) or np.isnan(bound):
            continue
        expected = mean * float(rows.day_told[row] / rows.told[row, -1])
        others = float(rows.sums[row, -1] - series.values[place])
        found[place] = JudgedWeek(
            expected=expected, upperbound=max(bound - others, expected), pvalue=pvalue
        )
    return found


def _rows(series: WeekSeries) -> _Rows:
    """The weeks of every judged day that has the history; each row is judged by itself."""
    places = [one for one in series.places if one >= _WEEK * LEFT_OUT]
    if not places or series.values.size < _WEEK * _LEAST_KNOWN:
        return _none()
    known = ~np.isnan(series.values)
    if series.base is not None:
        known &= ~np.isnan(series.base) & (series.base > 0)
    told = np.where(known, _day_told(series, known, min(places)), 0.0)
    back: Indices = np.arange(WEEKS_NEEDED - 1, -1, -1, dtype=np.int64) * _WEEK
    ends = np.asarray(places, dtype=np.int64)[:, None] - back
    sums = _weekly(np.where(known, series.values, 0.0), ends)
    weekly_told = _weekly(told, ends)
    days = _weekly(known.astype(np.float64), ends)
    weekdays = _reported(known).sum()
    sums = np.where((ends >= _WEEK - 1) & (2 * days >= weekdays), sums, np.nan)
    learned = sums[:, : 52 * YEARS]
    enough = (
        ((~np.isnan(learned)).sum(axis=1) >= _LEAST_KNOWN)
        & (np.nansum(learned, axis=1) >= series.least_cases)
        & ~np.isnan(sums[:, -1])
        & (told[places] > 0)
    )
    return _Rows(
        sums=sums[enough],
        told=np.maximum(weekly_told[enough], 1e-9),
        day_told=told[places][enough],
        places=tuple(place for place, there in zip(places, enough, strict=True) if there),
    )


def _none() -> _Rows:
    empty = np.empty((0, WEEKS_NEEDED))
    return _Rows(sums=empty, told=empty, day_told=np.empty(0), places=())


def _reported(known: Flags) -> Flags:
    """Whether anything was ever known of each of seven consecutive days, from the first on."""
    return np.asarray([known[weekday::_WEEK].any() for weekday in range(_WEEK)])


def _day_told(series: WeekSeries, known: Flags, until: int) -> Counts:
    """What each day tells of: the usual share of its weekday, times who reports.

    Learned from days before the first judged week, about 1 for an ordinary day.
    """
    base = np.ones_like(series.values) if series.base is None else np.nan_to_num(series.base)
    learned = known.copy()
    learned[max(0, until - _WEEK + 1) :] = False
    rates = np.ones(_WEEK)
    for weekday in range(_WEEK):
        some = learned[weekday::_WEEK]
        of = base[weekday::_WEEK][some].sum()
        if of > 0:
            rates[weekday] = (series.values[weekday::_WEEK][some].sum() + _PRIOR) / of
    usual = base[learned].mean() if learned.any() else 1.0
    shares = rates / rates[_reported(known)].mean() if known.any() else rates
    return np.asarray(base / max(usual, 1e-9) * np.resize(shares, base.size))


def _weekly(days: Counts, ends: Indices) -> Counts:
    """Sums of the seven days that end at each place; of places before the first week nothing."""
    until = np.concatenate([[0.0], np.cumsum(days)])
    safe = np.maximum(ends, _WEEK - 1)
    return np.asarray(until[safe + 1] - until[safe - _WEEK + 1])
