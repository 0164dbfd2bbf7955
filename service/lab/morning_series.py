"""Daily series of three and a half years with outbreaks at their end: which detector finds them.

The three detectors of `daily_judge` judge the same days, each as if it were the only one. Counts
are negative binomial around a mean with yearly waves, weekdays, a trend and a shared unrest;
outbreaks last one to two weeks and lie in the past too. An alarm is a day that begins a signal:
none within seven days of the last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from service.lab.county_outbreaks import rearmed
from service.surveillance.daily_judge import JudgedDay, SeriesDays, judge_series
from service.surveillance.detectors.points import Counts, Flags
from service.surveillance.signal_words import Detector
from service.surveillance.week_judge import WEEKS_NEEDED

SIZES = (1.0, 2.0, 3.0)
"""An outbreak's peak, in standard deviations of an ordinary day."""

LEVELS = (0.1, 0.01, 0.001)
_FIRST = date(2023, 1, 2)
_WEEK = 7
_JUDGED = _WEEK * 26
_AFTER = 14  # days after an outbreak that are neither ordinary nor part of it
_TOGETHER = 50
_STEPS = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySeries:
    """Counts as series x days, and the present outbreaks: series, first and last day, size."""

    counts: Counts
    outbreaks: tuple[tuple[int, int, int, float], ...]
    begins: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MorningLine:
    """One detector over the judged days.

    `ordinary` is the share of ordinary days with a p-value at or below each of `LEVELS`;
    `false_at_bound` and `found_at_bound` what its own bound gives: false signals a series and week,
    share of outbreaks. `false`, `found`, `found_by_size` and `delay` (days, median) are at the
    p-value that gave the asked rate of false signals on the tuning seed.
    """

    name: str
    ordinary: dict[str, float]
    false_at_bound: float
    found_at_bound: float
    level: float
    false: float
    found: float
    found_by_size: dict[str, float]
    error: float
    delay: float


def simulate_days(number: int, seed: int) -> DailySeries:
    """`number` series from one seed."""
    rng = np.random.default_rng(seed)
    begins = _WEEK * WEEKS_NEEDED
    days = np.arange(begins + _JUDGED)
    mean = np.exp(rng.uniform(np.log(0.5), np.log(30), number))[:, None]
    wave = rng.choice([0.0, 0.3, 0.6], number)[:, None]
    phase = rng.uniform(0, 2 * np.pi, number)[:, None]
    trend = rng.choice([0.0, 0.3], number)[:, None]
    weekend = np.where(days % 7 > 4, rng.choice([0.5, 0.8, 1.1], number)[:, None], 1.0)  # noqa: PLR2004
    log = wave * np.cos(2 * np.pi * days / 365.25 + phase) + trend * days / days.size
    spread = rng.choice([1.1, 1.5, 2.0], number)[:, None]
    unrest = rng.normal(0, 0.1, (number, days.size))
    expected = mean * np.exp(log + unrest) * weekend
    counts = rng.negative_binomial(expected / (spread - 1), 1 / spread).astype(np.float64)
    outbreaks: list[tuple[int, int, int, float]] = []
    for one in range(number):
        sd = float(np.sqrt(mean[one, 0] * spread[one, 0]))
        for start in rng.integers(0, begins - 60, 6):
            _strike(counts[one], int(start), 2 * sd, rng)
        at = begins + int(rng.integers(0, 40))
        while at + 15 < days.size:
            size = float(rng.choice(SIZES))
            length = _strike(counts[one], at, size * sd, rng)
            outbreaks.append((one, at, at + length - 1, size))
            at += length + _AFTER + int(rng.exponential(40))
    return DailySeries(counts=counts, outbreaks=tuple(outbreaks), begins=begins)


def _strike(counts: Counts, start: int, peak: float, rng: np.random.Generator) -> int:
    length = int(rng.integers(7, 15))
    shape = np.sin(np.pi * (np.arange(length) + 1) / (length + 1))
    counts[start : start + length] += rng.poisson(peak * shape)
    return length


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """Series x judged days: p-value (1 where nothing was said), over the expected, over the bound.

    A day that is no larger than expected begins nothing at any level, as in the product.
    """

    pvalue: Counts
    above: Flags
    crossed: Flags


