"""`hearthwatch evaluate surveillance`: detectors and fusion beside fixed limits and random alerts.

`series`: the design of Noufaily et al., every detector at the threshold that gives the same
false-positive rate. `days`: the morning's detectors over daily series with three and a half years
of history, at their own bounds and at equal false signals. `county`: several sources of twenty
townships, with and without the home channel; fixed limits and random alerts are set to as many
false signals as fusion has. Thresholds come from the tuning seed, what is reported from series of
the reporting seed that nothing saw.
"""

import argparse
import json
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import cast

import numpy as np

from service.lab.county_outbreaks import (
    Alerts,
    Noticed,
    SimulatedCounty,
    at_random,
    fused,
    noticed,
    over_limit,
    simulate_county,
)
from service.lab.morning_series import MorningLine, morning_lines
from service.lab.noufaily import JUDGED, Scenario, Simulated, scenarios, simulate
from service.lab.noufaily_scores import REST, SCORERS, Evidence, evidence_of
from service.surveillance.detectors.points import Counts, Flags
from service.surveillance.signal_words import Colour

SIZES = (2, 3, 5, 10)
"""Sizes k of the present outbreak, in standard deviations of a week at its beginning."""

PUBLISHED = frozenset(f"{cluster}{shape}" for cluster in range(1, 8) for shape in ("/0", "t/1"))
"""The 14 scenarios of the earlier benchmark, for comparison with its 0.489."""

