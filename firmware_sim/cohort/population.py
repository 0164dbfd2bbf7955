"""Draw the people of a cohort, household by household.

A household is a function of (purpose, seed, its number) alone and people are numbered through the
households in order, so a larger cohort begins with the people of the smaller one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice

import numpy as np

from firmware_sim.cohort import prevalence as table
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.levels import draw_levels
from firmware_sim.cohort.people import (
    CohortPerson,
    CohortSex,
    Contract,
    CuffKind,
    HabitKind,
    Home,
    Kit,
)
from firmware_sim.cohort.seeds import Purpose, stream, subject_id

_HOUSEHOLDS_A_VILLAGE = 45
_VILLAGES_A_TOWNSHIP = 6
_VILLAGES_A_TEAM = 2
_YOUNGEST, _OLDEST = 18, 96
_PREGNANCY_AGES = range(19, 43)
_PREGNANT_A_YEAR = 0.07
_PREGNANCY_DAYS = 280
_HABITS = (
    (HabitKind.GOOD, 0.34),
    (HabitKind.LAZY, 0.42),
    (HabitKind.OBSESSIVE, 0.07),
    (HabitKind.STOPS, 0.17),
)
_CUFFS = (
    (CuffKind.RHYTHM, 0.35),
    (CuffKind.PLAIN, 0.45),
    (CuffKind.CLOCKLESS, 0.08),
    (CuffKind.MANUAL, 0.12),
)


@dataclass(frozen=True, slots=True)
class _Member:
    sex: CohortSex
    age: int
    partner: int | None


def draw_people(
    purpose: Purpose, seed: int, count: int, calendar: Calendar
) -> tuple[CohortPerson, ...]:
    """The first `count` people of this purpose and seed, aged as of the calendar's first year."""
    return tuple(islice(_everybody(purpose, seed, count, calendar), count))


def _everybody(
    purpose: Purpose, seed: int, count: int, calendar: Calendar
) -> Iterator[CohortPerson]:
    number, household = 0, 0
    while number < count:
        household += 1
        chance = stream(purpose, seed, household, "household")
        members = _members(chance)
        home = _home(purpose, seed, household)
        for position, member in enumerate(members, start=1):
            partner = member.partner
            spouse = None if partner is None else number + 1 + partner
            yield _person(
                _Seat(
                    purpose=purpose,
                    seed=seed,
                    number=number + position,
                    home=home,
                    size=len(members),
                    spouse=spouse if spouse is not None and spouse <= count else None,
                    village=(household - 1) // _HOUSEHOLDS_A_VILLAGE,
                ),
                member,
                calendar,
            )
        number += len(members)


def _home(purpose: Purpose, seed: int, household: int) -> Home:
    village = (household - 1) // _HOUSEHOLDS_A_VILLAGE
    township = village // _VILLAGES_A_TOWNSHIP
    mark = f"{purpose.value[0]}{seed}"
    high = stream(purpose, seed, township + 1, "township").random()
    return Home(
        household=f"{mark}-h{household:05d}",
        village=f"{mark}-v{village + 1:03d}",
        township=f"{mark}-t{township + 1:02d}",
        altitude_m=float(round(30 + 1_500 * high * high * high)),
    )


def _members(chance: np.random.Generator) -> tuple[_Member, ...]:
    """A single, a couple, a couple with a parent or a grown child, or two couples."""
    size = 1 + pick(chance, table.HOUSEHOLD_SIZE)
    bracket = pick(chance, tuple(share for _, share in table.HEAD_AGE))
    begins = table.HEAD_AGE[bracket][0]
    last = len(table.HEAD_AGE) - 1
    ends = 93 if bracket == last else table.HEAD_AGE[bracket + 1][0]
    age = int(chance.integers(begins, ends))
    sex = _sex(chance, 0.5)
    younger = int(chance.integers(-2, 6)) * (1 if sex is CohortSex.MALE else -1)
    generation, apart = int(chance.integers(22, 32)), int(chance.integers(-4, 3))
    child_sex, parent = _sex(chance, 0.5), chance.random() < _share_of_parents(age)
    if size == 1:
        return (_Member(_sex(chance, 0.5 if age < 65 else 0.64), age, None),)  # noqa: PLR2004
    couple = (_Member(sex, age, 1), _Member(_other(sex), _adult(age - younger), 0))
    if size == 2:  # noqa: PLR2004
        return couple
    if size == 3:  # noqa: PLR2004
        third = age + generation if parent else age - generation
        return (*couple, _Member(child_sex, _adult(third), None))
    child = _adult(age - generation if age >= _YOUNGEST + 22 else age + generation)
    return (
        *couple,
        _Member(child_sex, child, 3),
        _Member(_other(child_sex), _adult(child + apart), 2),
    )


def _share_of_parents(age: int) -> float:
    return 0.9 if age < 42 else 0.45 if age < 62 else 0.0  # noqa: PLR2004


def _sex(chance: np.random.Generator, women: float) -> CohortSex:
    return CohortSex.FEMALE if chance.random() < women else CohortSex.MALE


def _other(sex: CohortSex) -> CohortSex:
    return CohortSex.MALE if sex is CohortSex.FEMALE else CohortSex.FEMALE


def _adult(age: int) -> int:
    return min(_OLDEST, max(_YOUNGEST, age))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seat:
    purpose: Purpose
    seed: int
    number: int
    home: Home
    size: int
    spouse: int | None
    village: int


