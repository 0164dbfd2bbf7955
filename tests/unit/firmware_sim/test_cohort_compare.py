"""A cohort's figures from hand-made columns: every expected number is worked out here."""

import tracemalloc
from datetime import date

import numpy as np
import pytest

from firmware_sim.cohort.compare import Comparison
from firmware_sim.cohort.figures import (
    contributions,
    day_to_day_sd,
    difference,
    full_weeks,
    steepest_gain,
    year_apart,
)
from firmware_sim.cohort.quantities import Quantity
from firmware_sim.cohort.series import (
    DIASTOLIC,
    GLUCOSE,
    SYSTOLIC,
    TEMPERATURE,
    WEIGHT,
    Happening,
    Series,
    Subject,
)

MONDAY = (date(2026, 1, 5) - date(1970, 1, 1)).days
MORNING, EVENING = 7 * 60.0, 20 * 60.0


def series(*rows: tuple[int, float, float], clinic: bool = False) -> Series:
    days, minutes, values = zip(*rows, strict=True)
    return Series.of([MONDAY + day for day in days], minutes, values, [clinic] * len(rows))


def subject(  # noqa: PLR0913 - a person is many words
    number: int = 1,
    *,
    age: int = 66,
    diagnoses: str = "hypertension",
    drugs: str = "arb",
    household: str = "h1",
    readings: dict[str, Series] | None = None,
    happenings: tuple[Happening, ...] = (),
) -> Subject:
    return Subject(
        id=f"t7-{number:05d}",
        age=age,
        diagnoses=frozenset(diagnoses.split()),
        drug_classes=frozenset(drugs.split()),
        adherence=0.88,
        household=household,
        altitude_m=100.0,
        series=readings or {},
        happenings=happenings,
    )


def said(who: Subject) -> dict[Quantity, list[float]]:
    found: dict[Quantity, list[float]] = {}
    for quantity, value in contributions(who):
        found.setdefault(quantity, []).append(value)
    return found


def infected(day: int) -> Happening:
    return Happening(kind="infection", first_day=MONDAY + day, last_day=MONDAY + day + 7)


def test_a_session_ends_when_nothing_follows_within_ten_minutes() -> None:
    readings = series((0, 420, 1), (0, 421, 2), (0, 431, 3), (0, 442, 4), (1, 0, 5))
    assert readings.place_in_session().tolist() == [0, 1, 2, 0, 0]


def test_readings_are_ordered_by_time_and_those_without_a_number_left_out() -> None:
    readings = Series.of([2, 1, 1], [10, 30, 20], [1, np.nan, 3], [False] * 3)
    assert readings.value.tolist() == [3, 1]


def test_weekday_and_month_are_those_of_the_local_day() -> None:
    readings = series((0, 0, 1), (6, 1439, 1), (27, 0, 1))
    assert readings.weekday().tolist() == [0, 6, 6]  # 5 January 2026 is a Monday
    assert readings.month().tolist() == [1, 1, 2]  # 27 days later: 1 February


def test_the_day_to_day_spread_takes_the_first_reading_of_each_morning() -> None:
    # mornings alternate 130 and 140; second readings and evenings would change the result
    rows = [(day, MORNING, 130.0 + 10 * (day % 2)) for day in range(14)]
    rows += [(day, MORNING + 1, 200.0) for day in range(14)]
    rows += [(day, EVENING, 100.0) for day in range(14)]
    # 14 values 5 away from their mean: sqrt(14 * 25 / 13)
    assert day_to_day_sd(series(*rows)) == pytest.approx((14 * 25 / 13) ** 0.5)
    assert day_to_day_sd(series(*rows[:13])) is None


def test_mornings_after_the_fourth_week_do_not_count() -> None:
    rows = [(2 * week, MORNING, 130.0) for week in range(14)]  # days 0 to 26
    assert day_to_day_sd(series(*rows, (28, MORNING, 190.0))) == pytest.approx(0.0)


def test_a_difference_needs_enough_on_both_sides() -> None:
    readings = series(*[(day, 0, 120.0 + (day < 10) * 6) for day in range(20)])
    first = np.arange(20) < 10
    assert difference(readings, first, ~first) == pytest.approx(6)
    assert difference(readings, first, ~first & (np.arange(20) > 10)) is None


def test_differences_of_a_year_of_one_person() -> None:
    """Two readings a session, two sessions a day, with effects that are known by construction."""
    rows: list[tuple[int, float, float]] = []
    for day in range(364):
        weekday = day % 7
        base = 130 + (2.1 if weekday == 0 else 0.0) - (1.4 if weekday >= 5 else 0.0)
        for minute, rise in ((MORNING, 5.0), (EVENING, 0.0)):
            rows += [(day, minute, base + rise), (day, minute + 2, base + rise - 3.0)]
    found = said(subject(readings={SYSTOLIC: series(*rows)}))
    assert found[Quantity.MORNING_EVENING_SYSTOLIC] == [pytest.approx(5)]
    assert found[Quantity.FIRST_SECOND_SYSTOLIC] == [pytest.approx(3)]
    assert found[Quantity.MONDAY_WEEKEND_SYSTOLIC] == [pytest.approx(3.5)]
    # the first day is a Monday: 2.1 above four week days, 3.5 above two weekend days
    assert found[Quantity.FIRST_DAY_SYSTOLIC] == [pytest.approx((4 * 2.1 + 2 * 3.5) / 6)]
    assert found[Quantity.SIX_READINGS_A_WEEK] == [100.0]


