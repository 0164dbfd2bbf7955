"""A county's daily counts with known outbreaks in several sources, and who notices them.

Townships with home devices, a clinic, pharmacies, a school and a laboratory; counts are negative
binomial, weekdays differ, and a township's sources rise and fall together a little (weather). An
outbreak adds cases to some of them for one to two weeks. What notices: the product's fusion with
and without the home channel, its named rule from yellow up, a fixed limit, chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from service.surveillance.daily_judge import judge_days
from service.surveillance.detectors.points import Counts
from service.surveillance.fusion import Place, fuse
from service.surveillance.signal_words import WINDOW_DAYS, Colour, SourceEvidence

FIRST = date(2025, 3, 3)
TOWNSHIPS = 20
WARM_UP = 40
REARM_DAYS = 7
_EVERY = 70  # days between the beginnings of two outbreaks of a township, on average
_SHARED = 0.1  # sd of the log of what a township's sources share on a day
_AFTER = 7  # a signal this long after an outbreak's end is still about it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    indicator: str
    mean: float
    spread: float
    weekend: float
    hit: float  # how often an outbreak reaches it


_SOURCES: Mapping[str, _Source] = {
    "home": _Source(indicator="fever", mean=3.0, spread=1.3, weekend=1.0, hit=0.6),
    "clinic": _Source(indicator="influenza_like", mean=12.0, spread=1.8, weekend=0.8, hit=0.8),
    "pharmacy": _Source(indicator="antipyretic", mean=25.0, spread=2.0, weekend=1.1, hit=0.6),
    "school": _Source(indicator="absent_ill", mean=15.0, spread=2.0, weekend=0.0, hit=0.5),
    "laboratory": _Source(
        indicator="influenza_positive", mean=1.5, spread=1.3, weekend=0.7, hit=0.4
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbreak:
    """One outbreak: township, first and last day (from 0), how many sources it reaches."""

    township: int
    first: int
    last: int
    sources: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCounty:
    """Counts by source as townships x days (NaN where it does not report), and the truth."""

    counts: Mapping[str, Counts]
    outbreaks: tuple[Outbreak, ...]
    days: int


def simulate_county(days: int, size: float, rng: np.random.Generator) -> SimulatedCounty:
    """`days` after a warm-up without outbreaks; `size` is an outbreak's peak in sd of a source."""
    whole = WARM_UP + days
    shared = np.exp(rng.normal(0, _SHARED, size=(TOWNSHIPS, whole)))
    weekend = np.asarray([(FIRST + timedelta(days=n)).isoweekday() > 5 for n in range(whole)])  # noqa: PLR2004
    extra = {name: np.zeros((TOWNSHIPS, whole)) for name in _SOURCES}
    outbreaks = tuple(_outbreaks(whole, size, extra, rng))
    counts: dict[str, Counts] = {}
    for name, source in _SOURCES.items():
        mean = source.mean * shared * np.where(weekend, source.weekend, 1.0)
        drawn = rng.negative_binomial(
            np.maximum(mean, 1e-9) / (source.spread - 1), 1 / source.spread
        ) + rng.poisson(extra[name])
        counts[name] = np.where(mean > 0, drawn.astype(np.float64), np.nan)
    return SimulatedCounty(counts=counts, outbreaks=outbreaks, days=whole)


def _outbreaks(
    whole: int, size: float, extra: Mapping[str, Counts], rng: np.random.Generator
) -> list[Outbreak]:
    found: list[Outbreak] = []
    for township in range(TOWNSHIPS):
        day = WARM_UP + int(rng.integers(0, _EVERY))
        while (length := int(rng.integers(7, 15))) + day < whole:
            hit = [name for name, source in _SOURCES.items() if rng.uniform() < source.hit]
            hit = hit or ["clinic"]
            shape = np.sin(np.pi * (np.arange(length) + 1) / (length + 1))
            for name in hit:
                source = _SOURCES[name]
                peak = size * np.sqrt(source.mean * source.spread)
                extra[name][township, day : day + length] += peak * shape
            found.append(
                Outbreak(township=township, first=day, last=day + length - 1, sources=len(hit))
            )
            day += length + REARM_DAYS + int(rng.exponential(_EVERY))
    return found


Alerts = Sequence[Sequence[int]]
"""By township, the days on which a signal begins, at least `REARM_DAYS` apart."""