_STEPS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesLine:
    """One detector over the judged weeks of the design.

    `false_rate` is the share of weeks without outbreak above the threshold; `found` the share of
    outbreaks with at least one alarm in a week with cases, by size and over all; `found_published`
    that over the 14 scenarios of the earlier benchmark; `error` the standard errors of both, from
    the outbreaks as binomial draws; `delay` the mean weeks until the first.
    """

    name: str
    false_rate: float
    found_by_size: dict[str, float]
    found: float
    found_published: float
    error: tuple[float, float]
    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyLine:
    """One way of noticing over a county's sources; see `county_outbreaks.Noticed`."""

    name: str
    noticed: Noticed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Set:
    """All scenarios of one outbreak size, stacked."""

    evidence: Evidence
    outbreak: Flags
    published: Flags


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `evaluate surveillance`."""
    parser.add_argument("--only", choices=["series", "days", "county"], help="one part")
    parser.add_argument("--replicates", type=int, default=10, help="series a scenario (42)")
    parser.add_argument("--daily-series", type=int, default=60, help="series of the part days")
    parser.add_argument("--false-rate", type=float, default=0.01, help="weeks rung without cause")
    parser.add_argument("--days", type=int, default=365, help="days of the county's life")
    parser.add_argument("--size", type=float, default=3.0, help="an outbreak's peak in sd")
    parser.add_argument("--tuning-seed", type=int, default=41)
    parser.add_argument("--reporting-seed", type=int, default=20_261_122)
    parser.add_argument("--json", action="store_true")


def run(arguments: argparse.Namespace) -> int:
    """Print one line a detector; 2 for unusable arguments."""
    replicates, days = cast("int", arguments.replicates), cast("int", arguments.days)
    rate, size = cast("float", arguments.false_rate), cast("float", arguments.size)
    tuning, reporting = cast("int", arguments.tuning_seed), cast("int", arguments.reporting_seed)
    if replicates < 1 or days < 1 or not 0 < rate < 1 or size <= 0 or tuning == reporting:
        sys.stderr.write("needs replicates, days, size above 0, a rate below 1, two seeds\n")
        return 2
    only = cast("str | None", arguments.only)
    series = series_lines(replicates, rate, tuning, reporting) if only in {None, "series"} else []
    daily = cast("int", arguments.daily_series)
    morning = morning_lines(daily, rate, tuning, reporting) if only in {None, "days"} else []
    county = county_lines(days, size, tuning, reporting) if only in {None, "county"} else []
    if arguments.json:
        told = json.dumps(
            {
                "series": [asdict(one) for one in series],
                "days": [asdict(one) for one in morning],
                "county": [asdict(one) for one in county],
            }
        )
    else:
        tables = (_series_table(series), _morning_table(morning), _county_table(county))
        told = "\n\n".join(filter(None, tables))
    sys.stdout.write(told + "\n")
    return 0


def series_lines(
    replicates: int,
    rate: float,
    tuning: int,
    reporting: int,
    among: Sequence[Scenario] | None = None,
    names: Collection[str] = SCORERS.keys(),
) -> list[SeriesLine]:
    """Every detector at the threshold of the tuning series, on the reporting series.

    `among` are the scenarios, all 42 by default; `names` the detectors, all by default.
    """
    chosen = scenarios() if among is None else among
    tuned = _stack(chosen, replicates, 0, tuning)
    quiet = _stack(chosen, replicates, 0, reporting)
    struck = {size: _stack(chosen, replicates, size, reporting) for size in SIZES}
    lines: list[SeriesLine] = []
    for name in names:
        score = SCORERS[name]
        rest = REST.get(name, 0)
        threshold = threshold_at(_finite(score(tuned.evidence)), rate, rest)
        said = {
            size: alarms_of(_finite(score(one.evidence)), threshold, rest)
            for size, one in struck.items()
        }
        false = alarms_of(_finite(score(quiet.evidence)), threshold, rest)
        lines.append(_series_line(name, said, struck, false))
    return lines


def alarms_of(score: Counts, threshold: float, rest: int) -> Flags:
    """Weeks above the threshold, without those within `rest` weeks after an alarm."""
    above: Flags = score > threshold
    if not rest:
        return above
    told = np.zeros_like(above)
    waits = np.zeros(len(above), dtype=np.int64)
    for week in range(above.shape[1]):
        told[:, week] = above[:, week] & (waits == 0)
        waits = np.where(told[:, week], rest, np.maximum(waits - 1, 0))
    return told


def threshold_at(score: Counts, rate: float, rest: int) -> float:
    """The lowest threshold at which at most `rate` of the weeks ring."""
    if not rest:
        return float(np.quantile(score, 1 - rate))
    values = np.unique(score)
    low, high = 0, len(values) - 1
    while low < high:
        middle = (low + high) // 2
        if alarms_of(score, float(values[middle]), rest).mean() > rate:
            low = middle + 1
        else:
            high = middle
    return float(values[low])


def _finite(score: Counts) -> Counts:
    return np.nan_to_num(score, nan=-1e9, posinf=1e9, neginf=-1e9)


def _stack(among: Sequence[Scenario], replicates: int, size: int, seed: int) -> _Set:
    rng = np.random.default_rng([seed, size])
    made: list[tuple[Scenario, Simulated]] = [
        (one, simulate(one, replicates, size, rng)) for one in among
    ]
    published = [one.name in PUBLISHED for one, _ in made]
    return _Set(
        evidence=evidence_of(
            np.concatenate([drawn.counts for _, drawn in made]),
            (
                np.repeat(np.stack([drawn.mean for _, drawn in made]), replicates, axis=0),
                np.repeat(np.asarray([drawn.phi for _, drawn in made]), replicates),
            ),
            rng,
        ),
        outbreak=np.concatenate([drawn.outbreak for _, drawn in made]),
        published=np.repeat(np.asarray(published), replicates),
    )


def _series_line(
    name: str, said: Mapping[int, Flags], struck: Mapping[int, _Set], false: Flags
) -> SeriesLine:
    found: dict[int, Flags] = {}
    delays: list[Counts] = []
    published: list[Flags] = []
    for size, one in struck.items():
        real = one.outbreak.any(axis=1)
        hits: Flags = (said[size] & one.outbreak)[real]
        begun = one.outbreak[real].argmax(axis=1)
        found[size] = np.asarray(hits.any(axis=1))
        published.append(found[size][one.published[real]])
        delays.append((hits.argmax(axis=1) - begun)[found[size]].astype(np.float64))
    every = np.concatenate(delays)
    hit, hit_published = np.concatenate(list(found.values())), np.concatenate(published)
    return SeriesLine(
        name=name,
        false_rate=float(false.mean()),
        found_by_size={str(size): float(one.mean()) for size, one in found.items()},
        found=float(np.mean([one.mean() for one in found.values()])),
        found_published=float(hit_published.mean()) if published[0].size else 0.0,
        error=(_error(hit), _error(hit_published)),
        delay=float(every.mean()) if every.size else float("nan"),
    )


def _error(hit: Flags) -> float:
    share = float(hit.mean()) if hit.size else 0.0
    return float(np.sqrt(share * (1 - share) / max(1, hit.size)))


_Notice = Callable[[SimulatedCounty], Alerts]


def county_lines(days: int, size: float, tuning: int, reporting: int) -> list[CountyLine]:
    """Fusion and what stands beside it at as many false signals a county-week, on other seeds."""
    tuned = simulate_county(days, size, np.random.default_rng(tuning))
    reported = simulate_county(days, size, np.random.default_rng(reporting))
    wanted = noticed(tuned, fused(tuned, with_home=True)).false_per_week
    times = _matching(lambda x: noticed(tuned, over_limit(tuned, x)).false_per_week, wanted, 2, 12)
    chance = 10.0 ** -_matching(
        lambda x: (
            noticed(tuned, at_random(tuned, 10.0**-x, np.random.default_rng(tuning))).false_per_week
        ),
        wanted,
        1,
        5,
    )
    ways: dict[str, _Notice] = {
        "fusion": lambda one: fused(one, with_home=True),
        "fusion without the home channel": lambda one: fused(one, with_home=False),
        "yellow and above": lambda one: fused(one, with_home=True, least=Colour.YELLOW),
        "yellow and above without home": lambda one: fused(
            one, with_home=False, least=Colour.YELLOW
        ),
        f"fixed limit ({times:.2f} times the mean)": lambda one: over_limit(one, times),
        "random alerts": lambda one: at_random(one, chance, np.random.default_rng(reporting)),
    }
    return [
        CountyLine(name=name, noticed=noticed(reported, way(reported)))
        for name, way in ways.items()
    ]


def _matching(false: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """Where a falling rate meets what is wanted."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if false(middle) > wanted else (low, middle)
    return high


