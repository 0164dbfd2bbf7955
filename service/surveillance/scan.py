"""The prospective space-time scan: more in neighbouring townships lately than was expected?

Pure. Zones are a centre and its nearest neighbours; a cylinder is a zone over the last periods. The
score is Neill's expectation-based Poisson likelihood ratio c ln(c / b) - (c - b) (Int J Forecasting
25 (2009) 498-517), b from our own detector; its p-value comes from seeded replicas. A scan that
runs daily calls p = 0.001 once in 1,000 days: `recurrence`.
"""

from dataclasses import dataclass

import numpy as np

from service.surveillance.detectors.points import Counts, Flags, Indices

_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Zones:
    """Sets of places: `member` is zones x places."""

    member: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The likeliest cluster: places (indices), how many last periods, counts and score.

    `pvalue` is its rank among the replicas, the observed one counted; `recurrence` how many scans
    pass between two such by chance.
    """

    places: tuple[int, ...]
    periods: int
    observed: float
    expected: float
    score: float
    pvalue: float

    @property
    def recurrence(self) -> float:
        """Scans between two clusters as unusual as this one, by chance."""
        return 1 / self.pvalue


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """Simulated county-spans without a cluster, from which the p-value comes.

    The same `seed` gives the same p-value. `dispersion` is variance over mean of the counts: above
    1 replicas are negative binomial, for Poisson ones would call ordinary spread a cluster. With
    `wanted`, drawing stops once the p-value is certain to be above it, and there is no cluster.
    """

    seed: int
    number: int = 999
    dispersion: float = 1.0
    wanted: float | None = None


def nearest_zones(east_north: Counts, most: int) -> Zones:
    """Every distinct zone of a centre and its nearest neighbours, 1 to `most` places.

    Args:
        east_north: places x 2, in any unit of length; equal distances go by index.
        most: largest zone; usually half of the places.
    """
    gaps = east_north[:, None, :] - east_north[None, :, :]
    order = np.argsort((gaps**2).sum(axis=2), axis=1, kind="stable")
    found: dict[frozenset[int], None] = {}
    for centre in order:
        for size in range(1, min(most, len(centre)) + 1):
            found.setdefault(frozenset(int(place) for place in centre[:size]), None)
    member = np.zeros((len(found), len(east_north)), dtype=np.bool_)
    for row, zone in enumerate(found):
        member[row, list(zone)] = True
    return Zones(member=member)


def scan(counts: Counts, expected: Counts, zones: Zones, chance: Replicas) -> Cluster | None:
    """The likeliest recent cluster; None where nowhere is more than expected.

    Args:
        counts: places x periods, the last period is now; every duration up to all periods is tried.
        expected: what each was expected to be, above 0.
        zones: from `nearest_zones`.
        chance: how its p-value is found.
    """
    scores, above, below = _scores(counts[None, :, :], expected, zones)
    best = int(np.argmax(scores[0]))
    highest = float(scores[0].reshape(-1)[best])
    if highest <= 0:
        return None
    zone, span = divmod(best, counts.shape[1])
    rng = np.random.default_rng(chance.seed)
    reached = 1
    for start in range(0, chance.number, _BATCH):
        size = min(_BATCH, chance.number - start)
        drawn = _replicas(rng, expected, size, chance.dispersion)
        tops = _scores(drawn, expected, zones)[0].reshape(size, -1).max(axis=1)
        reached += int((tops >= highest).sum())
        if chance.wanted is not None and reached > chance.wanted * (chance.number + 1):
            return None
    return Cluster(
        places=tuple(int(place) for place in np.flatnonzero(zones.member[zone])),
        periods=span + 1,
        observed=float(above[0, zone, span]),
        expected=float(below[zone, span]),
        score=highest,
        pvalue=reached / (chance.number + 1),
    )


def planar(latitude_longitude: Counts) -> Counts:
    """Degrees to kilometres east and north of the first place: good over one county."""
    north = np.radians(latitude_longitude[:, 0])
    east = np.radians(latitude_longitude[:, 1])
    radius_km = 6371.0
    middle = np.cos(north.mean())
    return radius_km * np.stack([(east - east[0]) * middle, north - north[0]], axis=1)


def _scores(counts: Counts, expected: Counts, zones: Zones) -> tuple[Counts, Counts, Counts]:
    """Scores and counts as replicas x zones x durations, expected as zones x durations."""
    weight = zones.member.astype(np.float64)
    recent = np.cumsum(counts[:, :, ::-1], axis=2)
    found = np.einsum("zp,rpd->rzd", weight, recent, optimize=True)
    usual = weight @ np.cumsum(expected[:, ::-1], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = found * np.log(found / usual) - (found - usual)
    return np.where(found > usual, gain, 0.0), found, usual


def _replicas(rng: np.random.Generator, expected: Counts, size: int, dispersion: float) -> Counts:
    shape = (size, *expected.shape)
    if dispersion <= 1:
        drawn: Indices = rng.poisson(np.broadcast_to(expected, shape))
    else:
        shape_of = np.broadcast_to(expected / (dispersion - 1), shape)
        drawn = rng.negative_binomial(shape_of, 1 / dispersion)
    return drawn.astype(np.float64)
