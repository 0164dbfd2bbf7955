"""One day of one series judged: what was expected, the bound, the p-value that fusion takes.

Pure. With three years of history and cases enough, Farrington flexible runs over the same weekday
of earlier weeks (no weekday effect, 52 points a year). Before that, the window of EARS C2 (two days
left out) over up to 28 known days, with the predictive law of a negative binomial count in place of
the normal: the normal bound at 0.001 over seven days rings on 1.5-8 % of ordinary days, this one on
0.02-1.3 % (docs/surveillance.md).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from service.surveillance.detectors.distributions import count_cdf, count_quantile
from service.surveillance.detectors.farrington_flexible import (
    FlexibleControl,
    Threshold,
    farrington_flexible,
)
from service.surveillance.detectors.points import Counts, Indices, Series

ALPHA = 0.001
"""One-sided level of a source's own bound: of 300 series a day, one in three days by chance."""

LEAST_POINTS, MOST_POINTS, LAG = 7, 28, 2
YEARS = 3
HISTORY_DAYS = 7 * (52 * YEARS + 4)
"""Days of history that the longest-sighted detector looks at."""

_LEAST_CASES = 30.0
_WEEK = 7
_PRIOR = 0.5  # Jeffreys' prior of a Poisson mean


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDay:
    """What was expected of a day, the bound its count must be above to cross, and its p-value."""

    expected: float
    upperbound: float
    pvalue: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Days:
    """A gap-free calendar from `first` on, NaN where nothing is known."""

    first: date
    values: Counts
    base: Counts | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prediction:
    """A day's count, the mean it should come from, and its variance over that mean."""

    count: float
    mean: float
    spread: float


def judge_days(
    counts: Mapping[date, float],
    judged: Iterable[date],
    base: Mapping[date, float] | None = None,
) -> dict[date, JudgedDay]:
    """Those of the `judged` days of which something can be said, each from the days before it.

    Args:
        counts: the days that may be judged or learned from; others are unknown, not zero.
        judged: the days asked about.
        base: of how many people each count tells, where that changes (the home channel).
    """
    if not counts:
        return {}
    series = _calendar(counts, base)
    places = {day: (day - series.first).days for day in judged if day in counts}
    found: dict[date, JudgedDay] = {}
    for weekday in range(_WEEK):
        found |= _seasonal(series, [at for at in places.values() if at % _WEEK == weekday])
    recent = {
        day: prediction
        for day, place in places.items()
        if day not in found and (prediction := _recent(series, place)) is not None
    }
    return found | _predicted(recent)


def _calendar(counts: Mapping[date, float], base: Mapping[date, float] | None) -> _Days:
    first = min(counts)
    length = (max(counts) - first).days + 1
    values = np.full(length, np.nan)
    people = None if base is None else np.full(length, np.nan)
    for day, count in counts.items():
        place = (day - first).days
        values[place] = count
        if people is not None and base is not None:
            people[place] = base.get(day, np.nan)
    return _Days(first=first, values=values, base=people)


def _recent(series: _Days, place: int) -> _Prediction | None:
    """The last known days but two: mean, spread, and the predictive law of the next count."""
    until = max(0, place - LAG)
    known = np.flatnonzero(~np.isnan(series.values[:until]))[-MOST_POINTS:]
    if known.size < LEAST_POINTS:
        return None
    counts = series.values[known]
    if series.base is not None:
        counts = counts * _growth(series.base, known, place)
    mean = (counts.sum() + _PRIOR) / known.size
    spread = max(1.0, float(counts.var(ddof=1)) / mean)
    # The mean itself is uncertain by 1/n of a count's variance.
    return _Prediction(
        count=float(series.values[place]), mean=mean, spread=spread * (1 + 1 / known.size)
    )


def _growth(base: Counts, known: Indices, place: int) -> Counts:
    """How many times more people the judged day tells of than each day it is compared with."""
    with np.errstate(invalid="ignore"):
        ratio = base[place] / np.maximum(base[known], 1.0)
    return np.where(np.isfinite(ratio) & (ratio > 0), ratio, 1.0)


def _seasonal(series: _Days, places: Sequence[int]) -> dict[date, JudgedDay]:
    """Farrington flexible over the same weekday, of days that lie whole weeks apart.

    Days without the history or the cases are left out; each is judged from what was before it.
    """
    if not places:
        return {}
    every = slice(min(places) % _WEEK, max(places) + 1, _WEEK)
    weekly = series.values[every]
    cases = np.nancumsum(weekly)
    weeks = [
        week
        for week in sorted(place // _WEEK for place in places)
        if week >= 52 * YEARS + 3 and cases[week - 1] >= _LEAST_CASES
    ]
    if not weeks:
        return {}
    base = None if series.base is None else series.base[every]
    if base is not None:
        weekly = np.where(np.isnan(base), np.nan, weekly)
    control = FlexibleControl(
        range=tuple(week + 1 for week in weeks),
        b=YEARS,
        w=3,
        no_periods=10,
        past_left_out=26,
        p_threshold_trend=1.0,
        threshold=Threshold.NB_PLUGIN,
        alpha=ALPHA,
        limit54=(0, 1),
        population_offset=base is not None,
    )
    points = farrington_flexible(
        Series(
            observed=weekly[None, :],
            frequency=52,
            population=None if base is None else np.maximum(base, 1.0)[None, :],
        ),
        control,
    )
    first = series.first + timedelta(days=min(places) % _WEEK)
    return {
        first + timedelta(weeks=week): JudgedDay(
            expected=float(expected), upperbound=float(bound), pvalue=float(pvalue)
        )
        for week, expected, bound, pvalue in zip(
            weeks, points.expected[0], points.upperbound[0], points.pvalue[0], strict=True
        )
        if not (np.isnan(expected) or np.isnan(bound))
    }


def _predicted(days: Mapping[date, _Prediction]) -> dict[date, JudgedDay]:
    """Bounds and tails of all days in one go: each quantile is a search."""
    counts = np.asarray([one.count for one in days.values()])
    means = np.asarray([one.mean for one in days.values()])
    spreads = np.asarray([one.spread for one in days.values()])
    bounds = count_quantile(1 - ALPHA, means, spreads)
    tails = 1 - count_cdf(counts - 1, means, spreads)
    return {
        day: JudgedDay(expected=float(mean), upperbound=float(bound), pvalue=float(tail))
        for day, mean, bound, tail in zip(days, means, bounds, tails, strict=True)
    }
