"""Oxygen, temperature and weight at any moment, and what fever does to the pulse.

Sources (read: the abstract or table was read; memory: not looked up again):

* [Dalbak 2015] Scand J Prim Health Care 33:305, table 1 (read): SpO2 <= 95 % in 31 % of stable
  COPD. [Vold 2015] BMC Pulm Med 15:9, table 1 (read): in 11.4 % of 5,152 people of 66 years.
* [Rojas-Camayo 2018] Thorax 73:776 (read: the fall is steep above 2,500 m; the figures of
  `_ALTITUDE` are from memory, with [Quito] BMC Pediatr 2020;20:440 (read): 94.5 % at 2,810 m).
* ISO 80601-2-61 allows an oximeter a root mean square error of 4 %; home devices do better (ours).
* [Mackowiak 1992] JAMA 268:1578 (memory): oral 36.8 (0.4) C in the young, lowest at six in the
  morning, highest at four to six in the afternoon, 0.5 C apart. [Del Bene 1990] Clinical Methods
  ch. 218 (read): the armpit 0.55 C below the mouth. Old people 0.2 C lower, and with less fever
  (ours; that their fever is modest stood in a textbook page).
* Fever: [Leichtenstern, Influenza] (an old textbook, read): usually 39 C at some time, 40.5 seen,
  and out of proportion to the other symptoms. [Chughtai 2016] Epidemiol Infect, S0950268816002181
  (read): 30 % of ten adults with influenza and 23 % of all with a virus had any. The distribution
  is ours: measured twice a day in the armpit, 43 % of the ill under 65 reach 38 C, 15 % 39, 3 %
  39.5 and few 40; of the old 24 % 38 and 2 % 39.
* [Kirschen 2020] Am J Emerg Med 38:929 (read): 7 beats a minute for each degree.
* [Turicchi 2020] PLoS ONE 15:e0232152 (read): weight moves 0.35 % within the week, highest after
  the weekend. 32 % of young adults' day-to-day changes are 0.5 kg or more (read in a summary
  that does not name the study).
* [Chaudhry 2007] Circulation 116:1549 (read): weight rises from about 30 days before an admission
  for heart failure, steeply within the last week. The 1-3 kg are the brief's and ours.

What is not named is ours.
"""

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.life import DayLine
from firmware_sim.cohort.moments import Moments
from firmware_sim.cohort.people import CohortPerson, CohortSex
from firmware_sim.cohort.seeds import stream
from firmware_sim.cohort.spans import MINUTES, Spans, inside, minute_of

Column = npt.NDArray[np.float64]

_ALTITUDE = (
    [0.0, 1500.0, 2500.0, 2810.0, 3500.0, 4340.0, 5100.0],
    [0.0, 1.0, 2.2, 3.0, 6.5, 10.5, 16.0],
)
"""Metres, and percentage points of SpO2 below the sea's."""

_PULSE_A_DEGREE = 7.0  # Kirschen 2020
_FEVER_C = 3.4  # at severity 1; how much of it an episode brings is drawn between these:
_FEVER_SHARE = {True: (0.45, 1.0), False: (0.8, 1.05)}  # 65 years or more, less
_OLD = 65
_DAY_OF_BODY = ([0, 360, 600, 1020, 1320, 1440], [-0.14, -0.25, 0.0, 0.25, 0.05, -0.14])
"""Minutes, and degrees above the day's mean."""


def saturation(person: CohortPerson, line: DayLine, lacks: Spans, when: Moments) -> Column:
    """What an oximeter shows, whole percent, 60 to 100.

    Args:
        person: Who; `copd` among the diagnoses lowers the level and the reserve.
        line: Sickness.
        lacks: Spans of hypoxia; `size` in percentage points (from `episodes.hypoxia`).
        when: The moments; three draws each from the person's own stream.
    """
    rng = stream(person.purpose, person.seed, person.number, "vitals/saturation")
    own = float(rng.standard_normal())
    copd = "copd" in person.diagnoses
    level = min(98.5, 96.4 + 1.8 * own if copd else 97.2 + 1.1 * own)  # Dalbak 2015, Vold 2015
    level -= float(np.interp(person.home.altitude_m, *_ALTITUDE))
    noise, chance = rng.standard_normal(len(when.day)), rng.random((len(when.day), 2))
    value = level - (3.5 if copd else 1.8) * line.sick[when.day] + 0.8 * noise
    value -= _depth(lacks, minute_of(when))
    # A cold or moving finger reads low for once (1 %).
    value -= np.where(chance[:, 0] < 0.01, 2 + 8 * chance[:, 1], 0.0)  # noqa: PLR2004
    return np.clip(value.round(6).round(), 60, 100)


