"""`hearthwatch evaluate population`: what the models over many people find in a cohort, and miss.

The same cohort is taken without a fault, with a cuff model that reads too high, and with deliveries
of bad strips; then how unusual readings are is set beside fixed thresholds and chance.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from firmware_sim.cohort.deliveries import FaultyDelivery, with_fault
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.files import generate
from gateway.population import Finding, Measured, Population
from rules.vocabulary import QuantityName
from service.lab.cohort_request import add_cohort_arguments, requested
from service.lab.population_cohort import Track, days_of, tracks

_ZONE = ZoneInfo("Asia/Shanghai")
_FIRST = date(2025, 1, 1)
_CUFF, _METER = "Borea/X3", "Acme/GL-1"
_FAULTS: dict[str, FaultyDelivery | None] = {
    "none": None,
    "cuff model +8 mmHg": FaultyDelivery(model=_CUFF, first=180, last=364, mmhg=8.0),
    "cuff model +5 mmHg": FaultyDelivery(model=_CUFF, first=180, last=364, mmhg=5.0),
    "strips +15 %": FaultyDelivery(model=_METER, first=200, last=245, factor=1.15),
    "strips -15 %": FaultyDelivery(model=_METER, first=200, last=245, factor=0.85),
}
_EVENTS = frozenset(
    {
        EventKind.CRISIS,
        EventKind.DRIFT_2_5,
        EventKind.DRIFT_5,
        EventKind.DRUG_STOPPED,
        EventKind.MISSED_DOSES,
        EventKind.INFECTION,
        EventKind.ATRIAL_FIBRILLATION,
        EventKind.WRONG_PERSON,
    }
)
_REARM = timedelta(days=14)
_RARE = 97.0
_LASTS = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flag:
    subject: str
    at: datetime
    score: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_cohort_arguments(parser, people=1000)


def run(arguments: argparse.Namespace) -> int:
    """Print what was found and when, then the ranks beside thresholds and chance; 0."""
    request = requested(arguments, _FIRST)
    people: dict[str, list[Track]] = {name: [] for name in _FAULTS}
    events: list[Event] = []
    for readings in generate(request):
        events += [event for event in readings.events if event.kind in _EVENTS]
        for name, fault in _FAULTS.items():
            shown = readings if fault is None else with_fault(readings, request.calendar, fault)
            people[name] += tracks(shown, _ZONE)
    sys.stdout.write(
        "| fault | found | days after | by how much | homes |\n|---|---|---|---|---|\n"
    )
    for name, fault in _FAULTS.items():
        _tell_findings(name, fault, people[name], request.calendar.days)
    _tell_ranks(people["none"], events, request.calendar.days)
    return 0


def _tell_findings(
    name: str, fault: FaultyDelivery | None, people: Sequence[Track], days: int
) -> None:
    population = Population(_ZONE, learned_a_day=0)
    found: list[Finding] = []
    for day, readings in days_of(people, _FIRST, days):
        found += population.learn_day(day, readings)
    for each in found:
        number = (each.found_on - _FIRST).days
        late = "" if fault is None else f"{number - fault.first}"
        sys.stdout.write(
            f"| {name} | {each.scope.kind.value} {each.scope.key}, {each.scope.quantity.value}"
            f" | {late} | {each.shift:+.1f} | {each.moved} of {each.homes} |\n"
        )
    if not found:
        sys.stdout.write(f"| {name} | nothing | | | |\n")


def _tell_ranks(people: Sequence[Track], events: Sequence[Event], days: int) -> None:
    population = Population(_ZONE)
    pressure = [track for track in people if len(track.names) > 1]
    ranked: list[_Flag] = []
    high: list[_Flag] = []
    for day, readings in days_of(pressure, _FIRST, days):
        ranks = population.ranks(readings)
        ranked += [_flag(each, ranks[each.identity]) for each in readings if each.identity in ranks]
        high += [
            _flag(each, each.values[QuantityName.SYSTOLIC])
            for each in readings
            if each.identity in ranks
        ]
        population.learn_day(day, readings)
    rare = sum(1 for flag in ranked if flag.score >= _RARE) / max(1, len(ranked))
    sys.stdout.write(
        f"\n{len(ranked)} readings ranked; {rare:.1%} of them at percentile {_RARE:.0f} or above\n"
        "| flagged | times | within an event | events met |\n|---|---|---|---|\n"
    )
    chosen = _rearmed([flag for flag in ranked if flag.score >= _RARE])
    wanted = len(chosen)
    _tell_accuracy("percentile 97", chosen, events)
    _tell_accuracy("highest systolic", _as_many(high, wanted), events)
    chance = Random(1)  # noqa: S311 - to compare with
    drawn = [_Flag(subject=f.subject, at=f.at, score=chance.random()) for f in ranked]
    _tell_accuracy("at random", _as_many(drawn, wanted), events)


def _flag(reading: Measured, score: float) -> _Flag:
    return _Flag(subject=reading.subject, at=reading.at, score=score)


def _rearmed(flags: Sequence[_Flag]) -> list[_Flag]:
    """A flag, then none of the same person for 14 days."""
    last: dict[str, datetime] = {}
    kept: list[_Flag] = []
    for flag in sorted(flags, key=lambda each: each.at):
        if flag.at - last.get(flag.subject, datetime.min.replace(tzinfo=UTC)) >= _REARM:
            last[flag.subject] = flag.at
            kept.append(flag)
    return kept


def _as_many(flags: Sequence[_Flag], wanted: int) -> list[_Flag]:
    """The flags of the highest scores that leave `wanted` after the re-arm time."""
    ordered = sorted(flags, key=lambda each: -each.score)
    low, high = 0, len(ordered)
    while low < high:
        middle = (low + high) // 2
        if len(_rearmed(ordered[:middle])) < wanted:
            low = middle + 1
        else:
            high = middle
    return _rearmed(ordered[:low])


def _tell_accuracy(name: str, flags: Sequence[_Flag], events: Sequence[Event]) -> None:
    spans: dict[str, list[tuple[datetime, datetime]]] = {}
    for event in events:
        ends = event.ends_at or event.begins_at
        spans.setdefault(event.subject, []).append((event.begins_at, ends + _LASTS))
    within, met = 0, set[tuple[str, datetime]]()
    for flag in flags:
        hit = [s for s in spans.get(flag.subject, ()) if s[0] <= flag.at <= s[1]]
        within += bool(hit)
        met |= {(flag.subject, begins) for begins, _ in hit}
    share, known = within / max(1, len(flags)), len(met) / max(1, len(events))
    sys.stdout.write(f"| {name} | {len(flags)} | {share:.1%} | {known:.1%} |\n")
