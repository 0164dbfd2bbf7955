"""The evaluation of detectors: the design it draws, what it counts, what it compares."""

import json

import numpy as np
import pytest

from service.cli import main
from service.lab import bench_surveillance
from service.lab.county_outbreaks import (
    TOWNSHIPS,
    WARM_UP,
    Outbreak,
    SimulatedCounty,
    fused,
    noticed,
    rearmed,
    simulate_county,
)
from service.lab.evaluate_surveillance import (
    PUBLISHED,
    SIZES,
    alarms_of,
    series_lines,
    threshold_at,
)
from service.lab.morning_series import morning_lines
from service.lab.noufaily import JUDGED_FROM, WEEKS, scenarios, simulate
from service.surveillance.detectors.farrington_flexible import FlexibleControl, farrington_flexible
from service.surveillance.detectors.points import Series
from service.surveillance.signal_words import Detector


def test_the_design_has_42_scenarios_and_the_fourteen_of_the_earlier_benchmark() -> None:
    every = scenarios()
    assert len({one.name for one in every}) == 42
    assert len([one for one in every if one.name in PUBLISHED]) == 14
    first = every[0]
    assert first.mean() == pytest.approx(np.full(WEEKS, np.exp(0.1)))


def test_counts_have_the_mean_and_the_spread_of_their_scenario() -> None:
    (scenario,) = [one for one in scenarios() if one.name == "5/0"]
    drawn = simulate(scenario, 300, 0, np.random.default_rng(1))
    judged = drawn.judged
    mean = np.exp(2.5)
    assert judged.mean() == pytest.approx(mean, rel=0.02)
    assert judged.var() / judged.mean() == pytest.approx(3.0, rel=0.05)
    assert not drawn.outbreak.any()


@pytest.mark.row("C16")
def test_an_injected_outbreak_adds_its_cases_to_the_weeks_that_are_marked() -> None:
    (scenario,) = [one for one in scenarios() if one.name == "6/0"]
    struck = simulate(scenario, 200, 10, np.random.default_rng(2))
    assert struck.counts.shape == (200, WEEKS)
    marked = struck.judged[struck.outbreak].mean()
    others = struck.judged[~struck.outbreak].mean()
    assert marked > others + 10
    assert struck.outbreak.any(axis=1).mean() > 0.95  # but for those after the last week
    again = simulate(scenario, 200, 10, np.random.default_rng(2))
    np.testing.assert_array_equal(again.counts, struck.counts)
    assert struck.counts[:, :JUDGED_FROM].sum() > 0


@pytest.mark.slow
@pytest.mark.row("C16")
def test_detectors_stand_beside_fixed_limits_and_random_alerts_at_one_rate() -> None:
    among = [one for one in scenarios() if one.name == "5/0"]
    names = ("Farrington flexible nbPlugin", "fixed limit", "random alerts")
    lines = {one.name: one for one in series_lines(6, 0.02, 1, 2, among, names)}
    flexible, fixed, chance = (lines[name] for name in names)
    for one in (flexible, fixed, chance):
        assert 0.001 < one.false_rate < 0.06
    # Two dozen outbreaks do not tell which of the two is better: that is what `evaluate` is for.
    assert min(flexible.found, fixed.found) > 2 * chance.found
    assert flexible.found_by_size[str(SIZES[-1])] > 0.7
    assert chance.found < 0.15


def test_what_is_told_once_rests_and_leaves_room_for_a_lower_threshold() -> None:
    score = np.asarray([[0.0, 3.0, 2.0, 3.0, 3.0, 0.0, 0.0, 2.0]])
    plain = alarms_of(score, 1.5, 0)
    assert plain.tolist() == [[False, True, True, True, True, False, False, True]]
    once = alarms_of(score, 1.5, 2)
    assert once.tolist() == [[False, True, False, False, True, False, False, True]]
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(200, 50))
    clustered = noise[:, 1:] + noise[:, :-1]
    alone, rested = (threshold_at(clustered, 0.05, rest) for rest in (0, 2))
    assert alarms_of(clustered, rested, 2).mean() == pytest.approx(0.05, abs=0.001)
    assert rested < alone


