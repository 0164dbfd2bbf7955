"""Oxygen, temperature, weight and rhythm of simulated people, against published figures."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from firmware_sim.cohort import episodes, vitals
from firmware_sim.cohort.event import EventKind
from firmware_sim.cohort.people import CuffKind
from firmware_sim.cohort.spans import inside, minute_of, spans
from tests.unit.firmware_sim.cohort_person import (
    YEAR,
    daily,
    every,
    ill_on,
    living_at,
    quiet,
    somebody,
)

pytestmark = pytest.mark.row("S1")

PEOPLE = range(1, 301)
NOTHING = spans([])
MORNING, AFTERNOON = daily(7 * 60.0), daily(17 * 60.0)


def oxygen(number: int, diagnoses: tuple[str, ...] = (), altitude_m: float = 0.0) -> float:
    person = living_at(somebody(number, diagnoses=diagnoses), altitude_m=altitude_m)
    return float(np.median(vitals.saturation(person, quiet(), NOTHING, MORNING)))


def test_share_of_low_saturation_is_near_the_published_one() -> None:
    copd = np.mean([oxygen(number, ("copd",)) <= 95 for number in PEOPLE])
    others = np.mean([oxygen(number) <= 95 for number in PEOPLE])
    assert copd == pytest.approx(0.31, abs=0.08)  # Dalbak 2015, table 1
    assert others == pytest.approx(0.11, abs=0.06)  # Vold 2015


def test_saturation_falls_with_altitude_steeply_above_2500_metres() -> None:
    height = (0.0, 1500.0, 2500.0, 3500.0, 4500.0)
    means = [np.mean([oxygen(number, altitude_m=each) for number in PEOPLE]) for each in height]
    falls = np.diff(means)
    assert (falls < 0).all()
    assert abs(falls[2]) > 2 * abs(falls[0])
    assert means[0] - means[4] == pytest.approx(12, abs=2)


def test_saturation_is_a_whole_percentage_that_falls_in_illness_and_in_hypoxia() -> None:
    person = somebody(3, diagnoses=("copd",))
    lacks = spans([(1440.0 * 200, 1440.0 * 204, 10.0)])
    well = vitals.saturation(person, quiet(), NOTHING, AFTERNOON)
    ill = vitals.saturation(person, quiet(sick=ill_on(50)), lacks, AFTERNOON)
    assert np.array_equal(well, well.round())
    changed = np.flatnonzero(well != ill)
    assert set(changed.tolist()) <= {50, 200, 201, 202, 203}
    assert well[50] - ill[50] >= 3
    assert well[200] - ill[200] >= 9  # hypoxia is worst in its first half


def test_temperature_is_higher_in_the_afternoon_and_lower_in_the_old() -> None:
    def mean(birth_year: int, minute: float) -> float:
        people = (replace(somebody(number), birth_year=birth_year) for number in PEOPLE)
        each = [vitals.temperature(p, quiet(), YEAR, daily(minute)).mean() for p in people]
        return float(np.mean(each))

    assert mean(1952, 17 * 60) - mean(1952, 6 * 60) == pytest.approx(0.5, abs=0.1)
    assert mean(1985, 720) - mean(1952, 720) == pytest.approx(0.2, abs=0.05)
    assert mean(1985, 17 * 60) == pytest.approx(36.5, abs=0.15)


def test_illness_brings_fever_and_fever_brings_pulse() -> None:
    person, line = somebody(4), quiet(sick=ill_on(80, 81))
    degrees = vitals.fever(person, line, YEAR, AFTERNOON)
    assert 3.4 * 0.45 * 0.6 < degrees[80] <= 3.4
    assert degrees[:79].max() == 0.0
    shown = vitals.temperature(person, line, YEAR, AFTERNOON)
    assert shown[80] - np.median(shown) > 1.0
    assert vitals.pulse_of_fever(degrees)[80] == pytest.approx(7 * degrees[80])  # Kirschen 2020


def peaks(birth_year: int) -> npt.NDArray[np.float64]:
    """The highest of two readings a day in an illness each, severities as the chain draws them."""
    course = np.array([0.7, 1.0, 0.9, 0.6, 0.3])
    highest: list[float] = []
    for number in PEOPLE:
        person, sick = replace(somebody(number), birth_year=birth_year), np.zeros(YEAR.days)
        sick[80:85] = (0.3 + 0.7 * (number - 0.5) / len(PEOPLE)) * course
        shown = [
            vitals.temperature(person, quiet(sick=sick), YEAR, when)[80:85]
            for when in (MORNING, AFTERNOON)
        ]
        highest.append(float(np.max(shown)))
    return np.array(highest)


def test_fever_is_high_in_some_and_low_in_many_and_lower_in_the_old() -> None:
    young, old = peaks(1985), peaks(1952)
    shares = [(each >= limit).mean() for each in (young, old) for limit in (38.0, 39.0)]
    assert shares == pytest.approx([0.43, 0.15, 0.24, 0.023], abs=0.03)  # vitals.py: ours
    assert shares[3] > 0
    assert 39.5 <= young.max() <= 40.5
    assert np.percentile(young, 99) <= 40.2
    assert young.mean() > old.mean() + 0.3


def test_each_illness_has_a_fever_of_its_own_that_others_do_not_change() -> None:
    person = somebody(6)
    one, both = quiet(sick=ill_on(80)), quiet(sick=ill_on(80, 200))
    alone, first = (vitals.fever(person, line, YEAR, AFTERNOON) for line in (one, both))
    assert alone[80] == first[80] != first[200] > 0


def test_a_failing_heart_gathers_one_to_three_kilograms_and_loses_them_in_hospital() -> None:
    found = 0
    for number in PEOPLE:
        person = somebody(number, diagnoses=("heart_failure",))
        failures = episodes.decompensations(person, YEAR)
        water = episodes.fluid(YEAR, failures)
        assert ((failures.size >= 1) & (failures.size <= 3)).all()
        length = (failures.end - failures.begin) / 1440
        assert ((length >= 3) & (length <= 10)).all()
        for end, gain in zip(failures.end, failures.size, strict=True):
            day = int(end // 1440)
            if 12 < day < 355 and len(failures) == 1:
                assert water[day - 11] == 0.0
                assert 0.5 * gain < max(water[day - 1], water[day]) <= gain
                assert water[day + 6] == 0.0
        found += len(failures)
    assert found / len(PEOPLE) == pytest.approx(0.35, rel=0.3)
    assert len(episodes.decompensations(somebody(1), YEAR)) == 0


def test_scales_show_the_water() -> None:
    person = somebody(5, diagnoses=("heart_failure",))
    failure = spans([(1440.0 * 100, 1440.0 * 108, 2.5)])
    water = episodes.fluid(YEAR, failure)
    wet = vitals.weight(person, YEAR, water, MORNING)
    dry = vitals.weight(person, YEAR, np.zeros(365), MORNING)
    assert wet - dry == pytest.approx(water, abs=0.11)
    assert (wet - dry).max() > 1.9


def test_weight_varies_from_day_to_day_as_published() -> None:
    changes = np.concatenate(
        [
            np.diff(vitals.weight(somebody(number), YEAR, np.zeros(365), MORNING))
            for number in PEOPLE
        ]
    )
    assert np.mean(np.abs(changes) >= 0.5) == pytest.approx(0.32, abs=0.12)  # see vitals.py
    assert np.abs(changes).max() < 5


def test_fibrillation_is_permanent_or_comes_in_bouts_and_only_with_the_diagnosis() -> None:
    permanent, bouts = 0, 0
    for number in PEOPLE:
        found = episodes.fibrillation(somebody(number, diagnoses=("atrial_fibrillation",)), YEAR)
        whole = len(found) == 1 and found.end[0] - found.begin[0] == 1440 * 365
        permanent += whole
        bouts += 0 if whole else len(found)
        assert whole or (((found.end - found.begin) >= 120) & (found.size <= 72)).all()
    assert permanent / len(PEOPLE) == pytest.approx(0.55, abs=0.1)
    assert bouts / (len(PEOPLE) - permanent) == pytest.approx(14, rel=0.2)
    assert len(episodes.fibrillation(somebody(1), YEAR)) == 0


def test_a_rhythm_cuff_flags_four_in_five_readings_in_fibrillation_and_others_hardly_any() -> None:
    person = somebody(2, diagnoses=("atrial_fibrillation",))
    bouts, when = spans([(0.0, 1440.0 * 180, 4320.0)]), every(30)
    flags = episodes.irregular(person, bouts, when, np.random.default_rng(4))
    within = inside(bouts, minute_of(when))
    assert flags[within].mean() == pytest.approx(0.806, abs=0.02)  # Chan 2017
    assert flags[~within].mean() == pytest.approx(0.013, abs=0.005)
    plain = replace(person, kit=replace(person.kit, cuff=CuffKind.PLAIN))
    assert not episodes.irregular(plain, bouts, when, np.random.default_rng(4)).any()


def test_hypoxia_belongs_to_copd_and_follows_severe_infections() -> None:
    sick = ill_on(*range(10, 350, 34))
    copd = [somebody(number, diagnoses=("copd",)) for number in PEOPLE]
    well = sum(len(episodes.hypoxia(person, YEAR, quiet())) for person in copd)
    ill = sum(len(episodes.hypoxia(person, YEAR, quiet(sick=sick))) for person in copd)
    assert well / len(PEOPLE) == pytest.approx(0.34, rel=0.3)
    assert ill - well == pytest.approx(0.25 * 10 * len(PEOPLE), rel=0.15)
    assert len(episodes.hypoxia(somebody(1), YEAR, quiet(sick=sick))) == 0


def test_five_days_of_steroid_follow_a_lack_of_oxygen() -> None:
    days = episodes.steroid_days(YEAR, spans([(1440.0 * 30 + 600, 1440.0 * 33, 6.0)]))
    assert days is not None
    assert np.flatnonzero(days).tolist() == [31, 32, 33, 34, 35]
    assert episodes.steroid_days(YEAR, NOTHING) is None


def test_heart_and_lung_events_carry_their_sizes() -> None:
    events = episodes.heart_and_lung_events(
        "t7-00001",
        YEAR,
        bouts=spans([(600.0, 1200.0, 10.0)]),
        failures=spans([(2000.0, 9000.0, 1.6)]),
        lacks=spans([(100.0, 5000.0, 7.0)]),
    )
    assert [(each.kind, each.detail) for each in events] == [
        (EventKind.HYPOXIA, "7 points lower"),
        (EventKind.ATRIAL_FIBRILLATION, "10 hours"),
        (EventKind.DECOMPENSATION, "1.6 kg gained"),
    ]
    assert events[1].begins_at == YEAR.instant(0, 600)


def test_spans_that_would_meet_are_not_both_kept() -> None:
    kept = spans([(500.0, 900.0, 1.0), (100.0, 300.0, 2.0), (350.0, 450.0, 3.0)])
    assert kept.begin.tolist() == [100.0, 500.0]
    assert inside(kept, np.array([99.0, 100.0, 300.0, 899.0])).tolist() == [
        False,
        True,
        False,
        True,
    ]
