"""`recent_of` for many people, one calm reading further: the same bytes, computed as columns.

A calm reading is newer than everything its person has, valid, and without a censored number. Days
that closed before it leave the ring first (`closing`, `closed`), then the reading is added.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.baseline_columns import EPOCH, TRACKED, StateRows
from gateway.baseline_many import Folding
from gateway.recent import (
    BODY,
    DAYS,
    LATELY,
    LOW_DAYS,
    LOW_GLUCOSE,
    MOST_OF_A_DAY,
    MOST_OF_A_SESSION,
    MOST_OPEN,
    NUMBERS,
    RING,
    RecentRows,
)
from gateway.row_copies import put, taken
from rules.vocabulary import QuantityName
from rules.window import SESSION_GAP

Whole = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

NOT_LEARNED = -2
"""`Fresh.what` of a reading of which baselines learn nothing."""

_MINUTE_US = 60_000_000
_GAP_US = int(SESSION_GAP.total_seconds()) * 1_000_000
_BODY_PLACES = np.array([TRACKED.index(name) for name in BODY])
_GLUCOSE_PLACE = TRACKED.index(QuantityName.GLUCOSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """One calm reading a person, as columns.

    `at` in microseconds since 1970, `day` in days since `EPOCH`; `systolic`, `diastolic` and
    `glucose` NaN where there is none, `glucose_day` the day of the newest one before it (its
    own for none); `what` (part * 2 + is glucose) and `codes` are the ring's,
    `what` -1 where the reading fits no place, `NOT_LEARNED` where there is nothing to learn.
    """

    at: Whole
    day: Whole
    systolic: Floats
    diastolic: Floats
    glucose: Floats
    glucose_day: Whole
    what: Whole
    codes: NDArray[np.uint8]


def closing(recent: RecentRows, states: StateRows, through: Whole) -> tuple[Folding, Flags]:
    """The ring's readings of days up to `through` (days since `EPOCH`), as `fold_many` takes them.

    Second: whose closing days are not all in the ring; they must be folded from the store.
    """
    folded = states["folded_through"].astype(np.int64) - EPOCH
    closes = through > folded
    lost = closes & (recent["ring_readings"] > RING)
    offset = (recent["ring_what"] >> 3).astype(np.int64)
    place = np.arange(RING)[None, :]
    kept = place < np.minimum(recent["ring_readings"], RING)[:, None]
    kept &= offset < np.maximum(through - folded, 0)[:, None]
    row, at = np.nonzero(kept & ~lost[:, None])
    what = recent["ring_what"][row, at].astype(np.int64)
    day = folded[row] + 1 + offset[row, at] + EPOCH
    codes = recent["ring_values"][row, at].astype(np.int64)
    glucose = (what & 1).astype(np.bool_)
    numbers = codes.astype(np.float64)
    numbers[glucose] = 0.0
    numbers[glucose, 0] = NUMBERS[codes[glucose, 0] + (codes[glucose, 1] << 8)]
    places = np.where(glucose[:, None], _GLUCOSE_PLACE, _BODY_PLACES[None, :])
    part = (what >> 1) & 3
    entry, number = np.nonzero(numbers)
    return (
        Folding(
            row=row[entry],
            quantity=places[entry, number],
            day=day[entry],
            value=numbers[entry, number],
            # Only the first number of a place has a part of the day.
            part=np.where(number == 0, part[entry], 0),
        ),
        lost,
    )


def closed(recent: RecentRows, days: Whole) -> None:
    """Take the readings of the first `days` days out of the rings, in place."""
    moved = np.flatnonzero((days > 0) & (recent["ring_readings"] > 0))
    if not moved.size:
        return
    what, values = recent["ring_what"][moved], recent["ring_values"][moved]
    held = recent["ring_readings"][moved].astype(np.int64)
    offset = (what >> 3).astype(np.int64)
    filled = np.arange(RING)[None, :] < held[:, None]
    stays = filled & (offset >= days[moved, None])
    gone = (filled & ~stays).sum(axis=1)
    # Readings stand in order of time: what stays is the end.
    source = np.arange(RING)[None, :] + gone[:, None]
    inside = source < held[:, None]
    source = np.minimum(source, RING - 1)
    rows = np.arange(moved.size)[:, None]
    shifted = what[rows, source].astype(np.int64) - days[moved, None] * 8
    recent["ring_what"][moved] = np.where(inside, shifted, 0)
    recent["ring_values"][moved] = np.where(inside[:, :, None], values[rows, source], 0)
    recent["ring_readings"][moved] = held - gone


def advance(recent: RecentRows, states: StateRows, fresh: Fresh) -> None:
    """Add one reading to each row, in place; `states` are folded up to those readings."""
    recent["last_at"] = fresh.at
    sweet = ~np.isnan(fresh.glucose)
    recent["glucose_at"] = np.where(sweet, fresh.at // _MINUTE_US, recent["glucose_at"])
    gone = np.clip(fresh.day - fresh.glucose_day, 0, LOW_DAYS)
    low = recent["low_days"].astype(np.int64) << gone & (1 << LOW_DAYS) - 1
    recent["low_days"] = np.where(sweet, low | (fresh.glucose < LOW_GLUCOSE), recent["low_days"])
    folded = states["folded_through"].astype(np.int64) - EPOCH
    _keep(recent, fresh, fresh.day - folded - 1)
    chosen = np.flatnonzero(~np.isnan(fresh.systolic))
    if chosen.size:
        rows = taken(recent, chosen)
        pressure = (fresh.systolic[chosen], np.nan_to_num(fresh.diastolic[chosen]))
        _count(rows, fresh.at[chosen], fresh.day[chosen], pressure)
        put(recent, chosen, rows)


def _keep(recent: RecentRows, fresh: Fresh, offset: Whole) -> None:
    held = recent["ring_readings"].astype(np.int64)
    learns = (fresh.what != NOT_LEARNED) & (held <= RING)
    fits = learns & (fresh.what >= 0) & (held < RING) & (offset >= 0) & (offset < MOST_OPEN)
    rows = np.flatnonzero(fits)
    recent["ring_what"][rows, held[rows]] = offset[rows] * 8 + fresh.what[rows]
    recent["ring_values"][rows, held[rows]] = fresh.codes[rows]
    recent["ring_readings"][rows] += np.uint8(1)
    lost = np.flatnonzero(learns & ~fits)
    recent["ring_readings"][lost] = RING + 1
    recent["ring_what"][lost] = 0
    recent["ring_values"][lost] = 0


def _count(rows: RecentRows, at: Whole, day: Whole, pressure: tuple[Floats, Floats]) -> None:
    before = rows["day"].astype(np.int64)
    _shift(rows, np.where(before == 0, DAYS, day - before))
    rows["day"] = day
    near = (rows["systolic_at"] > 0) & (at - rows["systolic_at"] <= _GAP_US)
    goes_on = near & (before == day)
    loose = near & (before != day)
    systolic, diastolic = pressure
    tenths = (systolic * 10 + 0.5).astype(np.int64), (diastolic * 10 + 0.5).astype(np.int64)
    loose |= _add_session(rows, goes_on, tenths)
    counts = rows["counts"][:, 0].astype(np.int64)
    readings = np.minimum((counts >> 4) + 1, MOST_OF_A_DAY)
    counted = np.minimum((counts & 15) + ~goes_on, MOST_OF_A_DAY)
    rows["counts"][:, 0] = readings * 16 + counted
    loose |= counted == MOST_OF_A_DAY
    loose_day = np.where(loose, day, rows["loose_day"].astype(np.int64))
    rows["loose_day"] = np.where(day - loose_day < DAYS, loose_day, 0)
    rows["systolic_at"] = at
    above = np.minimum(np.ceil(diastolic), 255).astype(np.uint8)
    rows["diastolic_high"][:, 0] = np.maximum(rows["diastolic_high"][:, 0], above)
    high = np.minimum(np.ceil(systolic / 2), 255).astype(np.uint8)
    low = np.clip(np.floor(systolic / 2), 1, 255).astype(np.uint8)
    rows["highest"][:, 0] = np.maximum(rows["highest"][:, 0], high)
    known = rows["lowest"][:, 0]
    rows["lowest"][:, 0] = np.where(known == 0, low, np.minimum(known, low))


def _add_session(rows: RecentRows, goes_on: Flags, tenths: tuple[Whole, Whole]) -> Flags:
    """Sums of the session means with this reading; whose session has grown too long."""
    size = np.where(goes_on, rows["session_readings"].astype(np.int64), 0)
    grows = size < MOST_OF_A_SESSION
    summed = (rows["counts"][:, 0] & 15).astype(np.int64) + ~goes_on < MOST_OF_A_DAY
    for (name, first_name, settled_name), number in zip(_SESSION, tenths, strict=True):
        total = np.where(goes_on, rows[name].astype(np.int64), 0)
        first = np.where(goes_on, rows[first_name].astype(np.int64), number)
        after = total + np.where(grows, number, 0)
        if name == "session_sum":
            moved = _half_up(after, size + grows) - _half_up(total, size)
            rows["sums"][:, 0] += np.where(summed, moved, 0).astype(np.uint16)
        moved = _settled(after, first, size + grows) - _settled(total, first, size)
        rows[settled_name][:, 0] += np.where(summed, moved, 0).astype(np.uint16)
        rows[name], rows[first_name] = after, first
    rows["session_readings"] = size + grows
    return ~grows


_SESSION = (
    ("session_sum", "session_first", "settled"),
    ("diastolic_sum", "diastolic_first", "diastolic"),
)


def _half_up(total: Whole, size: Whole) -> Whole:
    """The mean, rounded half up; 0 of nothing."""
    return (2 * total + size) // np.maximum(2 * size, 1)


def _settled(total: Whole, first: Whole, size: Whole) -> Whole:
    """The mean without the first of several."""
    return np.where(size > 1, _half_up(total - first, size - 1), _half_up(total, size))


def _shift(rows: RecentRows, days: Whole) -> None:
    """Let so many empty days in at the front of the day columns."""
    moved = np.flatnonzero(days > 0)
    if not moved.size:
        return
    source = np.arange(DAYS)[None, :] - days[moved, None]
    inside = source >= 0
    source = np.maximum(source, 0)
    at = np.arange(moved.size)[:, None]
    for name in ("counts", "sums", "highest", "lowest"):
        column = rows[name][moved]
        rows[name][moved] = np.where(inside, column[at, source], 0)
    for name in ("settled", "diastolic", "diastolic_high"):
        shifted = rows[name][moved][at, np.minimum(source[:, :LATELY], LATELY - 1)]
        rows[name][moved] = np.where(inside[:, :LATELY], shifted, 0)
