"""Who the people of a cohort are: everything drawn once a life.

Words for diagnoses and drug classes are those of the first rule pack (`hypertension`,
`diabetes_2`, `calcium_blocker`, `insulin`...).
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from firmware_sim.cohort.seeds import Purpose


class CohortSex(StrEnum):
    """Sex as registered."""

    FEMALE = "female"
    MALE = "male"


class HabitKind(StrEnum):
    """How somebody measures at home."""

    GOOD = "good"
    LAZY = "lazy"
    OBSESSIVE = "obsessive"
    STOPS = "stops"


class CuffKind(StrEnum):
    """Cuffs by what they can say: irregular pulse, no clock, or numbers somebody types in."""

    PLAIN = "plain"
    RHYTHM = "rhythm"
    CLOCKLESS = "clockless"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where somebody lives; ids are opaque and count up within the cohort.

    Attributes:
        household: For example "t7-h00003", one to four people.
        village: For example "t7-v002".
        township: For example "t7-t01".
        altitude_m: Of the township, metres.
    """

    household: str
    village: str
    township: str
    altitude_m: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The family doctor's contract: which team, from when to when (local dates, end excluded)."""

    team: str
    begins: date
    ends: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """A person's own levels, drawn once.

    Attributes:
        systolic: mmHg at home, treated as prescribed, averaged over a year.
        diastolic: mmHg, likewise.
        pulse: Per minute at rest, without fever.
        white_coat: mmHg systolic added at a clinic.
        salt: mmHg systolic added on a feast day.
        season: mmHg systolic, half of winter minus summer.
        morning_rise: mmHg systolic, morning minus evening.
        day_sd: mmHg systolic, scatter of a whole day.
        reading_sd: mmHg systolic, scatter of one reading.
        wander: mmHg systolic by which the level wanders over weeks (standard deviation).
        cuff_bias: mmHg by which the person's first cuff reads too high.
        dose_minute: Minute of the day of the day's dose.
        adherence: Probability of taking a day's dose, 0..1.
    """

    systolic: float
    diastolic: float
    pulse: float
    white_coat: float
    salt: float
    season: float
    morning_rise: float
    day_sd: float
    reading_sd: float
    wander: float
    cuff_bias: float
    dose_minute: float
    adherence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """Which devices somebody has; the rest they cannot measure.

    Attributes:
        cuff: None for somebody without one.
        meter: Has a blood glucose meter.
        oximeter: Has a pulse oximeter.
        thermometer: Has a thermometer that sends.
        scale: Has scales that send.
    """

    cuff: CuffKind | None
    meter: bool
    oximeter: bool
    thermometer: bool
    scale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortPerson:
    """A person who does not exist and has no name.

    Attributes:
        purpose: Of the cohort.
        seed: Of the cohort.
        number: From 1; with purpose and seed it names the person's streams (`seeds.stream`).
        id: Opaque, for example "t7-00001".
        sex: As registered.
        birth_year: Four digits.
        diagnoses: In alphabetical order; `hypertension`, `diabetes_1`, `diabetes_2`,
            `heart_failure`, `atrial_fibrillation`, `copd`, `stroke`, `kidney_disease`,
            `coronary_disease`.
        drug_classes: Prescribed on the first day, in alphabetical order.
        due: Expected date of birth of a pregnancy that touches the cohort's days.
        home: Household, village, township.
        household_size: People under that roof, 1 to 4.
        spouse: Number of the person who lives with them as a couple, None when there is none (or
            when the cohort ended before that number).
        contract: With a family doctor; None for somebody without.
        levels: Drawn once.
        habit: How they measure.
        kit: What they have.
    """

    purpose: Purpose
    seed: int
    number: int
    id: str
    sex: CohortSex
    birth_year: int
    diagnoses: tuple[str, ...]
    drug_classes: tuple[str, ...]
    due: date | None
    home: Home
    household_size: int
    spouse: int | None
    contract: Contract | None
    levels: Levels
    habit: HabitKind
    kit: Kit
