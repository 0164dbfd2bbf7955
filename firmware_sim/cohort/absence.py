"""When somebody cannot measure at home: in hospital, away with the children, moved, dead."""

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.prevalence import death_per_year
from firmware_sim.cohort.seeds import stream

_YEAR = 365
_OTHER_ADMISSIONS_A_YEAR = 0.09
_ADMITTED = {"crisis": 0.35, "illness": 1.0, "infection": 0.04}  # probabilities, ours
_OLD, _OLD_INFECTION = 75, 0.15
_MOVED_A_YEAR, _AWAY_A_YEAR = 0.012, 0.06
_DEATH_AFTER_HOSPITAL = 0.03


def plan_absence(
    person: CohortPerson,
    calendar: Calendar,
    reasons: tuple[tuple[str, int], ...],
    events: list[Event],
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Per day: alive, and able to measure at home.

    Args:
        person: Who.
        calendar: Which days.
        reasons: Why somebody may be admitted ("crisis", "illness", "infection") and on which day.
        events: Admissions, discharges, moves and the death are appended.

    The reasons are looked at in order of their days, so one stay ends before another begins, and
    what happens later changes nothing before it.
    """
    chance = stream(person.purpose, person.seed, person.number, "absence")
    days = calendar.days
    alive, at_home = np.ones(days, np.bool_), np.ones(days, np.bool_)
    _travel(chance, person, calendar, at_home, events)
    death = _death(chance, person, calendar)
    everything = (*reasons, *_other_admissions(chance, calendar))
    for reason, day in sorted(everything, key=lambda each: each[1]):
        lucky, length, fatal = chance.random(3).tolist()
        if lucky >= _admission_risk(person, calendar, reason) or not 0 <= day < min(days, death):
            continue
        if not at_home[day]:
            continue
        home_again = _until_away(at_home, day, day + 4 + int(11 * length * length))
        at_home[day:home_again] = False
        _add(events, person, calendar, EventKind.ADMISSION, day, reason)
        if fatal < _DEATH_AFTER_HOSPITAL:
            death = min(death, home_again)
        elif home_again < min(days, death):
            _add(events, person, calendar, EventKind.DISCHARGE, home_again, "")
    if death < days:
        alive[death:] = at_home[death:] = False
        _add(events, person, calendar, EventKind.DEATH, death, "")
    return alive, at_home


def _until_away(at_home: npt.NDArray[np.bool_], day: int, until: int) -> int:
    """The first day from `day` on that is spent elsewhere already, or `until`: none leave twice."""
    elsewhere = np.flatnonzero(~at_home[day:until])
    return day + int(elsewhere[0]) if len(elsewhere) else until


def _admission_risk(person: CohortPerson, calendar: Calendar, reason: str) -> float:
    old = calendar.first.year - person.birth_year >= _OLD
    if reason == "infection" and old:
        return _OLD_INFECTION
    return _ADMITTED.get(reason, 1.0)


def _other_admissions(
    chance: np.random.Generator, calendar: Calendar
) -> tuple[tuple[str, int], ...]:
    count = int(chance.poisson(_OTHER_ADMISSIONS_A_YEAR * calendar.days / _YEAR))
    starts = np.floor(chance.random(count) * calendar.days).astype(np.int64)
    return tuple(("other", day) for day in np.sort(starts).tolist())


def _travel(
    chance: np.random.Generator,
    person: CohortPerson,
    calendar: Calendar,
    at_home: npt.NDArray[np.bool_],
    events: list[Event],
) -> None:
    moves, away, start, length = chance.random(4).tolist()
    begins = int(start * calendar.days)
    if moves < _MOVED_A_YEAR * calendar.days / _YEAR:
        at_home[begins:] = False
        _add(events, person, calendar, EventKind.MOVED_AWAY, begins, "for good")
    elif away < _AWAY_A_YEAR * calendar.days / _YEAR:
        ends = begins + 14 + int(80 * length)
        at_home[begins:ends] = False
        events.append(
            Event(
                subject=person.id,
                begins_at=calendar.instant(begins),
                ends_at=calendar.instant(ends),
                kind=EventKind.MOVED_AWAY,
                detail="for some weeks",
            )
        )


def _death(chance: np.random.Generator, person: CohortPerson, calendar: Calendar) -> int:
    """The day index of a death that nothing announced; a large number when there is none."""
    happens, start = chance.random(2).tolist()
    ill = 3.0 if "heart_failure" in person.diagnoses else 1.0
    risk = ill * death_per_year(calendar.first.year - person.birth_year) * calendar.days / _YEAR
    return int(start * calendar.days) if happens < risk else calendar.days + 1


def _add(
    events: list[Event],
    person: CohortPerson,
    calendar: Calendar,
    kind: EventKind,
    day: int,
    detail: str,
) -> None:
    events.append(
        Event(subject=person.id, begins_at=calendar.instant(day), kind=kind, detail=detail)
    )
