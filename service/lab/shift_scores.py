"""Scores of each person-day: does this person's pressure stand higher than it used to?"""

from dataclasses import dataclass

import numpy as np

from gateway.baseline_columns import ANCHOR_UNIT, EPOCH, MICRO, STATE, SYSTOLIC, StateRows
from gateway.baselines import DAY_FADING, FAST_FADING, READING_FADING, Folding, fold_many
from service.lab.shift_cohort import Floats, PersonDays, Whole, trailing

CLOSED_DAYS = 3
"""What is judged on a day at noon has folded the days to three days before (design D1)."""

WARM_DAYS, WARM_READINGS = 28, 20
_LEAST_SD = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Scores by name, people x days, NaN where the day has no reading or the person no history.

    `rise` is what is compared in mmHg, `observed` the person-days that count for rates.
    """

    by_name: dict[str, Floats]
    observed: Whole


def scores_of(days: PersonDays, first_ordinal: int, seed: int) -> Scores:
    """Every detector's score; all need the same history, so that none is judged on more days."""
    people, length = (int(size) for size in days.mean.shape)
    empty = np.full((people, length), np.nan)
    fast, slow, sd, anchor, warm = (empty.copy() for _ in range(5))
    states = np.zeros(people, dtype=STATE)
    ordered = _by_day(days.readings)
    edges = first_ordinal + np.arange(-CLOSED_DAYS, length + 1)
    cuts: list[int] = np.searchsorted(ordered.day, edges).tolist()
    for day in range(CLOSED_DAYS, length):
        chosen = _part(ordered, cuts[day], cuts[day + 1])
        through = np.full(people, first_ordinal + day - CLOSED_DAYS)
        states = fold_many(states, chosen, through)
        fast[:, day], slow[:, day] = _means(states)
        sd[:, day], anchor[:, day] = _spread(states), _anchor(states)
        warm[:, day] = _warm(states, first_ordinal + day)
    near, near_readings, _ = trailing(days, 3)
    far, far_readings, far_days = trailing(days, 14)
    judged = (days.count > 0) & (warm > 0)
    six, ten = judged & (near_readings >= 6), judged & (far_readings >= 10) & (far_days >= 7)  # noqa: PLR2004 - HW-11
    spread = np.maximum(sd, _LEAST_SD)
    return Scores(
        by_name={
            "fast against slow": np.where(judged, (fast - slow) / spread, np.nan),
            "3 days against recent": np.where(six, (near - slow) / spread, np.nan),
            "14 days against anchor": np.where(ten, far - anchor, np.nan),
            "fixed limit, 3 days": np.where(six, near, np.nan),
            "fixed limit, 14 days": np.where(ten, far, np.nan),
            "random": np.where(judged, np.random.default_rng(seed).random(judged.shape), np.nan),
        },
        observed=judged.sum(axis=1),
    )


def _by_day(readings: Folding) -> Folding:
    order = np.argsort(readings.day, kind="stable")
    return _chosen(readings, order)


def _part(readings: Folding, begin: int, end: int) -> Folding:
    return _chosen(readings, np.arange(begin, end))


def _chosen(readings: Folding, places: Whole) -> Folding:
    return Folding(
        row=readings.row[places],
        quantity=readings.quantity[places],
        day=readings.day[places],
        value=readings.value[places],
        part=readings.part[places],
    )


def _means(states: StateRows) -> tuple[Floats, Floats]:
    start = states["start"][:, SYSTOLIC] / MICRO
    fast_days, days = (states[name][:, SYSTOLIC].astype(float) for name in ("fast_days", "days"))
    return (
        _started(states["fast"][:, SYSTOLIC], start, FAST_FADING, fast_days),
        _started(states["day_mean"][:, SYSTOLIC], start, DAY_FADING, days),
    )


def _spread(states: StateRows) -> Floats:
    start, count = states["start"][:, SYSTOLIC] / MICRO, states["readings"][:, SYSTOLIC]
    mean = _started(states["mean"][:, SYSTOLIC], start, READING_FADING, count.astype(float))
    square = _started(
        states["square"][:, SYSTOLIC], start * start, READING_FADING, count.astype(float)
    )
    return np.sqrt(np.maximum(square - mean * mean, 0.0))


def _anchor(states: StateRows) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return (
            states["anchor_sum"][:, SYSTOLIC] / ANCHOR_UNIT / states["anchor_readings"][:, SYSTOLIC]
        )


def _warm(states: StateRows, ordinal: int) -> Floats:
    first = states["first_day"][:, SYSTOLIC].astype(np.int64)
    begun = first + EPOCH
    long = (first > 0) & (ordinal - begun >= WARM_DAYS)
    return (long & (states["readings"][:, SYSTOLIC] >= WARM_READINGS)).astype(np.float64)


def _started(mean: Floats, start: Floats, fading: float, count: Floats) -> Floats:
    left = (1 - fading) ** count
    with np.errstate(invalid="ignore", divide="ignore"):
        return (mean - left * start) / (1 - left)
