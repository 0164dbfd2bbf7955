"""How long a likelihood-ratio CUSUM of negative binomial counts runs until it rings.

The chain of Brook and Evans (Biometrika 59 (1972) 539-549) over slices of the statistic, with means
that may change in time as in Hoehle, "Online change-point detection in categorical time series"
(2010). Equal to R `surveillance` 1.20.3's `LRCUSUM.runlength` (tests/golden): `g` states below the
bound, the first of them "at 0"; a step out of a slice is averaged over it by Simpson's rule.
"""

from dataclasses import dataclass

import numpy as np

from service.surveillance.detectors.distributions import count_log_mass
from service.surveillance.detectors.points import Counts, DetectorError

_SIMPSON = (1 / 6, 4 / 6, 1 / 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A CUSUM of log likelihood ratios of counts with means `mu1` against `mu0`.

    `mu` are the true means, `alpha` makes the variance mean + alpha mean^2 (0: Poisson), `h` is the
    bound, `most` the largest count looked at, `states` slices below the bound. One mean a point in
    time; a single one is a chart that does not change.
    """

    mu: tuple[float, ...]
    mu0: tuple[float, ...]
    mu1: tuple[float, ...]
    alpha: float
    h: float
    most: int = 100
    states: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLength:
    """Chances that the chart rings first at each point, and up to it; the mean if constant."""

    pmf: tuple[float, ...]
    cdf: tuple[float, ...]
    arl: float | None


def run_length(chart: Chart) -> RunLength:
    """The law of the time until the chart rings.

    Raises:
        DetectorError: the means do not fit each other, or a number is out of its range.
    """
    _refuse_nonsense(chart)
    begin = np.zeros(chart.states + 1)
    begin[0] = 1.0
    rung: list[float] = []
    for place in range(len(chart.mu)):
        begin = begin @ _step(chart, place)
        rung.append(float(begin[-1]))
    return RunLength(
        pmf=tuple(float(p) for p in np.diff([0.0, *rung])),
        cdf=tuple(rung),
        arl=_mean_length(_step(chart, 0)) if len(chart.mu) == 1 else None,
    )


def _mean_length(step: Counts) -> float:
    inner = step[:-1, :-1]
    return float(np.linalg.solve(np.eye(len(inner)) - inner, np.ones(len(inner)))[0])


def _step(chart: Chart, place: int) -> Counts:
    """Chances to go from each state (the last: rung) to each."""
    counts = np.arange(chart.most + 1, dtype=np.float64)
    mass = np.exp(count_log_mass(counts, chart.mu[place], chart.alpha))
    ratio = count_log_mass(counts, chart.mu1[place], chart.alpha) - count_log_mass(
        counts, chart.mu0[place], chart.alpha
    )
    ends = np.linspace(0.0, chart.h, chart.states)  # upper ends of the states below the bound
    order = np.argsort(ratio, kind="stable")
    ratios, below = ratio[order], np.concatenate([[0.0], np.cumsum(mass[order])])

    def reached(limit: Counts) -> Counts:
        return below[np.searchsorted(ratios, limit, side="right")]

    cumulative = np.empty((chart.states, chart.states))
    cumulative[0] = reached(ends)
    width = ends[1] - ends[0]
    for state in range(1, chart.states):
        low = ends[state - 1]
        middle, high = low + width / 2, low + width
        cumulative[state] = sum(
            weight * reached(ends - start)
            for weight, start in zip(_SIMPSON, (low, middle, high), strict=True)
        )
    step = np.zeros((chart.states + 1, chart.states + 1))
    step[:-1, :-1] = np.diff(cumulative, axis=1, prepend=0.0)
    step[:-1, -1] = 1.0 - cumulative[:, -1]
    step[-1, -1] = 1.0
    return step


def _refuse_nonsense(chart: Chart) -> None:
    lengths = {len(chart.mu), len(chart.mu0), len(chart.mu1)}
    if lengths == {0} or len(lengths) != 1:
        raise DetectorError("mu, mu0, mu1: as many means of each, at least one")
    if min(*chart.mu, *chart.mu0, *chart.mu1) <= 0:
        raise DetectorError("mu, mu0, mu1: every mean is above 0")
    if chart.alpha < 0 or chart.h <= 0 or chart.most < 1 or chart.states < 2:  # noqa: PLR2004
        raise DetectorError("alpha from 0, h above 0, n from 1, g from 2")
