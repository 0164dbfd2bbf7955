"""Who is in hospital, away, moved or dead measures nothing at home."""

from collections.abc import Iterator
from datetime import date, datetime

import numpy as np
import pytest

from firmware_sim.cohort.absence import plan_absence
from firmware_sim.cohort.blocks import CLINIC
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.files import Request, generate
from firmware_sim.cohort.infection_chain import Introduction
from firmware_sim.cohort.life import in_lifetime
from firmware_sim.cohort.lived import infections_of_the_present, lived
from firmware_sim.cohort.population import draw_people
from firmware_sim.cohort.readings import PersonReadings
from firmware_sim.cohort.seeds import Purpose
from tests.unit.firmware_sim.cohort_person import somebody

CALENDAR = Calendar(first=date(2025, 1, 1), days=365)
ABSENT = {
    "dead": {EventKind.DEATH},
    "in hospital": {EventKind.ADMISSION},
    "moved or away": {EventKind.MOVED_AWAY},
}


@pytest.fixture(scope="module")
def everybody() -> list[PersonReadings]:
    request = Request(purpose=Purpose.TUNING, seed=11, people=700, calendar=CALENDAR)
    return list(generate(request))


def absences(one: PersonReadings, kinds: set[EventKind]) -> Iterator[tuple[datetime, datetime]]:
    """From when until when; to the end of the calendar when nobody came back."""
    end = CALENDAR.instant(CALENDAR.days)
    for event in one.events:
        if event.kind in kinds:
            back = [
                other.begins_at
                for other in one.events
                if other.kind is EventKind.DISCHARGE and other.begins_at > event.begins_at
            ]
            home_again = min(back, default=end) if event.kind is EventKind.ADMISSION else end
            yield event.begins_at, event.ends_at or home_again


def true_instants(one: PersonReadings) -> list[float]:
    """When they truly measured at home, whatever device and hub made of it."""
    return [
        true_s
        for block in one.blocks
        for true_s, context in zip(block.true_s.tolist(), block.context.tolist(), strict=True)
        if context != CLINIC
    ]


@pytest.mark.row("S1")
@pytest.mark.parametrize("kinds", ABSENT.values(), ids=ABSENT)
def test_nobody_measures_at_home_while_away(
    everybody: list[PersonReadings], kinds: set[EventKind]
) -> None:
    measured_before = 0
    for one in everybody:
        instants = true_instants(one)
        for begin, end in absences(one, kinds):
            first, last = begin.timestamp(), end.timestamp()
            assert not [at for at in instants if first <= at < last], one.person.id
            measured_before += any(at < first for at in instants)
    assert measured_before >= 5


@pytest.mark.row("S1")
def test_one_stay_in_hospital_ends_before_the_next_begins() -> None:
    """Reasons of every kind on neighbouring days, told in no order of time."""
    reasons = tuple(("illness", day) for day in (300, 12, 200, 10, 205, 14, 30, 301, 28, 0))
    stays = 0
    for number in range(1, 201):
        events: list[Event] = []
        alive, at_home = plan_absence(somebody(number), CALENDAR, reasons, events)
        inside, last = False, CALENDAR.instant(0)
        for event in events:
            if event.kind in (EventKind.ADMISSION, EventKind.DISCHARGE):
                assert event.begins_at >= last
                assert inside is (event.kind is EventKind.DISCHARGE), number
                inside, last = event.kind is EventKind.ADMISSION, event.begins_at
                stays += inside
            day = (event.begins_at - CALENDAR.instant(0)).days
            away = event.kind not in (EventKind.DISCHARGE, EventKind.MOVED_AWAY)
            assert not (away and at_home[day])
        assert not (at_home & ~alive).any()
        assert (alive[:-1] | ~alive[1:]).all()
    assert stays > 800


@pytest.mark.row("S1")
def test_nothing_begins_or_goes_on_after_a_death(everybody: list[PersonReadings]) -> None:
    ended = 0
    for one in everybody:
        deaths = [event.begins_at for event in one.events if event.kind is EventKind.DEATH]
        for death in deaths:
            assert all(event.begins_at <= death for event in one.events)
            assert all(event.ends_at is None or event.ends_at <= death for event in one.events)
            ended += sum(event.ends_at == death for event in one.events)
    assert ended >= 1


def test_a_death_ends_what_goes_on_and_drops_what_would_follow() -> None:
    def event(kind: EventKind, begins: int, ends: int | None = None) -> Event:
        until = None if ends is None else CALENDAR.instant(ends)
        return Event(subject="t", begins_at=CALENDAR.instant(begins), ends_at=until, kind=kind)

    happened = [
        event(EventKind.DEATH, 100),
        event(EventKind.DRIFT_5, 40, 160),
        event(EventKind.DRUG_STOPPED, 50),
        event(EventKind.HABIT_STOPPED, 60),
        event(EventKind.INFECTION, 10, 20),
        event(EventKind.CRISIS, 100, 101),
        event(EventKind.MISSED_DOSES, 130, 140),
    ]
    alive = np.arange(CALENDAR.days) < 100
    kept = in_lifetime(happened, CALENDAR, alive)
    assert kept == (
        event(EventKind.INFECTION, 10, 20),
        event(EventKind.DRIFT_5, 40, 100),
        event(EventKind.DRUG_STOPPED, 50, 100),
        event(EventKind.HABIT_STOPPED, 60),
        event(EventKind.DEATH, 100),
    )
    living = in_lifetime(happened[1:], CALENDAR, np.ones(CALENDAR.days, np.bool_))
    assert len(living) == 6
    assert {event.ends_at for event in living} >= {None, CALENDAR.instant(160)}


@pytest.mark.row("S1")
def test_the_dead_the_moved_and_the_absent_have_no_part_in_an_outbreak() -> None:
    people = draw_people(Purpose.TUNING, 11, 700, CALENDAR)
    guests = [
        Introduction(day=day, village=village, people=20)
        for day in (60, 250)
        for village in range(4)
    ]
    found = infections_of_the_present(people, CALENDAR, guests)
    assert len(found.person) > 200
    at_home = [lived(person, CALENDAR, found).life.line.at_home for person in people]
    cases: list[list[int]] = np.stack((found.person, found.infected, found.source)).T.tolist()
    for person, day, source in cases:
        assert at_home[person][day]
        if source == 1:  # caught at home: somebody of the household was ill or falling ill there
            roof = people[person].home.household
            others = (found.person != person) & (found.infected < day) & (found.infected > day - 9)
            suspects: list[int] = found.person[others].tolist()
            assert any(
                people[each].home.household == roof and at_home[each][day] for each in suspects
            )
