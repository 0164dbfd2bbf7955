"""When a reading may end an open case: what stands in the columns never says so too late."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gateway.case_ends import ANY, ANY_READING, NONE, URGENT, earliest_end, ends_of, may_end
from gateway.packs import load_shipped
from gateway.recent import micros
from rules.rule import Rule
from rules.vocabulary import Case, CaseState, Family, Profile, QuantityName, SubjectRef
from rules.window import Point, Window
from tests.unit.rules.readings import START, glucose, pressure

ZONE = ZoneInfo("Asia/Shanghai")
PACK = load_shipped().live
Floats = NDArray[np.float64]
NOTHING = Window(points=(), profile=Profile(subject=SubjectRef("s")), zone=ZONE)
RULES = [*load_shipped().beside.rules]


def _case(rule: Rule, last: datetime, *, outcome: str | None = None, limb: str = "") -> Case:
    return Case(
        case_id="c",
        subject=SubjectRef("s"),
        family=rule.family or Family.GLUCOSE,
        rule_id=rule.id,
        priority=rule.priority,
        state=CaseState.OPEN,
        opened_at=last,
        last_point_at=last,
        last_rang_at=last,
        outcome=outcome,
        limb=limb,
        began_at=last,
        decided_at=last,
        decided_on="p",
    )


def _values(*, systolic: float = np.nan, sweet: float = np.nan) -> dict[QuantityName, Floats]:
    return {
        QuantityName.SYSTOLIC: np.array([systolic]),
        QuantityName.GLUCOSE: np.array([sweet]),
    }


def _ends(ends: int, values: dict[QuantityName, Floats], at: datetime) -> bool:
    found = may_end(np.array([ends], dtype=np.uint32), values, np.array([micros(at)]))
    return bool(found[0])


def test_low_glucoses_of_a_week_end_after_a_week_and_by_glucose_alone() -> None:
    rule = PACK.rule("HW-07")
    assert rule.needs_outcome
    ends = ends_of([(_case(rule, START, outcome="advice"), rule)], NOTHING)
    week = START + timedelta(days=7)
    assert _ends(ends, _values(sweet=6.0), week)
    assert not _ends(ends, _values(systolic=120.0), week)
    assert not _ends(ends, _values(sweet=6.0), week - timedelta(hours=1))


def test_what_asks_for_an_outcome_is_ended_by_no_reading_and_an_urgent_case_is_told_of() -> None:
    urgent, soon = PACK.rule("HW-02"), PACK.rule("HW-07")
    assert ends_of([(_case(soon, START), soon)], NOTHING) == NONE
    assert ends_of([(_case(urgent, START), urgent)], NOTHING) == URGENT
    assert ends_of([], NOTHING) == NONE


def test_of_two_cases_the_earlier_end_counts() -> None:
    rules = [PACK.rule("HW-10"), PACK.rule("HW-12d")]
    both = ends_of([(_case(rule, START), rule) for rule in rules], NOTHING)
    later = ends_of([(_case(rules[0], START), rules[0])], NOTHING)
    assert _ends(both, _values(systolic=120.0), START + timedelta(days=1, hours=20))
    assert not _ends(later, _values(systolic=120.0), START + timedelta(hours=30))
    assert both & ANY_READING == later & ANY_READING


def test_of_whom_nothing_is_known_any_reading_may_end_a_case() -> None:
    for values in (_values(systolic=120.0), _values(sweet=6.0), _values()):
        assert _ends(ANY, values, START)


def test_what_asks_for_a_later_day_ends_on_none_before() -> None:
    rule = PACK.rule("HW-02b")
    midnight = datetime.combine(START.astimezone(ZONE).date() + timedelta(days=1), time.min, ZONE)
    assert earliest_end(rule, _case(rule, START), NOTHING) == midnight
    late = midnight - timedelta(hours=2)
    assert earliest_end(rule, _case(rule, late), NOTHING) == late + timedelta(hours=8)


def test_what_is_looked_at_once_a_week_ends_at_the_first_reading_of_a_later_one() -> None:
    rule = load_shipped().beside.rule("GL-17")
    told = replace(NOTHING, points=(glucose(0, "6.0"), pressure(7 * 1440, "120", "75")))
    monday, thursday = (datetime(2026, 9, day, tzinfo=ZONE) for day in (21, 24))
    assert monday < START < thursday
    case = _case(rule, START - timedelta(days=9))
    assert earliest_end(rule, case, NOTHING) == case.last_point_at
    assert earliest_end(rule, case, told) == thursday
    ends = ends_of([(case, rule)], told)
    assert not _ends(ends, _values(sweet=6.0), thursday - timedelta(hours=1))
    assert _ends(ends, _values(sweet=6.0), thursday)


@pytest.mark.row("R12")
@given(
    rule=st.sampled_from(RULES),
    gaps=st.lists(st.sampled_from([1, 31, 300, 480, 720, 1440, 2880]), min_size=1, max_size=30),
    first=st.integers(min_value=0, max_value=1440),
    known=st.integers(min_value=0, max_value=30),
)
@settings(max_examples=400, deadline=None)
def test_no_case_ends_before_its_time(rule: Rule, gaps: list[int], first: int, known: int) -> None:
    """Readings in perfect health, one of each kind after the other, some known when it was told."""
    since = START + timedelta(minutes=first)
    at, points = float(first), list[Point]()
    for gap in gaps:
        at += gap
        points += [pressure(at, "120", "75"), glucose(at, "6.0")]
    window = Window(points=tuple(points), profile=Profile(subject=SubjectRef("s")), zone=ZONE)
    for limb in ("", *rule.clear):
        earliest = earliest_end(rule, _case(rule, since, limb=limb), window.up_to(known))
        for number, point in enumerate(points[known:], start=known + 1):
            seen = window.up_to(number)
            if rule.clears(seen, point.effective_at, since=since, limb=limb):
                assert point.effective_at >= earliest
