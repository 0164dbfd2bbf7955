"""What a meter shows of the blood: ISO 15197:2013, LO and HI, honest meal marks."""

import numpy as np
import numpy.typing as npt
import pytest

from firmware_sim.cohort.glucose import glucose_days
from firmware_sim.cohort.meter import CONTEXTS, MeterKind, meal_context, meter_shows
from tests.unit.firmware_sim.cohort_person import YEAR, moments, on_insulin, quiet

pytestmark = pytest.mark.row("S2")


@pytest.mark.parametrize("true_mmol", [2.5, 4.5, 5.5, 5.6, 8.0, 15.0, 25.0])
def test_95_of_100_results_are_within_the_standard_and_not_all_are_exact(true_mmol: float) -> None:
    rng = np.random.default_rng(1)
    truth = np.full(20_000, true_mmol)
    shown = np.concatenate([meter_shows(truth[:200], rng, bias=bias).mmol for bias in _BIASES])
    limit = 0.83 if true_mmol < 5.55 else 0.15 * true_mmol
    error = np.abs(shown - true_mmol)
    assert np.mean(error <= limit) >= 0.95
    assert error.std() > 0.1
    assert np.array_equal(shown, shown.round(1))


_BIASES = np.random.default_rng(2).standard_normal(100).tolist()


def test_values_beyond_the_range_are_words() -> None:
    truth = np.array([0.5, 1.0, 6.0, 33.0, 40.0, 60.0])
    exact = MeterKind(scatter_mmol=0.0, scatter_share=0.0, dirty_finger=0.0)
    shown = meter_shows(truth, np.random.default_rng(3), kind=exact)
    assert shown.beyond.tolist() == [-1, -1, 0, 0, 1, 1]
    assert shown.mmol.tolist() == [1.1, 1.1, 6.0, 33.0, 33.3, 33.3]


def test_readings_are_marked_as_an_honest_person_would() -> None:
    days = glucose_days(on_insulin(4), YEAR, quiet())
    eaten = (days.meal_mmol > 0).all(axis=1)
    meals = days.meal_at[eaten]
    midnight = np.arange(0.0, 1440.0 * 365, 1440.0)

    def words(minute: npt.NDArray[np.float64]) -> set[str]:
        return {CONTEXTS[code] for code in meal_context(days, moments(minute)).tolist()}

    assert words(meals[:, 0] - 20) == {"fasting"}
    assert words(meals[:, 0] + 120) == {"postprandial"}
    assert words(meals[:, 1] - 30) <= {"preprandial", "postprandial"}
    assert words(meals[:, 2] + 120) == {"postprandial"}
    assert words(midnight + 1430) == {"bedtime"}
    assert words(midnight + 120) == {""}
