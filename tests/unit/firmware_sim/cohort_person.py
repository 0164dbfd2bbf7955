"""People and days for the tests of the cohort's physiology: plain, healthy until told otherwise."""

from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.life import DayLine
from firmware_sim.cohort.moments import Moments
from firmware_sim.cohort.people import (
    CohortPerson,
    CohortSex,
    CuffKind,
    HabitKind,
    Home,
    Kit,
    Levels,
)
from firmware_sim.cohort.seeds import Purpose, subject_id

YEAR = Calendar(first=date(2025, 1, 1), days=365)

_LEVELS = Levels(
    systolic=132.0,
    diastolic=80.0,
    pulse=72.0,
    white_coat=8.0,
    salt=3.0,
    season=2.5,
    morning_rise=4.0,
    day_sd=4.0,
    reading_sd=4.0,
    wander=3.4,
    cuff_bias=0.0,
    dose_minute=420.0,
    adherence=0.95,
)
_KIT = Kit(cuff=CuffKind.RHYTHM, meter=True, oximeter=True, thermometer=True, scale=True)


def somebody(
    number: int = 1,
    *,
    diagnoses: tuple[str, ...] = (),
    drugs: tuple[str, ...] = (),
    seed: int = 7,
) -> CohortPerson:
    """A woman of 73 years in a village at sea level, alone in her household."""
    return CohortPerson(
        purpose=Purpose.TUNING,
        seed=seed,
        number=number,
        id=subject_id(Purpose.TUNING, seed, number),
        sex=CohortSex.FEMALE,
        birth_year=1952,
        diagnoses=diagnoses,
        drug_classes=drugs,
        due=None,
        home=Home(household=f"h{number}", village="v1", township="t1"),
        household_size=1,
        spouse=None,
        contract=None,
        levels=_LEVELS,
        habit=HabitKind.GOOD,
        kit=_KIT,
    )


def on_insulin(number: int = 1) -> CohortPerson:
    """The same with type 2 diabetes and insulin."""
    return somebody(number, diagnoses=("diabetes_2",), drugs=("insulin",))


def living_at(
    person: CohortPerson,
    *,
    household: str | None = None,
    village: str | None = None,
    altitude_m: float = 0.0,
) -> CohortPerson:
    """The same person in another place."""
    home = replace(
        person.home,
        household=household or person.home.household,
        village=village or person.home.village,
        altitude_m=altitude_m,
    )
    return replace(person, home=home)


def quiet(
    days: int = YEAR.days,
    *,
    sick: npt.NDArray[np.float64] | None = None,
    missed: tuple[int, ...] = (),
) -> DayLine:
    """Days at home, well and with every dose taken, but for what is given."""
    taken = np.ones(days, np.bool_)
    taken[list(missed)] = False
    yes = np.ones(days, np.bool_)
    return DayLine(
        alive=yes,
        at_home=yes,
        dose_taken=taken,
        drug_on=yes,
        salt=np.zeros(days),
        sick=np.zeros(days) if sick is None else sick,
    )


def ill_on(*days: int, length: int = YEAR.days) -> npt.NDArray[np.float64]:
    """Severe sickness on these days and none on the others."""
    sick = np.zeros(length)
    sick[list(days)] = 1.0
    return sick


def daily(minute: float, days: int = YEAR.days) -> Moments:
    """One moment a day, at this minute."""
    return Moments(day=np.arange(days), minute=np.full(days, minute))


def every(minutes: int, days: int = YEAR.days) -> Moments:
    """Moments in equal steps from the first midnight on."""
    at = np.arange(0, 1440 * days, minutes)
    return Moments(day=at // 1440, minute=(at % 1440).astype(np.float64))


def moments(minute: npt.NDArray[np.float64]) -> Moments:
    """Moments from minutes since the midnight of day 0."""
    day = np.floor(minute / 1440).astype(np.int64)
    return Moments(day=day, minute=minute - 1440.0 * day)
