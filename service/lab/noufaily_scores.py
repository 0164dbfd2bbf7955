"""How unusual each detector calls every judged week of the design: larger is more unusual.

Scores, not alarms: detectors are compared at an equal false-positive rate, each at the threshold
that gives it on series of other seeds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from service.lab.noufaily import HISTORY_FROM, JUDGED, JUDGED_FROM, WEEKS
from service.surveillance.detectors.cusum import CusumControl, Transformation, cusum
from service.surveillance.detectors.distributions import (
    count_cdf,
    normal_quantile,
    normal_upper,
)
from service.surveillance.detectors.ears import EarsMethod, ears
from service.surveillance.detectors.farrington_flexible import (
    FlexibleControl,
    Threshold,
    farrington_flexible,
)
from service.surveillance.detectors.harmonic import HarmonicControl, harmonic
from service.surveillance.detectors.points import Counts, Series
from service.surveillance.detectors.windows import WindowControl, bayes, moving_percentile
from service.surveillance.fusion_statistics import simes_rows


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Series x weeks, and what several scores share of them, worked out when one asks for it.

    `mean` and `phi` are the truth, for the bound that no detector can pass.
    """

    counts: Counts
    chance: Counts
    mean: Counts
    phi: Counts

    @cached_property
    def one_week(self) -> Counts:
        """Tails of each week by Farrington flexible."""
        return flexible_pvalues(self.counts)

    @cached_property
    def two_weeks(self) -> Counts:
        """Tails of each week and the one before together."""
        sums = self.counts.copy()
        sums[:, 1:] += self.counts[:, :-1]
        return flexible_pvalues(sums)

    @cached_property
    def harmonic_week(self) -> Counts:
        """Tails of each week by the averaged harmonic regressions."""
        return harmonic_pvalues(self.counts, 1)

    @cached_property
    def harmonic_weeks(self) -> Counts:
        """Tails of each week and the one before together."""
        return harmonic_pvalues(self.counts, 2)


Scorer = Callable[[Evidence], Counts]

RANGE = tuple(range(JUDGED_FROM + 1, WEEKS + 1))
_TINY = 1e-300


def _series(counts: Counts) -> Series:
    return Series(observed=counts, frequency=52)


def _unlikely(pvalues: Counts) -> Counts:
    return -np.log10(np.maximum(np.where(np.isnan(pvalues), 1.0, pvalues), _TINY))


def evidence_of(counts: Counts, truth: tuple[Counts, Counts], rng: np.random.Generator) -> Evidence:
    """What the scores are made of; an outbreak that lasts shows more in two weeks than in one.

    `truth` is the mean (series x weeks) and the dispersion (series) that counts were drawn from.
    """
    return Evidence(
        counts=counts,
        chance=rng.uniform(size=(len(counts), JUDGED)),
        mean=truth[0],
        phi=truth[1],
    )


def flexible_pvalues(counts: Counts) -> Counts:
    """Farrington flexible as Noufaily et al. advise, P(Y >= y) of each judged week."""
    control = FlexibleControl(
        range=RANGE,
        no_periods=10,
        past_left_out=26,
        p_threshold_trend=1.0,
        threshold=Threshold.NB_PLUGIN,
        alpha=0.01,
        limit54=(0, 4),
    )
    return farrington_flexible(_series(counts), control).pvalue


def harmonic_pvalues(counts: Counts, span: int) -> Counts:
    """Averaged harmonic regressions, P(Y >= y) of the last `span` weeks together."""
    return harmonic(_series(counts), HarmonicControl(range=RANGE, span=span)).pvalue


def _harmonic(of: Evidence) -> Counts:
    return _unlikely(of.harmonic_week)


def _harmonic_sums(of: Evidence) -> Counts:
    # Chosen among twenty such combinations on seeds 8001 to 8003.
    return _unlikely(of.harmonic_week) + _unlikely(of.harmonic_weeks)


def _harmonic_two(of: Evidence) -> Counts:
    # Chosen with the rest of two weeks among some forty combinations on seed 9101.
    return _unlikely(of.harmonic_weeks)


def _truth(of: Evidence) -> Counts:
    return _unlikely(_true_tail(of, 1))


def _truth_sums(of: Evidence) -> Counts:
    return _unlikely(_true_tail(of, 1)) + _unlikely(_true_tail(of, 2))


def _truth_two(of: Evidence) -> Counts:
    return _unlikely(_true_tail(of, 2))


def _true_tail(of: Evidence, weeks: int) -> Counts:
    """P(Y >= y) of the last weeks together for somebody who knows mean and dispersion."""
    places = [slice(JUDGED_FROM - lag, WEEKS - lag) for lag in range(weeks)]
    count = np.sum([of.counts[:, place] for place in places], axis=0)
    mean = np.sum([of.mean[:, place] for place in places], axis=0)
    return 1 - count_cdf(count - 1, mean, np.broadcast_to(of.phi[:, None], mean.shape))


