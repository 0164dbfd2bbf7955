"""How well a reading fits one person's usual values, and another's better. Pure.

Per quantity the density of Student's t with five degrees of freedom about the recent mean, scaled
by the recent standard deviation widened for the number of readings: heavy tails, so that one
reading that is odd for everybody speaks for nobody. The log-likelihood ratio of two people adds
the quantities up; systolic and diastolic of one reading rise together, so each counts for less.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import lgamma, log, log1p, pi, sqrt
from types import MappingProxyType

from rules.vocabulary import QuantityName
from rules.window import Baseline

WARM_READINGS, WARM_DAYS = 20, 7
"""With fewer readings or days behind it nobody's usual is known well enough to compare with."""

SMALLEST_SD: Mapping[QuantityName, float] = MappingProxyType(
    {
        QuantityName.SYSTOLIC: 5.0,
        QuantityName.DIASTOLIC: 3.5,
        QuantityName.PULSE: 3.5,
        QuantityName.GLUCOSE: 0.8,
    }
)
"""mmHg, mmHg, /min, mmol/L: what cuff and meter alone scatter; nobody is steadier than that."""

_WEIGHT: Mapping[QuantityName, float] = MappingProxyType(
    {
        QuantityName.SYSTOLIC: 0.75,
        QuantityName.DIASTOLIC: 0.75,
        QuantityName.PULSE: 1.0,
        QuantityName.GLUCOSE: 1.0,
    }
)
"""Of a quantity's log-density: with a correlation of about 0.6 two pressures tell what 1.5 do."""

_FREEDOM = 5.0
_CONSTANT = lgamma((_FREEDOM + 1) / 2) - lgamma(_FREEDOM / 2) - 0.5 * log(_FREEDOM * pi)

Usual = Mapping[QuantityName, Baseline]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a reading lies to one person's usual.

    `farthest` is in standard deviations, `log_density` the weighted sum over the quantities.
    """

    farthest: float
    log_density: float


def is_warm(usual: Usual, quantities: frozenset[QuantityName]) -> bool:
    """Whether enough is known of all of `quantities`, and of at least one."""
    return bool(quantities) and all(
        (known := usual.get(name)) is not None
        and known.recent_sd is not None
        and known.readings >= WARM_READINGS
        and known.days >= WARM_DAYS
        for name in quantities
    )


def fit(values: Mapping[QuantityName, float], usual: Usual) -> Fit:
    """How `values` (canonical units) lie to `usual`, which must be warm in all of them."""
    farthest, total = 0.0, 0.0
    for name, value in sorted(values.items()):
        known = usual[name]
        assert known.recent_mean is not None
        assert known.recent_sd is not None
        scale = max(known.recent_sd, SMALLEST_SD[name]) * sqrt(1 + 1 / known.readings)
        distance = abs(value - known.recent_mean) / scale
        density = _CONSTANT - log(scale) - (_FREEDOM + 1) / 2 * log1p(distance**2 / _FREEDOM)
        farthest = max(farthest, distance)
        total += _WEIGHT[name] * density
    return Fit(farthest=round(farthest, 6), log_density=round(total, 6))
