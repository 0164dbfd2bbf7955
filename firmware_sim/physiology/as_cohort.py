"""A person of the demo in the words of the cohort, so that both have the same blood pressure."""

import zlib

from firmware_sim.cohort.people import (
    CohortPerson,
    CohortSex,
    CuffKind,
    HabitKind,
    Home,
    Kit,
    Levels,
)
from firmware_sim.cohort.seeds import Purpose
from firmware_sim.physiology.person import BloodPressurePattern, Person


def cohort_person(person: Person, pattern: BloodPressurePattern, seed: int) -> CohortPerson:
    """The same person for the cohort's model of pressure.

    Their level holds the effect of their drugs already and they take every dose, so no drug class
    is passed on; neither white coat, salt nor a wandering level disturbs the story of the demo.
    """
    return CohortPerson(
        purpose=Purpose.TUNING,
        seed=seed,
        number=zlib.crc32(person.id.encode()),
        id=person.id,
        sex=CohortSex(person.sex.value),
        birth_year=person.birth_year,
        diagnoses=person.diagnoses,
        drug_classes=(),
        due=None,
        home=Home(household=person.household, village=person.village, township=person.township),
        household_size=1,
        spouse=None,
        contract=None,
        levels=_levels(pattern),
        habit=HabitKind.GOOD,
        kit=Kit(cuff=CuffKind.PLAIN, meter=False, oximeter=False, thermometer=False, scale=False),
    )


def _levels(pattern: BloodPressurePattern) -> Levels:
    return Levels(
        systolic=pattern.systolic,
        diastolic=pattern.diastolic,
        pulse=pattern.pulse,
        white_coat=0.0,
        salt=0.0,
        season=pattern.season,
        morning_rise=pattern.morning_rise,
        day_sd=pattern.day_sd,
        reading_sd=pattern.session_sd,
        wander=0.0,
        cuff_bias=0.0,
        dose_minute=420.0,
        adherence=1.0,
    )
