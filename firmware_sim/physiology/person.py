"""Who a simulated person is: level, rhythm, scatter and what will happen to them.

Parameters marked [ESH 2020] follow Stergiou et al., "Seasonal variation in blood pressure",
J Hypertens 2020;38:1235 (pressure about 5/3 mmHg lower in summer than in winter); [TIR 2019]
Battelino et al., Diabetes Care 2019;42:1593 (a coefficient of variation over 36 % means unstable
glucose). All others are ours: chosen so that the series look like a home log, not estimated.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from firmware_sim.profiles.glucose import Limit


class Sex(StrEnum):
    """Sex as registered."""

    FEMALE = "female"
    MALE = "male"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """When a person measures; times are local.

    Attributes:
        morning: Probability of measuring on a morning, 0..1.
        evening: Probability of measuring on an evening, 0..1.
        slot: Which quarter of an hour after 07:00 and 19:00 is the usual one, 0..6.
    """

    morning: float = 0.72
    evening: float = 0.48
    slot: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodPressurePattern:
    """A person's blood pressure, in mmHg unless said otherwise.

    Attributes:
        systolic: Own level, averaged over a year's mornings and evenings.
        diastolic: Own level.
        pulse: Beats per minute.
        morning_rise: Morning minus evening, systolic (ours).
        season: Half of winter minus summer, systolic; 2.5 [ESH 2020].
        day_sd: Scatter of a whole day, systolic (ours).
        session_sd: Scatter of one reading, systolic (ours).
        drift_per_month: Slow rise per 30 days, systolic.
        drift_days: The drift runs during so many last days.
    """

    systolic: float
    diastolic: float
    pulse: float = 72.0
    morning_rise: float = 4.0
    season: float = 2.5
    day_sd: float = 4.0
    session_sd: float = 4.0
    drift_per_month: float = 0.0
    drift_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GlucosePattern:
    """A person's capillary glucose.

    Attributes:
        fasting_mmol: Median before breakfast, mmol/L.
        evening_mmol: Median after dinner, mmol/L.
        variation: Coefficient of variation of both, 0..1; unstable over 0.36 [TIR 2019].
        lowest_mmol: Chance alone goes no lower; lows are planned as `Episode`s.
    """

    fasting_mmol: float
    evening_mmol: float
    variation: float = 0.18
    lowest_mmol: float = 4.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A planned measurement that is not chance: part of a crisis, a low, a recovery.

    Attributes:
        days_before_end: Day counted from the end of the plan; 0 is its last day.
        time_of_day: Local time since midnight, a whole number of five minutes.
        systolic: mmHg, with `diastolic`.
        diastolic: mmHg.
        glucose_mmol: mmol/L, or LO or HI.
    """

    days_before_end: int
    time_of_day: timedelta
    systolic: int | None = None
    diastolic: int | None = None
    glucose_mmol: float | Limit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person who does not exist and has no name.

    Attributes:
        id: Opaque, for example "p001".
        sex: As registered.
        birth_year: Four digits.
        township: Opaque, for example "t1".
        village: Opaque, for example "t1-v2".
        household: Opaque.
        diagnoses: Codes such as "hypertension", "diabetes_2".
        drug_classes: Codes such as "insulin", "calcium_channel_blocker".
        habit: When they measure.
        blood_pressure: None for somebody without a cuff.
        glucose: None for somebody without a meter.
        episodes: What will happen, in any order.
    """

    id: str
    sex: Sex
    birth_year: int
    township: str
    village: str
    household: str
    diagnoses: tuple[str, ...] = ()
    drug_classes: tuple[str, ...] = ()
    habit: Habit = Habit()
    blood_pressure: BloodPressurePattern | None = None
    glucose: GlucosePattern | None = None
    episodes: tuple[Episode, ...] = ()
