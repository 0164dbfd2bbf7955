"""Detectors beyond R's numbers: many areas at once, holes, moving percentile, what is offered."""

import json

import numpy as np
import pytest

from service.surveillance.detectors.history import best_offer, offers
from service.surveillance.detectors.methods import detect, read_control
from service.surveillance.detectors.points import DetectorError, Series

YEAR = 52
CONTROLS = {
    "earsC": '{"method": "C2", "range": [200, 201]}',
    "farringtonFlexible": '{"b": 3, "noPeriods": 10, "thresholdMethod": "muan", "range": [200]}',
    "farrington": '{"b": 3, "range": [200, 207]}',
    "cusum": '{"m": "glm", "trans": "rossi", "range": [199, 200]}',
    "rki": '{"range": [200]}',
    "bayes": '{"range": [200]}',
    "movingPercentile": '{"b": 3, "range": [200, 201]}',
}


def _county(areas: int = 6, seed: int = 5, holes: int = 0) -> Series:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(6, size=(areas, 4 * YEAR + 5)).astype(np.float64)
    for _ in range(holes):
        counts[rng.integers(areas), rng.integers(4 * YEAR - 20)] = np.nan
    return Series(observed=counts, frequency=YEAR)


@pytest.mark.parametrize("method", CONTROLS)
def test_many_areas_at_once_equal_each_alone(method: str) -> None:
    county = _county(holes=9)
    together = detect(method, CONTROLS[method], county)
    for area in range(county.observed.shape[0]):
        alone = detect(
            method, CONTROLS[method], Series(observed=county.observed[[area]], frequency=YEAR)
        )
        for name in ("upperbound", "expected", "pvalue"):
            np.testing.assert_allclose(
                getattr(together, name)[area], getattr(alone, name)[0], rtol=1e-9, equal_nan=True
            )
        np.testing.assert_array_equal(together.alarm[area], alone.alarm[0])


@pytest.mark.row("C5")
def test_the_moving_percentile_is_that_of_five_weeks_in_each_of_the_years() -> None:
    counts = np.zeros(3 * YEAR + 3)
    judged = 3 * YEAR + 2
    values = iter(range(1, 16))
    for year in (3, 2, 1):
        for week in range(-2, 3):
            counts[judged - year * YEAR + week] = next(values)
    counts[judged] = 13
    series = Series(observed=counts[None, :], frequency=YEAR)
    points = detect("movingPercentile", '{"b": 3, "percentile": 0.8}', series)
    assert points.index[-1] == judged
    # of 1..15: the 80th percentile lies 0.8 x 14 = 11.2 steps after the 1
    assert points.upperbound[0, -1] == pytest.approx(12.2)
    assert points.expected[0, -1] == 8
    assert points.alarm[0, -1]
    assert points.pvalue[0, -1] == pytest.approx(4 / 16)  # 13, 14, 15 are as high


def test_an_outbreak_in_the_past_does_not_hide_the_next_one() -> None:
    county = _county(areas=1)
    counts = county.observed.copy()
    counts[0, 200 - 1 - YEAR] += 60
    counts[0, 199] = 30
    series = Series(observed=counts, frequency=YEAR)
    base = '{"b": 3, "range": [200], "alpha": 0.01, "thresholdMethod": "nbPlugin", "reweight": '
    assert detect("farringtonFlexible", base + "true}", series).alarm[0, 0]
    assert not detect("farringtonFlexible", base + "false}", series).alarm[0, 0]


@pytest.mark.row("C4")
@pytest.mark.parametrize(
    ("points", "mean", "best"),
    [
        (8, 5.0, None),
        (20, 5.0, "earsC"),
        (60, 5.0, "cusum"),
        (60, 0.1, "earsC"),
        (3 * YEAR + 4, 5.0, "farringtonFlexible"),
        (3 * YEAR + 4, 0.0, "movingPercentile"),
    ],
)
def test_a_detector_is_offered_only_with_the_history_it_needs(
    points: int, mean: float, best: str | None
) -> None:
    counts = np.random.default_rng(1).poisson(mean, size=(1, points)).astype(np.float64)
    series = Series(observed=counts, frequency=YEAR)
    offer = best_offer(series)
    assert (offer.method if offer else None) == best
    for other in offers(series):
        assert (other.lacking is None) or other.lacking
        read_control(other.method, _json(other.control))
    if offer is not None:
        judged = {**offer.control, "range": [points]}
        assert detect(offer.method, _json(judged), series).upperbound.shape == (1, 1)


def test_what_a_series_lacks_is_said_in_years_it_has_and_needs() -> None:
    series = Series(observed=np.full((1, 3 * YEAR + 5), 4.0), frequency=YEAR)
    lacking = {one.method: one.lacking for one in offers(series)}
    assert lacking["farringtonFlexible"] is None
    assert lacking["harmonic"] == "3 whole years of history, 4 needed"


def test_an_area_without_any_count_is_undecided_not_an_alarm() -> None:
    counts = np.full((2, 4 * YEAR + 5), np.nan)
    counts[1] = 4.0
    for method, control in CONTROLS.items():
        points = detect(method, control, Series(observed=counts, frequency=YEAR))
        assert not points.alarm[0].any(), method


def test_no_range_and_no_point_to_judge_is_an_error() -> None:
    series = Series(observed=np.ones((1, 60)), frequency=YEAR)
    with pytest.raises(DetectorError, match="nothing to judge"):
        detect("farringtonFlexible", '{"b": 3}', series)


def _json(control: object) -> str:
    return json.dumps(control)
