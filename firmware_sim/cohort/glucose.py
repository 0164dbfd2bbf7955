"""Capillary glucose at any moment: meals, insulin or tablets, dawn, lows, sick days.

`glucose_days` draws what the days bring, `true_glucose` is what the blood then holds,
`meter.meter_shows` what a meter would show of it. Sources of the numbers: `glucose_body.py`;
what is not named there or here is ours.

A value below 3.9 mmol/L exists only inside a low, and every low is an event with its true
beginning and end: nothing else falls under `_FLOOR_MMOL`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.event import Event, EventKind
from firmware_sim.cohort.glucose_body import HABITUS, GlucoseBody, Treatment, glucose_body
from firmware_sim.cohort.life import DayLine
from firmware_sim.cohort.moments import Moments
from firmware_sim.cohort.people import CohortPerson
from firmware_sim.cohort.seeds import stream
from firmware_sim.cohort.spans import MINUTES, Spans, minute_of, spans

Column = npt.NDArray[np.float64]

LOW_MMOL = 3.9
"""Level 1 of low glucose (International Hypoglycaemia Study Group, Diabetes Care 2017;40:155)."""

VERY_LOW_MMOL = 3.0
"""Level 2 of the same."""

_FLOOR_MMOL = 4.0
_TODAY_LIKE_YESTERDAY = 0.5  # autocorrelation of day effects
# Rises from three to seven and lingers until one: the extended dawn phenomenon (its name is
# Monnier's, the hours are ours).
_DAWN_MINUTES, _DAWN_SHARE = [0.0, 180.0, 420.0, 780.0, 1440.0], [0.0, 0.0, 1.0, 0.0, 0.0]
# Prednisolone in the morning raises the glucose from noon to midnight, not the fasting value
# [Burt 2011, J Clin Endocrinol Metab 96:1789; Yuen 2012, Clin Endocrinol 77:224 (abstracts read)].
_STEROID_MINUTES = [0.0, 600.0, 900.0, 1260.0, 1440.0]
_STEROID_SHARE = [0.2, 0.0, 1.0, 1.0, 0.2]
_STEROID_MMOL = {Treatment.NONE: 2.0}
_STEROID_MMOL_DIABETIC = 4.0  # 4 mmol/L higher at five than at seven in the morning (abstract read)
_APPROACH_MIN, _RECOVERY_MIN = 75.0, 45.0
# Begin (minutes of the day) and length of the hours in which lows begin, with their shares:
# after midnight, before lunch, before dinner, late evening.
_LOW_HOURS = ((110.0, 160.0), (630.0, 70.0), (930.0, 120.0), (1320.0, 80.0))
_LOW_SHARES = (0.3, 0.5, 0.85, 1.0)  # cumulated
_NIGHTLY = (0, 3)
_VERY_LOW_SHARE = 0.35  # [Chen 2023, doi 10.1016/j.diabres.2023.110987 (read)]: 13.9 of 26.5 people


@dataclass(frozen=True, slots=True, kw_only=True)
class GlucoseDays:
    """What the days of one person's calendar bring to the glucose; nobody writes to the arrays.

    Attributes:
        body: Who the person is.
        level: One value a day: own level that noon with illness in it, mmol/L.
        untreated: One value a day, 0 treated to 1 as without medicine, reached the next morning.
        meal_at: Days by three: beginning of breakfast, lunch, dinner, minutes since the midnight
            of day 0.
        meal_mmol: Days by three: rise after each; 0 for a meal left out.
        steroid: One value a day: mmol/L added at its worst hour; None without steroids.
        lows: Glucose below 3.9 mmol/L from `begin` to `end`; `size` is the lowest, mmol/L.
    """

    body: GlucoseBody
    level: Column
    untreated: Column
    meal_at: Column
    meal_mmol: Column
    steroid: Column | None
    lows: Spans


def glucose_days(
    person: CohortPerson,
    calendar: Calendar,
    line: DayLine,
    steroid: npt.NDArray[np.bool_] | None = None,
) -> GlucoseDays:
    """Draw the person's days from streams of their own; the first days of a longer calendar agree.

    Args:
        person: Who.
        calendar: The days.
        line: Doses, feasts, sickness.
        steroid: One value a day: a morning dose of 20-40 mg prednisolone was taken.
    """
    body = glucose_body(person)
    usual = HABITUS[body.treatment]
    names = (person.purpose, person.seed, person.number)
    normal = stream(*names, "glucose/days").standard_normal((calendar.days, 7))
    chance = stream(*names, "glucose/chance").random((calendar.days, 9))
    treated = line.dose_taken | ~line.at_home
    untreated = _untreated(treated, usual.wears_off)
    drift = 1 + body.day_cv * _alike(normal[:, 0]) + 0.02 * calendar.season
    level = body.fasting_mmol * np.maximum(drift, 0.6) + usual.sick_mmol * line.sick
    skipped = (chance[:, :3] < (0.05, 0.03, 0.03)) & ~calendar.festival[:, None]
    size = np.maximum(1 + 0.22 * normal[:, 4:7], 0.3) * (1 + 0.35 * line.salt)[:, None]
    rise = np.array(body.meal_mmol) * size * (1 - 0.4 * line.sick)[:, None]  # the ill eat little
    midnight = MINUTES * np.arange(calendar.days, dtype=np.float64)
    bout = _STEROID_MMOL.get(body.treatment, _STEROID_MMOL_DIABETIC)
    lows = _lows(body, treated, skipped[:, 1], chance[:, 3:])
    return GlucoseDays(
        body=body,
        level=level,
        untreated=untreated,
        meal_at=midnight[:, None] + np.array(body.meal_at) + 18 * normal[:, 1:4],
        meal_mmol=np.where(skipped, 0.0, rise * (1 + 0.25 * untreated)[:, None]),
        steroid=None if steroid is None else bout * steroid.astype(np.float64),
        lows=lows,
    )


def true_glucose(
    days: GlucoseDays, when: Moments, rng: np.random.Generator | None = None
) -> Column:
    """Glucose of the blood at these moments, mmol/L, quantised to 1e-6.

    Args:
        days: From `glucose_days`.
        when: Any moments of the same calendar.
        rng: Adds what no meal explains (6 %, ours), one draw a moment; None for the smooth curve.
    """
    body, minute = days.body, minute_of(when)
    midnight = MINUTES * np.arange(len(days.level), dtype=np.float64)
    level = np.interp(minute, midnight + MINUTES / 2, days.level)
    dawn = np.interp(when.minute, _DAWN_MINUTES, _DAWN_SHARE) - 1
    full = HABITUS[body.treatment].untreated_mmol
    missed = np.interp(minute, midnight + MINUTES + 480, days.untreated)
    value = level + body.dawn_mmol * dawn + full * missed + _meals(days, when.day, minute)
    if days.steroid is not None:
        value += days.steroid[when.day] * np.interp(when.minute, _STEROID_MINUTES, _STEROID_SHARE)
    if rng is not None:
        value *= 1 + 0.06 * rng.standard_normal(len(value))
    return np.round(_lowered(days.lows, minute, np.maximum(value, _FLOOR_MMOL)), 6)


def glucose_events(
    person: CohortPerson, calendar: Calendar, line: DayLine, days: GlucoseDays
) -> list[Event]:
    """Every true low, and every run of sick days that raises a diabetic's glucose by 2 mmol/L.

    Only what began while the person lived.
    """
    felt = "unaware" if days.body.unaware else "felt"
    found: list[Event] = []
    for low in days.lows.events(person.id, calendar, EventKind.LOW_GLUCOSE, lambda low: f"{low}"):
        lowest = float(low.detail)
        kind = EventKind.VERY_LOW_GLUCOSE if lowest < VERY_LOW_MMOL else EventKind.LOW_GLUCOSE
        found.append(
            Event(
                subject=low.subject,
                begins_at=low.begins_at,
                ends_at=low.ends_at,
                kind=kind,
                detail=f"lowest {lowest:.2f} mmol/L {felt}",
            )
        )
    raised = HABITUS[days.body.treatment].sick_mmol * line.sick
    ill = np.flatnonzero(np.diff(np.concatenate(([0], (raised >= 2).astype(np.int64), [0]))))  # noqa: PLR2004 - the 2 mmol/L of the docstring
    for first, after in ill.reshape(-1, 2).tolist():
        found.append(
            Event(
                subject=person.id,
                begins_at=calendar.instant(first),
                ends_at=calendar.instant(after),
                kind=EventKind.HIGH_GLUCOSE_SICK_DAY,
                detail=f"up to {float(raised[first:after].max()):.1f} mmol/L higher",
            )
        )
    end = calendar.instant(int(np.count_nonzero(line.alive)))
    return sorted((each for each in found if each.begins_at < end), key=lambda each: each.begins_at)


def _alike(normal: Column) -> Column:
    """Day effects with variance one, each leaning on the day before."""
    news = (1 - _TODAY_LIKE_YESTERDAY**2) ** 0.5 * normal
    news[0] = normal[0]
    return _remembered(news, _TODAY_LIKE_YESTERDAY)


def _untreated(treated: npt.NDArray[np.bool_], wears_off: float) -> Column:
    """0 treated to 1 untreated: a missed day goes part of the way, a taken one part of it back."""
    if treated.all() or not wears_off:
        return np.zeros(len(treated))
    return _remembered(np.where(treated, 0.0, wears_off), 1 - wears_off)


def _remembered(news: Column, keep: float) -> Column:
    """x[d] = news[d] + keep * x[d - 1], over the last 64 days, by doubling."""
    total, lag = news.copy(), 1
    while lag < 64:  # noqa: PLR2004 - 0.7^64 is nothing
        total[lag:] += keep**lag * total[:-lag].copy()
        lag *= 2
    return total.round(6)


def _lows(
    body: GlucoseBody,
    treated: npt.NDArray[np.bool_],
    no_lunch: npt.NDArray[np.bool_],
    chance: Column,
) -> Spans:
    """The lows of all days; a lunch left out brings five times the risk, a missed dose a tenth."""
    if body.lows_a_year <= 0:
        return spans([])
    risk = body.lows_a_year / 365 * np.where(no_lunch, 5.0, 1.0) * np.where(treated, 1.0, 0.1)
    rows: list[tuple[float, float, float]] = []
    for day in np.flatnonzero(chance[:, 0] < risk).tolist():
        _, which, at, length, depth, deep = chance[day].tolist()
        hours = 2 if no_lunch[day] else next(i for i, x in enumerate(_LOW_SHARES) if which < x)
        begin = day * MINUTES + _LOW_HOURS[hours][0] + at * _LOW_HOURS[hours][1]
        slow = hours in _NIGHTLY or body.unaware  # nobody notices: it lasts
        minutes = 60 + 150 * length if slow else 25 + 45 * length
        very = deep < _VERY_LOW_SHARE
        lowest = 2.95 - 1.1 * depth if very else 3.8 - 0.8 * depth
        rows.append((begin, begin + minutes, lowest - (0.2 if body.unaware and very else 0.0)))
    return spans([(round(begin, 2), round(end, 2), round(low, 3)) for begin, end, low in rows])


def _meals(days: GlucoseDays, day: npt.NDArray[np.int64], minute: Column) -> Column:
    """What the day's three meals, and last night's dinner, add now.

    x = time since the first bite over the time of the peak; x exp(1 - x) is 1 at the peak and a
    tenth of it 4.9 peak times on: stomach and gut as two equal steps (ours).
    """
    total = np.zeros(len(minute))
    yesterday = np.maximum(day - 1, 0)
    for index, meal in ((day, 0), (day, 1), (day, 2), (yesterday, 2)):
        x = np.maximum(minute - days.meal_at[index, meal], 0.0) / days.body.peak_minutes
        rise = days.meal_mmol[index, meal] * x * np.exp(1 - x)
        total += np.where(day > 0, rise, 0.0) if index is yesterday else rise
    return total


def _lowered(lows: Spans, minute: Column, value: Column) -> Column:
    """The curve with its lows: down within 75 minutes, a parabola below 3.9, up again in 45."""
    if not len(lows):
        return value
    near = np.searchsorted(lows.begin - _APPROACH_MIN, minute, side="right") - 1
    at = np.maximum(near, 0)
    begin, end = lows.begin[at], lows.end[at]
    before = 1 - np.clip((begin - minute) / _APPROACH_MIN, 0, 1)
    after = 1 - np.clip((minute - end) / _RECOVERY_MIN, 0, 1)
    weight = np.where(near >= 0, before * after, 0.0)
    share = np.clip((minute - begin) / (end - begin), 0, 1)
    dip = LOW_MMOL - (LOW_MMOL - lows.size[at]) * 4 * share * (1 - share)
    return value + weight * (dip - value)
