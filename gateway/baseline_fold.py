"""Fold closed days into one person's columns, reading by reading.

Every exponentially weighted column is river's `EWMean` recursion `m <- f * x + (1 - f) * m`, and
the quantile's markers are river's `Quantile(0.5)` (the P² algorithm, Jain and Chlamtac 1985): the
contract test holds them to river's objects step by step. `baseline_many.py` does the same for many
people at once; both give the same bytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import cast

from gateway.baseline_columns import (
    ANCHOR_UNIT,
    EPOCH,
    LAST_DAY,
    MICRO,
    MOST_COUNTED,
    PARTED,
    RANKED,
    RHYTHMS,
    SHIFTED,
    TRACKED,
    Part,
    StateRow,
    empty_state,
)
from gateway.quantile_columns import learn_height
from gateway.row_copies import copied
from rules.parts import PARTS, part_name
from rules.vocabulary import QuantityName
from rules.window import Point

DAY_FADING = 2 / (60 + 1)
FAST_FADING = 2 / (10 + 1)
READING_FADING = 2 / (120 + 1)
CLOSING_DELAY = timedelta(hours=48)
ANCHOR_DAYS = 7
LONGEST_GAP = 255
MOST_LEARNED = 2000.0
"""No tracked quantity reaches it in its canonical unit; beyond it a column would overflow."""
ANCHOR_FULL = 2**32 - round(MOST_LEARNED * ANCHOR_UNIT)
"""A first week's sum below it has room for any reading; a sensor's week may reach it."""


@dataclass(frozen=True, slots=True, order=True)
class Learned:
    """One reading a baseline may learn, in the canonical unit.

    `meal` is the word of the reading's context (`fasting`, `postprandial`), empty where unknown.
    """

    effective_at: datetime
    identity: str
    quantity: QuantityName
    value: float
    meal: str = ""


def horizon(at: datetime, zone: tzinfo) -> date:
    """The last local day that had ended at least 48 h before `at`."""
    return (at - CLOSING_DELAY).astimezone(zone).date() - timedelta(days=1)


def part_of(quantity: QuantityName, local: datetime, meal: str) -> Part:
    """The part of the day to which a reading belongs (`rules/parts.py`), as the columns name it."""
    name = part_name(quantity, local, meal)
    return Part(PARTS[quantity].index(name) + 1) if name else Part.NONE


def learnable(points: Iterable[Point]) -> list[Learned]:
    """The tracked numbers of `points`, in folding order; censored values teach nothing."""
    return sorted(
        Learned(
            point.effective_at,
            point.identity,
            name,
            float(value.value),
            point.context.get("meal", ""),
        )
        for point in points
        for name, value in point.values.items()
        if name in TRACKED and value.value is not None and 0 < value.value < MOST_LEARNED
    )


def fold(state: StateRow, readings: Sequence[Learned], through: date, zone: tzinfo) -> StateRow:
    """A copy of `state` with every day after its last folded one, up to `through`, folded in.

    `readings` must hold all learnable readings of those days, sorted; others are passed over.
    """
    folded = copied(state)
    already = int(folded["folded_through"])
    for (day, quantity), values in _by_day(readings, already, through.toordinal(), zone):
        _fold_day(folded, TRACKED.index(quantity), day - EPOCH, values)
    folded["folded_through"] = max(already, through.toordinal())
    return folded


def refold(
    readings: Sequence[Learned], through: date, zone: tzinfo, settings: StateRow | None = None
) -> StateRow:
    """The row after every day up to `through`, from nothing but what a person has set.

    `settings` is a row whose mark and anchors set by a person hold (`baseline_settings.py`).
    """
    begin = empty_state() if settings is None else settings
    return fold(begin, readings, through, zone)


def _by_day(
    readings: Sequence[Learned], after: int, through: int, zone: tzinfo
) -> list[tuple[tuple[int, QuantityName], list[tuple[float, Part]]]]:
    days: dict[tuple[int, QuantityName], list[tuple[float, Part]]] = {}
    first, last = max(after, EPOCH), min(through, EPOCH + LAST_DAY)
    for reading in readings:
        local = reading.effective_at.astimezone(zone)
        day = local.toordinal()
        if first < day <= last:
            part = part_of(reading.quantity, local, reading.meal)
            days.setdefault((day, reading.quantity), []).append((reading.value, part))
    return sorted(days.items(), key=lambda item: item[0])


def _fold_day(folded: StateRow, place: int, day: int, values: list[tuple[float, Part]]) -> None:
    total = 0.0
    for value, _ in values:
        total += value
    mean_of_day = total / len(values)
    if folded["readings"][place] == 0:
        _start(folded, place, day, mean_of_day)
    for value, part in values:
        _learn_reading(folded, place, day, value, part)
    _fade(folded, "day_mean", place, mean_of_day, DAY_FADING)
    _count(folded, "days", place)
    if place < SHIFTED and day >= int(folded["marked_on"]):
        _fade(folded, "fast", place, mean_of_day, FAST_FADING)
        _count(folded, "fast_days", place)
    if place in RHYTHMS:
        _learn_gap(folded, RHYTHMS.index(place), day)


def _start(folded: StateRow, place: int, day: int, mean_of_day: float) -> None:
    """Every mean of a quantity starts at the first day's; what is told has the start taken out."""
    micro = round(mean_of_day * MICRO)
    start = micro / MICRO
    folded["start"][place] = micro
    folded["first_day"][place] = day
    folded["day_mean"][place] = folded["mean"][place] = start
    folded["square"][place] = start * start
    if place < SHIFTED:
        folded["fast"][place] = start
    if place in PARTED:
        parts = slice(2 * PARTED.index(place), 2 * PARTED.index(place) + 2)
        folded["part_mean"][parts] = start
        folded["part_square"][parts] = start * start


