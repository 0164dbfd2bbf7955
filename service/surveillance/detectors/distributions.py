"""Tails and quantiles of the normal, Student, Poisson and negative binomial laws, over arrays.

The only file that calls SciPy. Written out over its special functions because the quantile of a
negative binomial with a mean of 1e100 (an empty season makes one) must come back at once.
"""

from collections.abc import Callable
from typing import cast

import numpy as np
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from service.surveillance.detectors.points import Counts, Flags

_Unary = Callable[[Counts], Counts]
_Binary = Callable[[Counts, Counts], Counts]
_Ternary = Callable[[Counts, Counts, Counts], Counts]

_gamma_upper = cast("_Binary", special.gammaincc)
_beta = cast("_Ternary", special.betainc)
_student = cast("_Binary", special.stdtr)
_normal = cast("_Unary", special.ndtr)
_normal_inverse = cast("_Unary", special.ndtri)

_log_gamma = cast("_Unary", special.gammaln)
_hypergeometric = cast("Callable[[float, float, float, Counts], Counts]", special.hyp2f1)

_LARGE = 1e9
_FUZZ = 64 * float(np.finfo(np.float64).eps)


def normal_quantile(probability: float) -> float:
    """The value below which a standard normal lies with `probability`."""
    return float(_normal_inverse(np.asarray(probability, dtype=np.float64)))


def normal_upper(value: Counts) -> Counts:
    """P(Z > value) of a standard normal."""
    return _normal(-value)


def student_two_sided(statistic: Counts, freedom: float) -> Counts:
    """P(|T| >= |statistic|) with `freedom` degrees of freedom."""
    return 2 * _student(np.full_like(statistic, freedom), -np.abs(statistic))


def anscombe_integral(count: Counts, alpha: float) -> Counts:
    """The integral of (t + alpha t^2)^(-1/3) from 0 to `count`: nearly normal if count is NB."""
    return 1.5 * count ** (2 / 3) * _hypergeometric(1 / 3, 2 / 3, 5 / 3, -alpha * count)


def count_log_mass(count: Counts, mean: float, alpha: float) -> Counts:
    """The log of P(Y = count) where Y has `mean` and variance mean + alpha mean^2 (0: Poisson)."""
    ways = -_log_gamma(count + 1)
    if alpha == 0:
        return ways + count * np.log(mean) - mean
    size = 1 / alpha
    ways += _log_gamma(count + size) - _log_gamma(np.asarray([size]))
    return ways + size * np.log(size / (size + mean)) + count * np.log(mean / (size + mean))


def count_cdf(count: Counts, mean: Counts, dispersion: Counts) -> Counts:
    """P(Y <= count) where Y has `mean` and variance `dispersion` x mean.

    Poisson at a dispersion of 1, negative binomial above it (Noufaily et al. 2013, section 3.6).
    """
    whole = np.floor(count)
    at_least_zero = np.maximum(whole, 0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        size = mean / (dispersion - 1)
        spread = _beta(np.where(size > 0, size, 1.0), at_least_zero + 1, 1 / dispersion)
        result = np.where(dispersion > 1, spread, _gamma_upper(at_least_zero + 1, mean))
    return np.where(whole < 0, 0.0, result)


def count_quantile(probability: float, mean: Counts, dispersion: Counts) -> Counts:
    """The least whole count with P(Y <= count) >= `probability`; NaN where the mean is.

    Means above 1e9 take the normal limit: its error is below 1e-6 of the quantile there.
    """
    known = np.isfinite(mean) & np.isfinite(dispersion)
    large = known & (mean > _LARGE)
    result = np.full_like(mean, np.nan)
    deviation = normal_quantile(probability)
    result[large] = np.ceil(mean[large] + deviation * np.sqrt(mean[large] * dispersion[large]))
    small = known & ~large
    result[small] = _search(probability, mean[small], dispersion[small], deviation)
    return result


def _search(probability: float, mean: Counts, dispersion: Counts, deviation: float) -> Counts:
    # R raises the cdf it compares with by a few rounding errors, to stay continuous from the left.
    wanted = probability * (1 - _FUZZ)

    def reached(count: Counts, of: Flags | slice) -> Flags:
        return count_cdf(count, mean[of], dispersion[of]) >= wanted

    spread = np.sqrt(mean * dispersion)
    high = np.ceil(np.maximum(mean + (abs(deviation) + 2) * spread, 1.0))
    short = ~reached(high, slice(None))
    while short.any():
        high[short] = 2 * high[short]
        short[short] = ~reached(high[short], short)
    low = np.full_like(mean, -1.0)
    while (open_ := high - low > 1).any():
        middle = np.floor((low + high) / 2)
        enough = np.zeros(mean.shape, dtype=np.bool_)
        enough[open_] = reached(middle[open_], open_)
        high = np.where(open_ & enough, middle, high)
        low = np.where(open_ & ~enough, middle, low)
    return high