def _series_table(lines: Sequence[SeriesLine]) -> str:
    if not lines:
        return ""
    sizes = " ".join(f"k={size:<4}" for size in SIZES)
    head = f"{'detector':<34} {'false':>6}  {sizes} {'all':>12} {'14':>12}  delay (weeks)"
    rows = [
        f"{one.name:<34} {one.false_rate:6.4f}  "
        + " ".join(f"{one.found_by_size[str(size)]:<6.3f}" for size in SIZES)
        + f" {one.found:.3f} ±{one.error[0]:.3f} {one.found_published:.3f} ±{one.error[1]:.3f}"
        + f"  {one.delay:5.2f}"
        for one in lines
    ]
    weeks = f"share of outbreaks noticed; {JUDGED} judged weeks a series"
    return "\n".join([weeks, head, *rows])


def _morning_table(lines: Sequence[MorningLine]) -> str:
    if not lines:
        return ""
    sizes = " ".join(f"k={size:<4}" for size in lines[0].found_by_size)
    head = (
        f"{'daily series':<14} {'p<=0.1':>7} {'0.01':>7} {'0.001':>7}  own bound: false, found"
        f"  equal: p, false  {sizes} {'all':>12}  delay (days)"
    )
    rows = [
        f"{one.name:<14} "
        + " ".join(f"{share:7.4f}" for share in one.ordinary.values())
        + f"  {one.false_at_bound:12.4f} {one.found_at_bound:8.3f}"
        + f"  {one.level:10.5f} {one.false:6.4f}  "
        + " ".join(f"{share:<6.3f}" for share in one.found_by_size.values())
        + f" {one.found:.3f} ±{one.error:.3f} {one.delay:5.1f}"
        for one in lines
    ]
    return "\n".join([head, *rows])


def _county_table(lines: Sequence[CountyLine]) -> str:
    if not lines:
        return ""
    groups = list(lines[0].noticed.found_by_sources)
    head = f"{'county of 20 townships':<38} {'false/week':>10} {'found':>6} " + " ".join(
        f"{name:>14}" for name in groups
    )
    rows = [
        f"{one.name:<38} {one.noticed.false_per_week:10.2f} {one.noticed.found:6.3f} "
        + " ".join(f"{one.noticed.found_by_sources[name]:14.3f}" for name in groups)
        + f" {one.noticed.delay:6.1f} {one.noticed.right:6.3f}"
        for one in lines
    ]
    return "\n".join([f"{head}  delay  right", *rows])
