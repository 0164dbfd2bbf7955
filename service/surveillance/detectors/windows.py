"""Detectors that compare with the same weeks of earlier years without a model: RKI, Bayes, MPM.

RKI and Bayes give the results of R `surveillance` 1.20.3 (`rki`, `bayes`; Riebler, "Empirischer
Vergleich von statistischen Methoden zur Ausbruchserkennung bei Surveillance Daten", Munich 2004).
The moving percentile is the method of China's CIDARS (Yang et al., "A nationwide web-based
automated system for outbreak early detection and rapid response in China", WPSAR 2 (2011) 10-15):
the count against a percentile of five weeks in each of five years.
"""

from dataclasses import dataclass

import numpy as np

from service.surveillance.detectors.distributions import count_cdf, count_quantile
from service.surveillance.detectors.points import (
    Counts,
    DetectorError,
    Indices,
    Points,
    Series,
    judged,
    judged_range,
)

_TABLE_ENDS = 20
_UPPER = (
    *(3.285, 5.323, 6.686, 8.102, 9.598, 11.177, 12.817, 13.765, 14.921, 16.768, 17.633),
    *(19.050, 20.335, 21.364, 22.945, 23.762, 25.400, 26.306, 27.735, 28.966, 30.017),
)
"""Upper 95 % limits of a Poisson mean, counts 0-20 (Crow and Gardner, Biometrika 46 (1959) 441)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowControl:
    """Which earlier points are looked at; the names are R's.

    `b` years back with `w` points on either side, and with `act_y` the `w` points just before too.
    `alpha` (Bayes) is one-sided, `percentile` (moving percentile) from 0 to 1.
    """

    range: tuple[int, ...] | None = None
    b: int
    w: int
    act_y: bool
    alpha: float = 0.05
    percentile: float = 0.8


def rki(series: Series, control: WindowControl) -> Points:
    """The count against mean + 2 sd of the window, or a Poisson limit where the mean is <= 20.

    Raises:
        DetectorError: the window lies outside the series, or holds fewer than two points.
    """
    index, window, observed = _window(series, control)
    mean, spread = _mean(window), _deviation(window)
    entry = np.clip(np.nan_to_num(np.floor(mean)), 0, _TABLE_ENDS).astype(np.int64)
    bound = np.where(mean <= _TABLE_ENDS, np.asarray(_UPPER)[entry], mean + 2 * spread)
    return judged(index, observed, bound, mean, np.full(observed.shape, np.nan))


def bayes(series: Series, control: WindowControl) -> Points:
    """The count against the predictive quantile after the window, with Jeffreys' prior.

    Raises:
        DetectorError: the window lies outside the series.
    """
    index, window, observed = _window(series, control)
    points = (~np.isnan(window)).sum(axis=2).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (np.nansum(window, axis=2) + 0.5) / points
        dispersion = (points + 1) / points
    mean[points == 0] = np.nan
    bound = count_quantile(1 - control.alpha, mean, dispersion)
    pvalue = 1 - count_cdf(observed - 1, mean, dispersion)
    return judged(index, observed, bound, mean, pvalue)


def moving_percentile(series: Series, control: WindowControl) -> Points:
    """The count against a percentile of the window (linear between points); expected the median.

    `pvalue` is the rank: (1 + reference points at least as high) / (1 + reference points).

    Raises:
        DetectorError: the window lies outside the series.
    """
    index, window, observed = _window(series, control)
    known = (~np.isnan(window)).sum(axis=2)
    bound, median = np.full(observed.shape, np.nan), np.full(observed.shape, np.nan)
    some = known > 0
    bound[some] = np.nanquantile(window[some], control.percentile, axis=1)
    median[some] = np.nanquantile(window[some], 0.5, axis=1)
    higher = (window >= observed[:, :, None]).sum(axis=2)
    pvalue = np.where(some & ~np.isnan(observed), (1 + higher) / (1 + known), np.nan)
    return judged(index, observed, bound, median, pvalue)


def _window(series: Series, control: WindowControl) -> tuple[Indices, Counts, Counts]:
    """The judged points, what is looked at for each (areas x judged x window), their counts."""
    back = [
        year * series.frequency + away
        for year in range(control.b, 0, -1)
        for away in range(control.w, -control.w - 1, -1)
    ]
    if control.act_y:
        back.extend(range(control.w, 0, -1))
    if not back:
        raise DetectorError("b, w: no earlier point is looked at")
    if min(back) <= 0:
        raise DetectorError(f"w: {control.w} points on either side reach the judged one itself")
    index = judged_range(control.range, max(back), series.length)
    points = index[:, None] - np.asarray(back, dtype=np.int64)[None, :]
    if points.min() < 0:
        raise DetectorError(f"range: point {index.min() + 1} needs {max(back)} points before it")
    return index, series.observed[:, points], series.observed[:, index]


def _mean(window: Counts) -> Counts:
    return np.asarray(window.mean(axis=2))


def _deviation(window: Counts) -> Counts:
    if window.shape[2] < 2:  # noqa: PLR2004 -- a sample of one has no spread
        return np.full(window.shape[:2], np.nan)
    return np.asarray(window.std(axis=2, ddof=1))
