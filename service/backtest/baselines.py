"""The two baselines beside every accuracy claim: fixed thresholds, and random alerts.

Both get the same number of alerts as the rules had for the same people, and the same re-arm time: a
detector that rings more finds more.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

from rules.vocabulary import Bound, QuantityName, SubjectRef
from rules.window import Point, Value
from service.backtest.record_error import RecordError, Refused, rows_of

REARM = timedelta(days=7)
BEFORE, AFTER = timedelta(days=1), timedelta(days=7)
"""An alert meets an event from a day before it began until a week after it ended."""

_OF_BODIES = frozenset(
    {
        *("crisis", "drift_2_5", "drift_5", "drug_stopped", "low_glucose", "very_low_glucose"),
        *("high_glucose_sick_day", "pregnancy_hypertension"),
    }
)
"""Kinds of the simulator that rules over pressure and glucose can be asked to find."""

Rung = tuple[SubjectRef, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEvent:
    """What really happened to somebody."""

    subject: SubjectRef
    begins_at: datetime
    ends_at: datetime
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How well alerts meet events.

    Attributes:
        alerts: How many, at least 7 days apart for a person.
        sensitivity: Share of the events (of people who measured then) that an alert met.
        ppv: Share of the alerts that met an event.
        lead_days: Median days from the first meeting alert to the end of its event; negative after.
    """

    alerts: int
    sensitivity: float | None
    ppv: float | None
    lead_days: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """What happened, and the kinds that were left out: the first line of each, and how many."""

    found: Sequence[TrueEvent] = ()
    left_out: Refused = field(default_factory=list[tuple[int, str]])


def read_events(path: Path) -> Events:
    """Events from a CSV file `subject,begins_at,ends_at,kind`.

    Kinds that rules over pressure and glucose cannot be asked to find (an infection, a stroke, a
    mistyped one) are left out of every figure, and told.

    Raises:
        RecordError: a line cannot be read, or ends before it begins; the text names it.
        OSError: the file cannot be opened.
    """
    found: list[TrueEvent] = []
    others: dict[str, list[int]] = {}
    with rows_of(path, ("subject", "begins_at", "kind"), ("ends_at",)) as rows:
        for number, row in rows:
            try:
                begins = _instant("begins_at", row["begins_at"])
                ends = _instant("ends_at", row["ends_at"]) if row.get("ends_at") else begins
                if ends < begins:
                    raise ValueError(f"ends_at: {row['ends_at']!r} is before begins_at")
            except ValueError as error:
                raise RecordError(f"{path.name}:{number}: {error}") from error
            subject, kind = SubjectRef(row["subject"] or ""), row["kind"] or ""
            if kind in _OF_BODIES:
                event = TrueEvent(subject=subject, begins_at=begins, ends_at=ends, kind=kind)
                found.append(event)
            else:
                others.setdefault(kind, []).append(number)
    return Events(found=found, left_out=[_left_out(kind, at) for kind, at in others.items()])


def _left_out(kind: str, lines: Sequence[int]) -> tuple[int, str]:
    told = f"kind: {kind!r} is none that rules over pressure and glucose are asked to find"
    return lines[0], f"{told}; events left out: {len(lines)}"


def _instant(column: str, text: str | None) -> datetime:
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        raise ValueError(f"{column}: {text!r} is no instant") from None
    if instant.tzinfo is None:
        raise ValueError(f"{column}: {text!r} has no time zone")
    return instant


def accuracies(
    rung: Iterable[Rung],
    people: Mapping[SubjectRef, Sequence[Point]],
    events: Sequence[TrueEvent],
    seed: int,
) -> dict[str, Accuracy]:
    """The rules' accuracy beside fixed thresholds and random alerts at the same rate and re-arm."""
    rules = _rearmed(rung)
    seen = [event for event in events if _measured_in(people.get(event.subject, ()), event)]
    chance = Random(seed)  # noqa: S311 - a seeded baseline, not a secret
    measured = [(s, point.received_at) for s, points in people.items() for point in points]
    chance.shuffle(measured)
    return {
        "rules": _accuracy(rules, seen),
        "fixed thresholds": _accuracy(_fixed(people, len(rules)), seen),
        "random": _accuracy(_first(measured, len(rules)), seen),
    }


def _fixed(people: Mapping[SubjectRef, Sequence[Point]], wanted: int) -> list[Rung]:
    """One threshold on how far a single reading lies beyond its usual limit, set by the rate."""
    scored = [
        (_excess(point), subject, point.received_at)
        for subject, points in people.items()
        for point in points
        if point.valid
    ]
    scored.sort(key=lambda one: (-one[0], one[2], one[1]))
    return _first(((subject, at) for _, subject, at in scored), wanted)


_LIMITS: Mapping[QuantityName, Callable[[float], float]] = {
    QuantityName.SYSTOLIC: lambda x: (x - 140) / 20,
    QuantityName.DIASTOLIC: lambda x: (x - 90) / 10,
    QuantityName.GLUCOSE: lambda x: max((3.9 - x) / 0.9, (x - 10.0) / 6.7),
}
"""How far beyond the limits of everyday care (140/90; 3.9 and 10 mmol/L) in steps of severity."""


def _excess(point: Point) -> float:
    scores = [
        limit(number)
        for name, limit in _LIMITS.items()
        if (value := point.values.get(name)) is not None and (number := _number(value)) is not None
    ]
    return max(scores, default=-math.inf)


def _number(value: Value) -> float | None:
    """The number; of what the device could not measure (LO, HI) one beyond every limit there."""
    if value.censored is not None:
        return -math.inf if value.censored is Bound.BELOW else math.inf
    return None if value.value is None else float(value.value)


def _first(candidates: Iterable[Rung], wanted: int) -> list[Rung]:
    """The first `wanted` that are no nearer than the re-arm time to one already taken."""
    taken: dict[SubjectRef, list[datetime]] = {}
    found: list[Rung] = []
    for subject, at in candidates:
        if len(found) == wanted:
            break
        own = taken.setdefault(subject, [])
        place = bisect_left(own, at)
        near = own[max(0, place - 1) : place + 1]
        if all(abs(at - other) >= REARM for other in near):
            own.insert(place, at)
            found.append((subject, at))
    return found


def _rearmed(rung: Iterable[Rung]) -> list[Rung]:
    return _first(sorted(rung, key=lambda one: (one[1], one[0])), 10**9)


def _measured_in(points: Sequence[Point], event: TrueEvent) -> bool:
    return any(event.begins_at <= p.effective_at <= event.ends_at + AFTER for p in points)


def _accuracy(rung: Sequence[Rung], events: Sequence[TrueEvent]) -> Accuracy:
    times: dict[SubjectRef, list[datetime]] = {}
    for subject, at in rung:
        times.setdefault(subject, []).append(at)
    for own in times.values():
        own.sort()
    met: set[Rung] = set()
    leads: list[float] = []
    for event in events:
        own = times.get(event.subject, [])
        first = bisect_left(own, event.begins_at - BEFORE)
        inside = own[first : bisect_right(own, event.ends_at + AFTER)]
        met |= {(event.subject, at) for at in inside}
        if inside:
            leads.append((event.ends_at - inside[0]).total_seconds() / 86_400)
    return Accuracy(
        alerts=len(rung),
        sensitivity=round(len(leads) / len(events), 4) if events else None,
        ppv=round(len(met) / len(rung), 4) if rung else None,
        lead_days=round(median(leads), 2) if leads else None,
    )
