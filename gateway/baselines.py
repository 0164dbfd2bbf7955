"""What is usual for this person: river's statistics over closed days, kept as columns (design D1).

A reading is judged against the fold of the days that ended at least 48 h before it, each day folded
in order of (effective_at, identity). So the order of arrival cannot matter, a crisis does not teach
the baseline while it happens, and an explanation is stable.

Kept for systolic and diastolic pressure, glucose and pulse (`baseline_columns.py`):

* `recent_mean` over the means of the days, fading 2 / (60 + 1): a 60-day span;
* `recent_sd` = sqrt(E[x^2] - E[x]^2) over single readings (river's `EWVar`), fading 2 / (120 + 1):
  the same span at two readings a day;
* the personal shift: a fast baseline (`fast_mean`, fading 2 / (10 + 1) over days) beside the slow
  one. A change of medicine or device marks the series: the fast baseline begins anew at the mark,
  everything else stays as it is (hazard 14);
* morning and evening (pressure), fasting and after a meal (glucose), each with mean and sd;
* median and quartiles over all readings, river's `Quantile(0.5)`;
* the person's own rhythm: the median of the last seven gaps between measuring days.

River starts an `EWMean` at its first value, which would leave the first day with 40 % of the
weight after four weeks. Here every mean of a quantity starts at the mean of its first day, and what
is told is the mean with that start taken out, every value weighted f (1 - f)^(n - k) and the
weights divided by their sum:

    (m - (1 - f)^n * start) / (1 - (1 - f)^n)        n = number of values folded

(the bias correction of Kingma and Ba 2015, section 3, for a recursion that started somewhere).

The anchor is the mean of the first seven days with a reading, or what a person has set; it never
moves by itself.
"""

from datetime import date
from math import sqrt
from statistics import median
from typing import cast

from gateway.baseline_columns import (
    ANCHOR_UNIT,
    EPOCH,
    LAYOUT,
    MICRO,
    PARTED,
    RANKED,
    RHYTHMS,
    SHIFTED,
    STATE,
    TRACKED,
    Mark,
    Part,
    StateRow,
    StateRows,
    empty_state,
    state_from_bytes,
    state_to_bytes,
)
from gateway.baseline_fold import (
    ANCHOR_DAYS,
    DAY_FADING,
    FAST_FADING,
    READING_FADING,
    Learned,
    fold,
    horizon,
    learnable,
    part_of,
    refold,
)
from gateway.baseline_many import Folding, fold_many
from rules.parts import PARTS
from rules.vocabulary import QuantityName
from rules.window import Baseline, Usual

__all__ = [
    "DAY_FADING",
    "FAST_FADING",
    "LAYOUT",
    "READING_FADING",
    "STATE",
    "TRACKED",
    "Folding",
    "Learned",
    "Mark",
    "Part",
    "StateRow",
    "StateRows",
    "baseline_of",
    "baselines",
    "empty_state",
    "fold",
    "fold_many",
    "horizon",
    "learnable",
    "part_of",
    "refold",
    "state_from_bytes",
    "state_to_bytes",
]

FEWEST_GAPS = 3
"""Fewer gaps between measuring days are no habit yet."""

_MARKS = {Mark.DRUG: "drug", Mark.DEVICE: "device"}


def baseline_of(state: StateRow, quantity: QuantityName) -> Baseline:
    """What the folded days say about one quantity; the numbers are rounded to 1e-6 (law 11).

    The anchor counts once its seven days are folded, or a person has set it. Until a doctor has
    confirmed it, rules and cards say so.
    """
    place = TRACKED.index(quantity)
    readings, days = int(state["readings"][place]), int(state["days"][place])
    if readings == 0:
        return _unread(state, place)
    start = int(state["start"][place]) / MICRO
    _, sd = _told(state, "mean", "square", place, start, readings)
    first = int(state["first_day"][place])
    recent = _started(float(state["day_mean"][place]), start, DAY_FADING, days)
    low, middle, high = _quartiles(state, place, readings)
    return Baseline(
        recent_mean=round(recent, 6),
        recent_sd=sd if readings > 1 else None,
        readings=readings,
        days=days,
        anchor=_anchor(state, place),
        anchor_confirmed=_confirmed(state, place),
        anchor_readings=int(state["anchor_readings"][place]),
        first_day=date.fromordinal(first + EPOCH),
        fast_mean=_fast(state, place, start),
        fast_days=int(state["fast_days"][place]) if place < SHIFTED else 0,
        lower_quartile=low,
        middle=middle,
        upper_quartile=high,
        parts=_parts(state, place, start),
        own_gap_days=_own_gap(state, place),
        last_day=_last_day(state, place),
        marked=_MARKS.get(Mark(int(state["mark"]))),
        marked_on=_marked_on(state),
    )