def rearmed(days: Sequence[int]) -> list[int]:
    """The days that begin a signal: none within `REARM_DAYS` of the last day of the one before."""
    begun: list[int] = []
    last: int | None = None
    for day in days:
        if last is None or day - last > REARM_DAYS:
            begun.append(day)
        last = day
    return begun


def fused(county: SimulatedCounty, *, with_home: bool, least: Colour = Colour.BLUE) -> Alerts:
    """What the product's own judging and fusion would have raised, day after day."""
    rows = _judged(county)
    ringing: list[list[int]] = [[] for _ in range(TOWNSHIPS)]
    for day in range(WARM_UP, county.days):
        window = range(day - WINDOW_DAYS + 1, day + 1)
        places = [
            Place(
                area=f"{township:02}",
                sources=tuple(row for at in window for row in rows[township].get(at, ())),
                home_people=200,
            )
            for township in range(TOWNSHIPS)
        ]
        for finding in fuse(places, FIRST + timedelta(days=day), with_home=with_home):
            if finding.colour.rank >= least.rank:
                ringing[int(finding.area)].append(day)
    return [rearmed(days) for days in ringing]


def _judged(county: SimulatedCounty) -> list[dict[int, list[SourceEvidence]]]:
    asked = [FIRST + timedelta(days=n) for n in range(WARM_UP - WINDOW_DAYS, county.days)]
    found: list[dict[int, list[SourceEvidence]]] = [{} for _ in range(TOWNSHIPS)]
    for name, matrix in county.counts.items():
        for township in range(TOWNSHIPS):
            counts = {
                FIRST + timedelta(days=n): float(count)
                for n, count in enumerate(matrix[township])
                if not np.isnan(count)
            }
            for day, said in judge_days(counts, asked).items():
                row = SourceEvidence(
                    source=name,
                    indicator=_SOURCES[name].indicator,
                    day=day,
                    observed=round(counts[day]),
                    expected=said.expected,
                    upperbound=said.upperbound,
                    p=said.pvalue,
                    detector=said.detector,
                )
                found[township].setdefault((day - FIRST).days, []).append(row)
    return found


def over_limit(county: SimulatedCounty, times: float) -> Alerts:
    """A fixed limit: any source at `times` its long-time mean or more."""
    high = np.zeros((TOWNSHIPS, county.days), dtype=np.bool_)
    for name, matrix in county.counts.items():
        high |= np.nan_to_num(matrix) >= times * _SOURCES[name].mean
    return [
        rearmed([day for day in range(WARM_UP, county.days) if high[township, day]])
        for township in range(TOWNSHIPS)
    ]


def at_random(county: SimulatedCounty, chance: float, rng: np.random.Generator) -> Alerts:
    """Signals by lot, each township and day with the same chance."""
    drawn = rng.uniform(size=(TOWNSHIPS, county.days)) < chance
    return [
        rearmed([day for day in range(WARM_UP, county.days) if drawn[township, day]])
        for township in range(TOWNSHIPS)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """How well signals tell outbreaks.

    `false_per_week` are signals outside outbreaks a county and week, `found` the share of outbreaks
    during which one began or stood, `delay` the median days until then, `right` the share of
    signals about an outbreak.
    """

    false_per_week: float
    found: float
    found_by_sources: Mapping[str, float]
    delay: float
    right: float


def noticed(county: SimulatedCounty, alerts: Alerts) -> Noticed:
    """The figures of one detector over one county."""
    delays: dict[Outbreak, int] = {}
    right = 0
    for township, days in enumerate(alerts):
        here = [one for one in county.outbreaks if one.township == township]
        for day in days:
            about = [one for one in here if one.first <= day <= one.last + _AFTER]
            right += bool(about)
            for one in about:
                if day <= one.last:
                    delays.setdefault(one, day - one.first)
    total = sum(len(days) for days in alerts)
    weeks = (county.days - WARM_UP) / 7
    groups = {"one source": (1,), "two": (2,), "three and more": (3, 4, 5)}
    return Noticed(
        false_per_week=(total - right) / weeks,
        found=len(delays) / max(1, len(county.outbreaks)),
        found_by_sources={
            name: _share(delays, [one for one in county.outbreaks if one.sources in numbers])
            for name, numbers in groups.items()
        },
        delay=float(np.median(list(delays.values()))) if delays else float("nan"),
        right=right / max(1, total),
    )


def _share(found: Mapping[Outbreak, int], of: Sequence[Outbreak]) -> float:
    return sum(one in found for one in of) / max(1, len(of))
