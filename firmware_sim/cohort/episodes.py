"""Heart and lung episodes of one person: arrhythmia, fluid before a heart failure, hypoxia.

Sources (read: the abstract was read; memory: not looked up again):

* [Chaudhry 2007] Circulation 116:1549 (read): weight rises before an admission for heart failure,
  mostly in the last week. Gains of 1-3 kg over 3-10 days are the brief's.
* Admissions for heart failure 0.35 a person-year (ours). [TSOC-HFrEF] (read): 38.5 % of people in
  Taiwan came back within the year after an admission.
* COPD exacerbations 0.85 a person-year [TORCH: Calverley 2007, N Engl J Med 356:775 (read)];
  the share with lack of oxygen at home (0.4) is ours.
* [Chan 2017] BMJ Open 7:e013685 (read), 5,969 people in Hong Kong: a cuff with a rhythm detector
  finds 80.6 % of atrial fibrillation, and is silent in 98.7 % of the rest.
  [Wiesel 2014] Am J Cardiol 114:1046 (read): 30 % and 97 % for another make.
* Cuffs differ more from the stethoscope in atrial fibrillation [Stergiou 2012, J Hypertens 30:2074
  (read)]; how much more single readings scatter is ours, and so is everything not named.
"""

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.life import DayLine
from firmware_sim.cohort.moments import Moments
from firmware_sim.cohort.people import CohortPerson, CuffKind
from firmware_sim.cohort.seeds import stream
from firmware_sim.cohort.spans import MINUTES, Spans, inside, minute_of, spans

Column = npt.NDArray[np.float64]
Row = tuple[float, float, float]

_PERSISTENT = 0.55  # of those with the diagnosis: always in it
_BOUTS_A_YEAR = 14.0  # of the others
_DECOMPENSATIONS_A_YEAR = 0.35
_HYPOXIA_A_YEAR = 0.34  # 0.85 exacerbations times 0.4
_HYPOXIA_OF_A_COLD = 0.25  # a severe infection in COPD
_SEVERE = 0.6
_DRAINED_DAYS = 5.0
_STEROID_DAYS = 5

SCATTER_IN_FIBRILLATION = 1.7
"""Factor on the scatter of single pressure readings during atrial fibrillation."""

PULSE_IN_FIBRILLATION = 14.0
"""Beats a minute above the person's own pulse during a bout."""


def fibrillation(person: CohortPerson, calendar: Calendar) -> Spans:
    """When the heart is in atrial fibrillation: always, in bouts of hours to days, or never.

    Bouts last 2-72 hours, short ones more often; `size` is the length in hours.
    """
    if "atrial_fibrillation" not in person.diagnoses:
        return spans([])
    rng = stream(person.purpose, person.seed, person.number, "episodes/fibrillation")
    end = float(MINUTES * calendar.days)
    if rng.random() < _PERSISTENT:
        return spans([(0.0, end, round(end / 60, 2))])
    chance = rng.random((calendar.days, 3))
    rows: list[Row] = []
    for day in np.flatnonzero(chance[:, 0] < _BOUTS_A_YEAR / 365).tolist():
        _, at, length = chance[day].tolist()
        hours = 2 + 70 * length * length * length
        begin = MINUTES * (day + at)
        rows.append((round(begin, 2), round(begin + 60 * hours, 2), round(hours, 2)))
    return spans(rows)