def baselines(state: StateRow) -> dict[QuantityName, Baseline]:
    """`baseline_of` for every tracked quantity."""
    return {quantity: baseline_of(state, quantity) for quantity in TRACKED}


def _unread(state: StateRow, place: int) -> Baseline:
    return Baseline(
        anchor=_anchor(state, place) if _confirmed(state, place) else None,
        anchor_confirmed=_confirmed(state, place),
        marked=_MARKS.get(Mark(int(state["mark"]))),
        marked_on=_marked_on(state),
    )


def _told(
    state: StateRow, means: str, squares: str, place: int, start: float, count: int
) -> tuple[float, float]:
    """Mean and sd of an exponentially weighted pair of columns, the start taken out."""
    mean = _started(float(state[means][place]), start, READING_FADING, count)
    square = _started(float(state[squares][place]), start * start, READING_FADING, count)
    variance = max(0.0, round(square - mean * mean, 6))
    return round(mean, 6), round(sqrt(variance), 6)


def _started(mean: float, start: float, fading: float, count: int) -> float:
    """The exponentially weighted mean of `count` values without the weight of the start."""
    left = (1 - fading) ** count
    return (mean - left * start) / (1 - left)


def _confirmed(state: StateRow, place: int) -> bool:
    return bool(int(state["anchored"]) >> place & 1)


def _anchor(state: StateRow, place: int) -> float | None:
    readings = int(state["anchor_readings"][place])
    first = int(state["first_day"][place]) + EPOCH
    whole = int(state["folded_through"]) >= first + ANCHOR_DAYS - 1
    if readings == 0 or not (whole or _confirmed(state, place)):
        return None
    return round(int(state["anchor_sum"][place]) / readings / ANCHOR_UNIT, 6)


def _fast(state: StateRow, place: int, start: float) -> float | None:
    if place >= SHIFTED or not state["fast_days"][place]:
        return None
    days = int(state["fast_days"][place])
    return round(_started(float(state["fast"][place]), start, FAST_FADING, days), 6)


def _quartiles(
    state: StateRow, place: int, readings: int
) -> tuple[float | None, float | None, float | None]:
    """The markers at the quartiles and the median; nothing before all five have a place."""
    if place not in RANKED or readings <= len(state["height"][0]):
        return None, None, None
    heights = state["height"][RANKED.index(place)]
    low, middle, high = (round(float(heights[marker]), 6) for marker in (1, 2, 3))
    return low, middle, high


def _parts(state: StateRow, place: int, start: float) -> dict[str, Usual]:
    parts: dict[str, Usual] = {}
    for index, name in enumerate(PARTS.get(TRACKED[place], ())):
        slot = 2 * PARTED.index(place) + index
        readings = int(state["part_readings"][slot])
        if readings > 1:
            mean, sd = _told(state, "part_mean", "part_square", slot, start, readings)
            parts[name] = Usual(mean=mean, sd=sd, readings=readings)
    return parts


def _own_gap(state: StateRow, place: int) -> float | None:
    if place not in RHYTHMS:
        return None
    gaps = [int(gap) for gap in cast("StateRow", state["gaps"][RHYTHMS.index(place)]) if gap]
    return float(median(gaps)) if len(gaps) >= FEWEST_GAPS else None


def _last_day(state: StateRow, place: int) -> date | None:
    if place not in RHYTHMS:
        return None
    day = int(state["last_day"][RHYTHMS.index(place)])
    return date.fromordinal(day + EPOCH) if day else None


def _marked_on(state: StateRow) -> date | None:
    day = int(state["marked_on"])
    return date.fromordinal(day + EPOCH) if day else None
