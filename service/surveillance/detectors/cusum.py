"""The one-sided CUSUM of transformed counts: small lasting rises add up to an alarm.

Rossi, Lampugnani and Marchi, "An approximate CUSUM procedure for surveillance of health events",
Stat Med 18 (1999) 2111-2122; residuals after Pierce and Schafer, J Am Stat Assoc 81 (1986) 977-986.
Results are those of R `surveillance` 1.20.3: the sum is not reset after an alarm, and the bound is
the count that would have raised one (for "none" and "anscombeNegBin": what is left of `h`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from service.surveillance.detectors.distributions import anscombe_integral
from service.surveillance.detectors.points import (
    Counts,
    DetectorError,
    Indices,
    Points,
    Series,
    judged_range,
)
from service.surveillance.detectors.quasi_poisson import fit


class Transformation(StrEnum):
    """What a count becomes before it is added up."""

    STANDARD = "standard"
    ROSSI = "rossi"
    ANSCOMBE = "anscombe"
    ANSCOMBE_SECOND = "anscombe2nd"
    PEARSON_NEGBIN = "pearsonNegBin"
    ANSCOMBE_NEGBIN = "anscombeNegBin"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class CusumControl:
    """R's control parameters; defaults are R's.

    `m` is the expected count: one number, one number a judged point, None for the mean of all
    points before the first judged one, or "glm" for a yearly wave fitted to them.
    """

    range: tuple[int, ...] | None = None
    k: float = 1.04
    h: float = 2.26
    m: tuple[float, ...] | str | None = None
    trans: Transformation = Transformation.STANDARD
    alpha: float | None = None


def cusum(series: Series, control: CusumControl) -> Points:
    """Judge `control.range`, in its order, of every area.

    By default everything after the first year is judged. `pvalue` is never known.

    Raises:
        DetectorError: the range or `m` does not fit the series, or `alpha` is missing.
    """
    index = judged_range(control.range, min(series.frequency, series.length - 1), series.length)
    negative_binomial = control.trans in {
        Transformation.PEARSON_NEGBIN,
        Transformation.ANSCOMBE_NEGBIN,
    }
    if negative_binomial and (control.alpha is None or control.alpha <= 0):
        raise DetectorError(f"alpha: {control.trans} needs one above 0")
    mean = _mean(series, index, control)
    observed = series.observed[:, index]
    with np.errstate(divide="ignore", invalid="ignore"):
        step = _SCORES[control.trans](observed, mean, control.alpha or 0.0) - control.k
    sums = np.zeros((observed.shape[0], index.size + 1))
    for place in range(index.size):
        sums[:, place + 1] = np.maximum(0.0, sums[:, place] + step[:, place])
    before, after = sums[:, :-1], sums[:, 1:]
    bound_of = _BOUNDS.get(control.trans)
    if bound_of is None:
        bound = control.h - after
    else:
        bound = bound_of(control.h + control.k - before, mean, control.alpha or 0.0)
    return Points(
        index=index,
        upperbound=np.maximum(0.0, np.nan_to_num(bound)),
        alarm=np.asarray(after >= control.h),
        expected=mean,
        pvalue=np.full(observed.shape, np.nan),
        undecided=np.isnan(after),
    )


def _mean(series: Series, index: Indices, control: CusumControl) -> Counts:
    shape = (series.observed.shape[0], index.size)
    if isinstance(control.m, tuple):
        if len(control.m) not in (1, index.size):
            raise DetectorError(f"m: {len(control.m)} values for {index.size} judged points")
        return np.broadcast_to(np.asarray(control.m, dtype=np.float64), shape).copy()
    before = series.observed[:, : index[0]]
    if not before.shape[1]:
        raise DetectorError("m: no point before the first judged one to learn it from")
    if control.m is None:
        return np.repeat(before.mean(axis=1, keepdims=True), index.size, axis=1)
    if control.m != "glm":
        raise DetectorError(f"m: {control.m!r} is neither a number nor 'glm'")
    return _seasonal(series, index)


def _seasonal(series: Series, index: Indices) -> Counts:
    """One yearly wave on the log scale, fitted to the points before the first judged one.

    NaN for an area with too few known points.
    """
    time = np.arange(1, series.length + 1, dtype=np.float64)
    angle = 2 * np.pi * time / series.frequency
    design = np.stack([np.ones_like(time), np.sin(angle), np.cos(angle)], axis=1)
    result = np.full((series.observed.shape[0], index.size), np.nan)
    for area, counts in enumerate(series.observed):
        known = np.flatnonzero(~np.isnan(counts[: index[0]]))
        if known.size <= design.shape[1]:
            continue
        learned = counts[known][None, :]
        fitted = fit(learned, design[known], np.ones_like(learned), None)
        with np.errstate(over="ignore"):
            result[area] = np.exp(design[index] @ fitted.coefficients[0])
    return result


def _standard(count: Counts, mean: Counts, _alpha: float) -> Counts:
    return (count - mean) / np.sqrt(mean)


def _standard_bound(total: Counts, mean: Counts, _alpha: float) -> Counts:
    exact = mean + total * np.sqrt(mean)
    return np.ceil(exact)


def _rossi(count: Counts, mean: Counts, _alpha: float) -> Counts:
    return (count - 3 * mean + 2 * np.sqrt(count * mean)) / (2 * np.sqrt(mean))


def _rossi_bound(total: Counts, mean: Counts, _alpha: float) -> Counts:
    with np.errstate(invalid="ignore"):
        root = np.sqrt(4 * mean + 2 * total * np.sqrt(mean)) - np.sqrt(mean)
    return root**2


def _anscombe(count: Counts, mean: Counts, _alpha: float) -> Counts:
    return 1.5 * (count ** (2 / 3) - mean ** (2 / 3)) / mean ** (1 / 6)


def _anscombe_bound(total: Counts, mean: Counts, _alpha: float) -> Counts:
    power = mean ** (2 / 3) + total * 2 / 3 * mean ** (1 / 6)
    return np.maximum(0.0, power) ** 1.5


def _anscombe_second(count: Counts, mean: Counts, _alpha: float) -> Counts:
    second_order = mean ** (2 / 3) - mean ** (-1 / 3) / 9
    return 1.5 * (count ** (2 / 3) - second_order) / mean ** (1 / 6)


def _anscombe_second_bound(total: Counts, mean: Counts, _alpha: float) -> Counts:
    # R's bound has the power 1/3 where its score has -1/3; only the score decides.
    power = mean ** (2 / 3) - mean ** (1 / 3) / 9 + total * 2 / 3 * mean ** (1 / 6)
    return np.maximum(0.0, power) ** 1.5


def _pearson(count: Counts, mean: Counts, alpha: float) -> Counts:
    return (count - mean) / np.sqrt(mean + alpha * mean**2)


def _pearson_bound(total: Counts, mean: Counts, alpha: float) -> Counts:
    return mean + total * np.sqrt(mean + alpha * mean**2)


def _anscombe_negbin(count: Counts, mean: Counts, alpha: float) -> Counts:
    difference = anscombe_integral(count, alpha) - anscombe_integral(mean, alpha)
    return difference / (mean + alpha * mean**2) ** (1 / 6)


def _itself(count: Counts, _mean: Counts, _alpha: float) -> Counts:
    return count


_Score = Callable[[Counts, Counts, float], Counts]
_SCORES: dict[Transformation, _Score] = {
    Transformation.STANDARD: _standard,
    Transformation.ROSSI: _rossi,
    Transformation.ANSCOMBE: _anscombe,
    Transformation.ANSCOMBE_SECOND: _anscombe_second,
    Transformation.PEARSON_NEGBIN: _pearson,
    Transformation.ANSCOMBE_NEGBIN: _anscombe_negbin,
    Transformation.NONE: _itself,
}
_BOUNDS: dict[Transformation, _Score] = {
    Transformation.STANDARD: _standard_bound,
    Transformation.ROSSI: _rossi_bound,
    Transformation.ANSCOMBE: _anscombe_bound,
    Transformation.ANSCOMBE_SECOND: _anscombe_second_bound,
    Transformation.PEARSON_NEGBIN: _pearson_bound,
}
