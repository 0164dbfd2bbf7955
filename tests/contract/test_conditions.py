"""Every window function, by example and by the promises that all of them make.

Adding a function without a line in `EXAMPLES` fails here.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.conditions import FUNCTIONS
from rules.expression import compile_condition
from rules.scope import Scope
from rules.vocabulary import Profile, QuantityName, Sex, SubjectRef, Ternary
from rules.window import Baseline, Point
from tests.unit.rules.readings import (
    answer,
    flagged,
    glucose,
    meal,
    minutes,
    pressure,
    repeatable,
    sensor,
    spo2,
    symptom,
    typed,
    weight,
    window,
)

DAY = 24 * 60.0
USUAL = Baseline(
    recent_mean=128.0,
    recent_sd=5.0,
    readings=40,
    days=30,
    anchor=126.0,
    anchor_confirmed=True,
    first_day=date(2026, 8, 25),
    own_gap_days=2.5,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One condition over some points; the judged one is the last unless `judged` says which."""

    source: str
    points: tuple[Point, ...]
    result: bool | None
    judged: int = -1
    since_min: float | None = None
    profile: Profile = field(default_factory=lambda: Profile(subject=SubjectRef("p1")))
    baseline: Baseline | None = USUAL


def _drugs(*words: str) -> Profile:
    return Profile(
        subject=SubjectRef("p1"), drug_classes=frozenset(words), conditions=frozenset(words)
    )


def _limited(**targets: str) -> Profile:
    own = {name: Decimal(value) for name, value in targets.items()}
    return Profile(subject=SubjectRef("p1"), birth_year=1961, targets=own)


def _carrying(pregnant: Ternary) -> Profile:
    return Profile(subject=SubjectRef("p1"), birth_year=1996, sex=Sex.FEMALE, pregnant=pregnant)


def _yes(source: str, *points: Point, judged: int = -1) -> Example:
    return Example(source=source, points=points, result=True, judged=judged)


def _no(source: str, *points: Point, judged: int = -1) -> Example:
    return Example(source=source, points=points, result=False, judged=judged)


def _unknown(source: str, *points: Point) -> Example:
    return Example(source=source, points=points, result=None)


HIGH, LOWER = pressure(0, "185"), pressure(4, "150")
MOVED = flagged(pressure(2, "190"), "body_movement")
FOUR = tuple(pressure(day * DAY, number) for day, number in enumerate(("140", "142", "138", "140")))

SCALE = (weight(0, "70.0"), weight(DAY, "71.0"), weight(3 * DAY, "72.1"))
AIR = (*(spo2(day * DAY, "96") for day in range(5)), spo2(5 * DAY, "93"))
# 06:00 and 20:00 of two days, and one at midnight
HOURLY = tuple(
    pressure(at, number)
    for at, number in ((0, "200"), (360, "150"), (1200, "120"), (1800, "140"), (2640, "130"))
)
FASTED = tuple(
    meal(glucose(day * DAY, number), "fasting")
    for day, number in enumerate(("9.0", "7.0", "6.9", "7.5", "6.0"))
)
FLUTTER = tuple(
    flagged(pressure(at, "150"), *flags)
    for at, flags in ((0, ()), (2, ("irregular_pulse",)), (4, ("irregular_pulse",)), (6, ()))
)

FALLING = tuple(sensor(5.0 * n, number) for n, number in enumerate(("7.0", "6.5", "6.0")))
SETTLING = (pressure(0, "180"), pressure(3, "160"), pressure(DAY, "150"))