def _county(outbreaks: tuple[Outbreak, ...], days: int = WARM_UP + 70) -> SimulatedCounty:
    return SimulatedCounty(counts={}, outbreaks=outbreaks, days=days)


def test_what_counts_as_noticed_false_and_late() -> None:
    outbreak = Outbreak(township=0, first=50, last=60, sources=2)
    alerts = [[45, 53, 66, 80], *([] for _ in range(TOWNSHIPS - 1))]
    found = noticed(_county((outbreak,)), alerts)
    assert found.found == 1.0
    assert found.delay == 3
    assert found.false_per_week == pytest.approx(2 / 10)  # day 66 is still about it
    assert found.right == 0.5
    assert found.found_by_sources["two"] == 1.0
    after = noticed(_county((outbreak,)), [[66], *([] for _ in range(TOWNSHIPS - 1))])
    assert after.found == 0.0


def test_a_signal_rearms_a_week_after_its_last_day() -> None:
    assert rearmed([10, 11, 15, 22, 30, 31]) == [10, 30]


@pytest.mark.slow
@pytest.mark.row("C14")
def test_fusion_finds_outbreaks_and_the_home_channel_takes_none_away() -> None:
    county = simulate_county(70, 4.0, np.random.default_rng(5))
    both = noticed(county, fused(county, with_home=True))
    without = noticed(county, fused(county, with_home=False))
    assert len(county.outbreaks) > 8
    assert both.found > 0.5
    assert both.found >= without.found
    assert both.false_per_week < 4


def test_the_command_refuses_one_seed_for_tuning_and_reporting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["evaluate", "surveillance", "--tuning-seed", "1", "--reporting-seed", "1"]
    assert main(command) == 2
    assert "two seeds" in capsys.readouterr().err


def test_the_bench_says_what_it_measured_beside_a_plain_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench_surveillance, "SERIES", 60)
    monkeypatch.setattr(bench_surveillance, "_PEER_POINTS", 10)
    report = bench_surveillance.bench_surveillance()
    assert [one.name for one in report.measured] == ["Farrington flexible", "EARS C2"]
    assert all(one.cpu_s > 0 and one.peer_s > 0 for one in report.measured)
    assert "Farrington flexible" in bench_surveillance.table(report)


def test_the_plain_loop_of_the_bench_expects_what_the_detector_expects() -> None:
    counts = np.random.default_rng(3).negative_binomial(10, 0.4, size=320).astype(np.float64)
    control = FlexibleControl(
        range=(320,), no_periods=10, past_left_out=26, p_threshold_trend=1.0, limit54=(0, 4)
    )
    points = farrington_flexible(Series(observed=counts[None, :], frequency=52), control)
    plain = bench_surveillance.expected_one_at_a_time(counts, control)
    assert plain == pytest.approx(points.expected[0, 0], rel=1e-4)


@pytest.mark.slow
def test_the_command_prints_a_county_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "surveillance", "--only", "county", "--days", "30", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["series"] == []
    assert [one["name"] for one in told["county"]][:2] == [
        "fusion",
        "fusion without the home channel",
    ]


@pytest.mark.row("C16")
def test_the_mornings_detectors_stand_beside_each_other_on_daily_series() -> None:
    lines = {one.name: one for one in morning_lines(4, 0.05, 1, 2)}
    assert set(lines) == {one.value for one in Detector}
    waves, others = lines["week_waves"], [lines["same_weekday"], lines["last_days"]]
    assert all(waves.found > one.found for one in others)
    assert waves.ordinary["0.01"] < 0.03
    assert waves.found_by_size["3.0"] > 0.8
