"""Averaged harmonic regressions: they find mean and tails of series whose law is written down."""

import json

import numpy as np
import pytest

from service.surveillance.detectors.harmonic import HarmonicControl, harmonic
from service.surveillance.detectors.methods import detect
from service.surveillance.detectors.points import Counts, DetectorError, Series

YEAR, WEEKS = 52, 52 * 6 + 30


def true_mean(waves: int, *, trend: bool) -> Counts:
    week = np.arange(WEEKS)
    log = 3.0 + (0.001 if trend else 0.0) * week
    for wave in range(1, waves + 1):
        log = log + 0.4 * np.cos(2 * np.pi * wave * week / YEAR)
    return np.asarray(np.exp(log))


@pytest.mark.row("C3")
@pytest.mark.parametrize(("waves", "trend"), [(0, False), (1, True), (2, False), (2, True)])
def test_the_expected_count_is_the_mean_the_counts_came_from(waves: int, *, trend: bool) -> None:
    mean = true_mean(waves, trend=trend)
    counts = np.random.default_rng(3).poisson(mean, size=(40, WEEKS)).astype(np.float64)
    points = harmonic(Series(observed=counts, frequency=YEAR), HarmonicControl(range=(WEEKS,)))
    assert points.expected.mean() == pytest.approx(mean[-1], rel=0.02)
    assert points.expected[:, 0].std() < 0.1 * mean[-1]


@pytest.mark.parametrize("span", [1, 2])
def test_ordinary_weeks_cross_the_bound_as_often_as_it_says(span: int) -> None:
    rng = np.random.default_rng(5)
    mean = true_mean(1, trend=False)
    counts = rng.negative_binomial(mean / 1.5, 1 / 2.5, size=(200, WEEKS)).astype(np.float64)
    judged = tuple(range(WEEKS - 4, WEEKS + 1))
    control = HarmonicControl(range=judged, span=span, alpha=0.02)
    points = harmonic(Series(observed=counts, frequency=YEAR), control)
    assert 0.006 < points.alarm.mean() < 0.04
    np.testing.assert_array_equal(points.alarm, points.pvalue <= 0.02)


def test_a_past_outbreak_weighs_little_and_unknown_points_nothing() -> None:
    counts = np.full((3, WEEKS), 10.0)
    counts[1, 200:203] = 60.0
    counts[2, 150:240] = np.nan
    points = harmonic(Series(observed=counts, frequency=YEAR), HarmonicControl(range=(WEEKS,)))
    np.testing.assert_allclose(points.expected[:, 0], 10.0, rtol=0.02)
    assert not points.alarm.any()
    counts[:, : WEEKS - 60] = np.nan
    points = harmonic(Series(observed=counts, frequency=YEAR), HarmonicControl(range=(WEEKS,)))
    assert points.undecided.all()
    assert np.isnan(points.expected).all()


def test_areas_are_judged_each_by_itself_and_by_the_name_harmonic() -> None:
    counts = np.random.default_rng(9).poisson(4.0, size=(260, WEEKS)).astype(np.float64)
    together = harmonic(Series(observed=counts, frequency=YEAR), HarmonicControl(range=(WEEKS,)))
    alone = detect(
        "harmonic", json.dumps({"range": WEEKS}), Series(observed=counts[259:], frequency=YEAR)
    )
    np.testing.assert_allclose(together.pvalue[259], alone.pvalue[0], rtol=1e-8)
    with pytest.raises(DetectorError, match="needs 286 points"):
        detect("harmonic", '{"range": 200}', Series(observed=counts[:1], frequency=YEAR))
    with pytest.raises(DetectorError, match="noPeriods"):
        detect("harmonic", '{"noPeriods": 10}', Series(observed=counts[:1], frequency=YEAR))