def morning_lines(number: int, rate: float, tuning: int, reporting: int) -> list[MorningLine]:
    """Each detector at its own bound, and at `rate` false signals a series and week."""
    tuned, reported = simulate_days(number, tuning), simulate_days(number, reporting)
    return [_line(detector, rate, tuned, reported) for detector in Detector]


def _line(
    detector: Detector, rate: float, tuned: DailySeries, reported: DailySeries
) -> MorningLine:
    level = _level(_judge(tuned, detector), tuned, rate)
    judged = _judge(reported, detector)
    ordinary = _ordinary(reported)
    at_bound = _Told.of(judged.crossed, reported)
    told = _Told.of((judged.pvalue <= level) & judged.above, reported)
    return MorningLine(
        name=detector.value,
        ordinary={str(one): float((judged.pvalue[ordinary] <= one).mean()) for one in (*LEVELS,)},
        false_at_bound=at_bound.false,
        found_at_bound=at_bound.found,
        level=level,
        false=told.false,
        found=told.found,
        found_by_size={str(size): told.found_of(size, reported) for size in SIZES},
        error=float(np.sqrt(told.found * (1 - told.found) / len(reported.outbreaks))),
        delay=told.delay,
    )


def _level(judged: _Judged, series: DailySeries, rate: float) -> float:
    low, high = -9.0, -0.5
    for _ in range(_STEPS):
        middle = (low + high) / 2
        days = (judged.pvalue <= 10.0**middle) & judged.above
        low, high = (low, middle) if _Told.of(days, series).false > rate else (middle, high)
    return float(10.0**low)


def _judge(series: DailySeries, detector: Detector) -> _Judged:
    days = [_FIRST + timedelta(days=n) for n in range(series.counts.shape[1])]
    asked = [
        SeriesDays(
            counts=dict(zip(days, row.tolist(), strict=True)),
            judged=tuple(days[series.begins :]),
        )
        for row in series.counts
    ]
    said: list[dict[date, JudgedDay]] = []
    for start in range(0, len(asked), _TOGETHER):
        said += judge_series(asked[start : start + _TOGETHER], (detector,))
    shape = (len(asked), len(days) - series.begins)
    pvalue, above, crossed = np.ones(shape), np.zeros(shape, bool), np.zeros(shape, bool)
    for row, found in enumerate(said):
        for column, day in enumerate(days[series.begins :]):
            one = found.get(day)
            if one is not None and one.detector is detector:
                count = series.counts[row, series.begins + column]
                pvalue[row, column] = one.pvalue
                above[row, column] = count > one.expected
                crossed[row, column] = count > one.upperbound
    return _Judged(pvalue=pvalue, above=above, crossed=crossed)


def _ordinary(series: DailySeries) -> Flags:
    quiet = np.ones((len(series.counts), series.counts.shape[1] - series.begins), bool)
    for row, first, last, _ in series.outbreaks:
        quiet[row, first - series.begins : last - series.begins + _AFTER + 1] = False
    return quiet


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """False signals a series and week, and the day within each found outbreak."""

    false: float
    found: float
    delays: Mapping[int, int]

    @property
    def delay(self) -> float:
        return float(np.median(list(self.delays.values()))) if self.delays else float("nan")

    @staticmethod
    def of(days: Flags, series: DailySeries) -> "_Told":
        quiet = _ordinary(series)
        begun = sum(
            bool(quiet[row, day])
            for row, said in enumerate(days)
            for day in rearmed(np.flatnonzero(said).tolist())
        )
        delays: dict[int, int] = {}
        for number, (row, first, last, _) in enumerate(series.outbreaks):
            hit = np.flatnonzero(days[row, first - series.begins : last - series.begins + 1])
            if hit.size:
                delays[number] = int(hit[0])
        return _Told(
            false=float(begun / quiet.sum() * _WEEK),
            found=len(delays) / max(1, len(series.outbreaks)),
            delays=delays,
        )

    def found_of(self, size: float, series: DailySeries) -> float:
        """The share of outbreaks of one size that were found."""
        numbers: Sequence[int] = [
            number for number, one in enumerate(series.outbreaks) if one[3] == size
        ]
        return sum(number in self.delays for number in numbers) / max(1, len(numbers))