def irregular(
    person: CohortPerson, bouts: Spans, when: Moments, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Which cuff readings carry the irregular pulse flag; none from a cuff that cannot tell.

    One draw a reading. In fibrillation 81 % of the readings are flagged, otherwise 1.3 %
    [Chan 2017]; other ectopic beats are in the latter.
    """
    chance = rng.random(len(when.day))
    if person.kit.cuff is not CuffKind.RHYTHM:
        return np.zeros(len(when.day), np.bool_)
    return chance < np.where(inside(bouts, minute_of(when)), 0.806, 0.013)


def decompensations(person: CohortPerson, calendar: Calendar) -> Spans:
    """Fluid gathering for 3-10 days until the heart fails; `size` is the gain, 1-3 kg.

    The end is the hour at which the person would be admitted.
    """
    if "heart_failure" not in person.diagnoses:
        return spans([])
    rng = stream(person.purpose, person.seed, person.number, "episodes/decompensation")
    chance = rng.random((calendar.days, 4))
    winter = 1 + 0.3 * calendar.season
    rows: list[Row] = []
    for day in np.flatnonzero(chance[:, 0] < _DECOMPENSATIONS_A_YEAR / 365 * winter).tolist():
        _, length, gain, hour = chance[day].tolist()
        end = MINUTES * day + 60 * (7 + 14 * hour)
        begin = end - MINUTES * (3 + 7 * length)
        if begin >= 0:
            rows.append((round(begin, 2), round(end, 2), round(1 + 2 * gain, 2)))
    return spans(rows)


def fluid(calendar: Calendar, failures: Spans) -> Column:
    """Kg of water too much, one value a day (at noon): gathered, then drained over five days.

    The gain goes with the square of the time [Chaudhry 2007: slow, then steep].
    """
    noon = MINUTES * (np.arange(calendar.days) + 0.5)
    total = np.zeros(calendar.days)
    for row in range(len(failures)):
        begin, end = failures.begin[row], failures.end[row]
        share = np.clip((noon - begin) / (end - begin), 0, 1)
        drained = np.clip((noon - end) / (MINUTES * _DRAINED_DAYS), 0, 1)
        total += failures.size[row] * share * share * (1 - drained)
    return np.round(total, 6)


def hypoxia(person: CohortPerson, calendar: Calendar, line: DayLine) -> Spans:
    """Lack of oxygen for 2-6 days in COPD, of itself or with a severe infection.

    `size` is how many percentage points the saturation falls, 4-12.
    """
    if "copd" not in person.diagnoses:
        return spans([])
    rng = stream(person.purpose, person.seed, person.number, "episodes/hypoxia")
    chance = rng.random((calendar.days, 4))
    severe = line.sick >= _SEVERE
    onset = severe & ~np.concatenate(([False], severe[:-1]))
    risk = _HYPOXIA_A_YEAR / 365 * (1 + 0.4 * calendar.season)
    risk = np.where(onset, _HYPOXIA_OF_A_COLD, risk)
    rows: list[Row] = []
    for day in np.flatnonzero(chance[:, 0] < risk).tolist():
        _, at, length, depth = chance[day].tolist()
        begin = MINUTES * (day + at)
        end = begin + MINUTES * (2 + 4 * length)
        rows.append((round(begin, 2), round(end, 2), round(4 + 8 * depth, 2)))
    return spans(rows)


def steroid_days(calendar: Calendar, lacks: Spans) -> npt.NDArray[np.bool_] | None:
    """Days with a morning dose of prednisolone; None when there are none.

    Five days from the day after hypoxia begins: 40 mg for five days treat an exacerbation of COPD
    [REDUCE: Leuppi 2013, JAMA 309:2223 (read)].
    """
    if not len(lacks):
        return None
    days = np.zeros(calendar.days, np.bool_)
    first: list[int] = (lacks.begin // MINUTES).astype(np.int64).tolist()
    for day in first:
        days[day + 1 : day + 1 + _STEROID_DAYS] = True
    return days


def heart_and_lung_events(
    subject: str, calendar: Calendar, *, bouts: Spans, failures: Spans, lacks: Spans
) -> list[Event]:
    """The three kinds as events in order of time."""
    found = [
        *bouts.events(
            subject,
            calendar,
            EventKind.ATRIAL_FIBRILLATION,
            lambda hours: f"{hours:.0f} hours",
        ),
        *failures.events(
            subject, calendar, EventKind.DECOMPENSATION, lambda kg: f"{kg:.1f} kg gained"
        ),
        *lacks.events(
            subject, calendar, EventKind.HYPOXIA, lambda points: f"{points:.0f} points lower"
        ),
    ]
    return sorted(found, key=lambda event: event.begins_at)