def _person(seat: _Seat, member: _Member, calendar: Calendar) -> CohortPerson:
    chance = stream(seat.purpose, seat.seed, seat.number, "person")
    due = _due(chance, member, calendar)
    diagnoses = _diagnoses(chance, member.age)
    drugs = _drugs(chance, diagnoses)
    return CohortPerson(
        purpose=seat.purpose,
        seed=seat.seed,
        number=seat.number,
        id=subject_id(seat.purpose, seat.seed, seat.number),
        sex=member.sex,
        birth_year=calendar.first.year - member.age,
        diagnoses=diagnoses,
        drug_classes=drugs,
        due=due,
        home=seat.home,
        household_size=seat.size,
        spouse=seat.spouse,
        contract=_contract(chance, seat, calendar.first),
        levels=draw_levels(chance, member.sex, member.age, diagnoses, drugs),
        habit=_HABITS[pick(chance, tuple(share for _, share in _HABITS))][0],
        kit=_kit(chance, diagnoses, pregnant=due is not None),
    )


def _due(chance: np.random.Generator, member: _Member, calendar: Calendar) -> date | None:
    """Of a pregnancy of which at least a day falls into the calendar."""
    at, lucky = chance.random(), chance.random()
    if member.sex is CohortSex.MALE or member.age not in _PREGNANCY_AGES:
        return None
    span = calendar.days + _PREGNANCY_DAYS
    if lucky >= _PREGNANT_A_YEAR * span / 365:
        return None
    return calendar.first + timedelta(days=1 + int(at * (span - 1)))


def _diagnoses(chance: np.random.Generator, age: int) -> tuple[str, ...]:
    type_1 = chance.random() < table.DIABETES_1.at(age)
    share = table.DIABETES_2.at(age)
    type_2 = chance.random() < share and not type_1
    # The two probabilities average to the table's value whatever the share of diabetes is.
    more = table.MORE_HYPERTENSION_WITH_DIABETES
    risk = table.HYPERTENSION.at(age) + (more if type_2 else -more * share / (1 - share))
    found = [name for name, risk_of in table.OTHERS.items() if chance.random() < risk_of.at(age)]
    if chance.random() < risk:
        found.append("hypertension")
    if type_1:
        found.append("diabetes_1")
    if type_2:
        found.append("diabetes_2")
    return tuple(sorted(found))


def _drugs(chance: np.random.Generator, diagnoses: tuple[str, ...]) -> tuple[str, ...]:
    drugs: list[str] = []
    treated, count = chance.random() < table.TREATED, 1 + pick(chance, table.DRUG_COUNT)
    if "hypertension" in diagnoses and treated:
        rest = list(table.PRESSURE_DRUGS)
        while len(drugs) < count:
            drugs.append(rest.pop(pick(chance, tuple(share for _, share in rest)))[0])
    if "diabetes_1" in diagnoses:
        drugs.append("insulin")
    if "diabetes_2" in diagnoses:
        drugs += [name for name, share in table.GLUCOSE_DRUGS if chance.random() < share]
    for reason, name, share in (
        ("heart_failure", "diuretic", 0.7),
        ("heart_failure", "beta_blocker", 0.6),
        ("coronary_disease", "beta_blocker", 0.5),
        ("atrial_fibrillation", "beta_blocker", 0.5),
        ("atrial_fibrillation", "anticoagulant", 0.35),
    ):
        if reason in diagnoses and chance.random() < share:
            drugs.append(name)
    return tuple(sorted(set(drugs)))


def _contract(chance: np.random.Generator, seat: _Seat, first: date) -> Contract | None:
    has, age_days, years = chance.random(), int(chance.integers(0, 365)), chance.random()
    if has >= 0.86:  # noqa: PLR2004 - ours
        return None
    begins = first - timedelta(days=age_days)
    mark = f"{seat.purpose.value[0]}{seat.seed}"
    return Contract(
        team=f"{mark}-team{1 + seat.village // _VILLAGES_A_TEAM:02d}",
        begins=begins,
        ends=begins + timedelta(days=365 if years < 0.2 else 1096),  # noqa: PLR2004 - ours
    )


def _kit(chance: np.random.Generator, diagnoses: tuple[str, ...], *, pregnant: bool) -> Kit:
    """Shares are ours: devices go to those with the disease."""
    owns = chance.random(5)
    cuff = _CUFFS[pick(chance, tuple(share for _, share in _CUFFS))][0]
    diabetic = "diabetes_1" in diagnoses or "diabetes_2" in diagnoses
    ill = {"copd", "heart_failure"} & set(diagnoses)
    needs_cuff = pregnant or {"hypertension", "heart_failure", "stroke"} & set(diagnoses)
    return Kit(
        cuff=cuff if owns[0] < (0.9 if needs_cuff else 0.12) else None,
        meter=bool(owns[1] < (0.85 if diabetic else 0.02)),
        oximeter=bool(owns[2] < (0.7 if ill else 0.05)),
        thermometer=bool(owns[3] < 0.15),  # noqa: PLR2004
        scale=bool(owns[4] < (0.75 if "heart_failure" in diagnoses else 0.12)),
    )


def pick(chance: np.random.Generator, shares: tuple[float, ...]) -> int:
    """An index drawn with these weights, which need not add up to one."""
    left = chance.random() * sum(shares)
    for index, share in enumerate(shares):
        left -= share
        if left < 0:
            return index
    return len(shares) - 1
