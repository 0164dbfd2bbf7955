"""What every device of one person needs to know."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.life import Life
from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.seeds import stream
from firmware_sim.cohort.spans import Spans


class GlucoseEngine(StrEnum):
    """Whose equations the glucose of people on insulin follows."""

    OWN = "own"
    SIMGLUCOSE = "simglucose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One person while their readings are made.

    Attributes:
        person: Who.
        spouse: Who may use their cuff; None when there is nobody.
        calendar: The days.
        life: Their days.
        able: Days on which they can and still do measure at home.
        bouts: Atrial fibrillation.
        failures: Fluid gathering before the heart fails.
        lacks: Lack of oxygen.
        offline: When the hub cannot reach the county.
        events: Grows while the readings are made.
        engine: For the glucose of people on insulin.
    """

    person: CohortPerson
    spouse: CohortPerson | None
    calendar: Calendar
    life: Life
    able: npt.NDArray[np.bool_]
    bouts: Spans
    failures: Spans
    lacks: Spans
    offline: Spans
    events: list[Event]
    engine: GlucoseEngine

    def chance(self, topic: str) -> np.random.Generator:
        """A stream of the person's own."""
        return stream(self.person.purpose, self.person.seed, self.person.number, topic)

    def note(self, kind: EventKind, day: int, detail: str, minute: float = 0.0) -> None:
        """Remember an event without an end."""
        self.events.append(
            Event(
                subject=self.person.id,
                begins_at=self.calendar.instant(day, minute),
                kind=kind,
                detail=detail,
            )
        )
