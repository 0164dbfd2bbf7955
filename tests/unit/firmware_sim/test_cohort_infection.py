"""Infections of a cohort spread under roofs and in villages, in winter, the same for a seed."""

from dataclasses import replace

import numpy as np
import pytest

from firmware_sim.cohort.event import EventKind
from firmware_sim.cohort.infection import infection_events, infections, sickness
from firmware_sim.cohort.infection_chain import USUAL, Infections, Introduction
from firmware_sim.cohort.people import CohortPerson
from tests.unit.firmware_sim.cohort_person import YEAR, living_at, somebody

pytestmark = pytest.mark.row("S1")

ONLY_ROOF = replace(USUAL, outside=0.0, village=0.0)


def cohort(count: int, *, household: int = 2, village: int = 100) -> list[CohortPerson]:
    """So many people, in order: so many under a roof, so many in a village."""
    return [
        living_at(
            somebody(number),
            household=f"h{(number - 1) // household}",
            village=f"v{(number - 1) // village}",
        )
        for number in range(1, count + 1)
    ]


def same(one: Infections, other: Infections) -> bool:
    names = ("person", "infected", "onset", "well", "severity", "source")
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_the_same_seed_gives_the_same_outbreak_and_another_seed_a_different_one() -> None:
    people = cohort(400)
    once, again = infections(people, YEAR), infections(people, YEAR)
    assert len(once.person) > 10
    assert same(once, again)
    assert not same(once, infections([replace(each, seed=8) for each in people], YEAR))


def test_a_village_more_changes_nobody_elsewhere() -> None:
    two, three = infections(cohort(200), YEAR), infections(cohort(300), YEAR)
    kept = three.person < 200
    assert np.array_equal(three.infected[kept], two.infected)
    assert np.array_equal(three.person[kept], two.person)


def test_a_years_illnesses_are_near_the_published_7_in_100_people() -> None:
    found = infections(cohort(2000), YEAR)
    assert 4 <= (found.onset >= 0).sum() / 20 <= 12  # Guo 2011: 7.2
    assert (found.onset >= 0).mean() == pytest.approx(0.84, abs=0.1)  # Leung 2015
    assert set(found.source.tolist()) == {0, 1, 2}


def test_one_in_seven_household_contacts_catches_it() -> None:
    people = cohort(2000, household=2, village=2)
    guests = [Introduction(day=100, village=village, people=1) for village in range(1000)]
    found = infections(people, YEAR, spread=ONLY_ROOF, introductions=guests)
    assert (found.source == 3).sum() == 1000
    assert (found.source == 1).sum() / 1000 == pytest.approx(0.145, abs=0.035)  # Carcione 2011
    first = {int(p) // 2: int(d) for p, d in zip(found.person, found.infected, strict=True)}
    between = [
        int(day) - 100
        for day, source in zip(found.infected, found.source, strict=True)
        if source == 1
    ]
    assert len(first) == 1000
    assert np.mean(between) == pytest.approx(3.6, abs=0.7)  # Cowling 2009: serial interval


def test_nobody_catches_anything_where_nothing_is_brought_in() -> None:
    found = infections(cohort(300), YEAR, spread=ONLY_ROOF)
    assert len(found.person) == 0
    assert not sickness(found, 0, YEAR.days).any()


def test_an_outbreak_put_into_a_village_stays_in_that_village() -> None:
    people = cohort(300)
    guest = Introduction(day=20, village=1, people=8)
    usual = infections(people, YEAR)
    outbreak = infections(people, YEAR, introductions=[guest])
    here = (outbreak.person >= 100) & (outbreak.person < 200)
    before = (usual.person >= 100) & (usual.person < 200)
    assert here.sum() >= before.sum() + 8
    assert np.array_equal(outbreak.infected[~here], usual.infected[~before])


def test_most_infections_are_in_winter() -> None:
    found = infections(cohort(2000), YEAR)
    season = YEAR.season[found.infected]
    assert (season > 0).sum() > 2 * (season < 0).sum()


def test_nobody_catches_it_again_within_half_a_year() -> None:
    found = infections(cohort(600), YEAR, spread=replace(USUAL, outside=0.02))
    for person in range(600):
        days = found.infected[found.person == person]
        assert (np.diff(days) >= 180).all()


def test_sickness_is_worst_on_the_second_day_and_over_in_two_weeks() -> None:
    found = infections(cohort(2000), YEAR)
    row = int(np.flatnonzero((found.onset > 0) & (found.onset < 300))[0])
    person, onset = int(found.person[row]), int(found.onset[row])
    sick = sickness(found, person, YEAR.days)
    well = int(found.well[row])
    assert 4 <= well - onset <= 12
    assert sick[:onset].max(initial=0.0) == 0.0
    assert sick[onset : onset + 30].argmax() == 1
    assert sick[onset + 1] == pytest.approx(float(found.severity[row]))
    assert sick[well] == 0.0


def test_events_tell_illness_from_an_infection_without_symptoms() -> None:
    found = infections(cohort(2000), YEAR)
    for row in range(len(found.person)):
        person = int(found.person[row])
        events = infection_events(found, person, "t7-00001", YEAR)
        assert {each.kind for each in events} == {EventKind.INFECTION}
        ill = found.onset[row] >= 0
        begin = YEAR.instant(int(found.onset[row] if ill else found.infected[row]))
        (event,) = [each for each in events if each.begins_at == begin]
        assert ("no symptoms" in event.detail) is not bool(ill)
        assert event.ends_at is not None
        assert event.ends_at > event.begins_at


def test_who_is_absent_neither_gives_nor_catches_anything() -> None:
    people = cohort(200, household=2, village=2)
    guests = [Introduction(day=20, village=village, people=1) for village in range(100)]
    spread = replace(ONLY_ROOF, roof=1.0)
    usual = infections(people, YEAR, spread=spread, introductions=guests)
    assert (usual.source == 1).sum() > 80
    present = np.ones((YEAR.days, 200), np.bool_)
    present[21:, 0:100:2] = False  # the guest of a household leaves the day after
    present[:, 101:200:2] = False  # whom the guest would infect is not there
    found = infections(people, YEAR, spread=spread, introductions=guests, present=present)
    assert set(found.source.tolist()) == {3}
    assert len(found.person) == 100
    assert not set(found.person.tolist()) & set(range(101, 200, 2))


def test_an_outbreak_where_everybody_is_away_infects_nobody() -> None:
    guest = Introduction(day=20, village=0, people=8)
    nobody = np.zeros((YEAR.days, 100), np.bool_)
    assert len(infections(cohort(100), YEAR, introductions=[guest], present=nobody).person) == 0


def test_a_cohort_of_nobody_has_no_infections() -> None:
    assert len(infections([], YEAR).person) == 0
