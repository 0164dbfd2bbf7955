"""The own glucose engine does what bodies do: meals, medicine, dawn, lows, sick days."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import EventKind
from firmware_sim.cohort.glucose import GlucoseDays, glucose_days, glucose_events, true_glucose
from firmware_sim.cohort.glucose_body import Treatment, glucose_body, treatment_of
from firmware_sim.cohort.spans import inside, minute_of, spans
from tests.unit.firmware_sim.cohort_person import (
    YEAR,
    daily,
    every,
    ill_on,
    moments,
    on_insulin,
    quiet,
    somebody,
)

pytestmark = pytest.mark.row("S2")

TABLETS = (("diabetes_2",), ("metformin",))
PEOPLE = range(1, 151)


def year_of(number: int, diagnoses: tuple[str, ...], drugs: tuple[str, ...]) -> GlucoseDays:
    return glucose_days(somebody(number, diagnoses=diagnoses, drugs=drugs), YEAR, quiet())


def without_lows(days: GlucoseDays) -> GlucoseDays:
    return replace(days, lows=spans([]))


def test_every_meal_is_a_rise_with_its_peak_after_an_hour_and_a_half() -> None:
    days = without_lows(year_of(1, *TABLETS))
    without = replace(days, meal_mmol=np.zeros_like(days.meal_mmol))
    for meal in range(3):
        eaten = days.meal_mmol[:, meal] > 0
        after = np.arange(0.0, 240.0)
        start = days.meal_at[eaten, meal][100]
        rise = true_glucose(days, moments(start + after)) - true_glucose(
            without, moments(start + after)
        )
        own = rise - rise[0]  # what is left of the meal before fades meanwhile
        assert 70 <= after[own.argmax()] <= 115  # between Ando 2013 and Yu 2005
        assert own.max() > 2.0
        assert own[-1] < 0.6 * own.max()


def test_a_meal_left_out_leaves_no_rise() -> None:
    days = year_of(3, *TABLETS)
    noon = minute_of(moments(days.meal_at[:, 1] + 75))
    rise = true_glucose(days, moments(noon)) - true_glucose(days, moments(noon - 75))
    skipped = days.meal_mmol[:, 1] == 0
    assert 2 <= skipped.sum() <= 30
    assert rise[skipped].mean() < 0
    more = rise[~skipped].mean() - rise[skipped].mean()
    assert more == pytest.approx(days.body.meal_mmol[1], rel=0.35)


def test_healthy_people_rise_less_after_meals_than_people_with_diabetes() -> None:
    def rise(diagnoses: tuple[str, ...]) -> float:
        days = [year_of(number, diagnoses, ()) for number in PEOPLE]
        return float(np.mean([each.meal_mmol[each.meal_mmol > 0].mean() for each in days]))

    assert 4.4 < rise(("diabetes_2",)) < 6.2  # Ando 2013: 4.6-6.1 mmol/L untreated
    assert rise(()) < 2.5


def test_glucose_rises_towards_dawn_as_much_as_the_body_says() -> None:
    rises: list[float] = []
    for number in PEOPLE:
        days = without_lows(year_of(number, *TABLETS))
        fasting = replace(days, meal_mmol=np.zeros_like(days.meal_mmol))
        rise = true_glucose(fasting, daily(420.0)) - true_glucose(fasting, daily(180.0))
        if days.body.fasting_mmol - days.body.dawn_mmol > 6:  # far from the floor of 4 mmol/L
            assert rise.mean() == pytest.approx(days.body.dawn_mmol, abs=0.15)
        rises.append(float(rise.mean()))
    # Monnier 2013: median 0.9 mmol/L, quartiles 0 and 1.75.
    low, middle, high = np.quantile(rises, [0.25, 0.5, 0.75])
    assert low < 0.35
    assert 0.6 < middle < 1.2
    assert 1.3 < high < 2.2


def test_mean_glucose_of_a_treatment_is_near_the_published_one() -> None:
    def mean(diagnoses: tuple[str, ...], drugs: tuple[str, ...]) -> float:
        people = [year_of(number, diagnoses, drugs) for number in PEOPLE]
        return float(np.mean([true_glucose(each, every(97)).mean() for each in people]))

    # HbA1c 7.67 % and 8.21 % in Ji 2013 are 9.6 and 10.5 mmol/L by Nathan 2008.
    assert mean(*TABLETS) == pytest.approx(1.594 * 7.67 - 2.594, abs=0.7)
    assert mean(("diabetes_2",), ("insulin",)) == pytest.approx(1.594 * 8.21 - 2.594, abs=0.8)
    assert mean((), ()) == pytest.approx(5.5, abs=0.4)


def test_the_course_of_a_day_on_tablets_is_near_the_published_one() -> None:
    def mean(after_breakfast: float) -> float:
        values: list[float] = []
        for number in PEOPLE:
            days = year_of(number, *TABLETS)
            at = moments(days.meal_at[:, 0] + after_breakfast)
            values.append(float(true_glucose(days, at).mean()))
        return float(np.mean(values))

    # Monnier 2002: before breakfast at eight, at eleven, two and five o'clock.
    course = [mean(minutes) for minutes in (0.0, 180.0, 360.0, 540.0)]
    assert course == pytest.approx([8.8, 12.0, 10.5, 8.6], abs=1.4)


@pytest.mark.parametrize(
    ("drugs", "first_morning", "third_morning"),
    [(("insulin",), 2.5, 4.2), (("metformin",), 0.5, 1.6)],
)
def test_missed_doses_raise_glucose_and_the_next_ones_bring_it_back(
    drugs: tuple[str, ...], first_morning: float, third_morning: float
) -> None:
    person = somebody(5, diagnoses=("diabetes_2",), drugs=drugs)
    taken = true_glucose(without_lows(glucose_days(person, YEAR, quiet())), daily(300.0))
    missed = quiet(missed=(100, 101, 102))
    left_out = true_glucose(without_lows(glucose_days(person, YEAR, missed)), daily(300.0))
    rise = left_out - taken
    assert rise[:101].max() == 0.0  # nothing before the first dose that was missed
    assert first_morning < rise[101] < rise[103]
    assert rise[103] > third_morning
    assert rise[118] < 0.1


def test_a_missed_dose_means_nothing_to_somebody_without_glucose_medicine() -> None:
    person = somebody(5, diagnoses=("diabetes_2",))
    taken = glucose_days(person, YEAR, quiet())
    never = glucose_days(person, YEAR, quiet(missed=tuple(range(365))))
    assert np.array_equal(true_glucose(taken, every(60)), true_glucose(never, every(60)))


def test_below_3_9_exists_inside_true_lows_and_nowhere_else() -> None:
    grid = every(5)
    found = 0
    for number in range(1, 16):
        days = glucose_days(on_insulin(number), YEAR, quiet())
        value = true_glucose(days, grid, np.random.default_rng(number))
        low = inside(days.lows, minute_of(grid))
        edge = np.isin(minute_of(grid), days.lows.begin)
        assert np.array_equal(value < 3.9, low & ~edge)
        middle = moments((days.lows.begin + days.lows.end) / 2)
        assert true_glucose(days, middle) == pytest.approx(days.lows.size, abs=1e-6)
        found += len(days.lows)
    assert found > 30


def test_lows_are_as_frequent_as_published_and_belong_to_insulin_and_sulfonylurea() -> None:
    def lows(diagnoses: tuple[str, ...], drugs: tuple[str, ...]) -> list[int]:
        return [len(year_of(number, diagnoses, drugs).lows) for number in range(1, 301)]

    insulin, sulfonylurea = lows(("diabetes_2",), ("insulin",)), lows(*_SULFONYLUREA)
    assert np.mean(insulin) == pytest.approx(4.39, rel=0.25)  # Dunkley 2019
    assert np.mean(sulfonylurea) == pytest.approx(2.34, rel=0.25)
    assert np.mean(lows(*TABLETS)) < 0.3
    assert sum(lows(("diabetes_2",), ())) == 0
    assert sum(lows((), ())) == 0
    assert 0.2 < np.mean(np.array(insulin) == 0) < 0.6  # unevenly spread, as in real people


_SULFONYLUREA = (("diabetes_2",), ("metformin", "sulfonylurea"))


def test_a_lunch_left_out_on_insulin_brings_lows_in_the_afternoon() -> None:
    after_lunch = {True: 0, False: 0}
    days_of = {True: 0, False: 0}
    for number in range(1, 301):
        days = glucose_days(on_insulin(number), YEAR, quiet())
        skipped = days.meal_mmol[:, 1] == 0
        afternoon = days.lows.begin[
            (days.lows.begin % 1440 > 900) & (days.lows.begin % 1440 < 1100)
        ]
        hit = np.isin(np.arange(365), (afternoon // 1440).astype(np.int64))
        for left_out in (True, False):
            days_of[left_out] += int((skipped == left_out).sum())
            after_lunch[left_out] += int((hit & (skipped == left_out)).sum())
    assert after_lunch[True] / days_of[True] > 5 * after_lunch[False] / days_of[False]


def test_a_low_that_is_not_felt_lasts_longer_and_beta_blockers_hide_more_of_them() -> None:
    def people(drugs: tuple[str, ...]) -> list[GlucoseDays]:
        return [year_of(number, ("diabetes_1",), ("insulin", *drugs)) for number in PEOPLE]

    plain, blocked = people(()), people(("beta_blocker",))
    unaware = [each.body.unaware for each in plain], [each.body.unaware for each in blocked]
    assert sum(unaware[1]) > 1.8 * sum(unaware[0])

    def minutes(of: list[GlucoseDays], *, unaware: bool) -> float:
        chosen = [each.lows for each in of if each.body.unaware is unaware]
        return float(np.concatenate([each.end - each.begin for each in chosen]).mean())

    assert minutes(plain, unaware=True) > 1.5 * minutes(plain, unaware=False)


def test_events_say_what_really_happened_to_the_glucose() -> None:
    line = quiet(sick=ill_on(50, 51, 52))
    person = on_insulin(4)
    days = glucose_days(person, YEAR, line)
    events = glucose_events(person, YEAR, line, days)
    lows = [each for each in events if each.kind is not EventKind.HIGH_GLUCOSE_SICK_DAY]
    assert len(lows) == len(days.lows) > 0
    assert [each.kind is EventKind.VERY_LOW_GLUCOSE for each in lows] == (
        days.lows.size < 3
    ).tolist()
    (sick,) = [each for each in events if each.kind is EventKind.HIGH_GLUCOSE_SICK_DAY]
    assert (sick.begins_at.date(), sick.ends_at) == (date(2025, 2, 20), YEAR.instant(53))
    assert all("," not in each.detail and each.subject == person.id for each in events)


def test_nothing_happens_to_the_glucose_of_the_dead() -> None:
    person, line = on_insulin(4), quiet()
    days = glucose_days(person, YEAR, line)
    dead = replace(line, alive=np.arange(365) < 40)
    assert all(
        each.begins_at < YEAR.instant(40) for each in glucose_events(person, YEAR, dead, days)
    )


def test_illness_raises_a_diabetics_glucose_and_hardly_a_healthy_persons() -> None:
    def rise(diagnoses: tuple[str, ...], drugs: tuple[str, ...]) -> float:
        person = somebody(8, diagnoses=diagnoses, drugs=drugs)
        well = without_lows(glucose_days(person, YEAR, quiet()))
        ill = without_lows(glucose_days(person, YEAR, quiet(sick=ill_on(60))))
        noon = daily(720.0)
        return float((true_glucose(ill, noon) - true_glucose(well, noon))[60])

    assert rise(("diabetes_2",), ("insulin",)) > 3.0
    assert rise(*TABLETS) > 1.5
    assert rise((), ()) < 1.0


def test_a_morning_steroid_raises_the_afternoon_and_not_the_fasting_value() -> None:
    person = somebody(9, diagnoses=TABLETS[0], drugs=TABLETS[1])
    plain = glucose_days(person, YEAR, quiet())
    steroid = glucose_days(person, YEAR, quiet(), steroid=np.arange(365) == 30)

    def rise(minute: float) -> float:
        difference = true_glucose(steroid, daily(minute)) - true_glucose(plain, daily(minute))
        return float(difference[30])

    assert rise(17 * 60) > 3.0  # Burt 2011, Yuen 2012: from noon to midnight
    assert rise(7 * 60) < 0.8


def test_days_agree_with_the_first_days_of_a_longer_calendar() -> None:
    short = Calendar(first=YEAR.first, days=90)
    person, grid = on_insulin(11), every(7, 80)
    whole = glucose_days(person, YEAR, quiet(missed=(3, 4)))
    part = glucose_days(person, short, quiet(90, missed=(3, 4)))
    assert np.array_equal(true_glucose(whole, grid), true_glucose(part, grid))


def test_the_same_person_has_the_same_year_and_another_a_different_one() -> None:
    one, again, other = (glucose_days(on_insulin(n), YEAR, quiet()) for n in (12, 12, 13))
    assert np.array_equal(true_glucose(one, every(60)), true_glucose(again, every(60)))
    assert not np.array_equal(true_glucose(one, every(60)), true_glucose(other, every(60)))


@pytest.mark.parametrize(
    ("diagnoses", "drugs", "treatment"),
    [
        ((), ("beta_blocker",), Treatment.NONE),
        (("diabetes_2",), ("beta_blocker",), Treatment.DIET),
        (("diabetes_2",), ("metformin",), Treatment.TABLETS),
        (("diabetes_2",), ("glinide", "metformin"), Treatment.SECRETAGOGUE),
        (("diabetes_2",), ("insulin", "sulfonylurea"), Treatment.INSULIN),
        (("diabetes_1",), ("insulin",), Treatment.INSULIN_ALONE),
    ],
)
def test_the_strongest_medicine_names_the_treatment(
    diagnoses: tuple[str, ...], drugs: tuple[str, ...], treatment: Treatment
) -> None:
    assert treatment_of(diagnoses, drugs) is treatment
    assert glucose_body(somebody(2, diagnoses=diagnoses, drugs=drugs)).treatment is treatment
