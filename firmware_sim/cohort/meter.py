"""What a glucose meter shows of the blood: error, one decimal, LO and HI; and in which context."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.glucose import GlucoseDays
from firmware_sim.cohort.moments import Moments
from firmware_sim.cohort.spans import minute_of

CONTEXTS = ("", "fasting", "preprandial", "postprandial", "bedtime")
"""Words of the codes that `meal_context` gives."""

_HOUR = 60
_FASTING, _BEFORE, _AFTER, _BEDTIME = 1, 2, 3, 4
_STANDARD_LIMIT_MMOL = 5.55  # ISO 15197:2013, 6.3.3: +-0.83 mmol/L below, +-15 % from here on


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterKind:
    """How well a kind of meter measures.

    ISO 15197:2013, 6.3.3 wants 95 % of results within 0.83 mmol/L (below 5.55 mmol/L) or 15 %
    of the laboratory's. Meters on sale are better than that; the defaults give 95 % within about
    0.5 mmol/L or 10 % (ours).

    Attributes:
        scatter_mmol: Standard deviation below 5.55 mmol/L.
        scatter_share: Standard deviation from there on, as a share of the value.
        bias_share: Standard deviation of a single meter's own bias, as a share of the value.
        dirty_finger: Probability that food on the finger adds 15-45 % (ours).
        lowest_mmol: Below it the meter shows LO.
        highest_mmol: Above it the meter shows HI.
    """

    scatter_mmol: float = 0.22
    scatter_share: float = 0.042
    bias_share: float = 0.02
    dirty_finger: float = 0.004
    lowest_mmol: float = 1.1
    highest_mmol: float = 33.3


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterValues:
    """What stands on the display, one element a moment.

    Attributes:
        mmol: One decimal; the limit of the range where the meter shows a word instead.
        beyond: -1 for LO, +1 for HI, 0 for a number.
    """

    mmol: npt.NDArray[np.float64]
    beyond: npt.NDArray[np.int8]


def meter_shows(
    true_mmol: npt.NDArray[np.float64],
    rng: np.random.Generator,
    *,
    bias: float = 0.0,
    kind: MeterKind = MeterKind(),
) -> MeterValues:
    """The readings of one meter.

    Args:
        true_mmol: Glucose of the blood, mmol/L.
        rng: Three draws a reading.
        bias: The single meter's own, in standard deviations (0 for a perfect one).
        kind: How well it measures.
    """
    count = len(true_mmol)
    scatter, chance = rng.standard_normal(count), rng.random((count, 2))
    error = np.where(
        true_mmol < _STANDARD_LIMIT_MMOL, kind.scatter_mmol, kind.scatter_share * true_mmol
    )
    food = np.where(chance[:, 0] < kind.dirty_finger, 1.15 + 0.3 * chance[:, 1], 1.0)
    measured = (true_mmol * (1 + kind.bias_share * bias) + error * scatter) * food
    shown = measured.round(6).round(1)
    beyond = (shown > kind.highest_mmol).astype(np.int8) - (shown < kind.lowest_mmol)
    return MeterValues(
        mmol=np.clip(shown, kind.lowest_mmol, kind.highest_mmol), beyond=beyond.astype(np.int8)
    )


def meal_context(days: GlucoseDays, when: Moments) -> npt.NDArray[np.int8]:
    """Codes (index of `CONTEXTS`) that an honest person would mark each reading with.

    Fasting is after four in the morning and before the first meal eaten; after a meal means
    within three hours of its beginning, before a meal within the last hour; bedtime from 21:00.
    """
    minute = minute_of(when)
    code = np.where(when.minute >= 21 * 60, _BEDTIME, 0)
    eaten = days.meal_mmol[when.day] > 0
    at = np.where(eaten, days.meal_at[when.day], np.inf)
    since = minute[:, None] - at
    code = np.where(((since < 0) & (since >= -_HOUR)).any(axis=1), _BEFORE, code)
    code = np.where(((since >= 0) & (since <= 3 * _HOUR)).any(axis=1), _AFTER, code)
    early = (minute < at.min(axis=1)) & (when.minute >= 4 * 60) & (when.minute < 12 * 60)
    return np.where(early, _FASTING, code).astype(np.int8)
