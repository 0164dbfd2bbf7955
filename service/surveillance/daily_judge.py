"""One day of one series judged: what was expected, the bound, the p-value that fusion takes.

Pure. Three detectors, each where history suffices. With three years of it and cases enough, the
seven days up to the judged one together, under harmonic regressions (`week_judge`): what finds most
outbreaks at equal false alarms (docs/surveillance.md). Where too many of those weeks are unknown,
Farrington flexible over the same weekday of earlier weeks (no weekday effect, 52 points a year).
Before that, the window of EARS C2 (two days left out) over up to 28 known days, with the predictive
law of a negative binomial count in place of the normal: the normal bound at 0.001 over seven days
rings on 1.5-8 % of ordinary days, this one on 0.02-1.3 %.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
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
from service.surveillance.signal_words import Detector
from service.surveillance.week_judge import WEEKS_NEEDED, WeekSeries, judge_weeks

ALPHA = 0.001
"""One-sided level of a source's own bound: of 300 series a day, one in three days by chance."""

LEAST_POINTS, MOST_POINTS, LAG = 7, 28, 2
YEARS = 3
HISTORY_DAYS = 7 * (WEEKS_NEEDED + 5)
"""Days of history that the longest-sighted detector looks at, for five weeks of judged days."""

_LEAST_CASES = 30.0
_WEEK = 7
_PRIOR = 0.5  # Jeffreys' prior of a Poisson mean


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedDay:
    """What was expected of a day, the bound its count must be above to cross, and its p-value."""

    expected: float
    upperbound: float
    pvalue: float
    detector: Detector


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesDays:
    """One series to be judged.

    `counts` are the days that may be judged or learned from, others are unknown, not zero; `judged`
    the days asked about; `base` of how many people each count tells, where that changes (the home
    channel).
    """

    counts: Mapping[date, float]
    judged: Sequence[date]
    base: Mapping[date, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Days:
    """A gap-free calendar from `first` on, NaN where nothing is known; `places` are asked about."""

    first: date
    values: Counts
    base: Counts | None
    places: Mapping[date, int]


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
    """Those of the `judged` days of one series of which something can be said; see `SeriesDays`."""
    return judge_series([SeriesDays(counts=counts, judged=tuple(judged), base=base)])[0]


def judge_series(
    asked: Sequence[SeriesDays], offered: Collection[Detector] = tuple(Detector)
) -> list[dict[date, JudgedDay]]:
    """Of each series the days of which something can be said, each from the days before it.

    All series together are faster than one after the other, and each is judged as if alone. Of
    those `offered` the first for which history suffices speaks; the last one always is.
    """
    series = [_calendar(one) for one in asked]
    by_weeks = Detector.WEEK_WAVES in offered
    found = _by_weeks(series) if by_weeks else [dict[date, JudgedDay]() for _ in series]
    weekdays = range(_WEEK if Detector.SAME_WEEKDAY in offered else 0)
    recent: dict[tuple[int, date], _Prediction] = {}
    for number, one in enumerate(series):
        left = {day: at for day, at in one.places.items() if day not in found[number]}
        for weekday in weekdays:
            found[number] |= _seasonal(one, [at for at in left.values() if at % _WEEK == weekday])
        for day, place in left.items():
            prediction = None if day in found[number] else _recent(one, place)
            if prediction is not None:
                recent[number, day] = prediction
    for (number, day), judged in _predicted(recent).items():
        found[number][day] = judged
    return found


def _by_weeks(series: Sequence[_Days]) -> list[dict[date, JudgedDay]]:
    asked = [
        WeekSeries(
            values=one.values,
            base=one.base,
            places=tuple(one.places.values()),
            least_cases=_LEAST_CASES,
            alpha=ALPHA,
        )
        for one in series
    ]
    return [
        {
            day: JudgedDay(
                expected=judged[place].expected,
                upperbound=judged[place].upperbound,
                pvalue=judged[place].pvalue,
                detector=Detector.WEEK_WAVES,
            )
            for day, place in one.places.items()
            if place in judged
        }
        for one, judged in zip(series, judge_weeks(asked), strict=True)
    ]


def _calendar(asked: SeriesDays) -> _Days:
    counts, base = asked.counts, asked.base
    first = min(counts, default=date.min)
    length = (max(counts) - first).days + 1 if counts else 0
    values = np.full(length, np.nan)
    people = None if base is None else np.full(length, np.nan)
    for day, count in counts.items():
        place = (day - first).days
        values[place] = count
        if people is not None and base is not None:
            people[place] = base.get(day, np.nan)
    places = {day: (day - first).days for day in asked.judged if day in counts}
    return _Days(first=first, values=values, base=people, places=places)


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
            expected=float(expected),
            upperbound=float(bound),
            pvalue=float(pvalue),
            detector=Detector.SAME_WEEKDAY,
        )
        for week, expected, bound, pvalue in zip(
            weeks, points.expected[0], points.upperbound[0], points.pvalue[0], strict=True
        )
        if not (np.isnan(expected) or np.isnan(bound))
    }


def _predicted(
    days: Mapping[tuple[int, date], _Prediction],
) -> dict[tuple[int, date], JudgedDay]:
    """Bounds and tails of all days of all series in one go: each quantile is a search."""
    counts = np.asarray([one.count for one in days.values()])
    means = np.asarray([one.mean for one in days.values()])
    spreads = np.asarray([one.spread for one in days.values()])
    bounds = count_quantile(1 - ALPHA, means, spreads)
    tails = 1 - count_cdf(counts - 1, means, spreads)
    return {
        at: JudgedDay(
            expected=float(mean),
            upperbound=float(bound),
            pvalue=float(tail),
            detector=Detector.LAST_DAYS,
        )
        for at, mean, bound, tail in zip(days, means, bounds, tails, strict=True)
    }
