"""The space-time scan against a search by hand, and what its p-value promises."""

from itertools import combinations
from math import log

import numpy as np
import pytest

from service.surveillance.scan import Replicas, nearest_zones, planar, scan

COAST = np.array([[0.0, 0.0], [1.0, 0.0], [2.1, 0.0], [3.3, 0.0], [3.3, 9.0]])


def test_zones_are_centres_with_their_nearest_neighbours() -> None:
    zones = nearest_zones(COAST, 2)
    found = {tuple(np.flatnonzero(row)) for row in zones.member}
    assert found == {(0,), (1,), (2,), (3,), (4,), (0, 1), (1, 2), (2, 3), (3, 4)}
    assert len({tuple(row) for row in zones.member}) == len(zones.member)


@pytest.mark.row("C3")
def test_the_likeliest_cylinder_is_that_of_an_exhaustive_search() -> None:
    rng = np.random.default_rng(4)
    zones = nearest_zones(COAST, 3)
    for _ in range(20):
        expected = rng.uniform(1, 4, size=(5, 4))
        counts = rng.poisson(expected).astype(np.float64)
        best = 0.0
        for row in zones.member:
            for periods in range(1, 5):
                c, b = counts[row, -periods:].sum(), expected[row, -periods:].sum()
                best = max(best, c * log(c / b) - (c - b) if c > b else 0.0)
        found = scan(counts, expected, zones, Replicas(seed=1, number=9))
        assert (found.score if found else 0.0) == pytest.approx(best)


@pytest.mark.row("C16")
def test_an_injected_cluster_is_found_in_its_places_and_days() -> None:
    rng = np.random.default_rng(8)
    places = rng.uniform(0, 50, size=(20, 2))
    zones = nearest_zones(places, 10)
    expected = np.full((20, 7), 3.0)
    counts = rng.poisson(expected).astype(np.float64)
    hit = int(np.argmax([row.sum() == 3 for row in zones.member]))
    inside = np.flatnonzero(zones.member[hit])
    counts[inside, -3:] += 7
    found = scan(counts, expected, zones, Replicas(seed=3, number=199))
    assert found is not None
    assert found.periods == 3
    assert set(found.places) == set(inside)
    assert found.pvalue == pytest.approx(1 / 200)
    assert found.recurrence == pytest.approx(200)


def test_the_same_seed_gives_the_same_p_and_nothing_above_expectation_is_none() -> None:
    rng = np.random.default_rng(2)
    expected = np.full((5, 3), 2.0)
    counts = rng.poisson(expected).astype(np.float64)
    zones = nearest_zones(COAST, 3)
    first, again = (scan(counts, expected, zones, Replicas(seed=7, number=99)) for _ in range(2))
    assert first == again
    assert scan(np.zeros((5, 3)), expected, zones, Replicas(seed=7)) is None


def test_by_chance_one_scan_in_ten_is_below_a_tenth_also_with_spread_counts() -> None:
    rng = np.random.default_rng(11)
    zones = nearest_zones(COAST, 3)
    expected = np.full((5, 4), 6.0)
    low = plain = 0
    for number in range(150):
        counts = rng.negative_binomial(6.0, 0.5, size=(5, 4)).astype(np.float64)
        spread = scan(counts, expected, zones, Replicas(seed=number, number=39, dispersion=2.0))
        naive = scan(counts, expected, zones, Replicas(seed=number, number=39))
        low += spread is not None and spread.pvalue <= 0.1
        plain += naive is not None and naive.pvalue <= 0.1
    assert low <= 26  # 15 expected, three standard deviations above
    assert plain > 40  # Poisson replicas call ordinary spread a cluster


def test_degrees_become_kilometres() -> None:
    east_north = planar(np.array([[30.0, 120.0], [31.0, 120.0], [30.0, 121.0]]))
    distances = [
        float(np.linalg.norm(east_north[a] - east_north[b])) for a, b in combinations(range(3), 2)
    ]
    assert distances[0] == pytest.approx(111.2, abs=0.1)
    assert distances[1] == pytest.approx(96, abs=0.5)  # cos 30.3 degrees of it