def test_winter_is_december_to_february() -> None:
    january, july, december = 0, 180, 340  # from 5 January: 4 July, 11 December
    rows = [(january + day, MORNING, 141.0) for day in range(10)]
    rows += [(july + day, MORNING, 130.0) for day in range(10)]
    rows += [(december + day, MORNING, 139.0) for day in range(10)]
    found = said(subject(readings={SYSTOLIC: series(*rows)}))
    assert found[Quantity.WINTER_SUMMER_SYSTOLIC] == [pytest.approx(140 - 130)]


def test_a_year_apart_compares_the_second_week_with_the_last() -> None:
    rows = [(day, MORNING, 150.0) for day in range(7)]
    rows += [(day, MORNING, 140.0) for day in range(7, 14)]
    rows += [(day, MORNING, 133.0) for day in range(357, 364)]
    assert year_apart(series(*rows)) == pytest.approx(7)
    assert year_apart(series(*rows[:-4])) is None


def test_weeks_without_readings_count_as_not_full() -> None:
    rows = [(7 * week + day, MORNING, 130.0) for week in range(12) for day in range(6)]
    assert full_weeks(series(*rows)) == pytest.approx(50)


def test_the_clinic_stands_apart_from_home() -> None:
    home = [(day, MORNING, 130.0) for day in range(10)]
    joined = Series.of(
        [MONDAY + day for day, _, _ in home] + [MONDAY + 20, MONDAY + 20, MONDAY + 80],
        [MORNING] * 13,
        [130.0] * 10 + [138.0, 140.0, 145.0],
        [False] * 10 + [True] * 3,
    )
    found = said(subject(readings={SYSTOLIC: joined}))
    assert found[Quantity.CLINIC_HOME_SYSTOLIC] == [pytest.approx((138 + 140 + 145) / 3 - 130)]
    assert found[Quantity.VISIT_TO_VISIT_SYSTOLIC] == [pytest.approx(145 - 139)]
    assert found[Quantity.SYSTOLIC_TREATED] == [pytest.approx(130)]
    assert found[Quantity.MISSED_DOSES] == [pytest.approx(12)]


def test_a_visit_is_controlled_when_both_its_means_are() -> None:
    def visits(*values: float) -> Series:
        return series(*[(90 * turn, MORNING, v) for turn, v in enumerate(values)], clinic=True)

    readings = {SYSTOLIC: visits(139, 150, 130, 120), DIASTOLIC: visits(89, 80, 95, 80)}
    assert said(subject(readings=readings))[Quantity.CONTROLLED] == [50.0]
    assert Quantity.CONTROLLED not in said(subject(drugs="", readings=readings))


def test_people_correlate_as_their_means_do() -> None:
    comparison = Comparison(days=20, first_day=MONDAY)
    for number, (high, low) in enumerate(((130, 80), (140, 90), (150, 85)), start=1):
        readings = {
            code: series(*[(day, MORNING, float(value)) for day in range(10)])
            for code, value in ((SYSTOLIC, high), (DIASTOLIC, low))
        }
        comparison.add(subject(number, readings=readings))
    # deviations -10 0 10 and -5 5 0: 50 / sqrt(200 * 50)
    figure = comparison.figures()[Quantity.SYSTOLIC_DIASTOLIC]
    assert figure.value == pytest.approx(50 / (200 * 50) ** 0.5)


def test_who_counts_as_what() -> None:
    assert said(subject(drugs="insulin"))[Quantity.TREATED_60_79] == [0.0]
    assert said(subject(age=75, diagnoses="atrial_fibrillation"))[Quantity.FIBRILLATION_75] == [100]
    assert Quantity.FIBRILLATION_75 not in said(subject(age=74))
    assert Quantity.HYPERTENSION_60_79 not in said(subject(age=80))
    readings = {GLUCOSE: series(*[(day, 400, 8.0 + 2 * (day % 2)) for day in range(30)])}
    tablets = said(subject(diagnoses="diabetes_2", drugs="metformin", readings=readings))
    assert tablets[Quantity.GLUCOSE_TABLETS] == [pytest.approx(9)]
    assert tablets[Quantity.GLUCOSE_CV_TABLETS] == [pytest.approx(100 * (30 / 29) ** 0.5 / 9)]
    both = said(subject(diagnoses="diabetes_2", drugs="insulin metformin", readings=readings))
    assert Quantity.GLUCOSE_TABLETS not in both
    assert both[Quantity.GLUCOSE_INSULIN] == [pytest.approx(9)]
    assert both[Quantity.UNSTABLE_INSULIN] == [0.0]


