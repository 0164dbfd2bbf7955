"""The classic Farrington detector: the same weeks of earlier years, a two-sided bound.

Farrington, Andrews, Beale and Catchpole, J R Stat Soc A 159 (1996) 547-563. Results are those of R
`surveillance` 1.20.3: an area with too few cases in the last periods gets the bound 0 and no alarm.
"""

from dataclasses import dataclass

import numpy as np

from service.surveillance.detectors.distributions import normal_quantile
from service.surveillance.detectors.farrington_bound import (
    Power,
    delta_bound,
    enough_cases,
    known_periods,
)
from service.surveillance.detectors.farrington_model import Regression, predict
from service.surveillance.detectors.points import DetectorError, Points, Series, judged_range
from service.surveillance.detectors.reference import Reference, classic_reference

_OUTBREAK = 1.0  # a standardised residual above it loses weight (1996, section 3.6)
_TREND_P = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class FarringtonControl:
    """R's control parameters; defaults are R's. `alpha` is two-sided."""

    range: tuple[int, ...] | None = None
    b: int = 5
    w: int = 3
    reweight: bool = True
    alpha: float = 0.05
    trend: bool = True
    limit54: tuple[int, int] = (5, 4)
    power: Power = Power.TWO_THIRDS
    population_offset: bool = False


def farrington(series: Series, control: FarringtonControl) -> Points:
    """Judge `control.range` of every area; one regression per area and point.

    Raises:
        DetectorError: reference points lie outside the series, or the range does.
    """
    index = judged_range(control.range, series.frequency * control.b + control.w, series.length)
    if control.population_offset and series.population is None:
        raise DetectorError("fitFun: the series names no population")

    def refer(judged: int) -> Reference:
        return classic_reference(series, judged, years=control.b, half=control.w)

    found = predict(series, index, refer, _regression(control))
    observed = series.observed[:, index]
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.exp(found.eta)
        level = (normal_quantile(1 - control.alpha / 2), control.power)
        bound, pvalue = delta_bound(observed, mean, (found.error * mean, found.phi), level)
        enough = enough_cases(series.observed, index, control.limit54)
        alarm = enough & (observed > bound) & (observed > 0)
    unknown = ~known_periods(series.observed, index, control.limit54[1]) | np.isnan(observed)
    return Points(
        index=index,
        upperbound=np.where(unknown, np.nan, np.where(enough, bound, 0.0)),
        alarm=alarm,
        expected=mean,
        pvalue=pvalue,
        undecided=unknown,
    )


def _regression(control: FarringtonControl) -> Regression:
    return Regression(
        years=control.b,
        reweight=control.reweight,
        weights_threshold=_OUTBREAK,
        trend=control.trend,
        p_threshold_trend=_TREND_P,
        seasons=1,
        population_offset=control.population_offset,
        overwritten=False,
    )
