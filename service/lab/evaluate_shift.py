"""`hearthwatch evaluate shift`: the personal shift beside fixed limits and random alerts.

Limits are set on people to tune on, so that every detector alerts equally often; what is reported
is of other people, with these limits unchanged. An alert is followed by 14 days of silence, for
every detector alike.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from statistics import median
from typing import cast

import numpy as np

from firmware_sim.cohort.seeds import Purpose
from service.lab.shift_cohort import SHIFTS, Floats, PersonDays, Shift, person_days
from service.lab.shift_scores import Scores, scores_of

_FIRST = date(2025, 1, 1)
_MONTH_DAYS = 30.4
REARM_DAYS = 14
SETTLED_DAYS = 7
FOUND_WITHIN_DAYS = 60
"""A shift counts as found from a week after it began until so long after it stopped rising."""

_STEPS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One detector's figures on the people reported on.

    `rate` is alerts a month of measuring, `found` the share of shifts (and by kind), `days` the
    median delay of the found, `right` the share of alerts that fell into a shift.
    """

    name: str
    limit: float
    rate: float
    found: float
    by_kind: dict[str, float]
    days: float
    right: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `evaluate shift`."""
    parser.add_argument("--people", type=int, default=2000, help="in each of the two cohorts")
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--tuning-seed", type=int, default=31)
    parser.add_argument("--reporting-seed", type=int, default=20_261_124)
    parser.add_argument(
        "--rate", type=float, default=0.1, help="alerts a person and month of measuring"
    )
    parser.add_argument("--json", action="store_true")


def run(arguments: argparse.Namespace) -> int:
    """Print one line a detector; 0."""
    people, days = cast("int", arguments.people), cast("int", arguments.days)
    tuned = _cohort(Purpose.TUNING, arguments.tuning_seed, people, days)
    limits = limits_for(tuned[1], cast("float", arguments.rate))
    reported = _cohort(Purpose.REPORTING, arguments.reporting_seed, people, days)
    found = lines(reported[0], reported[1], limits)
    told = json.dumps([asdict(line) for line in found]) if arguments.json else table(found)
    sys.stdout.write(told + "\n")
    return 0


def _cohort(purpose: Purpose, seed: int, people: int, days: int) -> tuple[PersonDays, Scores]:
    found = person_days(purpose, seed, people, days, _FIRST)
    return found, scores_of(found, _FIRST.toordinal(), seed)


def limits_for(scores: Scores, rate: float) -> dict[str, float]:
    """The limit of each score at which it alerts `rate` times a month of measuring."""
    months = scores.observed.sum() / _MONTH_DAYS
    return {name: _limit(score, rate * months) for name, score in scores.by_name.items()}


def _limit(score: Floats, wanted: float) -> float:
    low, high = float(np.nanmin(score)), float(np.nanmax(score))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        too_many = sum(len(days) for days in alerts(score, middle)) > wanted
        low, high = (middle, high) if too_many else (low, middle)
    return high


def alerts(score: Floats, limit: float) -> list[list[int]]:
    """Each person's days of alert: at or above the limit, at least 14 days apart."""
    found: list[list[int]] = []
    for row in score >= limit:
        days: list[int] = []
        for day in np.flatnonzero(row).tolist():
            if not days or day - days[-1] >= REARM_DAYS:
                days.append(day)
        found.append(days)
    return found


def lines(days: PersonDays, scores: Scores, limits: Mapping[str, float]) -> list[Line]:
    """The figures of every detector at its limit."""
    months = scores.observed.sum() / _MONTH_DAYS
    shifts = [shift for shift in days.shifts if _could_be_found(shift, scores)]
    return [
        _line(name, limits[name], alerts(score, limits[name]), shifts, float(months))
        for name, score in scores.by_name.items()
    ]


def _line(
    name: str, limit: float, found: list[list[int]], shifts: list[Shift], months: float
) -> Line:
    count = sum(len(days) for days in found)
    delays = {shift: _delay(shift, found[shift.person]) for shift in shifts}
    caught = [delay for delay in delays.values() if delay is not None]
    inside = sum(
        any(day in _span(s) for s in shifts if s.person == person)
        for person, days in enumerate(found)
        for day in days
    )
    return Line(
        name=name,
        limit=round(limit, 3),
        rate=round(count / months, 3),
        found=_share(delays.values()),
        by_kind={
            kind.value: _share(delay for s, delay in delays.items() if s.kind is kind)
            for kind in SHIFTS
        },
        days=float(median(caught)) if caught else float("nan"),
        right=round(inside / count, 3) if count else float("nan"),
    )


def _span(shift: Shift) -> range:
    """The days on which an alert is right."""
    ends = shift.begins + 365 if shift.ends is None else shift.ends + FOUND_WITHIN_DAYS
    return range(shift.begins + SETTLED_DAYS, ends + 1)


def _could_be_found(shift: Shift, scores: Scores) -> bool:
    """Whether any detector saw this person on a day of the shift with a history before it."""
    judged = ~np.isnan(scores.by_name["random"][shift.person])
    span = _span(shift)
    return bool(judged[span.start : span.stop].any()) and bool(judged[: span.start].any())


def _delay(shift: Shift, days: list[int]) -> int | None:
    return next((day - shift.begins for day in days if day in _span(shift)), None)


def _share(delays: Iterable[int | None]) -> float:
    found = [delay is not None for delay in delays]
    return round(sum(found) / len(found), 3) if found else float("nan")


def table(found: list[Line]) -> str:
    """The lines as a Markdown table."""
    names = [kind.value for kind in SHIFTS]
    head = ["detector", "limit", "alerts a month", "found", *names, "median days", "right"]
    rows = [
        [one.name, one.limit, one.rate, one.found, *one.by_kind.values(), one.days, one.right]
        for one in found
    ]
    marks = ["---"] * len(head)
    return "\n".join(
        "| " + " | ".join(str(cell) for cell in row) + " |" for row in [head, marks, *rows]
    )