EXAMPLES: dict[str, tuple[Example, ...]] = {
    "ge": (
        _yes("ge('systolic', 185)", HIGH),
        _no("ge('systolic', 186)", HIGH),
        _no("ge('glucose', 3)", HIGH),
        _yes("ge('glucose', 50)", glucose(0, "HI")),
    ),
    "gt": (_yes("gt('systolic', 184)", HIGH), _no("gt('systolic', 185)", HIGH)),
    "le": (_yes("le('systolic', 185)", HIGH), _no("le('systolic', 184)", HIGH)),
    "lt": (
        _yes("lt('glucose', 3.0)", glucose(0, "2.9")),
        _no("lt('glucose', 3.0)", glucose(0, "2.95")),
        _yes("lt('glucose', 3.0)", glucose(0, "LO")),
        _no("lt('glucose', 3.0)", flagged(glucose(0, "LO"), "control_solution")),
    ),
    "low": (
        _yes("low('glucose')", glucose(0, "LO")),
        _no("low('glucose')", glucose(0, "1.0")),
    ),
    "high": (
        _yes("high('glucose')", glucose(0, "HI")),
        _no("high('glucose')", glucose(0, "LO")),
    ),
    "at_level": (_yes("at_level()", HIGH), _no("at_level()", LOWER)),
    "any_symptom": (
        _yes("any_symptom()", symptom(0, "chest_pain")),
        _no("any_symptom()", answer(0)),
    ),
    "any_ge": (
        _yes("any_ge('systolic', 190, '2m')", MOVED, LOWER),
        _no("any_ge('systolic', 190, '1m')", MOVED, LOWER),
    ),
    "any_lt": (
        _yes("any_lt('systolic', 160, '9m')", LOWER, pressure(9, "170")),
        _no("any_lt('systolic', 150, '9m')", LOWER, pressure(9, "170")),
    ),
    "count_ge": (
        _yes("count_ge('systolic', 180, '1h') >= 2", HIGH, pressure(9, "181")),
        _no("count_ge('systolic', 180, '1h') >= 2", HIGH, MOVED),
        _yes("count_ge('systolic', 180, '9m') >= 2", HIGH, pressure(9, "181")),
        _no("count_ge('systolic', 180, '8m') >= 2", HIGH, pressure(9, "181")),
    ),
    "count_lt": (
        _yes("count_lt('systolic', 160, '1h') >= 1", LOWER),
        _no("count_lt('systolic', 150, '1h') >= 1", LOWER),
    ),
    "readings": (
        _yes("readings('systolic', '1h') >= 2", HIGH, LOWER),
        _no("readings('systolic', '1h') >= 2", HIGH, repeatable(pressure(3, "185"))),
    ),
    "reading_days": (
        _yes("reading_days('systolic', '7d') >= 4", *FOUR),
        _no("reading_days('systolic', '2d') >= 4", *FOUR),
        # an evening and the morning after it, eight hours apart and a minute less
        _yes("reading_days('systolic', '2d') >= 2", pressure(1200, "140"), pressure(1680, "140")),
        _no("reading_days('systolic', '2d') >= 2", pressure(1200, "140"), pressure(1679, "140")),
    ),
    "missing_for": (
        _yes("missing_for('glucose', '7d')", HIGH),
        _no("missing_for('systolic', '7d')", HIGH),
    ),
    "days_with": (
        _yes("days_with('systolic', '>=', 140, '7d', '8h') >= 3", *FOUR),
        _no("days_with('systolic', '>', 140, '7d', '8h') >= 2", *FOUR),
        _yes(
            "days_with('glucose', '<', 3.9, '7d', '8h') >= 2",
            glucose(20 * 60, "3.5"),
            glucose(28 * 60, "3.5"),
        ),
        _no(
            "days_with('glucose', '<', 3.9, '7d', '8h') >= 2",
            glucose(20 * 60, "3.5"),
            glucose(27 * 60, "3.5"),
        ),
    ),
    "pair_within": (
        _yes("pair_within('1m', '30m')", HIGH, pressure(30, "180")),
        _no("pair_within('1m', '30m')", HIGH, pressure(31, "180")),
        _no("pair_within('1m', '30m')", HIGH, pressure(0.5, "180")),
        _no("pair_within('1m', '30m')", HIGH, LOWER, pressure(8, "182")),
        _no("pair_within('1m', '30m')", HIGH, MOVED),
        _no("pair_within('1m', '30m')", HIGH, pressure(3, "182"), LOWER, judged=1),
    ),
    "level_left": (
        _yes("level_left()", HIGH, LOWER, judged=0),
        _no("level_left()", HIGH, flagged(LOWER, "cuff_too_loose"), judged=0),
        _no("level_left()", HIGH, judged=0),
    ),
    "retested": (
        _yes("retested('glucose')", glucose(0, "2.9"), glucose(9, "2.8"), judged=0),
        _no("retested('glucose')", glucose(0, "2.9"), HIGH, judged=0),
    ),
    "answered": (
        _yes("answered('ok')", glucose(0, "2.9"), answer(9), judged=0),
        _no("answered('ok')", answer(0), glucose(9, "2.9"), judged=1),
    ),
    "has_symptom": (
        _yes("has_symptom('30m', 'confusion', 'seizure')", symptom(0, "seizure"), LOWER),
        _no("has_symptom('30m', 'confusion')", symptom(0, "seizure"), LOWER),
        _no("has_symptom('3m', 'seizure')", symptom(0, "seizure"), LOWER),
    ),
    "takes_drug": (
        Example(
            source="takes_drug('insulin', 'sulfonylurea')",
            points=(HIGH,),
            result=True,
            profile=_drugs("sulfonylurea"),
        ),
        Example(source="takes_drug('insulin')", points=(HIGH,), result=False, profile=_drugs()),
        _unknown("takes_drug('insulin')", HIGH),
    ),
    "has_condition": (
        Example(
            source="has_condition('diabetes_2')",
            points=(HIGH,),
            result=True,
            profile=_drugs("diabetes_2"),
        ),
        _unknown("has_condition('diabetes_2')", HIGH),
    ),
    "mean": (
        _yes("mean('systolic', '3d') >= 140.0 && mean('systolic', '3d') <= 140.0", *FOUR),
        _unknown("mean('glucose', '3d') >= 1.0", *FOUR),
    ),
    "mean_ge": (
        _yes("mean_ge('systolic', 140, '3d')", pressure(0, "139.5")),
        _no("mean_ge('systolic', 140, '3d')", pressure(0, "139.4")),
    ),
    "mean_lt": (
        _yes("mean_lt('systolic', 140, '3d')", pressure(0, "139.4")),
        _no("mean_lt('systolic', 140, '3d')", pressure(0, "139.5")),
        _unknown("mean_lt('glucose', 140, '3d')", pressure(0, "139.5")),
    ),
    "mean_over_target": (
        _yes("mean_over_target('systolic', '3d') >= 0.0", *FOUR),
        _no("mean_over_target('systolic', '3d') >= 1.0", *FOUR),
    ),
    "baseline_z": (
        _yes("baseline_z('systolic', '7d') >= 2.4", *FOUR),  # the mean 140, (140 - 128) / 5
        _no("baseline_z('systolic', '7d') > 2.4", *FOUR),
        _unknown("baseline_z('glucose', '1d') > 1.0", glucose(0, "5.5")),
    ),
    "above_usual": (
        _yes("above_usual('systolic', '3d') >= 12.0", *FOUR),
        _no("above_usual('systolic', '3d') > 12.0", *FOUR),
        Example(
            source="above_usual('systolic', '3d') > 1.0",
            points=FOUR,
            result=None,
            baseline=None,
        ),
    ),
    "above_anchor": (
        _yes("above_anchor('systolic', '3d') >= 14.0", *FOUR),
        _no("above_anchor('systolic', '3d') > 14.0", *FOUR),
    ),
    "usual_sd": (
        _yes("usual_sd('systolic') >= 5.0", HIGH),
        _no("usual_sd('systolic') > 5.0", HIGH),
    ),
    "session_share_above": (
        _yes("session_share_above('systolic', 2.0, '3d') >= 0.75", *FOUR),
        _no("session_share_above('systolic', 2.4, '3d') >= 0.5", *FOUR),
    ),
    "history_days": (
        _yes("history_days('systolic') >= 28", HIGH),
        _no("history_days('systolic') >= 29", HIGH),
        Example(source="history_days('systolic') >= 1", points=FOUR, result=None, baseline=None),
    ),
    "history_readings": (
        _yes("history_readings('systolic') >= 40", HIGH),
        _no("history_readings('systolic') >= 41", HIGH),
    ),
    "greater": (
        _yes("greater(1.6 * usual_sd('systolic'), 10.0) >= 10.0", HIGH),
        _no("greater(2.2 * usual_sd('systolic'), 10.0) > 11.0", HIGH),
        _unknown("greater(2.2 * usual_sd('glucose'), 10.0) > 11.0", HIGH),
    ),
    "fired": (
        _yes("fired('reference') >= 120.0", HIGH),
        _no("fired('reference') > 120.0", HIGH),
    ),
    "elapsed": (
        Example(source="elapsed('1d')", points=FOUR, result=True, since_min=2 * DAY),
        Example(source="elapsed('2d')", points=FOUR, result=False, since_min=2 * DAY),
    ),
    "later_day": (
        Example(source="later_day()", points=FOUR, result=True, since_min=3 * DAY - 480),
        Example(source="later_day()", points=FOUR, result=False, since_min=3 * DAY - 479),
        Example(source="later_day()", points=HOURLY, judged=3, result=True, since_min=0),
        Example(source="later_day()", points=HOURLY, judged=2, result=False, since_min=0),
    ),
    "quiet_days": (
        _yes("quiet_days('systolic', 143, 'diastolic', 81, '9d') >= 4", *FOUR),
        _no("quiet_days('systolic', 142, 'diastolic', 81, '9d') >= 3", *FOUR),
        _no("quiet_days('systolic', 143, 'diastolic', 80, '9d') >= 1", *FOUR),
        _yes(
            "quiet_days('systolic', 143, 'diastolic', 81, '2d') >= 2",
            *(pressure(1200, "140"), pressure(1680, "140")),
        ),
        _no(
            "quiet_days('systolic', 143, 'diastolic', 81, '2d') >= 2",
            *(pressure(1200, "140"), pressure(1679, "140")),
        ),
    ),
    "times_at_level": (
        _yes("times_at_level('4h', '7d') >= 2", HIGH, pressure(240, "182")),
        _no("times_at_level('4h', '7d') >= 2", HIGH, pressure(239, "182")),
        _no("times_at_level('4h', '7d') >= 2", HIGH, pressure(240, "150")),
    ),
    "times_at_own_level": (
        _yes("times_at_own_level('systolic', '4h', '7d') >= 2", HIGH, pressure(240, "182")),
        _no("times_at_own_level('systolic', '4h', '7d') >= 2", HIGH, pressure(239, "182")),
        *(
            Example(
                source="times_at_own_level('systolic', '4h', '7d') >= 2",
                points=(HIGH, pressure(240, "182")),
                result=reached,
                profile=_limited(systolic=own),
            )
            for own, reached in (("140", True), ("182", True), ("183", False))
        ),
    ),
    "settled_mean_ge": (
        # the first reading of a session is left out: 160 and 150, not 170 and 150
        _yes("settled_mean_ge('systolic', 155, '3d')", *SETTLING),
        _no("settled_mean_ge('systolic', 156, '3d')", *SETTLING),
        _unknown("settled_mean_ge('glucose', 5, '3d')", *SETTLING),
    ),
    "pregnant": (
        Example(source="pregnant()", points=(HIGH,), result=True, profile=_carrying(Ternary.YES)),
        Example(source="pregnant()", points=(HIGH,), result=False, profile=_carrying(Ternary.NO)),
        Example(
            source="pregnant()", points=(HIGH,), result=None, profile=_carrying(Ternary.UNKNOWN)
        ),
    ),
    "known_pregnant": (
        Example(
            source="known_pregnant()", points=(HIGH,), result=True, profile=_carrying(Ternary.YES)
        ),
        Example(
            source="known_pregnant()",
            points=(HIGH,),
            result=False,
            profile=_carrying(Ternary.UNKNOWN),
        ),
    ),
    "own_gap": (
        _yes("own_gap('systolic') >= 2.5", HIGH),
        _no("own_gap('systolic') > 2.5", HIGH),
        _yes("own_gap('glucose') <= 0.0", HIGH),  # no habit is known
    ),
    "silent_for": (
        _yes("silent_for('systolic', 7.0)", HIGH, glucose(7 * DAY, "5")),
        _no("silent_for('systolic', 7.1)", HIGH, glucose(7 * DAY, "5")),
        _yes("silent_for('systolic', 1.0)", HIGH, flagged(pressure(DAY, "140"), "body_movement")),
        _no("silent_for('glucose', 1.0)", HIGH, pressure(9 * DAY, "140")),  # never measured
    ),
    "run_ge": (
        _yes("run_ge('glucose', 3.9, '15m', '1d') >= 2", glucose(0, "4"), glucose(15, "4")),
        _no("run_ge('glucose', 3.9, '15m', '1d') >= 2", glucose(0, "4"), glucose(14, "4")),
        _no(
            "run_ge('glucose', 3.9, '15m', '1d') >= 2",
            glucose(0, "4"),
            glucose(9, "3.8"),
            glucose(20, "4"),
        ),
    ),
    "last": (
        _yes("last('weight', '7d') > 72.0", *SCALE),
        _no("last('weight', '7d') > 72.1", *SCALE),
        _unknown("last('weight', '7d') > 1.0", HIGH),
    ),
    "gain": (
        _yes("gain('weight', '3d') > 2.0", *SCALE),
        _no("gain('weight', '3d') > 2.0", *SCALE[:1], weight(DAY, "72.04")),
        _no("gain('weight', '2d') > 1.1", *SCALE),
        _unknown("gain('weight', '1d') > 1.0", *SCALE),
    ),
    "ahead": (
        # 7.0, 6.5 and 6.0 five minutes apart go on to 4.0 in twenty minutes
        _yes("ahead('glucose', '30m', '20m') <= 4.0", *FALLING),
        _no("ahead('glucose', '30m', '20m') < 4.0", *FALLING),
        _yes("ahead('glucose', '30m', '10m') >= 5.0", *FALLING),
        _unknown("ahead('glucose', '30m', '20m') < 4.0", *FALLING[:2]),
    ),
    "since": (
        _yes("since('systolic', '7d') >= 2.0", HIGH, glucose(2 * DAY, "5.5")),
        _no("since('systolic', '7d') > 2.0", HIGH, glucose(2 * DAY, "5.5")),
        _unknown("since('systolic', '1d') > 2.0", HIGH, glucose(2 * DAY, "5.5")),
    ),
    "slope": (
        _yes("slope('weight', '7d') >= 0.67", *SCALE),
        _no("slope('weight', '7d') >= 0.69", *SCALE),
        _unknown("slope('weight', '2d') > 0.0", *SCALE),
    ),
    "past_readings": (
        _yes("past_readings('spo2', '1h', '14d') >= 5", *AIR),
        _no("past_readings('spo2', '1d', '14d') >= 5", *AIR),
        _no("past_readings('spo2', '1h', '4d') >= 5", *AIR),
    ),
    "above_past": (
        _yes("above_past('spo2', '1h', '14d') <= -3.0", *AIR),
        _no("above_past('spo2', '1h', '14d') < -3.0", *AIR),
        _unknown("above_past('spo2', '1h', '14d') < -3.0", AIR[0]),
        _unknown("above_past('pulse', '1h', '14d') < -3.0", *AIR),
    ),
    "readings_between": (
        _yes("readings_between('systolic', 6, 10, '7d') >= 2", *HOURLY),
        _no("readings_between('systolic', 7, 10, '7d') >= 1", *HOURLY),
        _yes("readings_between('systolic', 20, 1, '7d') >= 3", *HOURLY),
    ),
    "mean_between": (
        _yes("mean_between('systolic', 6, 10, '7d') >= 145.0", *HOURLY),
        _no("mean_between('systolic', 6, 10, '7d') > 145.0", *HOURLY),
        _unknown("mean_between('systolic', 7, 10, '7d') >= 145.0", *HOURLY),
    ),
    "times_with": (
        _yes("times_with('systolic', '>=', 180, '4h', '1d') >= 2", HIGH, pressure(240, "182")),
        _no("times_with('systolic', '>=', 180, '4h', '1d') >= 2", HIGH, pressure(239, "182")),
        _no("times_with('systolic', '>', 182, '1m', '1d') >= 2", HIGH, pressure(239, "182")),
    ),
    "times_of": (
        _yes(
            "times_of('glucose_cgm', 'glucose', '<', 3.9, '1m', '30m') >= 1",
            glucose(0, "5"),
            sensor(9, "3.8"),
        ),
        _no(
            "times_of('glucose_cgm', 'glucose', '<', 3.9, '1m', '30m') >= 1",
            glucose(0, "3.5"),
            sensor(9, "3.9"),
        ),
    ),
    "lasts": (
        _yes(
            "lasts('glucose', '<', 3.0, '15m', '1h')", *(sensor(at, "2.9") for at in (0, 5, 10, 15))
        ),
        _no("lasts('glucose', '<', 3.0, '15m', '1h')", *(sensor(at, "2.9") for at in (0, 5, 14))),
        _no(
            "lasts('glucose', '<', 3.0, '15m', '1h')",
            sensor(0, "2.9"),
            sensor(5, "3.0"),
            sensor(15, "2.9"),
        ),
        _no("lasts('glucose', '<', 3.0, '15m', '1h')", HIGH),
    ),
    "meal_times": (
        _yes("meal_times('fasting', 'glucose', '>=', 7.0, 5, '14d') >= 3", *FASTED),
        _no("meal_times('fasting', 'glucose', '>=', 7.0, 4, '14d') >= 3", *FASTED),
        _no("meal_times('bedtime', 'glucose', '>=', 7.0, 5, '14d') >= 1", *FASTED),
    ),
    "meal_readings": (
        _yes("meal_readings('fasting', 'glucose', '14d') >= 5", *FASTED),
        _no("meal_readings('fasting', 'glucose', '3d') >= 5", *FASTED),
    ),
    "given": (
        _yes("given('weight')", *SCALE),
        _no("given('weight')", *SCALE, pressure(4 * DAY, "150")),
    ),
    "first_of_day": (
        _yes("first_of_day('systolic')", HIGH, LOWER, judged=0),
        _no("first_of_day('systolic')", HIGH, LOWER),
        _yes("first_of_day('systolic')", flagged(HIGH, "body_movement"), LOWER),
        _no("first_of_day('glucose')", HIGH),
    ),
    "first_since": (
        # The 22nd of September 2026 is a Tuesday.
        _yes("first_since('systolic', 'monday')", HIGH, LOWER, judged=0),
        _no("first_since('systolic', 'monday')", HIGH, pressure(4 * DAY, "150")),
        _yes("first_since('systolic', 'monday', 'thursday')", HIGH, pressure(4 * DAY, "150")),
        _yes("first_since('systolic', 'monday')", HIGH, pressure(6 * DAY, "150")),
        _yes("first_since('systolic', 'tuesday')", pressure(-DAY, "150"), HIGH),
        _no("first_since('systolic', 'wednesday')", pressure(-DAY, "150"), HIGH),
        _yes("first_since('systolic', 'monday')", flagged(HIGH, "body_movement"), LOWER),
        _no("first_since('glucose', 'monday')", HIGH),
    ),
    "on_weekday": (
        _yes("on_weekday('tuesday')", HIGH),  # the 22nd of September 2026
        _no("on_weekday('wednesday')", HIGH),
        _yes("on_weekday('wednesday')", HIGH, pressure(DAY, "150")),
    ),
    "at_hours": (
        _yes("at_hours(0, 6)", pressure(359, "150")),
        _no("at_hours(0, 6)", pressure(360, "150")),
        _yes("at_hours(22, 6)", pressure(22 * 60, "150")),
        _no("at_hours(22, 6)", pressure(22 * 60 - 1, "150")),
    ),
    "aged": (
        Example(source="aged(65)", points=(HIGH,), result=True, profile=_limited()),
        Example(source="aged(66)", points=(HIGH,), result=False, profile=_limited()),
        _unknown("aged(65)", HIGH),
    ),
    "target": (
        _yes("ge('systolic', target('systolic', 185.0))", HIGH),
        _no("ge('systolic', target('systolic', 186.0))", HIGH),
        Example(
            source="ge('systolic', target('systolic', 186.0) - 1.0)",
            points=(HIGH,),
            result=True,
            profile=_limited(systolic="186"),
        ),
        Example(
            source="ge('systolic', target('systolic', 140.0))",
            points=(HIGH,),
            result=False,
            profile=_limited(systolic="186"),
        ),
    ),
    "usual": (
        _yes("usual('systolic') >= 128.0", HIGH),
        _no("usual('systolic') > 128.0", HIGH),
        _unknown("usual('pulse') > 128.0", HIGH),
    ),
    "flag_times": (
        _yes("flag_times('irregular_pulse', 'systolic', '1d') >= 2", *FLUTTER),
        _no("flag_times('irregular_pulse', 'systolic', '3m') >= 2", *FLUTTER),
        _no("flag_times('body_movement', 'systolic', '1d') >= 1", *FLUTTER),
    ),
    "flag_of_last": (
        _yes("flag_of_last('irregular_pulse', 'systolic', 3, '30m') >= 2", *FLUTTER),
        _no("flag_of_last('irregular_pulse', 'systolic', 2, '30m') >= 2", *FLUTTER),
    ),
    "flag_share": (
        _yes("flag_share('irregular_pulse', 'systolic', '1d') >= 0.5", *FLUTTER),
        _no("flag_share('irregular_pulse', 'systolic', '1d') > 0.5", *FLUTTER),
        _unknown("flag_share('irregular_pulse', 'glucose', '1d') > 0.5", *FLUTTER),
    ),
    "seen": (
        _yes("seen('systolic', '1d') >= 4", *FLUTTER),
        _no("seen('systolic', '5m') >= 4", *FLUTTER),
    ),
    "same_run": (
        _yes("same_run('systolic', '7d') >= 3", *(pressure(d * DAY, "131") for d in range(3))),
        _no("same_run('systolic', '7d') >= 2", *(pressure(at, "131") for at in (0, 2, 4))),
        _no("same_run('systolic', '7d') >= 2", pressure(0, "131", "81"), pressure(DAY, "131")),
        _no("same_run('glucose', '7d') >= 1", glucose(0, "LO"), glucose(DAY, "LO")),
    ),
    "unsettled_days": (
        _yes("unsettled_days('systolic', 10, '7d') >= 1", HIGH, pressure(2, "174")),
        _no("unsettled_days('systolic', 10, '7d') >= 1", HIGH, pressure(2, "175")),
        _no("unsettled_days('systolic', 10, '7d') >= 1", HIGH, pressure(DAY, "150")),
    ),
    "typed": (
        _yes("typed('systolic', '7d') >= 2", typed(HIGH), typed(LOWER)),
        _no("typed('systolic', '7d') >= 2", HIGH, typed(LOWER)),
    ),
    "round_share": (
        _yes("round_share('systolic', '7d') >= 1.0", typed(HIGH), typed(LOWER)),
        _no("round_share('systolic', '7d') > 0.5", typed(HIGH), typed(pressure(4, "151"))),
        _unknown("round_share('systolic', '7d') > 0.5", HIGH, LOWER),
    ),
}