def _learn_reading(folded: StateRow, place: int, day: int, value: float, part: Part) -> None:
    _fade(folded, "mean", place, value, READING_FADING)
    _fade(folded, "square", place, value * value, READING_FADING)
    if part is not Part.NONE:
        slot = 2 * PARTED.index(place) + part - 1
        _fade(folded, "part_mean", slot, value, READING_FADING)
        _fade(folded, "part_square", slot, value * value, READING_FADING)
        _count(folded, "part_readings", slot)
    if place in RANKED:
        rank = RANKED.index(place)
        count = int(folded["readings"][place])
        learn_height(folded["height"][rank], folded["offset"][rank], count, value)
    fixed = int(folded["anchored"]) >> place & 1
    week = day < int(folded["first_day"][place]) + ANCHOR_DAYS
    if not fixed and week and _has_room(folded, place):
        folded["anchor_sum"][place] += round(value * ANCHOR_UNIT)
        folded["anchor_readings"][place] += 1
    folded["readings"][place] += 1


def _has_room(folded: StateRow, place: int) -> bool:
    """Whether sum and number of a first week can both take one more: its mean is of both."""
    total, readings = folded["anchor_sum"][place], folded["anchor_readings"][place]
    return int(total) < ANCHOR_FULL and int(readings) < MOST_COUNTED


def _fade(folded: StateRow, column: str, place: int, value: float, fading: float) -> None:
    means = folded[column]
    means[place] = fading * value + (1 - fading) * float(means[place])


def _count(folded: StateRow, column: str, place: int) -> None:
    counts = folded[column]
    counts[place] = min(int(counts[place]) + 1, MOST_COUNTED)


def _learn_gap(folded: StateRow, place: int, day: int) -> None:
    last = int(folded["last_day"][place])
    if last:
        gaps = cast("StateRow", folded["gaps"][place])
        gaps[:-1] = gaps[1:].copy()
        gaps[-1] = min(day - last, LONGEST_GAP)
    folded["last_day"][place] = day
