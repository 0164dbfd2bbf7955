"""Which detectors a series has history for: a method is offered only where its answer means much.

A Farrington regression on one year calls the second winter an outbreak; a percentile of two values
is their maximum. So each method names the history and the cases it needs.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from service.surveillance.detectors.points import Counts, Series

_FEWEST_YEARS = 3
_FEWEST_CASES = 30.0
_FEWEST_MEAN = 0.5
_EARS_POINTS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A method for a series, with the control parameters its history allows, or why not.

    `control` has R's names and judges the last point; `lacking` is None where it is offered.
    """

    method: str
    control: dict[str, str | int | float | bool]
    lacking: str | None


def offers(series: Series, area: int = 0) -> list[Offer]:
    """Every method for one area's series, the best first.

    Methods offered are those whose history and cases suffice (Farrington et al. 1996 ask for
    three years before a trend; the moving percentile for three years of five weeks).
    """
    known = series.observed[area, :-1]
    years = int((series.length - 1 - 3) // series.frequency)
    return [make(known, min(years, 5), series.frequency) for make in _OFFERS]


def best_offer(series: Series, area: int = 0) -> Offer | None:
    """The first method whose history suffices, None while none has."""
    return next((offer for offer in offers(series, area) if offer.lacking is None), None)


def _flexible(known: Counts, years: int, frequency: int) -> Offer:
    return Offer(
        method="farringtonFlexible",
        control={
            "b": max(years, 1),
            "w": 3,
            "noPeriods": min(10, frequency),
            "pastWeeksNotIncluded": frequency // 2,
            "weightsThreshold": 2.58,
            "pThresholdTrend": 1.0,
            "thresholdMethod": "nbPlugin",
            "alpha": 0.01,
        },
        lacking=_lacking_years(years) or _lacking_cases(known),
    )


def _harmonic(known: Counts, years: int, frequency: int) -> Offer:
    return Offer(
        method="harmonic",
        control={"b": max(years - 1, 1), "pastWeeksNotIncluded": frequency // 2, "alpha": 0.01},
        lacking=_lacking_years(years, _FEWEST_YEARS + 1) or _lacking_cases(known),
    )


def _percentile(_known: Counts, years: int, _frequency: int) -> Offer:
    return Offer(
        method="movingPercentile",
        control={"b": max(years, 1), "w": 2, "percentile": 0.8},
        lacking=_lacking_years(years),
    )


def _cusum(known: Counts, _years: int, frequency: int) -> Offer:
    lacking = None
    if known.size < frequency:
        lacking = f"{known.size} points of history, {frequency} (a year) needed"
    elif float(np.nansum(known)) < _FEWEST_MEAN * known.size:
        lacking = f"fewer than {_FEWEST_MEAN} cases a point: the sum would be chance"
    return Offer(method="cusum", control={"k": 1.04, "h": 2.26, "trans": "rossi"}, lacking=lacking)


def _ears(known: Counts, _years: int, _frequency: int) -> Offer:
    lacking = None
    if known.size < _EARS_POINTS:
        lacking = f"{known.size} points of history, {_EARS_POINTS} needed"
    return Offer(
        method="earsC", control={"method": "C2", "baseline": 7, "minSigma": 0.5}, lacking=lacking
    )


_OFFERS: tuple[Callable[[Counts, int, int], Offer], ...] = (
    _flexible,
    _harmonic,
    _percentile,
    _cusum,
    _ears,
)


def _lacking_years(years: int, needed: int = _FEWEST_YEARS) -> str | None:
    if years >= needed:
        return None
    return f"{max(years, 0)} whole years of history, {needed} needed"


def _lacking_cases(known: Counts) -> str | None:
    cases = float(np.nansum(known))
    if cases >= _FEWEST_CASES:
        return None
    return f"{cases:g} cases in its history, {_FEWEST_CASES:g} needed"