def fever(person: CohortPerson, line: DayLine, calendar: Calendar, when: Moments) -> Column:
    """Degrees above usual at these moments, 0 without illness; the old run less fever.

    It follows the square of the day's sickness, so it is gone days before the illness is; how high
    it runs is drawn for each illness.
    """
    low, high = _FEVER_SHARE[_age(person, calendar) >= _OLD]
    rng = stream(person.purpose, person.seed, person.number, "vitals/fever")
    ill = line.sick > 0
    begins = ill & ~np.concatenate(([False], ill[:-1]))
    onset = np.maximum.accumulate(np.where(begins, np.arange(calendar.days), 0))
    share = (low + (high - low) * rng.random(calendar.days))[onset]
    noon = MINUTES * (np.arange(calendar.days) + 0.5)
    return _FEVER_C * np.interp(minute_of(when), noon, share * line.sick * line.sick)


def temperature(person: CohortPerson, line: DayLine, calendar: Calendar, when: Moments) -> Column:
    """What a thermometer in the armpit shows, degrees Celsius with one decimal, 34 to 42."""
    rng = stream(person.purpose, person.seed, person.number, "vitals/temperature")
    own = float(rng.standard_normal())
    level = 36.25 + 0.25 * own - (0.2 if _age(person, calendar) >= _OLD else 0.0)
    noise = rng.standard_normal((2, len(when.day)))
    value = level + np.interp(when.minute, *_DAY_OF_BODY) + fever(person, line, calendar, when)
    value += 0.12 * noise[0] + 0.1 * noise[1]  # the body's own, the thermometer's
    return np.clip(value.round(6).round(1), 34, 42)


def pulse_of_fever(fever_c: Column) -> Column:
    """Beats a minute that this fever adds to the resting pulse."""
    return _PULSE_A_DEGREE * fever_c


def weight(person: CohortPerson, calendar: Calendar, fluid: Column, when: Moments) -> Column:
    """What bathroom scales show, kg with one decimal.

    Args:
        person: Who.
        calendar: Weekday and season.
        fluid: One value a day: kg of water too much (from `episodes.fluid`).
        when: The moments; two draws each.
    """
    rng = stream(person.purpose, person.seed, person.number, "vitals/weight")
    own, trend = rng.standard_normal(2).tolist()
    woman = person.sex is CohortSex.FEMALE
    level = max(38.0, 57 + 9 * own if woman else 66 + 10 * own)  # ours: rural, elderly
    walk = np.cumsum(rng.standard_normal(calendar.days))
    days = np.arange(calendar.days)
    usual = level + 1.2 * trend * days / 365 + 0.03 * walk + 0.4 * calendar.season
    usual += level * 0.001_75 * np.array([1, 0.6, 0, -0.4, -1, -0.8, 0.6])[calendar.weekday]
    usual += 0.4 * calendar.festival + fluid
    noise, chance = rng.standard_normal(len(when.day)), rng.random(len(when.day))
    value = usual[when.day] + 0.28 * noise + 0.7 * np.clip((when.minute - 420) / 840, 0, 1)
    # One time in twelve somebody keeps the coat on; in winter it is heavy.
    coat = 0.8 + 0.6 * calendar.season[when.day]
    value += np.where(chance < 1 / 12, coat, 0.0)
    return value.round(6).round(1)


def _age(person: CohortPerson, calendar: Calendar) -> int:
    return calendar.first.year - person.birth_year


def _depth(lacks: Spans, minute: Column) -> Column:
    """Percentage points missing now: as deep as the span says, easing over its second half."""
    if not len(lacks):
        return np.zeros(len(minute))
    at = np.maximum(np.searchsorted(lacks.begin, minute, side="right") - 1, 0)
    share = (minute - lacks.begin[at]) / (lacks.end[at] - lacks.begin[at])
    depth = lacks.size[at] * np.clip(2 - 2 * share, 0, 1)
    return np.where(inside(lacks, minute), depth, 0.0)
