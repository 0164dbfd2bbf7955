"""The improved Farrington detector: quasi-Poisson regression on the same season of earlier years.

After Farrington et al. (1996) and Noufaily et al., "An improved algorithm for outbreak detection in
multiple surveillance systems", Stat Med 32 (2013) 1206-1222; thresholds "delta" (1996), "nbPlugin"
(2013) and "muan" (Salmon, Schumacher and Hoehle, J Stat Softw 70 (2016), issue 10). Results are
those of R `surveillance` 1.20.3 (tests/golden), with one oddity of it kept on purpose: after
reweighting, the dispersion behind standard error and trend test is the mean of
omega x (relative residual)^2, not Pearson's. docs/surveillance.md says what it changes.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from service.surveillance.detectors.distributions import (
    count_cdf,
    count_quantile,
    normal_quantile,
)
from service.surveillance.detectors.farrington_bound import Power, delta_bound, enough_cases
from service.surveillance.detectors.farrington_model import Prediction, Regression, predict
from service.surveillance.detectors.points import (
    Counts,
    DetectorError,
    Indices,
    Points,
    Series,
    judged_range,
)
from service.surveillance.detectors.reference import Reference, flexible_reference


class Threshold(StrEnum):
    """How the fitted mean becomes a bound."""

    DELTA = "delta"
    NB_PLUGIN = "nbPlugin"
    MUAN = "muan"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlexibleControl:
    """R's control parameters under their own names in Python spelling; defaults are R's.

    `past_left_out` None means `w`; `limit54` is (cases, periods).
    """

    range: tuple[int, ...] | None = None
    b: int = 5
    w: int = 3
    reweight: bool = True
    weights_threshold: float = 2.58
    alpha: float = 0.05
    trend: bool = True
    p_threshold_trend: float = 0.05
    limit54: tuple[int, int] = (5, 4)
    power: Power = Power.TWO_THIRDS
    population_offset: bool = False
    no_periods: int = 1
    past_left_out: int | None = None
    threshold: Threshold = Threshold.DELTA

    @property
    def left_out(self) -> int:
        """Points just before the judged one that are not learned from."""
        return self.w if self.past_left_out is None else self.past_left_out


def farrington_flexible(series: Series, control: FlexibleControl) -> Points:
    """Judge `control.range` of every area; one regression per area and point.

    Raises:
        DetectorError: reference points lie outside the series, or the range does.
    """
    first = series.frequency * control.b + control.w
    index = judged_range(control.range, first, series.length)
    if control.population_offset and series.population is None:
        raise DetectorError("populationOffset: the series names no population")
    if control.no_periods > series.frequency:
        raise DetectorError(f"noPeriods: {control.no_periods} of {series.frequency} points a year")

    def refer(judged: int) -> Reference:
        return flexible_reference(
            series,
            judged,
            years=control.b,
            half=control.w,
            seasons=control.no_periods,
            left_out=control.left_out,
        )

    return _judge(series, index, predict(series, index, refer, _regression(control)), control)


def _regression(control: FlexibleControl) -> Regression:
    return Regression(
        years=control.b,
        reweight=control.reweight,
        weights_threshold=control.weights_threshold,
        trend=control.trend,
        p_threshold_trend=control.p_threshold_trend,
        seasons=control.no_periods,
        population_offset=control.population_offset,
        overwritten=True,
    )


def _judge(series: Series, index: Indices, found: Prediction, control: FlexibleControl) -> Points:
    observed = series.observed[:, index]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.exp(found.eta)
    bound, pvalue = _bound(observed, mean, found, control)
    enough = enough_cases(series.observed, index, control.limit54)
    with np.errstate(invalid="ignore"):
        alarm = enough & (observed > bound) & (observed > 0)
    return Points(
        index=index,
        upperbound=np.where(enough, bound, np.nan),
        alarm=alarm,
        expected=np.where(enough & np.isfinite(bound), mean, np.nan),
        pvalue=pvalue,
        undecided=np.zeros(observed.shape, dtype=np.bool_),
    )


def _bound(
    observed: Counts, mean: Counts, found: Prediction, control: FlexibleControl
) -> tuple[Counts, Counts]:
    quantile = normal_quantile(1 - control.alpha)
    if control.threshold is Threshold.DELTA:
        error = found.error * mean
        return delta_bound(observed, mean, (error, found.phi), (quantile, control.power))
    if control.threshold is Threshold.MUAN:
        # The error of a season without a case is so large that this mean may overflow.
        with np.errstate(over="ignore"):
            mean = np.exp(found.eta + quantile * found.error)
    bound = count_quantile(1 - control.alpha, mean, found.phi)
    tail = 1 - count_cdf(observed - 1, mean, found.phi)
    return bound, np.where(np.isfinite(mean), tail, np.nan)
