"""What a rehearsal amounts to: alerts a patient-month, a doctor's day, a rule, and what was new."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
from statistics import median
from typing import Protocol

import numpy as np

from gateway.baseline_columns import EPOCH
from gateway.local_days import LocalDays
from gateway.playback import Playback
from rules.vocabulary import Priority, SubjectRef
from service.backtest.known_people import Doctor

DAYS_A_MONTH = 365.25 / 12
SAME_AGAIN = timedelta(days=7)
"""A rule that rings again for a person within this is a duplicate to whoever reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the rules would have asked for.

    Attributes:
        people: Persons with a reading.
        readings: Measurements.
        patient_months: Sum over persons from first to last reading, in months of 30.44 days.
        alerts: By priority word, dated tasks counted in.
        by_rule: By rule id.
        per_patient_month: `alerts` over `patient_months`.
        per_doctor_day: Median and 95th centile (the nearest rank) over doctors and their days,
            dated tasks left out; zero without doctors.
        duplicates: Alerts of a rule for a person that had rung within 7 days before.
        reached: Persons with any alert.
        dated: Alerts that were tasks about old readings.
    """

    people: int
    readings: int
    patient_months: float
    alerts: Mapping[str, int]
    by_rule: Mapping[str, int]
    per_patient_month: Mapping[str, float]
    per_doctor_day: Mapping[str, float]
    duplicates: int
    reached: int
    dated: int


class Asked(Protocol):
    """As much of an alert as is counted; `rules.vocabulary.Alert` is one."""

    @property
    def alert_id(self) -> str:
        """The same for the same rule and stage on the same reading."""
        ...

    @property
    def subject(self) -> SubjectRef:
        """About whom."""
        ...

    @property
    def rule_id(self) -> str:
        """Which rule asked."""
        ...

    @property
    def priority(self) -> Priority:
        """How urgently."""
        ...

    @property
    def dated(self) -> bool:
        """Whether it is a task about an old reading."""
        ...

    @property
    def raised_at(self) -> datetime:
        """When."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one person measured: on which local days, and how many measurements in all."""

    days: frozenset[date]
    readings: int

    @property
    def months(self) -> float:
        """From the first to the last day, in months of 30.44 days."""
        return ((max(self.days) - min(self.days)).days + 1) / DAYS_A_MONTH if self.days else 0.0


def measured(tape: Playback, zone: tzinfo) -> dict[SubjectRef, Measured]:
    """What the people of a recording measured."""
    days = LocalDays(zone).day(tape.readings.at) + EPOCH
    found: dict[SubjectRef, Measured] = {}
    for number, subject in enumerate(tape.subjects):
        begin, end = tape.begins[number : number + 2]
        own = np.unique(days[begin:end]).tolist()
        on = frozenset(date.fromordinal(day) for day in own)
        found[subject] = Measured(days=on, readings=int(end - begin))
    return found


def figures(
    people: Mapping[SubjectRef, Measured],
    alerts: Sequence[Asked],
    doctors: Mapping[SubjectRef, Doctor],
    zone: tzinfo,
) -> Figures:
    """The figures of one rehearsal, or of a time that was lived."""
    months = sum(each.months for each in people.values())
    by_priority = Counter(alert.priority.word for alert in alerts)
    told = {p.word: by_priority[p.word] for p in sorted(Priority, reverse=True)}
    return Figures(
        people=len(people),
        readings=sum(each.readings for each in people.values()),
        patient_months=round(months, 2),
        alerts=told,
        by_rule=dict(sorted(Counter(alert.rule_id for alert in alerts).items())),
        per_patient_month={
            word: round(count / months, 4) if months else 0.0 for word, count in told.items()
        },
        per_doctor_day=_doctor_days(people, alerts, doctors, zone),
        duplicates=_duplicates(alerts),
        reached=len({alert.subject for alert in alerts}),
        dated=sum(alert.dated for alert in alerts),
    )


def _doctor_days(
    people: Mapping[SubjectRef, Measured],
    alerts: Iterable[Asked],
    doctors: Mapping[SubjectRef, Doctor],
    zone: tzinfo,
) -> dict[str, float]:
    """Interruptions over every day on which any of a doctor's people measured."""
    days: dict[tuple[Doctor, date], int] = {}
    for subject, each in people.items():
        doctor = doctors.get(subject)
        if doctor:
            for day in each.days:
                days.setdefault((doctor, day), 0)
    for alert in alerts:
        doctor = doctors.get(alert.subject)
        if doctor and not alert.dated and alert.priority >= Priority.SOON:
            key = (doctor, alert.raised_at.astimezone(zone).date())
            days[key] = days.get(key, 0) + 1
    counts = sorted(days.values())
    if not counts:
        return {"median": 0.0, "p95": 0.0, "mean": 0.0}
    return {
        "median": float(median(counts)),
        "p95": float(counts[_rank(95, len(counts)) - 1]),
        "mean": round(sum(counts) / len(counts), 4),
    }


def _rank(centile: int, count: int) -> int:
    """The nearest rank: the place from 1 on below which, itself included, that share lies."""
    return max(1, -(-centile * count // 100))  # whole numbers: 0.95 * 20 may be above 19


def _duplicates(alerts: Sequence[Asked]) -> int:
    rang: dict[tuple[SubjectRef, str], list[Asked]] = defaultdict(list)
    for alert in alerts:
        rang[alert.subject, alert.rule_id].append(alert)
    return sum(
        later.raised_at - earlier.raised_at <= SAME_AGAIN
        for own in rang.values()
        for earlier, later in pairwise(own)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Alerts (by rule and stage on the same reading) that only one of two packs raises."""

    added: Mapping[str, int]
    removed: Mapping[str, int]


def difference(present: Sequence[Asked], candidate: Sequence[Asked]) -> Difference:
    """What would change for the people if `candidate` were put in `present`'s place."""
    before, after = ({str(alert.alert_id) for alert in one} for one in (present, candidate))
    return Difference(
        added=_by_rule(alert for alert in candidate if str(alert.alert_id) not in before),
        removed=_by_rule(alert for alert in present if str(alert.alert_id) not in after),
    )


def _by_rule(alerts: Iterable[Asked]) -> dict[str, int]:
    return dict(sorted(Counter(alert.rule_id for alert in alerts).items()))
