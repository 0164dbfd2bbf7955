"""What a person's devices show over time: generators of (instant, values).

Usual pressures come from the cohort's model (`firmware_sim/cohort/pressure.py`): one physiology in
the simulator. What the demo shows is scripted on top: planned `Episode`s, drifts counted back from
the end, times on a grid of five minutes. Glucose is scripted whole, because the story of the demo
needs exactly the lows that its scenario names; the cohort's meals and lows happen by chance.

The same seed gives the same series on every machine: NumPy's PCG64 with one stream per person and
series, a fixed number of draws per day, and values rounded to what the device shows.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.habits import Occasions
from firmware_sim.cohort.life import DayLine, Life
from firmware_sim.cohort.moments import Moments
from firmware_sim.cohort.pressure import pressures
from firmware_sim.device_clock import CHINA
from firmware_sim.physiology.as_cohort import cohort_person
from firmware_sim.physiology.person import BloodPressurePattern, Episode, Habit, Person
from firmware_sim.profiles.glucose import Limit

_MONTH_DAYS = 30
_SLOT = timedelta(minutes=15)
_SLOTS = 7
_MORNING, _EVENING = time(7), time(19)


@dataclass(frozen=True, slots=True, kw_only=True)
class BloodPressureValues:
    """One reading: mmHg and beats per minute, whole numbers as a cuff shows them."""

    systolic: int
    diastolic: int
    pulse: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GlucoseValues:
    """One reading: mmol/L with one decimal, or LO or HI; and what it was measured for."""

    glucose_mmol: float | Limit
    meal: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The days of a plan.

    Attributes:
        first: Local date of day 0.
        days: How many days are generated.
        horizon: The day count that episodes and drift are counted back from; a plan may go on
            beyond it and keeps its beginning.
    """

    first: date
    days: int
    horizon: int


