"""The usual of one person on plain river objects: the peer of the core's columns.

What `gateway.baselines` keeps as columns for each quantity, here as the library's own objects: a
slow and a fast mean, mean and variance of two parts of the day, three quantiles, and a ring of the
last values for a 2-of-3 rule over distinct days. Nothing is closed by days, nothing is stored.
"""

from collections import deque
from datetime import date, datetime
from enum import StrEnum
from math import sqrt

from river.stats import EWMean, EWVar, Quantile

_SLOW, _FAST, _READING = 2 / 61, 2 / 11, 2 / 121
_RING = 32
_NOON = 12
_WARM, _FAR_SD, _OF = 5, 3.0, 3
_TWO = 2


class Series(StrEnum):
    """What is followed."""

    SYSTOLIC = "systolic"
    DIASTOLIC = "diastolic"
    PULSE = "pulse"
    GLUCOSE = "glucose"


_LIMIT = {
    Series.SYSTOLIC: 160.0,
    Series.DIASTOLIC: 100.0,
    Series.PULSE: 120.0,
    Series.GLUCOSE: 13.9,
}
_CRISIS = {
    Series.SYSTOLIC: 180.0,
    Series.DIASTOLIC: 110.0,
    Series.PULSE: 150.0,
    Series.GLUCOSE: 16.7,
}


class RiverSeries:
    """One quantity of one person."""

    __slots__ = ("count", "evening", "fast", "morning", "quartiles", "ring", "slow", "spread")

    def __init__(self) -> None:
        self.slow, self.fast, self.spread = EWMean(_SLOW), EWMean(_FAST), EWVar(_READING)
        self.morning = (EWMean(_SLOW), EWVar(_READING))
        self.evening = (EWMean(_SLOW), EWVar(_READING))
        self.quartiles = (Quantile(0.25), Quantile(0.5), Quantile(0.75))
        self.ring: deque[tuple[date, float]] = deque(maxlen=_RING)
        self.count = 0

    def judge(self, value: float, at: datetime, limit: float, crisis: float) -> bool:
        """Whether the value calls for somebody; it is learned afterwards."""
        sd = sqrt(max(0.0, self.spread.get()))
        unusual = self.count >= _WARM and sd > 0 and abs(value - self.slow.get()) > _FAR_SD * sd
        self.ring.append((at.date(), value))
        high = {day for day, one in list(self.ring)[-_OF:] if one >= limit}
        self._learn(value, at)
        return value >= crisis or len(high) >= _TWO or (unusual and value >= limit)

    def _learn(self, value: float, at: datetime) -> None:
        self.count += 1
        for learner in (self.slow, self.fast, self.spread, *self.quartiles):
            learner.update(value)
        for learner in self.morning if at.hour < _NOON else self.evening:
            learner.update(value)


class RiverPerson:
    """All quantities that a person has measured."""

    __slots__ = ("series",)

    def __init__(self) -> None:
        self.series: dict[Series, RiverSeries] = {}

    def judge(self, which: Series, value: float, at: datetime) -> bool:
        """Whether a value calls for somebody; it is learned afterwards."""
        series = self.series.get(which)
        if series is None:
            series = self.series[which] = RiverSeries()
        return series.judge(value, at, _LIMIT[which], _CRISIS[which])
