"""Every detector against R 4.2.2 + surveillance 1.20.3: every point of every golden file."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from service.surveillance.detectors.methods import detect
from service.surveillance.detectors.points import Points
from service.surveillance.detectors.series_file import read_series

GOLDEN = Path(__file__).parents[2] / "golden"
Values = list[float | str | None]


class Run(msgspec.Struct, kw_only=True):
    method: str
    control_given: msgspec.Raw
    upperbound: Values
    alarm: Values
    r_function: str | None = None
    index_1based: list[int] | None = None
    expected: Values | None = None
    pvalue: Values | None = None
    series: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class Golden(msgspec.Struct, kw_only=True):
    runs: list[Run]
    series: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


Case = tuple[str, bytes, Run]


def _cases() -> list[Case]:
    cases: list[Case] = []
    for path in sorted(GOLDEN.glob("*__*.json")):
        golden = msgspec.json.decode(path.read_bytes(), type=Golden)
        for number, run in enumerate(golden.runs):
            series = bytes(run.series) or bytes(golden.series)
            assert series
            cases.append((f"{path.stem}:{number}:{run.method}", series, run))
    return cases


CASES = _cases()


def _numbers(values: Values) -> NDArray[np.float64]:
    return np.array([np.nan if v is None or v == "NA" else float(v) for v in values])


def _judged(series: bytes, run: Run) -> Points:
    control = msgspec.json.decode(run.control_given, type=dict[str, object])
    if run.index_1based is not None:
        control["range"] = run.index_1based
    return detect(run.r_function or run.method, msgspec.json.encode(control), read_series(series))


def test_the_golden_files_hold_every_method_of_r_we_offer() -> None:
    methods = {run.r_function or run.method for _, _, run in CASES}
    assert methods == {"earsC", "farringtonFlexible", "farrington", "cusum", "rki", "bayes"}
    assert len(CASES) > 120


@pytest.mark.row("C3")
@pytest.mark.parametrize(("series", "run"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_every_point_equals_r(series: bytes, run: Run) -> None:
    points = _judged(series, run)
    np.testing.assert_allclose(
        points.upperbound[0], _numbers(run.upperbound), rtol=1e-6, atol=1e-9, equal_nan=True
    )
    alarm = np.where(points.undecided[0], np.nan, points.alarm[0])
    np.testing.assert_array_equal(alarm, _numbers(run.alarm))
    for ours, theirs in ((points.expected, run.expected), (points.pvalue, run.pvalue)):
        if theirs is not None:
            np.testing.assert_allclose(
                ours[0], _numbers(theirs), rtol=1e-6, atol=1e-9, equal_nan=True
            )
