"""What a person lived through, and who of a cohort was there to fall ill.

An infection may lead to hospital and to death, and whoever is away or dead infects nobody: the two
are found together. What keeps somebody away on a day follows from what happened before it, so
running the chain of infections again with the absences that came of it settles day by day.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firmware_sim.cohort import episodes
from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.infection import Outbreak, infection_events, sickness
from firmware_sim.cohort.infection_chain import Infections, Introduction
from firmware_sim.cohort.life import Life, usual_life, with_absences
from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.spans import Spans

_HYPOXIA_ADMITTED = 7.0  # percentage points lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """One person's days and illnesses.

    Attributes:
        life: Their days, with absences.
        bouts: Atrial fibrillation.
        failures: Fluid gathering before the heart fails.
        lacks: Lack of oxygen.
    """

    life: Life
    bouts: Spans
    failures: Spans
    lacks: Spans


def lived(person: CohortPerson, calendar: Calendar, infections: Infections) -> Lived:
    """What happened to a person; `infections` are those of the whole cohort."""
    index = person.number - 1
    life = usual_life(person, calendar, sickness(infections, index, calendar.days))
    bouts = episodes.fibrillation(person, calendar)
    failures = episodes.decompensations(person, calendar)
    lacks = episodes.hypoxia(person, calendar, life.line)
    illness = [
        *episodes.heart_and_lung_events(
            person.id, calendar, bouts=bouts, failures=failures, lacks=lacks
        ),
        *infection_events(infections, index, person.id, calendar),
    ]
    life = with_absences(
        person, calendar, life, admission_days=_admissions(failures, lacks), more_events=illness
    )
    return Lived(life=life, bouts=bouts, failures=failures, lacks=lacks)


def infections_of_the_present(
    people: Sequence[CohortPerson],
    calendar: Calendar,
    introductions: Sequence[Introduction] = (),
) -> Infections:
    """All infections of a cohort in which the dead, the moved and the absent take no part.

    Args:
        people: Everybody of one cohort in order of number, from 1.
        calendar: The days.
        introductions: See `infection.infections`.

    Raises:
        ValueError: An introduction where nobody lives.
    """
    outbreak = Outbreak(people, calendar, introductions=introductions)
    present = np.ones((calendar.days, len(people)), np.bool_)
    found, changed = outbreak.run(), list(range(len(people)))
    while changed:
        for index in changed:
            present[:, index] = lived(people[index], calendar, found).life.line.at_home
        again = outbreak.run(present)
        changed = sorted({person for person, _ in _cases(found) ^ _cases(again)})
        found = again
    return found


def _cases(found: Infections) -> set[tuple[int, int]]:
    return set(zip(found.person.tolist(), found.infected.tolist(), strict=True))


def _admissions(failures: Spans, lacks: Spans) -> tuple[int, ...]:
    minutes = [
        *failures.end.tolist(),
        *(lacks.begin[lacks.size >= _HYPOXIA_ADMITTED] + 1440).tolist(),
    ]
    return tuple(sorted(int(minute // 1440) for minute in minutes))
