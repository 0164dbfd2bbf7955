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

The village rate, the winter peak, the duration of protection are ours. Whoever is dead, moved, away
or in hospital takes no part (`lived.py` finds out together who was there and who fell ill).
"""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.infection_chain import (
    NATURE,
    USUAL,
    Chain,
    Column,
    Index,
    Infections,
    Introduction,
    Places,
    Present,
    Spread,
)
from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.seeds import stream


def infections(
    people: Sequence[CohortPerson],
    calendar: Calendar,
    *,
    spread: Spread = USUAL,
    introductions: Sequence[Introduction] = (),
    present: Present | None = None,
) -> Infections:
    """The outbreak of a whole cohort; every person's chances come from a stream of their own.

    A person more or fewer changes the infections of their own village only.

    Args:
        people: In order of number, all of one cohort.
        calendar: The days.
        spread: How it spreads.
        introductions: Villages are numbered in the order in which they first appear; where fewer
            susceptible people are present that day, fewer are infected.
        present: One row a day, one column a person: alive and living in the village; everybody on
            every day when not given.

    Raises:
        ValueError: An introduction names a village that is not there, or more people than live in
            it.
    """
    return Outbreak(people, calendar, spread=spread, introductions=introductions).run(present)


class Outbreak:
    """The chances of a cohort, drawn once, for a chain that is run several times."""

    def __init__(
        self,
        people: Sequence[CohortPerson],
        calendar: Calendar,
        *,
        spread: Spread = USUAL,
        introductions: Sequence[Introduction] = (),
    ) -> None:
        """As for `infections`, which see.

        Raises:
            ValueError: An introduction names a village that is not there, or more people than live
                in it.
        """
        names = [(each.purpose, each.seed, each.number) for each in people]
        chance = [stream(*name, "infection").random(calendar.days) for name in names]
        nature = [stream(*name, "infection/nature").random(NATURE) for name in names]
        self._places = Places(
            roof=_numbered([each.home.household for each in people]),
            village=_numbered([each.home.village for each in people]),
        )
        _check(introductions, np.bincount(self._places.village).tolist())
        self._spread, self._introductions = spread, introductions
        self._season = 1 + spread.winter * calendar.season
        self._chance = np.array(chance).reshape(len(people), calendar.days).T
        self._nature = np.array(nature).reshape(-1, *NATURE)

    def run(self, present: Present | None = None) -> Infections:
        """Every infection while these people are present; see `infections`."""
        if present is None:
            present = np.ones(self._chance.shape, np.bool_)
        chain = Chain(places=self._places, spread=self._spread, nature=self._nature)
        for day, (season, chance, there) in enumerate(
            zip(self._season.tolist(), self._chance, present, strict=True)
        ):
            chain.step(day, season, chance, there, self._introductions)
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
