"""Rules over neighbouring places: so many cases within days and kilometres, and the scan's cluster.

Pure. The count rule (row C2) is what people can say in a sentence, "ten cases within seven days in
places within 15 km of each other"; the scan asks the same of every size and length at once and says
how often chance would do it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from service.surveillance.detectors.points import Counts, Flags
from service.surveillance.fusion import HOME_PEOPLE, REPORTED, SUPPORTING, Place
from service.surveillance.indicators import SourceKind
from service.surveillance.scan import Cluster, Replicas, nearest_zones, planar, scan
from service.surveillance.signal_words import WINDOW_DAYS, Colour, Finding, SourceEvidence

CHANCE = 0.001
"""A scan's cluster is told at this p-value and below: each indicator once in 1,000 mornings."""

_REPLICAS = 1999
_LEAST_PLACES = 3
_WINDOW = timedelta(days=WINDOW_DAYS)

Position = tuple[float, float]
"""Latitude and longitude in degrees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountRule:
    """`at_least` cases within the last `days` in places within `within_km` of one of them."""

    at_least: int
    days: int
    within_km: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Places that together meet a count rule: the centre first, then by index; and their cases."""

    places: tuple[int, ...]
    cases: int


def gatherings(counts: Counts, kilometres: Counts, rule: CountRule) -> list[Gathering]:
    """Where the rule is met, the most cases first; what lies wholly inside another is left out.

    Args:
        counts: places x days, the last day is now; NaN is no case.
        kilometres: places x 2, east and north (`scan.planar`).
        rule: what is asked.
    """
    recent = np.nansum(counts[:, -rule.days :], axis=1)
    gaps = np.sqrt(((kilometres[:, None, :] - kilometres[None, :, :]) ** 2).sum(axis=2))
    near = (gaps <= rule.within_km) & (recent > 0)[None, :]
    met = [
        Gathering(places=_centre_first(centre, near[centre]), cases=round(float(total)))
        for centre, total in enumerate(near.astype(np.float64) @ recent)
        if recent[centre] > 0 and total >= rule.at_least
    ]
    met.sort(key=lambda one: (-one.cases, -len(one.places), one.places))
    kept: list[Gathering] = []
    for one in met:
        if not any(set(one.places) <= set(other.places) for other in kept):
            kept.append(one)
    return kept


def scan_places(
    places: Sequence[Place], positions: Mapping[str, Position], day: date, seed: int
) -> list[Finding]:
    """Findings of the scan over every voting indicator: one for each place of a cluster.

    A place is told as blue, by the source that gathers there; fusion gives it a higher colour where
    more source types agree. Places without a position or a judged window are left out.
    """
    found: list[Finding] = []
    for source, indicator in sorted(_voting(places)):
        here = [place for place in places if place.area in positions]
        rows = {place.area: _rows(place, source, indicator, day) for place in here}
        here = [place for place in here if len(rows[place.area]) == WINDOW_DAYS]
        if len(here) < _LEAST_PLACES:
            continue
        cluster = _cluster([rows[place.area] for place in here], here, positions, seed)
        if cluster is None:
            continue
        found.extend(
            Finding(
                area=here[index].area,
                day=day,
                colour=Colour.BLUE,
                driver=source,
                sources=tuple(one for one in here[index].sources if day - one.day < _WINDOW),
                history=here[index].history,
                arriving_until=here[index].arriving_until,
                drill=here[index].drill,
            )
            for index in cluster.places
            if _is_above(rows[here[index].area][-cluster.periods :])
        )
    return found


def _voting(places: Sequence[Place]) -> set[tuple[str, str]]:
    home = SourceKind.HOME.value
    return {
        (row.source, row.indicator)
        for place in places
        for row in place.sources
        if row.indicator not in REPORTED
        and not (row.source == home and row.indicator in SUPPORTING)
        and not (row.source == home and place.home_people < HOME_PEOPLE)
    }


def _rows(place: Place, source: str, indicator: str, day: date) -> list[SourceEvidence]:
    """The days of the window, oldest first; a day without an expectation is missing."""
    return sorted(
        (
            one
            for one in place.sources
            if (one.source, one.indicator) == (source, indicator)
            and one.expected is not None
            and day - _WINDOW < one.day <= day
        ),
        key=lambda one: one.day,
    )


def _cluster(
    rows: Sequence[Sequence[SourceEvidence]],
    places: Sequence[Place],
    positions: Mapping[str, Position],
    seed: int,
) -> Cluster | None:
    counts = np.asarray([[one.observed for one in row] for row in rows], dtype=np.float64)
    expected = np.asarray([[one.expected for one in row] for row in rows], dtype=np.float64)
    kilometres = planar(np.asarray([positions[place.area] for place in places], dtype=np.float64))
    zones = nearest_zones(kilometres, max(1, len(places) // 2))
    chance = Replicas(
        seed=seed,
        number=_REPLICAS,
        dispersion=_dispersion(places, rows[0][0]),
        wanted=CHANCE,
    )
    return scan(counts, np.maximum(expected, 0.01), zones, chance)


def _dispersion(places: Sequence[Place], like: SourceEvidence) -> float:
    """Variance over mean of the quiet days before the window, at least 1."""
    before = [
        (one.observed - one.expected) ** 2 / max(one.expected, 0.5)
        for place in places
        for one in place.history
        if (one.source, one.indicator) == (like.source, like.indicator) and one.expected is not None
    ]
    return max(1.0, float(np.mean(before))) if before else 1.0


def _is_above(rows: Sequence[SourceEvidence]) -> bool:
    return sum(one.observed for one in rows) > sum(one.expected or 0.0 for one in rows)


def _centre_first(centre: int, near: Flags) -> tuple[int, ...]:
    return (centre, *(int(index) for index in np.flatnonzero(near) if index != centre))
