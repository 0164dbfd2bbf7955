"""EARS C1, C2 and C3: today's count against the mean and spread of the few days before it.

Formulas after Hutwagner, Thompson, Seeman and Treadwell, "The bioterrorism preparedness and
response Early Aberration Reporting System (EARS)", J Urban Health 80 (2003) i89-i96, with the
thresholds written as normal quantiles as Salmon, Schumacher and Hoehle do (J Stat Softw 70 (2016),
issue 10, section 2.2).

C3 is written as R `surveillance` 1.20.3 computes it (tests/golden): its bound moves with the judged
day's own count, so C3 alarms when the excess of the *two days before* passes the quantile, and it
is never below 0.
"""

from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]


class EarsMethod(StrEnum):
    """Which of the three: C1 looks at the days just before, C2 and C3 leave two days out."""

    C1 = "C1"
    C2 = "C2"
    C3 = "C3"

    @property
    def lag(self) -> int:
        """Days left out between the baseline and the judged day."""
        return 0 if self is EarsMethod.C1 else 2

    @property
    def memory(self) -> int:
        """Earlier days whose own excess is added to the judged day's."""
        return 2 if self is EarsMethod.C3 else 0

    @property
    def default_alpha(self) -> float:
        """One-sided level: 0.001 for C1 and C2, 0.025 for C3 (Salmon 2016, section 2.2)."""
        return 0.025 if self is EarsMethod.C3 else 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class EarsResult:
    """Judged days `first` and later of every series; arrays share the last axis.

    `expected` is the baseline mean, `threshold` the upper bound in counts; both are NaN where
    nothing can be said. `alarm` is True only where the count lies above a known threshold.
    """

    first: int
    expected: Counts
    threshold: Counts
    alarm: NDArray[np.bool_]

    @property
    def assessable(self) -> NDArray[np.bool_]:
        """Where a threshold exists at all: a flat baseline can leave C3 at 0/0."""
        return np.isfinite(self.threshold)


def ears(
    counts: Counts,
    method: EarsMethod,
    *,
    baseline: int = 7,
    min_sigma: float = 0.0,
    alpha: float | None = None,
) -> EarsResult:
    """Judge every day of `counts` (series x days, or days) that has a whole baseline before it.

    Args:
        counts: non-negative counts, the last axis is time without gaps.
        method: C1, C2 or C3.
        baseline: days in the baseline, at least 2 (the spread is the sample's, n - 1).
        min_sigma: the spread is never taken smaller; with 0 any rise over a flat baseline alarms.
        alpha: one-sided level, the method's own by default.

    Raises:
        ValueError: the baseline is shorter than 2, or the series too short for one judged day.
    """
    if baseline < 2:  # noqa: PLR2004 -- a sample of one has no spread
        raise ValueError(f"a baseline of {baseline} has no spread")
    first = baseline + method.lag + method.memory
    if counts.shape[-1] <= first:
        raise ValueError(f"{counts.shape[-1]} days; {method} needs more than {first}")
    mean, sigma = _baselines(counts, baseline, method.lag, min_sigma)
    judged = counts[..., baseline + method.lag :]
    quantile = NormalDist().inv_cdf(1 - (method.default_alpha if alpha is None else alpha))
    # A flat baseline divides by zero on purpose: 0/0 is "cannot be said", x/0 is infinitely high.
    with np.errstate(divide="ignore", invalid="ignore"):
        if method.memory:
            excess = np.maximum(0.0, (judged - mean) / sigma - 1)
            carried = excess[..., 1:-1] + excess[..., :-2]
            mean, sigma, judged = mean[..., 2:], sigma[..., 2:], judged[..., 2:]
            threshold = np.maximum(0.0, judged + sigma * (quantile - carried))
        else:
            threshold = mean + sigma * quantile
        return EarsResult(first=first, expected=mean, threshold=threshold, alarm=judged > threshold)


def _baselines(counts: Counts, baseline: int, lag: int, min_sigma: float) -> tuple[Counts, Counts]:
    windows = np.lib.stride_tricks.sliding_window_view(counts, baseline, axis=-1)
    judged_days = counts.shape[-1] - baseline - lag
    windows = windows[..., :judged_days, :]
    sigma = np.maximum(min_sigma, windows.std(axis=-1, ddof=1))
    return windows.mean(axis=-1), sigma
