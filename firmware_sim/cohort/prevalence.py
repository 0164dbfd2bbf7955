"""How many of which age have what: the tables people are drawn from.

Certainty of the sources: quoted from memory, not re-read; where no source is named the figure is
ours, chosen to be plausible for adults of a rural county under a family doctor's contract.

* Hypertension: Wang Z et al., Circulation 2018;137:2344 (China Hypertension Survey 2012-2015).
* Diagnosed diabetes: 8.7 % of Chinese elderly say so [Front Public Health 2022;10:1051445]
  and 11.0 % of rural ones are found to [BMC Public Health 2023, s12889-023-15527-9] (both read).
* Heart failure: after Hao G et al., Eur J Heart Fail 2019;21:1329 (1.3 % of those over 35).
* Atrial fibrillation: after Shi S et al., Lancet Reg Health West Pac 2022;23:100439 (1.6 %), over
  75, Du X et al., Heart 2021;107:535 (5.4 % of men, 4.9 % of women; read).
* COPD: ours, the known part of Wang C et al., Lancet 2018;391:1706 (13.7 % over 40, few know it).
* Stroke: after Tu WJ et al., JAMA Netw Open 2023;6:e231455 (2.6 % over 40).
* Death: ours, a Gompertz curve near China's life tables (0.8 % a year at 60, doubling in 8 years).
"""

import bisect
import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ByAge:
    """A step function of age: `values[i]` from `ages[i]` years (the first from birth)."""

    ages: tuple[int, ...]
    values: tuple[float, ...]

    def at(self, age: int) -> float:
        """The value for an age in years."""
        return self.values[max(0, bisect.bisect_right(self.ages, age) - 1)]


HEAD_AGE = (
    (18, 0.02),
    (35, 0.08),
    (45, 0.18),
    (55, 0.27),
    (65, 0.29),
    (75, 0.13),
    (85, 0.03),
)
"""From this age up to the next one (the last to 92): share of the first person of a household.

Ours: a county whose young have left for the cities."""

HOUSEHOLD_SIZE = (0.24, 0.46, 0.15, 0.15)
"""Adults under one roof, 1 to 4 (ours)."""

HYPERTENSION = ByAge(
    (18, 25, 35, 45, 55, 65, 75), (0.040, 0.061, 0.150, 0.296, 0.446, 0.557, 0.602)
)
DIABETES_2 = ByAge((18, 40, 50, 60, 70), (0.012, 0.035, 0.07, 0.10, 0.105))
DIABETES_1 = ByAge((18, 60), (0.002, 0.001))
MORE_HYPERTENSION_WITH_DIABETES = 0.15
"""Added to the probability of hypertension in diabetes, taken from the others (ours)."""

OTHERS = {
    "atrial_fibrillation": ByAge((18, 45, 65, 75), (0.002, 0.008, 0.025, 0.051)),
    "copd": ByAge((18, 40, 60, 70), (0.001, 0.015, 0.035, 0.055)),
    "coronary_disease": ByAge((18, 45, 60, 75), (0.001, 0.012, 0.035, 0.06)),
    "heart_failure": ByAge((18, 35, 55, 65, 75), (0.001, 0.007, 0.013, 0.021, 0.032)),
    "kidney_disease": ByAge((18, 50, 70), (0.003, 0.012, 0.025)),
    "stroke": ByAge((18, 40, 60, 70), (0.001, 0.012, 0.035, 0.055)),
}
"""Known diagnoses in alphabetical order: the order in which chance is asked."""

TREATED = 0.82
"""Share of people with hypertension who have a drug prescribed (ours: under a contract)."""

PRESSURE_DRUGS = (
    ("calcium_blocker", 0.50),
    ("arb", 0.27),
    ("ace_inhibitor", 0.08),
    ("diuretic", 0.08),
    ("beta_blocker", 0.07),
)
"""The first drug of a treatment, shares (ours); a second and third are drawn from the rest."""

DRUG_COUNT = (0.66, 0.27, 0.07)
"""One, two or three pressure drugs (ours)."""

GLUCOSE_DRUGS = (
    ("acarbose", 0.18),
    ("dpp4", 0.10),
    ("glinide", 0.04),
    ("glp1", 0.02),
    ("insulin", 0.22),
    ("metformin", 0.62),
    ("sglt2", 0.09),
    ("sulfonylurea", 0.24),
)
"""Each with its own chance in type 2 diabetes (ours)."""


def death_per_year(age: int) -> float:
    """Probability of dying within a year, 0..0.6 (Gompertz, ours)."""
    return min(0.6, 0.008 * math.pow(2.0, (age - 60) / 8))
