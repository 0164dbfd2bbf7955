"""What the pages about signals tell by what could be judged: bounds that hold, and no more."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.surveillance.told_by_gates import least_told, most_told

MONDAY = date(2026, 8, 3)
WEEK = [MONDAY + timedelta(days=n) for n in range(7)]
GATES = (10, 30)
pytestmark = [pytest.mark.row("C11")]


def month(people: int) -> dict[date, int]:
    return {MONDAY - timedelta(days=n): people for n in range(1, 36)}


@pytest.mark.parametrize(
    ("before", "people", "told"),
    [
        (None, 9, 0),
        (None, 29, 10),
        (None, 31, 30),
        (30, 24, 24),  # four fifths of thirty
        (30, 27, 24),
        (30, 23, 23),  # judged while its readings still came
        (29, 23, 10),  # of those days ten are known
        (9, 23, 10),
        (30, 9, 0),
    ],
)
def test_an_open_gate_tells_of_its_people_and_of_what_is_usual(
    before: int | None, people: int, told: int
) -> None:
    days = {} if before is None else month(before)
    assert least_told(days | dict.fromkeys(WEEK, people), WEEK, GATES) == told


def test_a_gate_closed_every_day_bounds_the_week_and_one_open_day_does_not() -> None:
    few, some = dict.fromkeys(WEEK, 3), dict.fromkeys(WEEK, 12)
    assert most_told([(10, few)], WEEK) == 63
    assert most_told([(10, few | {MONDAY: 10})], WEEK) is None
    assert most_told([(10, some), (30, some)], WEEK) == 7 * 29
    assert most_told([(10, few), (30, some)], WEEK) == 63


@given(st.lists(st.integers(0, 40), min_size=42, max_size=42), st.data())
def test_no_number_below_a_gate_changes_what_is_told_and_all_of_it_is_true(
    people: list[int], data: st.DataObject
) -> None:
    days = {MONDAY + timedelta(days=n - 35): count for n, count in enumerate(people)}
    told = least_told(days, WEEK, GATES)
    assert told <= max(days[day] for day in WEEK)
    others = {
        day: data.draw(st.integers(0, 9)) if count < GATES[0] else count
        for day, count in days.items()
    }
    assert least_told(others, WEEK, GATES) == told
    assert most_told([(10, others)], WEEK) == most_told([(10, days)], WEEK)
