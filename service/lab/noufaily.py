"""Weekly series with known outbreaks: the simulation design of Noufaily et al. (Stat Med 2013).

log mu(t) = theta + beta t + sum over j <= m of g1 cos(2 pi j t / 52) + g2 sin(2 pi j t / 52);
counts are negative binomial with variance phi mu. Weeks 1-312 warm up, 313-575 are history with
four past outbreaks, 576-624 are judged with one present one. An outbreak begins in a random week,
has Poisson(k sd) cases (at least two), each floor(lognormal(0, 0.5)) weeks after its beginning.
"""

from dataclasses import dataclass

import numpy as np

from service.surveillance.detectors.points import Counts, Flags

WEEKS, HISTORY_FROM, JUDGED_FROM = 624, 312, 575
"""Weeks of a series; first week (from 0) of history and of what is judged."""

JUDGED = WEEKS - JUDGED_FROM
PAST_OUTBREAKS = 4
PAST_SIZE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One of the 42: seven clusters, with and without trend, with 0, 1 or 2 yearly waves."""

    name: str
    theta: float
    beta: float
    waves: int
    cosine: float
    sine: float
    phi: float

    def mean(self) -> Counts:
        """The expected count of every week without outbreaks."""
        week = np.arange(1, WEEKS + 1)
        log = self.theta + self.beta * week
        for wave in range(1, self.waves + 1):
            angle = 2 * np.pi * wave * week / 52
            log = log + self.cosine * np.cos(angle) + self.sine * np.sin(angle)
        return np.exp(log)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """Series x weeks; `outbreak` says in which judged weeks the present outbreak had cases.

    `mean` (of every week) and `phi` are what they were drawn from, which no detector is told.
    """

    counts: Counts
    outbreak: Flags
    mean: Counts
    phi: float

    @property
    def judged(self) -> Counts:
        """The counts of the judged weeks."""
        return self.counts[:, JUDGED_FROM:]


_CLUSTERS = (
    (0.1, 0.0025, 0.6, 0.6, 1.5),
    (-2.0, 0.005, 0.1, 0.3, 2.0),
    (1.5, 0.003, 0.2, -0.4, 1.0),
    (0.5, 0.002, 0.5, 0.5, 5.0),
    (2.5, 0.001, 1.0, 0.1, 3.0),
    (3.75, 0.001, 0.1, -0.1, 1.1),
    (5.0, 0.0001, 0.05, 0.01, 1.2),
)


def scenarios() -> list[Scenario]:
    """All 42."""
    return [
        Scenario(
            name=f"{number}{'t' if trend else ''}/{waves}",
            theta=theta,
            beta=beta if trend else 0.0,
            waves=waves,
            cosine=cosine,
            sine=sine,
            phi=phi,
        )
        for number, (theta, beta, cosine, sine, phi) in enumerate(_CLUSTERS, 1)
        for trend in (False, True)
        for waves in (0, 1, 2)
    ]


def simulate(scenario: Scenario, series: int, size: float, rng: np.random.Generator) -> Simulated:
    """Series of one scenario; `size` is the present outbreak's k, 0 for none."""
    mean = scenario.mean()
    if scenario.phi <= 1:
        counts = rng.poisson(mean, size=(series, WEEKS)).astype(np.float64)
    else:
        shape, chance = mean / (scenario.phi - 1), 1 / scenario.phi
        counts = rng.negative_binomial(shape, chance, size=(series, WEEKS)).astype(np.float64)
    outbreak = np.zeros((series, JUDGED), dtype=np.bool_)
    spread = np.sqrt(mean * scenario.phi)
    for row in range(series):
        for _ in range(PAST_OUTBREAKS):
            start = int(rng.integers(HISTORY_FROM, JUDGED_FROM))
            cases = _cases(PAST_SIZE * spread[start], rng) + start
            np.add.at(counts[row], cases[cases < JUDGED_FROM], 1.0)
        if size > 0:
            start = int(rng.integers(JUDGED_FROM, WEEKS))
            cases = _cases(size * spread[start], rng) + start
            kept = cases[cases < WEEKS]
            np.add.at(counts[row], kept, 1.0)
            outbreak[row, kept - JUDGED_FROM] = True
    return Simulated(counts=counts, outbreak=outbreak, mean=mean, phi=scenario.phi)


def _cases(mean: float, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Weeks after the beginning of every case."""
    number = 0
    while number < 2:  # noqa: PLR2004 -- an outbreak is at least two cases
        number = int(rng.poisson(mean))
    return np.floor(rng.lognormal(0.0, 0.5, size=number)).astype(np.int64)
