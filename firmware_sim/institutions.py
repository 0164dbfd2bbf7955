"""Counts of clinics, pharmacies, schools and homes that do not exist, with outbreaks.

An independent witness for surveillance: counts come out of infections, not out of a detector's
model. Ordinary days are negative binomial around a weekday pattern; an outbreak is an epidemic
curve of infections (log-normal in time) of which each source sees its share after its own delay:
people measure a fever and buy medicine first, pupils stay away next, the clinic sees them last.

The shares and delays are ours, chosen after the order that syndromic studies report (pharmacy sales
and school absence lead clinic visits by days); they describe no town.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Sees:
    """How one source sees a township: usual events a day, by day of the week, and an outbreak.

    `week` are factors from Monday to Sunday, 0 where it is closed. `share` is the part of the
    infected it notices, `delay_days` after infection.
    """

    indicator: str
    usual: float
    week: tuple[float, ...]
    share: float
    delay_days: int


SOURCES: Mapping[str, Sees] = MappingProxyType(
    {
        "home": Sees(indicator="fever", usual=0.4, week=(1.0,) * 7, share=0.05, delay_days=1),
        "pharmacy": Sees(
            indicator="antipyretic",
            usual=14.0,
            week=(1.0, 1.0, 0.9, 1.0, 1.1, 1.2, 1.1),
            share=0.35,
            delay_days=1,
        ),
        "school": Sees(
            indicator="absent_ill",
            usual=8.0,
            week=(1.2, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0),
            share=0.25,
            delay_days=2,
        ),
        "clinic": Sees(
            indicator="influenza_like",
            usual=9.0,
            week=(1.3, 1.1, 1.0, 1.0, 1.0, 0.8, 0.7),
            share=0.3,
            delay_days=2,
        ),
    }
)
"""By kind of source, in the order in which they notice."""

_OVERDISPERSION = 1.3  # variance over mean of ordinary days
_PEAK_DAY = 4.0
_CURVE_SD = 0.5  # of the logarithm of the day of infection


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbreak:
    """So many infections in one township, the first on a day."""

    township: str
    first_day: date
    infected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCount:
    """What one source counted in one township on one day; a closed day has none."""

    source: str
    indicator: str
    township: str
    day: date
    value: int


def simulate(
    townships: Sequence[str],
    days: Sequence[date],
    outbreaks: Sequence[Outbreak] = (),
    seed: int = 1,
) -> Iterator[SimulatedCount]:
    """Every count of every source, by township, source and day; the same seed gives the same.

    A township's numbers do not depend on which others are simulated.
    """
    for township in townships:
        here = [one for one in outbreaks if one.township == township]
        for number, (source, sees) in enumerate(SOURCES.items()):
            named = np.frombuffer(township.encode(), dtype=np.uint8).tolist()
            chance = np.random.default_rng([seed, number, *named])
            for day in days:
                factor = sees.week[day.weekday()]
                usual = _draw(chance, sees.usual * factor)
                ill = sum(_noticed(one, sees, day) for one in here)
                extra = int(chance.poisson(ill))
                if factor:
                    yield SimulatedCount(
                        source=source,
                        indicator=sees.indicator,
                        township=township,
                        day=day,
                        value=usual + extra,
                    )


def _draw(chance: np.random.Generator, mean: float) -> int:
    if mean == 0:
        return 0
    size = mean / (_OVERDISPERSION - 1)
    return int(chance.poisson(chance.gamma(size, mean / size)))


def _noticed(outbreak: Outbreak, sees: Sees, day: date) -> float:
    """The expected cases of an outbreak that a source notices on `day`."""
    infected_on = day - timedelta(days=sees.delay_days)
    age = (infected_on - outbreak.first_day).days
    if age < 0:
        return 0.0
    part = _curve(age + 1.0) - _curve(float(age))
    return outbreak.infected * sees.share * part


def _curve(age_days: float) -> float:
    """The share infected within `age_days` of the first: a log-normal law around the peak day."""
    if age_days <= 0:
        return 0.0
    z = math.log(age_days / _PEAK_DAY) / _CURVE_SD
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))
