"""What stands beside the rules and in a doctor's day: limits of what cannot be measured, ranks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from rules.vocabulary import Bound, Priority, QuantityName, SubjectRef, Vital
from rules.window import Point, Value
from service.backtest.baselines import TrueEvent, accuracies, read_events
from service.backtest.figures import Measured, figures
from service.backtest.known_people import Doctor
from service.backtest.record_error import RecordError
from service.cli import main
from tests.unit.rules.readings import START, glucose, point

pytestmark = pytest.mark.row("R12")


def found_by_thresholds(ill: Sequence[Point], well: Sequence[Point]) -> float | None:
    """Share of the ill found, one alert for each of them, where the well measured as well."""
    people = {SubjectRef(f"ill-{n}"): [one] for n, one in enumerate(ill)}
    events = [
        TrueEvent(subject=who, begins_at=START, ends_at=START + timedelta(hours=1), kind="crisis")
        for who in people
    ]
    people |= {SubjectRef(f"well-{n}"): [one] for n, one in enumerate(well)}
    rung = [(who, START) for who in list(people)[: len(ill)]]
    return accuracies(rung, people, events, seed=1)["fixed thresholds"].sensitivity


def systolic(bound: Bound) -> Point:
    return point("bp", Vital.BLOOD_PRESSURE, 0, {QuantityName.SYSTOLIC: Value(censored=bound)})


def test_what_a_meter_could_only_call_low_or_high_is_beyond_every_threshold() -> None:
    assert found_by_thresholds([glucose(0, "LO")], [glucose(0, "11"), glucose(0, "2.0")]) == 1
    assert found_by_thresholds([glucose(0, "HI")], [glucose(0, "33"), glucose(0, "1.2")]) == 1
    assert found_by_thresholds([systolic(Bound.ABOVE)], [glucose(0, "33")]) == 1


def test_a_pressure_too_low_to_measure_is_beyond_no_threshold_of_everyday_care() -> None:
    assert found_by_thresholds([systolic(Bound.BELOW)], [glucose(0, "6")]) == 0


WHO = SubjectRef("s-1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """An alert as the figures see it."""

    raised_at: datetime
    alert_id: str = "a"
    subject: SubjectRef = WHO
    rule_id: str = "HW-02"
    priority: Priority = Priority.URGENT
    dated: bool = False


@pytest.mark.parametrize(
    ("days", "busy", "centile"),
    [
        *((20, 1, 0), (20, 2, 9), (40, 2, 0), (40, 3, 9), (100, 5, 0), (100, 6, 9)),
        *((10, 1, 9), (1, 1, 9), (1, 0, 0)),
    ],
)
def test_the_95th_centile_of_a_doctors_days_is_the_nearest_rank(
    days: int, busy: int, centile: int
) -> None:
    """At most a day in twenty is busier: of 20 days the 19th, of 10 the last."""
    lived = frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(days))
    rang = [
        Asking(raised_at=datetime(2026, 1, 1, 12, tzinfo=UTC) + timedelta(days=n))
        for n in range(busy)
        for _ in range(9)
    ]
    people = {WHO: Measured(days=lived, readings=days)}
    told = figures(people, rang, {WHO: Doctor("dr-1")}, UTC)
    assert told.per_doctor_day["p95"] == centile


EVENTS = "subject,begins_at,ends_at,kind\n"
BEGINS = "2026-01-05T00:00:00+08:00"


def test_events_that_rules_are_not_asked_to_find_are_counted_by_kind_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events, readings = tmp_path / "e.csv", tmp_path / "r.csv"
    kinds = ("crisis", "stroke", "very_low_glucos", "stroke", "")
    events.write_text(EVENTS + "".join(f"p-1,{BEGINS},,{kind}\n" for kind in kinds), "utf-8")
    found = read_events(events)
    assert [event.kind for event in found.found] == ["crisis"]
    none = "is none that rules over pressure and glucose are asked to find; events left out"
    assert found.left_out == [
        (3, f"kind: 'stroke' {none}: 2"),
        (4, f"kind: 'very_low_glucos' {none}: 1"),
        (6, f"kind: '' {none}: 1"),
    ]
    line = f"p-1,{BEGINS},8480-6,141,mm[Hg]"
    readings.write_text(f"subject,effective_at,code,value,unit\n{line}\n", "utf-8")
    words = ["--readings", str(readings), "--events", str(events)]
    assert main(["rules", "backtest", *words]) == 0
    assert "e.csv:3: kind: 'stroke' is none" in capsys.readouterr().err


def test_an_event_that_ends_before_it_begins_is_refused_with_its_line(tmp_path: Path) -> None:
    events = tmp_path / "e.csv"
    events.write_text(f"{EVENTS}p-1,{BEGINS},2026-01-04T23:59:00+08:00,crisis\n", "utf-8")
    with pytest.raises(RecordError, match=r"e\.csv:2: ends_at: '.*' is before begins_at"):
        read_events(events)
    same = "2026-01-04T16:00:00Z"  # the same instant, written otherwise
    events.write_text(f"{EVENTS}p-1,{BEGINS},{same},crisis\n", "utf-8")
    assert len(read_events(events).found) == 1
