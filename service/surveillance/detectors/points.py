"""What every detector takes and gives: series of one calendar, and judged points of them."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]


class DetectorError(ValueError):
    """A detector cannot judge what it was asked to: the message says which control or point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Counts of several areas over the same points in time.

    `observed` is areas x points, NaN where nothing is known. `frequency` is points a year.
    `dates` is given where points are dated (reference points then follow the calendar) and None
    where only their order counts. `population` has the shape of `observed`, or is None.
    """

    observed: Counts
    frequency: int
    dates: tuple[date, ...] | None = None
    population: Counts | None = None

    @property
    def length(self) -> int:
        """Points in time."""
        return self.observed.shape[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Judged points: `index` counts from 0 along time, the matrices are areas x judged points.

    `upperbound`, `expected` and `pvalue` are NaN where the method says nothing. `alarm` is True
    only where the count is above a known bound; `undecided` marks the points of which not even
    "no alarm" can be said (R's NA).
    """

    index: Indices
    upperbound: Counts
    alarm: Flags
    expected: Counts
    pvalue: Counts
    undecided: Flags


def judged(
    index: Indices, observed: Counts, bound: Counts, expected: Counts, pvalue: Counts
) -> Points:
    """Points with an alarm where the count is above its bound; undecided where either is NaN."""
    with np.errstate(invalid="ignore"):
        alarm = np.asarray(observed > bound)
    return Points(
        index=index,
        upperbound=bound,
        alarm=alarm,
        expected=expected,
        pvalue=pvalue,
        undecided=np.isnan(bound) | np.isnan(observed),
    )


def judged_range(given: tuple[int, ...] | None, first: int, length: int) -> Indices:
    """The judged points counted from 0; by default all from `first` (from 0) to the end.

    Args:
        given: R's `range`, counted from 1.
        first: the first point, counted from 0, that has the history it needs.
        length: points of the series.

    Raises:
        DetectorError: a point lies outside the series, or nothing is left to judge.
    """
    index = np.arange(first, length) if given is None else np.asarray(given, dtype=np.int64) - 1
    if index.size == 0:
        raise DetectorError(
            f"range: nothing to judge; the first possible point is {first + 1}, the last {length}"
        )
    outside = index[(index < 0) | (index >= length)]
    if outside.size:
        raise DetectorError(f"range: {outside[0] + 1} lies outside 1 to {length}")
    return index
