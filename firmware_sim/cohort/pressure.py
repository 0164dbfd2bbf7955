"""What a cuff would measure: systolic, diastolic and pulse of one person at given moments.

Every part of the model is a function of its own, so that a test can look at it alone. Units are
mmHg systolic unless said otherwise; diastolic follows half of every change. Sources of levels and
drug effects: `levels.py`. The share of a drug's effect that comes and goes with the single dose,
its half-life, the order within a session and all scatter are ours, set so that the cohort agrees
with `references.py` (day to day, a year apart, visit to visit, weekday); that the second
reading of a session is lower, and the first days of home measuring higher, is why guidelines
discard the first day and average two readings [ESH 2021 practice guideline for home measuring].
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.episodes import PULSE_IN_FIBRILLATION, SCATTER_IN_FIBRILLATION
from firmware_sim.cohort.habits import DAY, Occasions
from firmware_sim.cohort.levels import drug_effect
from firmware_sim.cohort.life import Crisis, Life
from firmware_sim.cohort.moments import Moments
from firmware_sim.cohort.people import CohortPerson, Levels
from firmware_sim.cohort.seeds import stream
from firmware_sim.cohort.vitals import fever, pulse_of_fever

Column = npt.NDArray[np.float64]

DIASTOLIC_SHARE = 0.5
"""Part of a systolic change that diastolic follows."""

_ACUTE = 0.4  # of the effect comes and goes with a dose, the rest over days
_HALF_LIFE_H = {"calcium_blocker": 36.0, "diuretic": 30.0}
_OTHER_HALF_LIFE_H = 16.0
_SLOW_DAYS = 5.0  # time constant: 95 % of the step after a stopped drug within two weeks
_DAY_MEMORY = 0.35  # autocorrelation of day effects
_WANDER_DAYS = 45.0  # time constant of a level that wanders
_VISIT_MMHG = 5.5  # the alarm at a clinic differs from visit to visit
# Monday to Sunday; Mondays lie 0.8 (not employed) to 1.4 above weekends [Finn-Home: Juhanoja E et
# al., Blood Press Monit 2016;21:63].
_WEEKDAY = np.array([0.7, 0.2, 0.0, 0.0, 0.1, -0.5, -0.5])
_PLACE = np.array([0.0, -2.6, -3.6, -4.0])  # reading of a session
# The cuff frightens for days, by a share of the white coat; the first day lies 1.1 [TASMINH4] to
# 2.8 mmHg above the next [2,122 people, J Hypertens 2022].
_FIRST_DAYS, _FIRST_SHARE = 1.5, 0.4
# From morning to morning diastolic scatters by 5.8 (2.0) mmHg where systolic does by 8.6 (3.1)
# [Ohasama: Kato T et al., Am J Hypertens 2010].
_DIASTOLIC_SCATTER = 0.95
_EVENING_PULSE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressures:
    """What was in the artery and on the cuff's way, before any device rounds; equal lengths.

    Attributes:
        systolic: mmHg, to 1e-6.
        diastolic: mmHg, to 1e-6.
        pulse: Per minute, to 1e-6.
    """

    systolic: Column
    diastolic: Column
    pulse: Column


def pressures(
    person: CohortPerson,
    calendar: Calendar,
    life: Life,
    when: Occasions,
    *,
    fibrillating: npt.NDArray[np.bool_] | None = None,
) -> Pressures:
    """Blood pressure at these occasions; those of a longer calendar begin with the same values.

    Args:
        person: Whose; the draws, three a day and four an occasion, are from their own streams.
        calendar: The days.
        life: What happens to them.
        when: Occasions, in order of time.
        fibrillating: Occasions during atrial fibrillation: more scatter, a faster pulse.
    """
    levels, day = person.levels, when.moments.day
    names = (person.purpose, person.seed, person.number)
    noise = stream(*names, "pressure/days").standard_normal((calendar.days, 3)).T
    scatter = stream(*names, "pressure/readings").standard_normal((len(day), 4)).T
    bout = np.zeros(len(day)) if fibrillating is None else fibrillating.astype(np.float64)
    wide = 1.0 + (SCATTER_IN_FIBRILLATION - 1.0) * bout
    crisis = crisis_rise(life.crises, when.moments)
    of_day = (
        levels.day_sd * day_effects(noise[0], _DAY_MEMORY)
        + levels.wander * day_effects(noise[2], 1 - 1 / _WANDER_DAYS)
        + levels.season * calendar.season
        + _WEEKDAY[calendar.weekday]
        + levels.salt * life.line.salt
        + life.slow
    )
    change = (
        of_day[day]
        + morning_pattern(levels, when.moments)
        + missing_effect(person, life, when.moments)
        + crisis
        + alarm_reaction(levels, when)
        + _VISIT_MMHG * scatter[3][when.session] * when.clinic
        + _PLACE[np.minimum(when.place, len(_PLACE) - 1)]
        + levels.reading_sd * wide * scatter[0]
    )
    systolic: Column = levels.systolic + change
    diastolic: Column = (
        levels.diastolic
        + DIASTOLIC_SHARE * change
        + _DIASTOLIC_SCATTER * levels.reading_sd * scatter[1]
    )
    pulse: Column = (
        levels.pulse
        + 2.5 * noise[1][day]
        + pulse_of_fever(fever(person, life.line, calendar, when.moments))
        + PULSE_IN_FIBRILLATION * bout
        + _EVENING_PULSE * (when.moments.minute > DAY / 2)
        + 0.15 * crisis
        + 3.0 * wide * scatter[2]
    )
    return Pressures(
        systolic=systolic.round(6),
        diastolic=np.minimum(diastolic, systolic - 12).round(6),
        pulse=pulse.round(6),
    )


def day_effects(noise: Column, memory: float) -> Column:
    """Effects of whole days with variance one, each leaning on the day before (AR 1)."""
    fresh = (1 - memory**2) ** 0.5
    return _leaky(np.append(noise[:1], fresh * noise[1:]), keep=memory, start=0.0)


def _leaky(inputs: Column, *, keep: float, start: float) -> Column:
    """Each value is `keep` of the one before plus its input; as long as the inputs."""
    values: list[float] = []
    last = start
    for each in inputs.tolist():
        last = keep * last + each
        values.append(last)
    return np.array(values)


def morning_pattern(levels: Levels, when: Moments) -> Column:
    """Half the morning rise up at seven, half of it down at seven in the evening (cosine)."""
    angle = 2 * np.pi * (when.minute - 7 * 60) / DAY
    shape: Column = np.cos(angle).round(6)
    return levels.morning_rise / 2 * shape


def alarm_reaction(levels: Levels, when: Occasions) -> Column:
    """White coat at a clinic; at home the first days with the cuff, dying out."""
    at_home = when.moments.day[~when.clinic]
    first = at_home[0] if len(at_home) else 0
    days = np.maximum(0, when.moments.day - first)
    home = _FIRST_SHARE * levels.white_coat * np.round(np.exp(-days / _FIRST_DAYS), 6)
    return np.where(when.clinic, levels.white_coat, home)


def missing_effect(person: CohortPerson, life: Life, when: Moments) -> Column:
    """What the pressure drugs do not take away: missed doses, hours since the dose, a stop.

    0 on average for somebody who takes every dose; the whole effect of the drugs two weeks after
    a stop.
    """
    effect = drug_effect(person.drug_classes)
    if effect == 0.0:
        return np.zeros(len(when.day))
    half_life = max(_HALF_LIFE_H.get(drug, _OTHER_HALF_LIFE_H) for drug in person.drug_classes)
    taken = (life.line.dose_taken & life.line.drug_on).astype(np.float64)
    hours = (when.minute - person.levels.dose_minute) / 60
    # `dosed` is the day of the last dose that was due, and so long ago was it due.
    dosed = when.day - (hours < 0)
    hours = np.where(hours < 0, hours + 24, hours)
    return effect * (
        _ACUTE * (1 - _dose_share(taken, half_life, dosed, hours))
        + (1 - _ACUTE) * (1 - _lasting(taken, dosed, hours))
    )


def _dose_share(
    taken: Column, half_life_h: float, dosed: npt.NDArray[np.int64], hours: Column
) -> Column:
    """Effect of the doses so far over that of daily doses: 1 on average, falling until the next."""
    left = 0.5 ** (24 / half_life_h)
    steady = 1 / (1 - left)
    after_dose = np.append(steady, _leaky(taken, keep=left, start=steady))
    rate = float(np.log(2.0)) / half_life_h
    share: Column = after_dose[dosed + 1] * 24 * rate * np.exp(-rate * hours)
    return share.round(6)


def _lasting(taken: Column, dosed: npt.NDArray[np.int64], hours: Column) -> Column:
    """The part of the effect that needs days to come and go, 0..1, straight from dose to dose."""
    keep = float(np.exp(-1 / _SLOW_DAYS))
    states = _leaky((1 - keep) * taken, keep=keep, start=1.0)
    before = np.concatenate(([1.0, 1.0], states))[dosed + 1]
    after = np.append(1.0, states)[dosed + 1]
    return before + (after - before) * hours / 24


def crisis_rise(crises: tuple[Crisis, ...], when: Moments) -> Column:
    """Up within the first fifth of a crisis, down over the rest."""
    rise = np.zeros(len(when.day))
    minute = DAY * when.day + when.minute
    for crisis in crises:
        part = (minute - crisis.begins_minute) / (60 * crisis.hours)
        shape = np.where(part < 0.2, part / 0.2, (1 - part) / 0.8)  # noqa: PLR2004
        rise = np.maximum(rise, crisis.rise * np.maximum(shape, 0.0))
    return rise


def typed_in(values: Column, rounds: npt.NDArray[np.bool_]) -> Column:
    """Whole numbers, to the nearest ten where somebody rounds while writing them down."""
    whole = np.rint(values)
    return np.where(rounds, 10 * np.rint(values / 10), whole)