def _flexible(of: Evidence) -> Counts:
    return _unlikely(of.one_week)


def _flexible_sums(of: Evidence) -> Counts:
    # Both as evidence, added (the weight was tried from 0 to 1 on seed 777): a score, no p-value.
    return _unlikely(of.one_week) + _unlikely(of.two_weeks)


def _with_c2(of: Evidence) -> Counts:
    both = np.stack([of.one_week, normal_upper(_z(of.counts, EarsMethod.C2))], axis=2)
    return _unlikely(simes_rows(both.reshape(-1, 2)).reshape(-1, JUDGED))


def _z(counts: Counts, method: EarsMethod) -> Counts:
    result = ears(counts, method, min_sigma=0.5)
    spread = (result.threshold - result.expected)[:, -JUDGED:] / normal_quantile(0.999)
    return (counts[:, -JUDGED:] - result.expected[:, -JUDGED:]) / spread


def _c1(of: Evidence) -> Counts:
    return _z(of.counts, EarsMethod.C1)


def _c2(of: Evidence) -> Counts:
    return _z(of.counts, EarsMethod.C2)


def _window(of: Evidence) -> Counts:
    """The predictive law of the last 28 points but two, as the daily judge has it."""
    counts = of.counts
    past = np.lib.stride_tricks.sliding_window_view(counts, 28, axis=1)
    past = past[:, JUDGED_FROM - 30 : WEEKS - 30]
    mean = (past.sum(axis=2) + 0.5) / 28
    spread = np.maximum(1.0, past.var(axis=2, ddof=1) / mean) * (1 + 1 / 28)
    return _unlikely(1 - count_cdf(counts[:, JUDGED_FROM:] - 1, mean, spread))


def _cusum(of: Evidence) -> Counts:
    counts = of.counts
    weeks = tuple(week - HISTORY_FROM for week in RANGE)
    # With h = 0 the bound is the count that would just lift the sum above 0.
    control = CusumControl(range=weeks, m="glm", trans=Transformation.ROSSI, h=0.0)
    points = cusum(_series(counts[:, HISTORY_FROM:]), control)
    judged = counts[:, JUDGED_FROM:]
    return (judged - points.upperbound) / np.sqrt(np.maximum(points.expected, 0.25))


def _bayes(of: Evidence) -> Counts:
    counts = of.counts
    control = WindowControl(range=RANGE, b=2, w=4, act_y=False, alpha=0.05)
    return _unlikely(bayes(_series(counts), control).pvalue)


def _percentile(of: Evidence) -> Counts:
    counts = of.counts
    control = WindowControl(range=RANGE, b=5, w=2, act_y=False, percentile=0.8)
    points = moving_percentile(_series(counts), control)
    return (counts[:, JUDGED_FROM:] + 1) / (points.upperbound + 1)


def _fixed(of: Evidence) -> Counts:
    """A fixed limit: so many times the mean of the history, whatever season and spread."""
    counts = of.counts
    usual = counts[:, HISTORY_FROM:JUDGED_FROM].mean(axis=1, keepdims=True)
    return counts[:, JUDGED_FROM:] / (usual + 0.5)


def _random(of: Evidence) -> Counts:
    return of.chance


SCORERS: Mapping[str, Scorer] = {
    "Farrington flexible nbPlugin": _flexible,
    "flexible, one and two weeks": _flexible_sums,
    "harmonic, averaged": _harmonic,
    "harmonic, one and two weeks": _harmonic_sums,
    "harmonic, two weeks": _harmonic_two,
    "harmonic, two weeks, told once": _harmonic_two,
    "Farrington flexible, told once": _flexible,
    "flexible + EARS C2 (Simes)": _with_c2,
    "predictive window of 28": _window,
    "Bayes b2 w4": _bayes,
    "EARS C1": _c1,
    "EARS C2": _c2,
    "CUSUM rossi, glm": _cusum,
    "moving percentile (CIDARS)": _percentile,
    "fixed limit": _fixed,
    "random alerts": _random,
    "truth known, one week": _truth,
    "truth known, one and two weeks": _truth_sums,
    "truth known, two weeks, told once": _truth_two,
}

REST: Mapping[str, int] = {name: 2 for name in SCORERS if name.endswith("told once")}
"""For how many weeks after an alarm a detector says nothing: what it saw is told once (row C12).

Weeks together ring again while the same cases are among them; an alarm that repeats the last one
finds no outbreak and is a false alarm more.
"""
