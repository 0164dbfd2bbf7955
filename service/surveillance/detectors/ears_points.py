"""EARS in the form all detectors have: chosen points, with expected count and tail probability."""

from dataclasses import dataclass

import numpy as np

from service.surveillance.detectors.distributions import normal_quantile, normal_upper
from service.surveillance.detectors.ears import EarsMethod, ears
from service.surveillance.detectors.points import (
    Counts,
    DetectorError,
    Points,
    Series,
    judged_range,
)

_LEAST_BASELINE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class EarsControl:
    """R's control parameters for `earsC`; `alpha` None is the method's own."""

    range: tuple[int, ...] | None = None
    method: EarsMethod = EarsMethod.C1
    baseline: int = 7
    min_sigma: float = 0.0
    alpha: float | None = None


def ears_points(series: Series, control: EarsControl) -> Points:
    """Judge `control.range` of every area.

    `pvalue` is the normal tail of today's excess for C1 and C2; C3 adds three days up and has none.

    Raises:
        DetectorError: the range asks for points without a whole baseline, or a control is unusable.
    """
    if control.baseline < _LEAST_BASELINE:
        raise DetectorError(f"baseline: {control.baseline}, at least {_LEAST_BASELINE}")
    if control.min_sigma < 0:
        raise DetectorError(f"minSigma: {control.min_sigma} is below 0")
    first = control.baseline + control.method.lag + control.method.memory
    index = judged_range(control.range, first, series.length)
    if index.min() < first:
        raise DetectorError(
            f"range: {control.method} with a baseline of {control.baseline} starts at {first + 1}"
        )
    result = ears(
        series.observed,
        control.method,
        baseline=control.baseline,
        min_sigma=control.min_sigma,
        alpha=control.alpha,
    )
    chosen = index - first
    observed = series.observed[:, index]
    bound, expected = result.threshold[:, chosen], result.expected[:, chosen]
    return Points(
        index=index,
        upperbound=bound,
        alarm=result.alarm[:, chosen],
        expected=expected,
        pvalue=_tail(observed, bound, expected, control),
        undecided=np.isnan(bound) | np.isnan(observed),
    )


def _tail(observed: Counts, bound: Counts, expected: Counts, control: EarsControl) -> Counts:
    if control.method is EarsMethod.C3:
        return np.full(observed.shape, np.nan)
    alpha = control.method.default_alpha if control.alpha is None else control.alpha
    with np.errstate(divide="ignore", invalid="ignore"):
        return normal_upper((observed - expected) * normal_quantile(1 - alpha) / (bound - expected))
