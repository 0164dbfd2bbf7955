"""What is said of a week betrays nothing that its table hides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.surveillance.judge import (
    DAYS_BEFORE,
    Judgement,
    TownshipWeek,
    judge_week,
    monitored_up_to,
)
from service.surveillance.release import FLOOR, Disclosure

DAYS = DAYS_BEFORE + 7


def township(area: str, people: int, *, baseline_shown: bool = True) -> TownshipWeek:
    return TownshipWeek(
        area=area,
        people=people,
        monitored=people,
        ceiling=10**6,
        baseline_shown=baseline_shown,
        asked=people,
        households=people,
    )


def test_a_rise_over_a_steady_baseline_is_flagged_with_its_numbers() -> None:
    days = np.array([[10.0] * (DAYS - 1) + [20.0]])
    row, total = judge_week([township("A", 30)], days, "county")
    assert row.judgement is Judgement.FLAGGED
    assert row.expected == 10
    # sigma is at least 0.5 and z(0.999) is 3.0902: 10 + 1.545, in whole people 12.
    assert row.threshold == 12
    assert (total.area, total.people) == ("county", 30)


def test_a_steady_township_is_usual() -> None:
    row = judge_week([township("A", 30)], np.full((1, DAYS), 10.0), "county")[0]
    assert row.judgement is Judgement.USUAL


def test_without_history_or_with_a_hidden_week_before_nothing_is_judged() -> None:
    days = np.full((1, DAYS), 10.0)
    for rows in (
        judge_week([township("A", 30)], None, "county"),
        judge_week([township("A", 30, baseline_shown=False)], days, "county"),
    ):
        assert rows[0].judgement is Judgement.NOT_ASSESSABLE
        assert (rows[0].expected, rows[0].threshold) == (None, None)


def test_an_expectation_below_the_floor_is_not_a_number() -> None:
    row = judge_week([township("A", 12)], np.full((1, DAYS), 2.0), "county")[0]
    assert (row.judgement, row.expected, row.threshold) == (Judgement.USUAL, None, None)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.integers(0, 10**6))
@settings(max_examples=200, deadline=None)
def test_hidden_cells_say_nothing_and_shown_numbers_are_never_small(
    people: list[int], seed: int
) -> None:
    days = np.random.default_rng(seed).integers(0, 30, (len(people), DAYS)).astype(np.float64)
    townships = [township(f"T{n}", count) for n, count in enumerate(people)]
    for row in judge_week(townships, days, "county"):
        if row.disclosure is not Disclosure.SHOWN:
            assert row.people is None
            assert row.judgement is Judgement.NOT_SHOWN
            assert row.expected is None
            assert row.threshold is None
        for number in (row.people, row.expected, row.threshold):
            assert number is None or number == 0 or number >= FLOOR


@pytest.mark.parametrize(("people", "shown"), [(0, 0), (1, 10), (10, 10), (11, 20), (34, 40)])
def test_the_number_monitored_is_rounded_up_to_tens(people: int, shown: int) -> None:
    assert monitored_up_to(people) == shown
