"""`fold` for many people at once: the same arithmetic in the same order, so the same bytes.

A person's readings depend on each other in order, so the work goes in rounds: the first reading of
everybody, then the second of everybody who has one, and so on; first over readings, then over days.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    StateRows,
)
from gateway.baseline_fold import (
    ANCHOR_DAYS,
    ANCHOR_FULL,
    DAY_FADING,
    FAST_FADING,
    LONGEST_GAP,
    READING_FADING,
)
from gateway.quantile_columns import learn_heights
from gateway.row_copies import copied

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


def _slots(quantities: Sequence[int]) -> Whole:
    """By place in `TRACKED` the slot of its columns, -1 where it has none."""
    return np.array(
        [quantities.index(place) if place in quantities else -1 for place in range(len(TRACKED))]
    )


_SLOT_PARTED, _SLOT_RANKED, _SLOT_RHYTHMS = map(_slots, (PARTED, RANKED, RHYTHMS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Folding:
    """Readings to fold, one place an array each; those of one person in folding order.

    `row` is the person's place in the states, `quantity` the place in `TRACKED`, `day` the
    proleptic ordinal of the local day, `value` in the canonical unit, `part` a `Part`. Folding
    order is (`effective_at`, identity); different people and quantities may be mixed in any way.
    """

    row: Whole
    quantity: Whole
    day: Whole
    value: Real
    part: Whole


def fold_many(states: StateRows, readings: Folding, through: Whole) -> StateRows:
    """A copy of `states`, each folded up to its own day of `through` (proleptic ordinals).

    Readings of days that a person's row has folded already, or after `through`, are passed over.
    Equal to `fold` for each person, bit by bit.
    """
    folded = copied(states)
    already = folded["folded_through"].astype(np.int64)
    row = readings.row
    first = np.maximum(already[row], EPOCH)
    last = np.minimum(through[row], EPOCH + LAST_DAY)
    wanted = np.flatnonzero((first < readings.day) & (readings.day <= last))
    if wanted.size:
        _fold(folded, _sorted(readings, wanted))
    folded["folded_through"] = np.maximum(already, through)
    return folded


def _sorted(readings: Folding, wanted: Whole) -> Folding:
    """The wanted ones by person, quantity and day; the order inside a day stays."""
    row, quantity, day = readings.row[wanted], readings.quantity[wanted], readings.day[wanted]
    order = np.lexsort((day, quantity, row))
    chosen = wanted[order]
    return Folding(
        row=row[order],
        quantity=quantity[order],
        day=day[order] - EPOCH,
        value=readings.value[chosen],
        part=readings.part[chosen],
    )


def _fold(folded: StateRows, readings: Folding) -> None:
    new_group = _changes(readings.row, readings.quantity)
    new_day = new_group | _changes(readings.day)
    begins = np.flatnonzero(new_day)
    rank = _rank(begins, readings.row.size)
    total, size = _totals(readings.value, begins, rank)
    mean = total / size
    first_days = np.flatnonzero(new_group[begins])
    _start(folded, readings, begins[first_days], mean[first_days])
    turn = _rank(np.flatnonzero(new_group), readings.row.size)
    for chosen in _rounds(turn):
        _learn_readings(folded, readings, chosen)
    days = _rank(first_days, begins.size)
    for chosen in _rounds(days):
        _learn_days(folded, readings, begins[chosen], mean[chosen])


def _changes(*columns: Whole) -> NDArray[np.bool_]:
    changed = np.ones(columns[0].size, dtype=np.bool_)
    changed[1:] = False
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _rank(begins: Whole, size: int) -> Whole:
    """The place of each element within its run; runs begin at `begins`."""
    lengths = np.diff(np.append(begins, size))
    return np.arange(size) - np.repeat(begins, lengths)


def _rounds(turn: Whole) -> list[Whole]:
    """Which elements are each run's first, second, third and so on."""
    order = np.argsort(turn, kind="stable")
    ends = np.cumsum(np.bincount(turn))
    return np.split(order, ends[:-1])


def _totals(value: Real, begins: Whole, rank: Whole) -> tuple[Real, Whole]:
    """Sum and number of each day's values, added one after the other as `fold` adds them."""
    size = np.diff(np.append(begins, value.size))
    run = np.repeat(np.arange(begins.size), size)
    total = np.zeros(begins.size)
    for chosen in _rounds(rank):
        total[run[chosen]] += value[chosen]
    return total, size


