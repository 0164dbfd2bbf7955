"""What is said of a week betrays nothing that its table hides."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.release_settings import FLOOR
from service.surveillance.judge import (
    DAYS_BEFORE,
    Judgement,
    TownshipWeek,
    judge_week,
    monitored_up_to,
)
from service.surveillance.release import Disclosure

DAYS = DAYS_BEFORE + 7


def township(area: str, people: int, days: Sequence[float] = ()) -> TownshipWeek:
    return TownshipWeek(
        area=area,
        people=people,
        monitored=people,
        days=days,
        asked=people,
        households=people,
    )


def test_a_rise_over_a_steady_baseline_is_flagged_with_its_numbers() -> None:
    row, total = judge_week([township("A", 40, [10.0] * (DAYS - 1) + [30.0])], "county")
    assert row.judgement is Judgement.FLAGGED
    assert row.expected == 10
    # the 99.9th percentile of a Poisson count of mean 10 is 21; the mean is known from few days
    assert row.threshold in {21, 22, 23}
    assert (total.area, total.people) == ("county", 40)


@pytest.mark.parametrize("last", [10.0, 20.0])
def test_a_day_that_chance_brings_is_usual(last: float) -> None:
    row = judge_week([township("A", 30, [10.0] * (DAYS - 1) + [last])], "county")[0]
    assert row.judgement is Judgement.USUAL


@pytest.mark.row("C4")
def test_without_two_weeks_that_were_shown_nothing_is_judged() -> None:
    for days in ((), [10.0] * (DAYS - 1)):
        row = judge_week([township("A", 30, days)], "county")[0]
        assert row.judgement is Judgement.NOT_ASSESSABLE
        assert (row.expected, row.threshold) == (None, None)


def test_an_expectation_below_the_floor_is_not_a_number() -> None:
    row = judge_week([township("A", 12, [1.0] * DAYS)], "county")[0]
    assert (row.judgement, row.expected) == (Judgement.USUAL, None)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.integers(0, 10**6))
@settings(max_examples=100, deadline=None)
def test_hidden_cells_say_nothing_and_shown_numbers_are_never_small(
    people: list[int], seed: int
) -> None:
    days = np.random.default_rng(seed).integers(0, 30, (len(people), DAYS)).astype(np.float64)
    townships = [township(f"T{n}", count, list(days[n])) for n, count in enumerate(people)]
    for row in judge_week(townships, "county"):
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
