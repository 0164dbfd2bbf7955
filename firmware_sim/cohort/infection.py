"""Respiratory infections that spread within households and villages, a day at a time.

A stochastic SEIR chain: whoever is susceptible escapes a day's force of infection with
probability exp(-force); the force adds cases from outside the cohort (seasonal), infectious people
under the same roof, and the infectious share of the same village. It is seasonal influenza-like
illness of an elderly rural cohort, not one virus: protection is lost after half a year.

Sources (read: the abstract was read):

* [Guo 2011] Public Health 125:389 (read): 7.2 influenza-like illnesses per 100 people a year in
  Guangdong; the year's total here is set to be near.
* [Carcione 2011] Euro Surveill 16(3):pii=19765 (read): 14.5 % of household contacts fell ill.
  [Lau 2012] Epidemiology 23:531 (read): 3-38 % over studies.
* [Cowling 2009] Epidemiology 20:344 (read): serial interval 3.6 days (SD 1.6).
* [Leung 2015] Epidemiology 26:862 (read): 16 % of infections in outbreaks without any symptom.
* [Lessler 2009] Lancet Infect Dis 9:291 (read): median incubation of influenza A 1.4 days, of
  rhinovirus 1.9; in whole days 1-3 here.

The village rate, the winter peak, the duration of protection are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.seeds import stream

Index = npt.NDArray[np.int64]
Column = npt.NDArray[np.float64]

_NATURE = (8, 5)  # infections a person may have before their nature repeats; draws of each
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


def infections(
    people: Sequence[CohortPerson],
    calendar: Calendar,
    *,
    spread: Spread = USUAL,
    introductions: Sequence[Introduction] = (),
) -> Infections:
    """The outbreak of a whole cohort; every person's chances come from a stream of their own.

    A person more or fewer changes the infections of their own village only.

    Args:
        people: In order of number, all of one cohort.
        calendar: The days.
        spread: How it spreads.
        introductions: Villages are numbered in the order in which they first appear.

    Raises:
        ValueError: An introduction names a village that is not there, or more people than live in
            it.
    """
    names = [(each.purpose, each.seed, each.number) for each in people]
    chance = [stream(*name, "infection").random(calendar.days) for name in names]
    nature = [stream(*name, "infection/nature").random(_NATURE) for name in names]
    places = _Places(
        roof=_numbered([each.home.household for each in people]),
        village=_numbered([each.home.village for each in people]),
    )
    _check(introductions, np.bincount(places.village).tolist())
    season = 1 + spread.winter * calendar.season
    chain = _Chain(places=places, spread=spread, nature=np.array(nature).reshape(-1, *_NATURE))
    columns = np.array(chance).reshape(len(people), calendar.days).T
    for day in range(calendar.days):
        chain.step(day, float(season[day]), columns[day], introductions)
    return chain.collected()


def sickness(found: Infections, person: int, days: int) -> Column:
    """How ill a person is, one value a day, 0 well to 1: worst on the second day, then falling.

    Args:
        found: All infections.
        person: Index, 0 for the first.
        days: Of the calendar.
    """
    sick = np.zeros(days)
    for row in np.flatnonzero((found.person == person) & (found.onset >= 0)).tolist():
        onset, well = found.onset[row].item(), found.well[row].item()
        length = well - onset
        course = np.array([0.7, 1.0, *np.linspace(0.9, 0.1, length - 2).tolist()])
        stretch = slice(onset, min(well, days))
        shape = (found.severity[row].item() * course[: max(0, days - onset)]).round(6)
        sick[stretch] = np.maximum(sick[stretch], shape)
    return sick


_SOURCES = ("from outside", "caught at home", "caught in the village", "introduced")


def infection_events(
    found: Infections, person: int, subject: str, calendar: Calendar
) -> list[Event]:
    """The person's infections as events, symptomless ones included (they last a week)."""
    events: list[Event] = []
    for row in np.flatnonzero(found.person == person).tolist():
        onset = found.onset[row].item()
        begin = onset if onset >= 0 else found.infected[row].item()
        end = found.well[row].item() if onset >= 0 else begin + 7
        symptoms = f"severity {found.severity[row]:.2f}" if onset >= 0 else "no symptoms"
        events.append(
            Event(
                subject=subject,
                begins_at=calendar.instant(0) + timedelta(days=begin),
                ends_at=calendar.instant(0) + timedelta(days=end),
                kind=EventKind.INFECTION,
                detail=f"{_SOURCES[found.source[row].item()]} {symptoms}",
            )
        )
    return events


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    roof: Index
    village: Index


def _check(introductions: Sequence[Introduction], inhabitants: list[int]) -> None:
    for each in introductions:
        if not 0 <= each.village < len(inhabitants):
            message = f"there is no village {each.village + 1}, only {len(inhabitants)}"
            raise ValueError(message)
        if each.people > inhabitants[each.village]:
            message = f"only {inhabitants[each.village]} people live in village {each.village + 1}"
            raise ValueError(message)


def _numbered(names: list[str]) -> Index:
    """Every name as a number, counted in order of first appearance."""
    number: dict[str, int] = {}
    return np.array([number.setdefault(name, len(number)) for name in names], np.int64)


class _Chain:
    """Who is susceptible, infectious, protected; one step a day."""

    def __init__(self, *, places: _Places, spread: Spread, nature: Column) -> None:
        count = len(places.roof)
        self._places, self._spread, self._nature = places, spread, nature
        self._inhabitants = np.bincount(places.village)
        self._infectious_from = np.full(count, _NEVER)
        self._infectious_to = np.full(count, _NEVER)
        self._free_from = np.zeros(count, np.int64)
        self._times = np.zeros(count, np.int64)
        self._rows: list[tuple[int, int, int, int]] = []  # person, day, source, how many before

    def step(
        self, day: int, season: float, chance: Column, introductions: Sequence[Introduction]
    ) -> None:
        places, spread = self._places, self._spread
        infectious = (self._infectious_from <= day) & (day < self._infectious_to)
        roof = spread.roof * np.bincount(places.roof, infectious)[places.roof]
        crowd = np.bincount(places.village, infectious) / self._inhabitants
        outside = spread.outside * season
        total = outside + roof + spread.village * season * crowd[places.village]
        caught = np.round(1 - np.exp(-total), 12)
        free = self._free_from <= day
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
        latent, length = self._nature[person, times % _NATURE[0], :2].tolist()
        begins = day + _pick(_LATENT_DAYS, latent)
        self._infectious_from[person] = begins
        self._infectious_to[person] = begins + _pick(_INFECTIOUS_DAYS, length)
        self._free_from[person] = day + self._spread.protected_days
        self._times[person] += 1

    def collected(self) -> Infections:
        table = np.array(self._rows, np.int64).reshape(-1, 4)
        person, infected, source, times = table.T
        latent, _, symptoms, severity, length = self._nature[person, times % _NATURE[0]].T
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