def test_a_temperature_during_an_infection_is_not_that_of_a_well_person() -> None:
    rows = [(day, 400, 36.4) for day in range(10)] + [(30 + day, 400, 39.0) for day in range(5)]
    found = said(subject(readings={TEMPERATURE: series(*rows)}, happenings=(infected(30),)))
    assert found[Quantity.TEMPERATURE] == [pytest.approx(36.4)]


def test_the_steepest_gain_looks_three_days_back() -> None:
    slow = series((0, 400, 60.0), (3, 400, 61.2), (6, 400, 62.4))
    assert steepest_gain(slow) == pytest.approx(1.2)
    assert steepest_gain(series((0, 400, 60.0), (3, 400, 62.5))) == pytest.approx(2.5)
    assert steepest_gain(series((0, 400, 62.0), (3, 400, 60.0))) == 0.0
    worst = Happening(kind="decompensation", first_day=MONDAY + 6, last_day=MONDAY + 6)
    weights = series(*[(day, 400, 60 + 0.5 * day) for day in range(7)])
    found = said(subject(readings={WEIGHT: weights}, happenings=(worst,)))
    assert found[Quantity.GAIN_2_KG_IN_3_DAYS] == [0.0]  # 1.5 kg in three days


def test_lows_are_counted_over_the_years_that_people_lived() -> None:
    low = Happening(kind="low_glucose", first_day=MONDAY + 5, last_day=MONDAY + 5)
    death = Happening(kind="death", first_day=MONDAY + 73, last_day=MONDAY + 73)
    comparison = Comparison(days=365, first_day=MONDAY)
    for number, happenings in enumerate(((low, low, low), (low, death)), start=1):
        drugs = "insulin sulfonylurea"
        who = subject(number, diagnoses="diabetes_2", drugs=drugs, happenings=happenings)
        comparison.add(who)
    figure = comparison.figures()[Quantity.LOWS_INSULIN]
    assert figure.value == pytest.approx(4 / ((365 + 73) / 365.25))
    assert Quantity.LOWS_SULFONYLUREA not in comparison.figures()


def test_an_outbreak_at_home_gives_attack_rate_and_serial_interval() -> None:
    comparison = Comparison(days=365, first_day=MONDAY)
    # home 1: three people, onsets on days 10, 13 and 30 (too late); home 2: one of two
    for number, onsets in enumerate(((10,), (13,), (30,)), start=1):
        comparison.add(subject(number, happenings=tuple(map(infected, onsets))))
    comparison.add(subject(4, household="h2", happenings=(infected(50),)))
    comparison.add(subject(5, household="h2"))
    figures = comparison.figures()
    # first cases: day 10 (two contacts), day 30 (two contacts, a new outbreak), day 50 (one)
    assert figures[Quantity.HOUSEHOLD_ATTACK].value == pytest.approx(100 * 1 / 5)
    assert figures[Quantity.SERIAL_INTERVAL].value == pytest.approx(3)
    assert comparison.figures() == figures


def test_means_spreads_and_age_bands_of_several_people() -> None:
    comparison = Comparison(days=20, first_day=MONDAY)
    for number, level in enumerate((120.0, 130.0, 140.0), start=1):
        rows = [(day, MORNING, level) for day in range(10)]
        comparison.add(subject(number, age=60 + 7 * number, readings={SYSTOLIC: series(*rows)}))
    figure = comparison.figures()[Quantity.SYSTOLIC_TREATED]
    assert (figure.value, figure.spread, figure.count) == (pytest.approx(130), 10.0, 3)
    assert comparison.bands[3, ""] == 2  # 67 and 74
    assert comparison.bands[4, "hypertension"] == 1  # 81


def test_nothing_is_kept_of_a_reading() -> None:
    """Ten people with half a megabyte of readings each leave a few kilobytes behind."""
    comparison = Comparison(days=365, first_day=MONDAY)
    day = np.repeat(MONDAY + np.arange(364), 60)
    minute = np.tile(np.arange(60) * 20.0, 364)
    tracemalloc.start()
    for number in range(10):
        readings = Series.of(day, minute, 130.0 + day % 7, np.zeros(len(day), np.bool_))
        comparison.add(subject(number, readings={SYSTOLIC: readings}))
        del readings
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak > 500_000
    assert kept < 50_000


def test_curves_are_means_over_people_not_over_readings() -> None:
    comparison = Comparison(days=120, first_day=MONDAY)
    # both people: 100 readings at 130 in later months; on day 0 one shows 140 once, one 134 thrice
    for number, (first, times) in enumerate(((140.0, 1), (134.0, 3)), start=1):
        rows = [(0, MORNING + 20 * turn, first) for turn in range(times)]
        rows += [(day, MORNING, 130.0) for day in range(1, 110)]
        comparison.add(subject(number, readings={SYSTOLIC: series(*rows)}))
    assert comparison.first_days.mean()[0] == pytest.approx((10 + 4) / 2)
    assert comparison.first_days.mean()[5] == pytest.approx(0)