def test_every_function_has_examples_on_both_sides() -> None:
    assert EXAMPLES.keys() == FUNCTIONS.keys()
    for name, examples in EXAMPLES.items():
        assert {True} < {example.result for example in examples}, name


@pytest.mark.parametrize(
    "example",
    [pytest.param(e, id=f"{name}-{n}") for name, es in EXAMPLES.items() for n, e in enumerate(es)],
)
def test_example(example: Example) -> None:
    assert _result(example, example.points) is example.result


@given(data=st.data())
def test_no_function_depends_on_the_order_or_repetition_of_points(data: st.DataObject) -> None:
    examples = [example for several in EXAMPLES.values() for example in several]
    example = data.draw(st.sampled_from(examples))
    shuffled = data.draw(st.permutations(example.points))
    repeated = data.draw(st.lists(st.sampled_from(example.points)))
    assert _result(example, (*shuffled, *repeated)) is example.result


def _result(example: Example, points: tuple[Point, ...]) -> bool | None:
    judged = example.points[example.judged]
    baselines = {QuantityName.SYSTOLIC: example.baseline} if example.baseline else {}
    since = None if example.since_min is None else example.points[0].effective_at
    if since is not None and example.since_min is not None:
        since += minutes(example.since_min)
    scope = Scope(
        window=window(*points, profile=example.profile, baselines=baselines),
        at=judged.effective_at,
        point=judged,
        horizon=judged.effective_at + timedelta(minutes=15),
        since=since,
        level=_dangerous,
        targets={"systolic": Decimal(140)},
        fired={"reference": Decimal(120)},
    )
    return compile_condition(example.source).test(scope).result


def _dangerous(point: Point) -> bool:
    value = point.values.get(QuantityName.SYSTOLIC)
    return value is not None and value.ge(QuantityName.SYSTOLIC, Decimal(180))