def bp_series(
    person: Person, span: Span, *, seed: int
) -> Iterator[tuple[datetime, BloodPressureValues]]:
    """The person's blood pressures, ordered by time; none without a `BloodPressurePattern`."""
    pattern = person.blood_pressure
    if pattern is None:
        return
    draw = _stream(person, seed, b"bp")
    times = [_usual_times(person.habit, span, day, draw.random(4)) for day in range(span.days)]
    shown = iter(_pressures(person, pattern, span, times, seed))
    for day, usual_times in enumerate(times):
        planned = [
            (_instant(span, day, episode.time_of_day), _planned_pressure(pattern, episode))
            for episode in _episodes(person, span, day)
            if episode.systolic is not None
        ]
        usual = [(at, next(shown)) for _, at in usual_times]
        # A planned event replaces the usual reading of that half of the day.
        taken = {at.astimezone(CHINA).hour // 12 for at, _ in planned}
        usual = [item for item in usual if item[0].astimezone(CHINA).hour // 12 not in taken]
        yield from sorted([*usual, *planned], key=lambda item: item[0])


def glucose_series(
    person: Person, span: Span, *, seed: int
) -> Iterator[tuple[datetime, GlucoseValues]]:
    """The person's glucose, ordered by time; none without a `GlucosePattern`."""
    pattern = person.glucose
    if pattern is None:
        return
    draw = _stream(person, seed, b"glucose")
    for day in range(span.days):
        chance, scatter = draw.random(4), draw.standard_normal(2)
        planned = [
            (
                _instant(span, day, episode.time_of_day),
                GlucoseValues(glucose_mmol=episode.glucose_mmol, meal=None),
            )
            for episode in _episodes(person, span, day)
            if episode.glucose_mmol is not None
        ]
        taken = {at.astimezone(CHINA).hour // 12 for at, _ in planned}
        usual: list[tuple[datetime, GlucoseValues]] = []
        for turn, at in _usual_times(person.habit, span, day, chance):
            if turn in taken:
                continue
            middle = pattern.evening_mmol if turn else pattern.fasting_mmol
            value = middle * (1 + pattern.variation * float(scatter[turn]))
            meal = "postprandial" if turn else "fasting"
            shown = round(max(value, pattern.lowest_mmol), 1)
            usual.append((at, GlucoseValues(glucose_mmol=shown, meal=meal)))
        yield from sorted([*usual, *planned], key=lambda item: item[0])


def _stream(person: Person, seed: int, purpose: bytes) -> np.random.Generator:
    """A stream of its own for each person and purpose: adding a person changes nobody else."""
    entropy = [seed, zlib.crc32(person.id.encode()), zlib.crc32(purpose)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def _instant(span: Span, day: int, time_of_day: timedelta) -> datetime:
    midnight = datetime.combine(span.first + timedelta(days=day), time(0), tzinfo=CHINA)
    return midnight + time_of_day


def _usual_times(
    habit: Habit, span: Span, day: int, chance: "np.ndarray[tuple[int], np.dtype[np.float64]]"
) -> list[tuple[int, datetime]]:
    """Turn (0 morning, 1 evening) and instant of the day's usual readings.

    People keep their time three times in four and are half an hour late otherwise.
    """
    turns = ((0, _MORNING, habit.morning), (1, _EVENING, habit.evening))
    times: list[tuple[int, datetime]] = []
    for turn, begin, probability in turns:
        if chance[2 * turn] >= probability:
            continue
        late = 2 * int(chance[2 * turn + 1] >= 0.75)  # noqa: PLR2004 - three times in four
        slot = min(habit.slot + late, _SLOTS - 1)
        times.append((turn, _instant(span, day, timedelta(hours=begin.hour) + slot * _SLOT)))
    return times


def _episodes(person: Person, span: Span, day: int) -> list[Episode]:
    return [item for item in person.episodes if span.horizon - 1 - item.days_before_end == day]


def _planned_pressure(pattern: BloodPressurePattern, episode: Episode) -> BloodPressureValues:
    systolic = episode.systolic or round(pattern.systolic)
    return BloodPressureValues(
        systolic=systolic,
        diastolic=episode.diastolic or round(pattern.diastolic),
        pulse=round(pattern.pulse + max(0.0, systolic - pattern.systolic) / 4),
    )


def _pressures(
    person: Person,
    pattern: BloodPressurePattern,
    span: Span,
    times: list[list[tuple[int, datetime]]],
    seed: int,
) -> list[BloodPressureValues]:
    """What the cuff shows at all usual times, by the cohort's model of pressure."""
    when = [at.astimezone(CHINA) for usual in times for _, at in usual]
    day = np.array([(at.date() - span.first).days for at in when], np.int64)
    minute = np.array([60.0 * at.hour + at.minute for at in when], np.float64)
    first, clinic = np.zeros(len(when), np.int64), np.zeros(len(when), np.bool_)
    values = pressures(
        cohort_person(person, pattern, seed),
        Calendar(first=span.first, days=span.days),
        _life(pattern, span),
        Occasions(
            moments=Moments(day=day, minute=minute),
            place=first,
            session=np.arange(len(when), dtype=np.int64),
            clinic=clinic,
        ),
    )
    columns = (values.systolic, values.diastolic, values.pulse)
    return [
        BloodPressureValues(systolic=round(high), diastolic=round(low), pulse=round(beats))
        for high, low, beats in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _life(pattern: BloodPressurePattern, span: Span) -> Life:
    """At home and well on every day; a drift is the only thing that happens by itself."""
    drifted_days = np.maximum(0, np.arange(span.days) - (span.horizon - pattern.drift_days))
    always, never = np.ones(span.days, np.bool_), np.zeros(span.days)
    return Life(
        line=DayLine(
            alive=always,
            at_home=always,
            dose_taken=always,
            drug_on=always,
            salt=never,
            sick=never,
        ),
        slow=pattern.drift_per_month * drifted_days / _MONTH_DAYS,
        crises=(),
        events=(),
    )
