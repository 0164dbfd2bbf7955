"""`hearthwatch bench surveillance`: the detectors over many series, beside one series at a time.

The peer is what one would write without batching: for every point its own design, weighted least
squares by NumPy, the same stopping rule. R's own rate on the machine of the golden files was 86
Farrington-flexible fits a CPU-second (docs/surveillance.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter, process_time

import numpy as np

from service.surveillance.detectors.ears import EarsMethod, ears
from service.surveillance.detectors.farrington_flexible import (
    FlexibleControl,
    Threshold,
    farrington_flexible,
)
from service.surveillance.detectors.points import Counts, Series
from service.surveillance.detectors.reference import flexible_reference

SERIES = 5_000
_WEEKS = 320
_DAYS = 30
_PEER_POINTS = 100
_ROUNDS = 3
_BASELINE = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One detector: seconds of wall and processor for all points, and the peer's for as many.

    The peer runs on a part of them; `peer_s` is scaled up. `ratio` is processor time over ours.
    """

    name: str
    points: int
    wall_s: float
    cpu_s: float
    target_s: float
    peer_s: float
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveillanceReport:
    """What was measured, the best of three rounds each."""

    measured: list[Measured]


def bench_surveillance(seed: int = 1) -> SurveillanceReport:
    """Measure Farrington flexible and EARS over 5,000 series of the same seed."""
    rng = np.random.default_rng(seed)
    weekly = rng.negative_binomial(10, 0.4, size=(SERIES, _WEEKS)).astype(np.float64)
    daily = rng.poisson(4, size=(SERIES, _DAYS)).astype(np.float64)
    control = FlexibleControl(
        range=(_WEEKS,),
        no_periods=10,
        past_left_out=26,
        p_threshold_trend=1.0,
        threshold=Threshold.NB_PLUGIN,
        alpha=0.01,
    )
    whole = Series(observed=weekly, frequency=52)
    flexible = _best(lambda: farrington_flexible(whole, control))
    quick = _best(lambda: ears(daily, EarsMethod.C2))
    some = weekly[:_PEER_POINTS]
    _, slow = _best(lambda: [expected_one_at_a_time(row, control) for row in some], rounds=1)
    _, slow_ears = _best(lambda: [_one_window_at_a_time(row) for row in daily], rounds=1)
    return SurveillanceReport(
        measured=[
            _line("Farrington flexible", SERIES, flexible, 3.0, slow * SERIES / len(some)),
            _line("EARS C2", SERIES * (_DAYS - _BASELINE - 2), quick, 0.05, slow_ears),
        ]
    )


def table(report: SurveillanceReport) -> str:
    """The report as lines for a person."""
    head = f"{'detector':<20} {'points':>8} {'wall':>9} {'cpu':>9} {'target':>7} {'plain loop':>11}"
    rows = [
        f"{one.name:<20} {one.points:>8} {one.wall_s:>8.3f}s {one.cpu_s:>8.3f}s"
        f" {one.target_s:>6.2f}s {one.peer_s:>10.2f}s  {one.ratio:.0f} times"
        for one in report.measured
    ]
    return "\n".join([f"{SERIES} series", head, *rows])


def _line(
    name: str, points: int, spent: tuple[float, float], target_s: float, peer_s: float
) -> Measured:
    wall_s, cpu_s = spent
    return Measured(
        name=name,
        points=points,
        wall_s=wall_s,
        cpu_s=cpu_s,
        target_s=target_s,
        peer_s=peer_s,
        ratio=peer_s / cpu_s,
    )


def _best(work: Callable[[], object], rounds: int = _ROUNDS) -> tuple[float, float]:
    """Least wall and least processor seconds of some rounds."""
    walls: list[float] = []
    cpus: list[float] = []
    for _ in range(rounds):
        wall_s, cpu_s = perf_counter(), process_time()
        work()
        walls.append(perf_counter() - wall_s)
        cpus.append(process_time() - cpu_s)
    return min(walls), min(cpus)


def expected_one_at_a_time(counts: Counts, control: FlexibleControl) -> float:
    """One fit and refit by plain weighted least squares; the mean expected of the last week."""
    series = Series(observed=counts[None, :], frequency=52)
    reference = flexible_reference(
        series,
        _WEEKS - 1,
        years=control.b,
        half=control.w,
        seasons=control.no_periods,
        left_out=control.left_out,
    )
    seasons = np.arange(1, control.no_periods + 1)
    design = np.column_stack(
        [reference.season[:, None] == seasons[None, :], reference.time - reference.now]
    ).astype(np.float64)
    observed = counts[_WEEKS - 1 - reference.back]
    weights = np.ones_like(observed)
    mean = observed
    solution = np.zeros(design.shape[1])
    for _ in range(2):
        solution, mean, phi = _fit_one(observed, design, weights)
        root = np.sqrt(weights * mean)
        orthogonal, _ = np.linalg.qr(root[:, None] * design)
        leverage = (orthogonal**2).sum(axis=1)
        residual = 1.5 * (observed ** (2 / 3) * mean ** (-1 / 6) - np.sqrt(mean))
        standard = residual / np.sqrt(phi * (1 - leverage))
        weights = np.where(standard > control.weights_threshold, standard**-2.0, 1.0)
        weights *= len(weights) / weights.sum()
    return float(np.exp(solution[control.no_periods - 1]))


def _fit_one(observed: Counts, design: Counts, weights: Counts) -> tuple[Counts, Counts, float]:
    mean: Counts = observed + 0.1
    deviance = np.inf
    solution = np.zeros(design.shape[1])
    for _ in range(25):
        root = np.sqrt(weights * mean)
        working = np.log(mean) + (observed - mean) / mean
        solution[:] = np.linalg.lstsq(root[:, None] * design, root * working, rcond=None)[0]
        mean = np.asarray(np.exp(design @ solution), dtype=np.float64)
        logs = observed * np.log(np.where(observed > 0, observed, 1) / mean)
        moved = 2 * float((weights * (np.where(observed > 0, logs, 0) - (observed - mean))).sum())
        if abs(moved - deviance) / (abs(moved) + 0.1) < 1e-8:  # noqa: PLR2004 -- R's epsilon
            break
        deviance = moved
    freedom = len(observed) - design.shape[1]
    phi = max(1.0, float((weights * (observed - mean) ** 2 / mean).sum()) / freedom)
    return solution, mean, phi


def _one_window_at_a_time(counts: Counts) -> list[float]:
    found: list[float] = []
    for day in range(_BASELINE + 2, len(counts)):
        window = counts[day - _BASELINE - 2 : day - 2]
        found.append(float(window.mean() + 3.09 * window.std(ddof=1)))
    return found