def _start(folded: StateRows, readings: Folding, at: Whole, mean: Real) -> None:
    unread = folded["readings"][readings.row[at], readings.quantity[at]] == 0
    at, mean = at[unread], mean[unread]
    row, place = readings.row[at], readings.quantity[at]
    micro = np.rint(mean * MICRO)
    start = micro / MICRO
    folded["start"][row, place] = micro.astype(np.int32)
    folded["first_day"][row, place] = readings.day[at].astype(np.uint16)
    for column, value in (("day_mean", start), ("mean", start), ("square", start * start)):
        folded[column][row, place] = value
    fast = place < SHIFTED
    folded["fast"][row[fast], place[fast]] = start[fast]
    for slot, quantity in enumerate(PARTED):
        chosen = np.flatnonzero(place == quantity)
        for part in (2 * slot, 2 * slot + 1):
            folded["part_mean"][row[chosen], part] = start[chosen]
            folded["part_square"][row[chosen], part] = start[chosen] * start[chosen]


def _learn_readings(folded: StateRows, readings: Folding, chosen: Whole) -> None:
    """One reading of each chosen person and quantity."""
    row, place = readings.row[chosen], readings.quantity[chosen]
    value, part, day = readings.value[chosen], readings.part[chosen], readings.day[chosen]
    _fade(folded, "mean", row, place, value, READING_FADING)
    _fade(folded, "square", row, place, value * value, READING_FADING)
    count = folded["readings"][row, place].astype(np.int64)
    own = np.flatnonzero((_SLOT_PARTED[place] >= 0) & (part > 0))
    if own.size:
        column = 2 * _SLOT_PARTED[place[own]] + part[own] - 1
        _fade(folded, "part_mean", row[own], column, value[own], READING_FADING)
        _fade(folded, "part_square", row[own], column, value[own] ** 2, READING_FADING)
        _count(folded, "part_readings", row[own], column)
    own = np.flatnonzero(_SLOT_RANKED[place] >= 0)
    if own.size:
        line, slot = row[own], _SLOT_RANKED[place[own]]
        heights, offsets = folded["height"][line, slot], folded["offset"][line, slot]
        learn_heights(heights, offsets, count[own], value[own])
        folded["height"][line, slot] = heights
        folded["offset"][line, slot] = offsets
    fixed = folded["anchored"][row] >> place & 1
    week = day < folded["first_day"][row, place].astype(np.int64) + ANCHOR_DAYS
    own = np.flatnonzero((fixed == 0) & week)
    line, slot = row[own], place[own]
    room = folded["anchor_sum"][line, slot] < ANCHOR_FULL
    room &= folded["anchor_readings"][line, slot] < MOST_COUNTED
    own, line, slot = own[room], line[room], slot[room]
    folded["anchor_sum"][line, slot] += np.rint(value[own] * ANCHOR_UNIT).astype(np.uint32)
    folded["anchor_readings"][line, slot] += np.uint16(1)
    folded["readings"][row, place] += np.uint32(1)


def _learn_days(folded: StateRows, readings: Folding, at: Whole, mean: Real) -> None:
    """One day of each person and quantity."""
    row, place, day = readings.row[at], readings.quantity[at], readings.day[at]
    _fade(folded, "day_mean", row, place, mean, DAY_FADING)
    _count(folded, "days", row, place)
    own = np.flatnonzero((place < SHIFTED) & (day >= folded["marked_on"][row]))
    _fade(folded, "fast", row[own], place[own], mean[own], FAST_FADING)
    _count(folded, "fast_days", row[own], place[own])
    own = np.flatnonzero(_SLOT_RHYTHMS[place] >= 0)
    _learn_gaps(folded, _SLOT_RHYTHMS[place[own]], row[own], day[own])


def _learn_gaps(folded: StateRows, slot: Whole, row: Whole, day: Whole) -> None:
    last = folded["last_day"][row, slot].astype(np.int64)
    known = np.flatnonzero(last)
    gaps = folded["gaps"][row[known], slot[known]]
    gaps[:, :-1] = gaps[:, 1:].copy()
    gaps[:, -1] = np.minimum(day[known] - last[known], LONGEST_GAP)
    folded["gaps"][row[known], slot[known]] = gaps
    folded["last_day"][row, slot] = day.astype(np.uint16)


def _fade(
    folded: StateRows, column: str, row: Whole, place: Whole, value: Real, fading: float
) -> None:
    means = folded[column]
    means[row, place] = fading * value + (1 - fading) * means[row, place]


def _count(folded: StateRows, column: str, row: Whole, place: Whole) -> None:
    counts = folded[column]
    more = np.minimum(counts[row, place].astype(np.int64) + 1, MOST_COUNTED)
    counts[row, place] = more.astype(np.uint16)
