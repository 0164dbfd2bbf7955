"""One day of one series: the window while history is short, seasons when it is long."""

from datetime import date, timedelta
from math import exp, lgamma

import numpy as np
import pytest

from service.surveillance.daily_judge import ALPHA, HISTORY_DAYS, judge_days

DAY = date(2026, 11, 20)


def _days(values: list[float], until: date = DAY) -> dict[date, float]:
    return {until - timedelta(days=len(values) - 1 - n): v for n, v in enumerate(values)}


def test_the_window_leaves_two_days_out_and_predicts_the_next_count() -> None:
    # seven days of 4, then two of an outbreak that must not be learned, then the judged day
    judged = judge_days(_days([4.0] * 7 + [40.0, 40.0] + [9.0]), [DAY])[DAY]
    mean, spread = 28.5 / 7, 1 + 1 / 7
    assert judged.expected == pytest.approx(mean)
    size, chance = mean / (spread - 1), 1 / spread
    mass = [
        exp(lgamma(size + k) - lgamma(size) - lgamma(k + 1)) * chance**size * (1 - chance) ** k
        for k in range(60)
    ]
    least = next(k for k in range(60) if sum(mass[: k + 1]) >= 1 - ALPHA)
    assert judged.upperbound == least
    assert judged.pvalue == pytest.approx(1 - sum(mass[:9]))


@pytest.mark.row("C4")
def test_six_days_of_history_say_nothing_and_rest_days_are_no_zeros() -> None:
    assert judge_days(_days([4.0] * 6 + [4.0, 4.0, 30.0]), [DAY]) == {}
    weekdays = {day: 5.0 for n in range(21) if (day := DAY - timedelta(days=n)).isoweekday() <= 5}
    assert judge_days(weekdays, [DAY])[DAY].expected == pytest.approx(5, abs=0.1)
    assert judge_days({}, [DAY]) == {}


@pytest.mark.row("C4")
@pytest.mark.row("C5")
def test_with_three_years_the_season_is_expected_and_without_them_it_is_not() -> None:
    rng = np.random.default_rng(3)
    since_peak = np.arange(HISTORY_DAYS, -1, -1) % 364
    mean = np.where((since_peak <= 1) | (since_peak > 364 - 50), 36.0, 6.0)  # begun yesterday
    counts = _days([float(rng.poisson(float(one))) for one in mean])
    seasonal = judge_days(counts, [DAY])[DAY]
    assert seasonal.expected > 15
    assert counts[DAY] <= seasonal.upperbound
    young = {day: count for day, count in counts.items() if day > DAY - timedelta(days=200)}
    recent = judge_days(young, [DAY])[DAY]
    assert recent.expected < 8
    assert counts[DAY] > recent.upperbound


def test_twice_as_many_people_reporting_are_expected_to_give_twice_as_many() -> None:
    counts = _days([10.0] * 30 + [20.0])
    base = _days([100.0] * 30 + [200.0])
    assert judge_days(counts, [DAY], base)[DAY].expected == pytest.approx(20, rel=0.01)
    assert judge_days(counts, [DAY])[DAY].expected == pytest.approx(10, rel=0.01)


def test_by_chance_it_crosses_rarely_also_where_counts_are_few_and_spread() -> None:
    rng = np.random.default_rng(20261122)
    crossed = total = 0
    for mean, spread in ((0.5, 1.2), (3.0, 1.5), (12.0, 2.0), (40.0, 3.0)):
        for _ in range(60):
            series = rng.negative_binomial(mean / (spread - 1), 1 / spread, size=80)
            counts = _days([float(v) for v in series])
            judged = judge_days(counts, [DAY - timedelta(days=n) for n in range(40)])
            crossed += sum(counts[day] > said.upperbound for day, said in judged.items())
            total += len(judged)
    assert total == 9600
    assert crossed / total < 0.005
