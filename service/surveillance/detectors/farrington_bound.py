"""From a fitted mean to a bound: what both Farrington detectors share.

Farrington et al. (1996), sections 3.7 and 3.8.
"""

from enum import StrEnum

import numpy as np

from service.surveillance.detectors.distributions import normal_upper
from service.surveillance.detectors.points import Counts, Flags, Indices


class Power(StrEnum):
    """The transformation on which a bound is symmetric."""

    TWO_THIRDS = "2/3"
    HALF = "1/2"
    NONE = "none"


def enough_cases(observed: Counts, index: Indices, limit54: tuple[int, int]) -> Flags:
    """Where the last periods, the judged one included, hold the fewest cases an alarm needs.

    Farrington et al. (1996), section 3.8. A period that holds an unknown count is not enough; what
    lies before the first point is no case.
    """
    cases, periods = limit54
    sums = _last(np.nan_to_num(observed), index, periods)
    return np.asarray(known_periods(observed, index, periods) & (sums >= cases))


def known_periods(observed: Counts, index: Indices, periods: int) -> Flags:
    """Where none of the last `periods` counts, the judged one included, is unknown."""
    holes = np.isnan(observed).astype(np.float64)
    return np.asarray(_last(holes, index, periods) == 0)


def _last(values: Counts, index: Indices, periods: int) -> Counts:
    start = np.zeros((values.shape[0], 1))
    sums = np.concatenate([start, np.cumsum(values, axis=1)], axis=1)
    return np.asarray(sums[:, index + 1] - sums[:, np.maximum(index + 1 - periods, 0)])


def delta_bound(
    observed: Counts,
    mean: Counts,
    spread: tuple[Counts, Counts],
    level: tuple[float, Power],
) -> tuple[Counts, Counts]:
    """Bound and tail P(Y >= observed) on the scale on which a count is nearly symmetric.

    Args:
        observed: the counts.
        mean: what was expected of them.
        spread: standard error of the mean, and dispersion of a count about it.
        level: standard normal quantile of the bound, and the scale.
    """
    (error, phi), (quantile, power) = spread, level
    exponent = {Power.TWO_THIRDS: 2 / 3, Power.HALF: 0.5, Power.NONE: 1.0}[power]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        total = phi * mean + error**2
        deviation = exponent * mean ** (exponent - 1) * np.sqrt(total)
        bound = np.maximum(0.0, mean**exponent + quantile * deviation) ** (1 / exponent)
        tail = normal_upper((observed**exponent - mean**exponent) / deviation)
    return bound, tail
