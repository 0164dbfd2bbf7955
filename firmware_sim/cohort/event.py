"""What really happened to a simulated person, whether or not a reading shows it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class EventKind(StrEnum):
    """Kinds of events; the value stands in `events.csv`."""

    # pressure and medicines
    CRISIS = "crisis"
    DRIFT_2_5 = "drift_2_5"
    DRIFT_5 = "drift_5"
    DRUG_STOPPED = "drug_stopped"
    MISSED_DOSES = "missed_doses"
    # glucose
    LOW_GLUCOSE = "low_glucose"
    VERY_LOW_GLUCOSE = "very_low_glucose"
    HIGH_GLUCOSE_SICK_DAY = "high_glucose_sick_day"
    # heart, lungs, infection
    INFECTION = "infection"
    DECOMPENSATION = "decompensation"
    ATRIAL_FIBRILLATION = "atrial_fibrillation"
    HYPOXIA = "hypoxia"
    # pregnancy
    PREGNANCY_HYPERTENSION = "pregnancy_hypertension"
    PREGNANCY_END = "pregnancy_end"
    # measuring
    HABIT_STOPPED = "habit_stopped"
    WRONG_PERSON = "wrong_person"
    DEVICE_CHANGED = "device_changed"
    CLOCK_RESET = "clock_reset"
    # where the person is
    ADMISSION = "admission"
    DISCHARGE = "discharge"
    MOVED_AWAY = "moved_away"
    DEATH = "death"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One true event of one person.

    Attributes:
        subject: Id of the person.
        begins_at: Aware; a day-long event begins at local midnight.
        ends_at: Aware, later than or equal to `begins_at`; None for an event without an end (a
            drug stopped for good, a death) and for a single instant.
        kind: What happened.
        detail: A few words or figures for a reader, ASCII without comma, may be empty.
    """

    subject: str
    begins_at: datetime
    ends_at: datetime | None = None
    kind: EventKind
    detail: str = ""
