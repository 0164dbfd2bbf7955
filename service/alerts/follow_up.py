"""The closed loop: did the person improve after somebody acted (features row D11)? Pure.

Fourteen days after an outcome that changed something, the readings of the fourteen days before and
of the fourteen days after it are compared with the person's own target. Clinicians see the answer
on the alert; it decides nothing by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from statistics import fmean

from rules.vocabulary import Family
from service.alerts.lifecycle import Outcome

AFTER = timedelta(days=14)
"""How long after the action the data is asked, and how far back it is compared with."""

FEWEST = 3
"""Fewer readings on either side say nothing."""

ACTIONS = frozenset(
    {Outcome.ADVICE, Outcome.MEDICATION_CHANGED, Outcome.REFERRED_UP, Outcome.VISIT}
)
"""Outcomes that claim to change something."""

ENOUGH: dict[Family, float] = {Family.BLOOD_PRESSURE: 5.0, Family.GLUCOSE: 1.0}
"""Change of the mean that counts: mmHg systolic (within-visit noise is some 10), mmol/L."""

DANGER_LOW: dict[Family, float] = {Family.BLOOD_PRESSURE: 90.0, Family.GLUCOSE: 3.9}
"""Below this a falling mean is no improvement: hypotension, hypoglycaemia."""


class Verdict(StrEnum):
    """What the data says."""

    IMPROVED = "improved"
    UNCHANGED = "unchanged"
    WORSE = "worse"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """The verdict and what it rests on; the means are None where there was no reading."""

    verdict: Verdict
    before: float | None
    after: float | None
    readings_before: int
    readings_after: int


def improvement(family: Family, before: Sequence[float], after: Sequence[float]) -> Improvement:
    """Compares the main quantity before and after the action: systolic mmHg, glucose mmol/L.

    A low is judged by its lows: where a reading before was below the danger limit, it improved if
    none is any more. Otherwise lower is better, unless it fell below that limit.
    """
    means = (fmean(before) if before else None, fmean(after) if after else None)

    def found(verdict: Verdict) -> Improvement:
        return Improvement(
            verdict=verdict,
            before=means[0],
            after=means[1],
            readings_before=len(before),
            readings_after=len(after),
        )

    if family not in ENOUGH or len(before) < FEWEST or len(after) < FEWEST:
        return found(Verdict.TOO_FEW)
    return found(_verdict(family, before, after))


def _verdict(family: Family, before: Sequence[float], after: Sequence[float]) -> Verdict:
    low = DANGER_LOW[family]
    lows_before = sum(value < low for value in before) / len(before)
    lows_after = sum(value < low for value in after) / len(after)
    if lows_before or lows_after:
        if lows_after == lows_before:
            return Verdict.UNCHANGED
        return Verdict.IMPROVED if lows_after < lows_before else Verdict.WORSE
    change = fmean(after) - fmean(before)
    if abs(change) < ENOUGH[family]:
        return Verdict.UNCHANGED
    return Verdict.IMPROVED if change < 0 else Verdict.WORSE
