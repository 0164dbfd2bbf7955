"""The chain of infections: who is susceptible, infectious, protected; one step a day.

Sources stand in `infection.py`, which reads first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]
Column = npt.NDArray[np.float64]
Present = npt.NDArray[np.bool_]

NATURE = (8, 5)
"""Infections a person may have before their nature repeats; draws of each."""

_LATENT_DAYS = np.array([1, 2, 2, 3])  # from infection to infectious and, on that day, ill
_INFECTIOUS_DAYS = np.array([2, 3, 3, 4, 5])
_ILL_DAYS = np.array([4, 5, 7, 7, 9, 12])
_NEVER = np.iinfo(np.int64).max // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How infections spread; every rate is per day.

    Attributes:
        outside: Mean probability of catching it outside the cohort.
        winter: 0 no season to 1 none at midsummer: outside and village rates follow it.
        roof: Rate for each infectious person under the same roof; 0.055 over three days gives
            about 15 % of contacts [Carcione 2011].
        village: Rate for a village in which everybody is infectious.
        symptomatic: Share of the infected who fall ill [Leung 2015].
        protected_days: Nobody catches it again for so long.
    """

    outside: float = 0.000_12
    winter: float = 0.7
    roof: float = 0.055
    village: float = 0.08
    symptomatic: float = 0.84
    protected_days: int = 180


USUAL = Spread()


@dataclass(frozen=True, slots=True, kw_only=True)
class Introduction:
    """An outbreak put there on purpose: so many people of a village infected on one day."""

    day: int
    village: int
    people: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Infections:
    """All infections of a cohort in order of day, then person; equal lengths.

    Attributes:
        person: Index of the person (0 for the first).
        infected: Day index of the infection.
        onset: Day index of the first symptoms; -1 for an infection without any.
        well: Day index of the first day without symptoms; -1 likewise.
        severity: 0.3 to 1, the worst day of `sick`; 0 without symptoms.
        source: 0 outside, 1 own household, 2 village, 3 an `Introduction`.
    """

    person: Index
    infected: Index
    onset: Index
    well: Index
    severity: Column
    source: Index


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where each person lives: numbers of households and villages, from 0."""

    roof: Index
    village: Index


class Chain:
    """`for day in ...: chain.step(...)`, then `chain.collected()`."""

    def __init__(self, *, places: Places, spread: Spread, nature: Column) -> None:
        """Nobody is infected yet.

        Args:
            places: Where everybody lives.
            spread: How it spreads.
            nature: Draws from 0 to 1, shaped people, infections before their nature repeats, five.
        """
        count = len(places.roof)
        self._places, self._spread, self._nature = places, spread, nature
        self._infectious_from = np.full(count, _NEVER)
        self._infectious_to = np.full(count, _NEVER)
        self._free_from = np.zeros(count, np.int64)
        self._times = np.zeros(count, np.int64)
        self._rows: list[tuple[int, int, int, int]] = []  # person, day, source, how many before

    def step(
        self,
        day: int,
        season: float,
        chance: Column,
        present: Present,
        introductions: Sequence[Introduction],
    ) -> None:
        """Let a day pass.

        Args:
            day: Its index; every day in order.
            season: Factor on what comes from outside and from the village.
            chance: A draw from 0 to 1 for each person.
            present: Who lives in the village that day; the others neither give nor catch anything.
            introductions: Of all days.
        """
        places, spread = self._places, self._spread
        infectious = present & (self._infectious_from <= day) & (day < self._infectious_to)
        roof = spread.roof * np.bincount(places.roof, infectious)[places.roof]
        inhabitants = np.bincount(places.village, present)
        crowd = np.bincount(places.village, infectious) / np.maximum(inhabitants, 1)
        outside = spread.outside * season
        total = outside + roof + spread.village * season * crowd[places.village]
        caught = np.round(1 - np.exp(-total), 12)
        free = present & (self._free_from <= day)
        new = np.flatnonzero((chance < caught) & free)
        # Given that it happened, the same draw is uniform below `caught` and tells from where.
        part = chance[new] / caught[new] * total[new]
        source = np.where(part < outside, 0, np.where(part < outside + roof[new], 1, 2))
        today = dict(zip(new.tolist(), source.tolist(), strict=True))
        for each in introductions:
            if each.day == day:
                here = np.flatnonzero((places.village == each.village) & free)[: each.people]
                today.update(dict.fromkeys(here.tolist(), 3))
        for person in sorted(today):
            self._infect(person, day, today[person])

    def _infect(self, person: int, day: int, source: int) -> None:
        times = self._times[person].item()
        self._rows.append((person, day, source, times))
        latent, length = self._nature[person, times % NATURE[0], :2].tolist()
        begins = day + _pick(_LATENT_DAYS, latent)
        self._infectious_from[person] = begins
        self._infectious_to[person] = begins + _pick(_INFECTIOUS_DAYS, length)
        self._free_from[person] = day + self._spread.protected_days
        self._times[person] += 1

    def collected(self) -> Infections:
        """Everything so far."""
        table = np.array(self._rows, np.int64).reshape(-1, 4)
        person, infected, source, times = table.T
        latent, _, symptoms, severity, length = self._nature[person, times % NATURE[0]].T
        ill = symptoms < self._spread.symptomatic
        onset = np.where(ill, infected + _picked(_LATENT_DAYS, latent), -1)
        return Infections(
            person=person,
            infected=infected,
            onset=onset,
            well=np.where(ill, onset + _picked(_ILL_DAYS, length), -1),
            severity=np.where(ill, (0.3 + 0.7 * severity).round(6), 0.0),
            source=source,
        )


def _picked(choices: Index, chance: Column) -> Index:
    return choices[(chance * len(choices)).astype(np.int64)]


def _pick(choices: Index, chance: float) -> int:
    return choices[int(chance * len(choices))].item()
