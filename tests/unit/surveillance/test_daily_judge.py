"""One day of one series: the window while history is short, seasons when it is long."""

from datetime import date, timedelta
from math import exp, lgamma

import numpy as np
import pytest

from service.surveillance.daily_judge import (
    ALPHA,
    HISTORY_DAYS,
    SeriesDays,
    judge_days,
    judge_series,
)
from service.surveillance.signal_words import Detector

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
    asked = SeriesDays(counts=counts, judged=[DAY])
    seasonal = judge_series([asked], (Detector.SAME_WEEKDAY,))[0][DAY]
    assert seasonal.detector is Detector.SAME_WEEKDAY
    assert seasonal.expected > 15
    assert counts[DAY] <= seasonal.upperbound
    young = {day: count for day, count in counts.items() if day > DAY - timedelta(days=200)}
    recent = judge_days(young, [DAY])[DAY]
    assert recent.detector is Detector.LAST_DAYS
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


def _waves(seed: int, days: int = HISTORY_DAYS) -> list[float]:
    """A mean of 8 with a yearly wave at its top, half of it on the days five and six before."""
    rng = np.random.default_rng(seed)
    ago = np.arange(days, -1, -1)
    mean = 8 * np.exp(0.5 * np.cos(2 * np.pi * ago / 364)) * np.where(ago % 7 > 4, 0.5, 1)
    return [float(v) for v in rng.negative_binomial(mean / 0.5, 1 / 1.5)]


@pytest.mark.row("C4")
def test_three_years_are_judged_by_the_week_and_a_day_by_what_its_week_still_allows() -> None:
    values = _waves(1)
    values[-3:-1] = [values[-3] + 12, values[-2] + 12]  # two days of an outbreak, then the third
    quiet, risen = [*values[:-1], 8.0], [*values[:-1], 26.0]
    least = judge_days(_days(quiet), [DAY])[DAY]
    said = judge_days(_days(risen), [DAY])[DAY]
    assert said.detector is Detector.WEEK_WAVES
    assert said.expected == pytest.approx(8 * exp(0.5), rel=0.2)
    assert (said.expected, said.upperbound) == (least.expected, least.upperbound)
    assert said.pvalue <= ALPHA < least.pvalue
    assert 8 < said.upperbound < 26
    # a day that is no larger than usual tells nothing anew, whatever the days before it were
    values[-7:-1] = [v + 40 for v in values[-7:-1]]
    after = judge_days(_days([*values[:-1], 8.0]), [DAY])[DAY]
    assert after.pvalue < ALPHA
    assert after.upperbound == after.expected


@pytest.mark.row("C4")
def test_less_than_three_years_or_too_many_unknown_weeks_leave_it_to_the_others() -> None:
    values = _waves(2)
    young = judge_days(_days(values[-3 * 360 :]), [DAY])[DAY]
    assert young.detector is Detector.LAST_DAYS
    holes = {day: n for day, n in _days(values).items() if day.toordinal() // 7 % 4 or day == DAY}
    assert judge_days(holes, [DAY])[DAY].detector is not Detector.WEEK_WAVES
    few = judge_days(_days([0.0] * HISTORY_DAYS + [2.0]), [DAY])[DAY]
    assert few.detector is Detector.LAST_DAYS


def test_series_judged_together_are_judged_as_if_alone() -> None:
    long, short = _days(_waves(3)), _days(_waves(4, 90))
    base = {day: 100.0 + 2 * n for n, day in enumerate(sorted(long))}
    days = [DAY - timedelta(days=n) for n in range(9)]
    asked = [
        SeriesDays(counts=long, judged=days),
        SeriesDays(counts=short, judged=days),
        SeriesDays(counts=long, judged=days, base=base),
    ]
    together = judge_series(asked)
    for one, said in zip(asked, together, strict=True):
        alone = judge_days(one.counts, one.judged, one.base)
        assert set(said) == set(alone) == set(days)
        for day in days:
            assert said[day].detector is alone[day].detector
            assert said[day].pvalue == pytest.approx(alone[day].pvalue, rel=1e-8)
            assert said[day].upperbound == pytest.approx(alone[day].upperbound, rel=1e-8)


def test_a_home_channel_that_grows_is_expected_to_give_more() -> None:
    counts = _days([10.0] * (HISTORY_DAYS - 6) + [20.0] * 7)
    base = _days([100.0] * (HISTORY_DAYS - 6) + [200.0] * 7)
    said = judge_days(counts, [DAY], base)[DAY]
    assert said.detector is Detector.WEEK_WAVES
    assert said.expected == pytest.approx(20, rel=0.02)
    assert counts[DAY] <= said.upperbound
    assert judge_days(counts, [DAY])[DAY].pvalue < ALPHA


def test_ordinary_weeks_are_as_unlikely_as_they_say() -> None:
    days = [DAY - timedelta(days=n) for n in range(0, 28, 3)]
    asked = [SeriesDays(counts=_days(_waves(seed)), judged=days) for seed in range(100, 150)]
    found = [one for each in judge_series(asked) for one in each.values()]
    assert len(found) == 500
    for level in (0.2, 0.05):
        share = sum(one.pvalue <= level for one in found) / len(found)
        assert level / 4 < share < 1.6 * level
