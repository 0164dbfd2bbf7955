"""Yearly waves and a trend instead of seasons as steps, averaged over how many waves there may be.

Quasi-Poisson regressions of the last years with none, one or two yearly waves, each with and
without a trend (Serfling, Public Health Reports 78 (1963) 494-506), past outbreaks weighted down as
in Farrington et al. (1996), and the tails of their predictive negative binomial laws averaged with
weights exp(-QAIC / 2) (Burnham and Anderson, "Model Selection and Multimodel Inference", 2nd ed.
2002, sections 2.9 and 4.2). Fewer parameters than ten seasons: the expectation is less uncertain.
Several last points can be judged together: an outbreak that lasts shows more in their sum.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from service.surveillance.detectors.distributions import count_cdf, count_quantile
from service.surveillance.detectors.points import (
    Counts,
    DetectorError,
    Flags,
    Indices,
    Points,
    Series,
    judged,
    judged_range,
)
from service.surveillance.detectors.quasi_poisson import Fit, fit

_MODELS = tuple(product((0, 1, 2), (False, True)))
"""Yearly waves, and whether there is a trend; the last one is the largest."""

_CHUNK = 256
_LEAST_KNOWN = 52
_LARGEST_LOG = 20.0
_ALONE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class HarmonicControl:
    """How the regressions look back; `range` counts from 1.

    `b` years of points end `left_out` points before the judged one; `span` judged points are added
    together, the last of them being the one that is told; `alpha` is one-sided. With
    `population_offset` the series' population says of how many each count tells.
    """

    range: tuple[int, ...] | None = None
    b: int = 5
    left_out: int = 26
    span: int = 1
    alpha: float = 0.01
    weights_threshold: float = 2.58
    population_offset: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """How all rows of a chunk are judged.

    `time` is points before the judged one; `offset` the logs of what each row's points tell of, and
    `ahead` those of its judged points, the last one first; None where all tell of as many.
    """

    time: Counts
    frequency: int
    control: HarmonicControl
    offset: Counts | None
    ahead: Counts | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Law:
    """Predictive laws of judged sums under one model, and its deviance."""

    mean: Counts
    dispersion: Counts
    phi: Counts
    deviance: Counts
    parameters: int


def harmonic(series: Series, control: HarmonicControl) -> Points:
    """Judge every area; NaN where fewer than a year of the points looked back on is known.

    Raises:
        DetectorError: a judged point has not the history, or the controls leave none.
    """
    history = control.b * series.frequency
    if control.b < 1 or control.span < 1 or control.left_out < control.span - 1:
        raise DetectorError("b, span: at least 1; pastWeeksNotIncluded: the span without its last")
    first = history + control.left_out
    index = judged_range(control.range, first, series.length)
    if index.min() < first:
        raise DetectorError(f"range: point {index.min() + 1} needs {first} points before it")
    back: Indices = np.arange(first, control.left_out, -1, dtype=np.int64)
    number = series.observed.shape[0]
    areas: Indices = np.repeat(np.arange(number, dtype=np.int64), index.size)
    points: Indices = np.tile(index, number)
    logs = _log_population(series, control)
    parts: list[tuple[Counts, Counts, Counts]] = []
    for start in range(0, areas.size, _CHUNK):
        area, point = areas[start : start + _CHUNK], points[start : start + _CHUNK]
        ahead = point[:, None] - np.arange(control.span)
        asked = _Asked(
            time=-back.astype(np.float64),
            frequency=series.frequency,
            control=control,
            offset=None if logs is None else logs[area[:, None], point[:, None] - back],
            ahead=None if logs is None else logs[area[:, None], ahead],
        )
        history = series.observed[area[:, None], point[:, None] - back]
        parts.append(_judge(history, _summed(series.observed, area, point, control.span), asked))
    expected, bound, pvalue = (
        np.concatenate(column).reshape(-1, index.size) for column in zip(*parts, strict=True)
    )
    observed = _summed(series.observed, areas, points, control.span).reshape(expected.shape)
    return judged(index, observed, bound, expected, pvalue)


def _summed(observed: Counts, areas: Indices, points: Indices, span: int) -> Counts:
    return np.asarray(sum(observed[areas, points - lag] for lag in range(span)), dtype=np.float64)


def _log_population(series: Series, control: HarmonicControl) -> Counts | None:
    if not control.population_offset:
        return None
    if series.population is None:
        raise DetectorError("populationOffset: the series has no population")
    return np.log(np.maximum(np.nan_to_num(series.population, nan=1.0), _ALONE))


def _judge(counts: Counts, judged: Counts, asked: _Asked) -> tuple[Counts, Counts, Counts]:
    """Expected, bound and p-value of rows with their own history."""
    laws = [_law(counts, waves, asked, trend=trend) for waves, trend in _MODELS]
    share = _shares(laws)
    tails = np.stack([1 - count_cdf(judged - 1, one.mean, one.dispersion) for one in laws])
    pvalue = (share * tails).sum(axis=0)
    expected = (share * np.stack([one.mean for one in laws])).sum(axis=0)
    bound = _quantile(1 - asked.control.alpha, laws, share)
    known = np.isfinite(expected) & ((~np.isnan(counts)).sum(axis=1) >= _LEAST_KNOWN)
    return (
        np.where(known, expected, np.nan),
        np.where(known, bound, np.nan),
        np.where(known & ~np.isnan(judged), pvalue, np.nan),
    )


def _law(counts: Counts, waves: int, asked: _Asked, *, trend: bool) -> _Law:
    time, frequency, control = asked.time, asked.frequency, asked.control
    rows = _design(time, waves, frequency, trend=trend)
    known = ~np.isnan(counts)
    observed = np.where(known, counts, 0.0)
    freedom = np.maximum(known.sum(axis=1) - rows.shape[1], 1)
    found = fit(observed, rows, known.astype(np.float64), asked.offset)
    weights = _weights(observed, known, found, (rows, freedom, control.weights_threshold))
    found = fit(observed, rows, weights, asked.offset)
    phi = _dispersion(observed, found, freedom)
    ahead = _design(-np.arange(float(control.span)), waves, frequency, trend=trend, like=time)
    logs = found.coefficients @ ahead.T
    if asked.ahead is not None:
        logs = logs + asked.ahead
    means = np.exp(np.minimum(logs, _LARGEST_LOG))
    error = np.einsum("i,nij,j->n", ahead[0], found.covariance, ahead[0]) * phi
    mean = means.sum(axis=1)
    return _Law(
        mean=mean,
        dispersion=phi + error * mean,
        phi=phi,
        deviance=_deviance(observed, found.mean, weights),
        parameters=rows.shape[1],
    )


def _design(
    time: Counts, waves: int, frequency: int, *, trend: bool, like: Counts | None = None
) -> Counts:
    """Columns over `time`, in points before the judged one; the trend is that of `like`."""
    angle = 2 * np.pi * time / frequency
    columns = [np.ones_like(time)]
    for wave in range(1, waves + 1):
        columns += [np.cos(wave * angle), np.sin(wave * angle)]
    if trend:
        whole = time if like is None else like
        columns.append((time - whole.mean()) / whole.size)
    return np.stack(columns, axis=1)


def _weights(
    counts: Counts, known: Flags, found: Fit, how: tuple[Counts, Indices, float]
) -> Counts:
    """Past outbreaks count less: Farrington et al. (1996), section 3.6."""
    rows, freedom, threshold = how
    phi = _dispersion(counts, found, freedom)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        residual = 1.5 * (counts ** (2 / 3) * found.mean ** (-1 / 6) - np.sqrt(found.mean))
        spare = np.maximum(1 - found.leverage(rows), _ALONE)
        standard = residual / np.sqrt(phi[:, None] * spare)
        weights = np.where(standard > threshold, np.maximum(standard, threshold) ** -2.0, 1.0)
    weights = np.where(known, weights, 0.0)
    number = known.sum(axis=1, keepdims=True)
    return np.asarray(weights * number / np.maximum(weights.sum(axis=1, keepdims=True), _ALONE))


def _dispersion(counts: Counts, found: Fit, freedom: Indices) -> Counts:
    squares = found.working * ((counts - found.mean) / found.mean) ** 2
    return np.maximum(1.0, squares.sum(axis=1) / freedom)


def _deviance(counts: Counts, mean: Counts, weights: Counts) -> Counts:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(counts > 0, counts * np.log(counts / mean), 0.0)
    return 2 * np.asarray((weights * (logs - (counts - mean))).sum(axis=1))


def _shares(laws: list[_Law]) -> Counts:
    """Models x rows: how much each model's law counts."""
    largest = laws[-1].phi
    qaic = np.stack([one.deviance / largest + 2 * one.parameters for one in laws])
    weight = np.exp(-(qaic - qaic.min(axis=0)) / 2)
    return np.asarray(weight / weight.sum(axis=0))


def _quantile(probability: float, laws: list[_Law], share: Counts) -> Counts:
    """The least count that the mixture of laws stays at or below with `probability`."""
    each = np.stack([count_quantile(probability, one.mean, one.dispersion) for one in laws])
    high: Counts = np.max(each, axis=0)
    low: Counts = np.min(each, axis=0) - 1
    with np.errstate(invalid="ignore"):
        while (np.nan_to_num(high - low) > 1).any():
            middle = np.floor((low + high) / 2)
            below = np.stack([count_cdf(middle, one.mean, one.dispersion) for one in laws])
            enough = (share * below).sum(axis=0) >= probability
            moving = high - low > 1
            high = np.where(moving & enough, middle, high)
            low = np.where(moving & ~enough, middle, low)
    return high
