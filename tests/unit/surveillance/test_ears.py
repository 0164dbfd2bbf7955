"""EARS against R: every point of every golden file, the unknown ones included."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from service.surveillance.detectors.ears import EarsMethod, ears

GOLDEN = Path(__file__).parents[2] / "golden"


class Control(msgspec.Struct, kw_only=True):
    method: EarsMethod
    baseline: int = 7
    min_sigma: float = msgspec.field(default=0.0, name="minSigma")
    alpha: float | None = None


class Run(msgspec.Struct, kw_only=True):
    method: str
    control_given: Control
    index_1based: list[int]
    upperbound: list[float | str | None]
    alarm: list[int | str | None]


class Series(msgspec.Struct, kw_only=True):
    observed: list[float]


class Golden(msgspec.Struct, kw_only=True):
    series: Series
    runs: list[Run]


def _cases() -> list[tuple[str, list[float], Run]]:
    files = sorted(GOLDEN.glob("*__ears.json"))
    golden = {path.stem: msgspec.json.decode(path.read_bytes(), type=Golden) for path in files}
    return [
        (f"{name}:{run.method}", g.series.observed, run)
        for name, g in golden.items()
        for run in g.runs
    ]


CASES = _cases()


def _number(value: float | str | None) -> float:
    if value is None or value in ("NA", "NaN"):
        return float("nan")
    return float(value)


def test_three_golden_files_hold_six_runs_each() -> None:
    assert len(CASES) == 18


@pytest.mark.parametrize(
    ("observed", "run"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_every_point_equals_r(observed: list[float], run: Run) -> None:
    control = run.control_given
    result = ears(
        np.array(observed, dtype=np.float64),
        control.method,
        baseline=control.baseline,
        min_sigma=control.min_sigma,
        alpha=control.alpha,
    )
    assert list(range(result.first + 1, len(observed) + 1)) == run.index_1based
    threshold = np.array([_number(value) for value in run.upperbound])
    np.testing.assert_allclose(result.threshold, threshold, rtol=0, atol=1e-9, equal_nan=True)
    known = np.array([value not in (None, "NA", "NaN") for value in run.alarm])
    np.testing.assert_array_equal(result.assessable, known & np.isfinite(threshold))
    expected = np.array([int(value) if value in (0, 1) else 0 for value in run.alarm], dtype=bool)
    np.testing.assert_array_equal(result.alarm, expected)


def test_the_golden_files_do_hold_unknown_points() -> None:
    unknown = [value for _, _, run in CASES for value in run.upperbound if value is None]
    assert len(unknown) == 7


def test_many_series_at_once_equal_each_alone() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(3, size=(5, 40)).astype(np.float64)
    together = ears(counts, EarsMethod.C3)
    for row, series in enumerate(counts):
        alone = ears(series, EarsMethod.C3)
        np.testing.assert_array_equal(together.threshold[row], alone.threshold)
        np.testing.assert_array_equal(together.alarm[row], alone.alarm)


def test_a_flat_week_alarms_on_any_rise_unless_a_least_spread_is_named() -> None:
    counts = np.array([4.0] * 9 + [5.0])
    assert ears(counts, EarsMethod.C2).alarm.tolist() == [True]
    assert ears(counts, EarsMethod.C2, min_sigma=1).alarm.tolist() == [False]


@pytest.mark.parametrize("days", [9, 3, 0])
def test_a_series_without_a_whole_baseline_is_refused(days: int) -> None:
    with pytest.raises(ValueError, match="needs more than 9"):
        ears(np.zeros(days), EarsMethod.C2)


def test_a_baseline_of_one_day_is_refused() -> None:
    with pytest.raises(ValueError, match="no spread"):
        ears(np.zeros(20), EarsMethod.C1, baseline=1)


def test_json_of_the_golden_files_has_no_foreign_keys_we_ignore_silently() -> None:
    for path in GOLDEN.glob("*__ears.json"):
        for run in json.loads(path.read_text())["runs"]:
            assert set(run["control_given"]) <= {"method", "baseline", "minSigma", "alpha"}
