"""River's models over many people: how unusual a reading is among similar ones, and drift.

The only place besides `baselines.py` that computes with river. Both are deterministic for a given
order of what they learn; nothing here is stored: a worker that starts learns the stored readings
of the last weeks again (decision "What the population models remember").
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Hashable, Mapping
from types import MappingProxyType
from typing import cast

from river.anomaly import HalfSpaceTrees
from river.drift import ADWIN

LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"z1": (-5.0, 5.0), "z2": (-5.0, 5.0), "z3": (-5.0, 5.0), "hour": (0.0, 24.0), "gap": (0, 3)}
)
"""Features and what they are cut to: personal z of systolic, diastolic, pulse (or of glucose, then
zeros), hour of the local day, days since the last reading before this session."""

Features = Mapping[str, float]

_LIMITS: dict[Hashable, tuple[float, float]] = {**LIMITS}

_TREES, _HEIGHT, _WINDOW, _SEED = 10, 6, 250, 20261122
_TRAILING = 2_000
_WARM = 500


class Unusual:
    """Half-space trees (Tan, Ting and Liu 2011) of one stratum, their scores as percentiles.

    A score alone says nothing: it is ranked among the last 2,000 scores of the stratum, each given
    before its reading was learned. A percentile of 97 is then reached by 3 of 100 such readings.
    """

    def __init__(self) -> None:
        self._trees = HalfSpaceTrees(
            n_trees=_TREES,
            height=_HEIGHT,
            window_size=_WINDOW,
            limits=_LIMITS,
            seed=_SEED,
        )
        self._order: deque[float] = deque()
        self._sorted: list[float] = []
        self.learned = 0

    def percentile(self, features: Features) -> float | None:
        """0 to 100, the higher the rarer; None before 500 readings were learned."""
        if self.learned < _WARM:
            return None
        score = self._score(features)
        below, through = bisect_left(self._sorted, score), bisect_right(self._sorted, score)
        return round(100 * (below + through) / 2 / len(self._sorted), 1)

    def learn(self, features: Features) -> None:
        """Take one reading, after its score was noted."""
        if self.learned >= _WINDOW:
            self._note(self._score(features))
        self._trees.learn_one(_cut(features))
        self.learned += 1

    def _score(self, features: Features) -> float:
        score = cast("float", self._trees.score_one(_cut(features)))
        return round(score, 6)

    def _note(self, score: float) -> None:
        self._order.append(score)
        insort(self._sorted, score)
        if len(self._order) > _TRAILING:
            oldest = self._order.popleft()
            del self._sorted[bisect_left(self._sorted, oldest)]


class Drift:
    """ADWIN (Bifet and Gavalda 2007) on one daily series of standardised means.

    It says *that* the level has changed; its window then still holds most of the old level, so
    *when* is asked of the series itself.
    """

    def __init__(self) -> None:
        self._window = ADWIN(delta=0.002, clock=1, min_window_length=4, grace_period=12)

    def update(self, value: float) -> bool:
        """Take a day's value; whether the level has changed."""
        self._window.update(value)
        return bool(self._window.drift_detected)


def _cut(features: Features) -> dict[Hashable, float]:
    return {name: min(high, max(low, features[name])) for name, (low, high) in LIMITS.items()}
