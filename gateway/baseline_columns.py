"""The bytes of what is usual for a person: one row of columns a subject, 382 bytes.

`gateway/baselines.py` says what the columns mean. Days are counted from 1999-12-31 (2000-01-01 is
day 1), so that a day fits in two bytes; 0 is "none". Nothing before 2000 is learned.
"""

from datetime import date
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from rules.vocabulary import QuantityName

LAYOUT = 3
"""Version of `STATE`; a stored row of another layout is folded again from the store."""

TRACKED = (
    QuantityName.SYSTOLIC,
    QuantityName.DIASTOLIC,
    QuantityName.GLUCOSE,
    QuantityName.PULSE,
)
"""The quantities with a baseline; their places are the `quantity` of `fold_many`."""

SHIFTED = 3
"""The first three of `TRACKED` have a fast baseline beside the slow one."""

SYSTOLIC, GLUCOSE = 0, 2
PARTED = (SYSTOLIC, GLUCOSE)
"""Quantities with a pattern within the day, in the order of their columns."""

RANKED = (SYSTOLIC, GLUCOSE)
"""Quantities with robust quantiles, in the order of their columns."""

RHYTHMS = (SYSTOLIC, GLUCOSE)
"""Quantities whose measuring days are a habit, in the order of their columns."""

GAPS = 7
EPOCH = date(1999, 12, 31).toordinal()
LAST_DAY = 65_535
MICRO = 1_000_000
ANCHOR_UNIT = 10_000
MOST_COUNTED = 65_535


class Part(IntEnum):
    """The part of the day, or the meal, to which a reading belongs."""

    NONE = 0
    FIRST = 1  # systolic: morning; glucose: fasting
    SECOND = 2  # systolic: evening; glucose: after a meal


class Mark(IntEnum):
    """What changed on `marked_on`."""

    NONE = 0
    DRUG = 1
    DEVICE = 2


_QUANTITIES = len(TRACKED)
STATE = np.dtype(
    [
        ("day_mean", "<f8", (_QUANTITIES,)),
        ("mean", "<f8", (_QUANTITIES,)),
        ("square", "<f8", (_QUANTITIES,)),
        ("fast", "<f8", (SHIFTED,)),
        ("part_mean", "<f8", (2 * len(PARTED),)),
        ("part_square", "<f8", (2 * len(PARTED),)),
        ("height", "<f8", (len(RANKED), 5)),
        ("start", "<i4", (_QUANTITIES,)),
        ("anchor_sum", "<u4", (_QUANTITIES,)),
        ("readings", "<u4", (_QUANTITIES,)),
        ("folded_through", "<i4"),
        ("days", "<u2", (_QUANTITIES,)),
        ("first_day", "<u2", (_QUANTITIES,)),
        ("anchor_readings", "<u2", (_QUANTITIES,)),
        ("fast_days", "<u2", (SHIFTED,)),
        ("part_readings", "<u2", (2 * len(PARTED),)),
        ("last_day", "<u2", (len(RHYTHMS),)),
        ("marked_on", "<u2"),
        ("gaps", "u1", (len(RHYTHMS), GAPS)),
        ("offset", "i1", (len(RANKED), 3)),
        ("mark", "u1"),
        ("anchored", "u1"),
    ]
)
"""One subject. Per column, by place in `TRACKED` unless said otherwise:

* `day_mean`, `mean`, `square`: river's `EWMean` of the days' means, of readings, of their squares;
* `fast` (the first `SHIFTED`): `EWMean` of the days' means since `marked_on`;
* `part_mean`, `part_square` (`PARTED`, first and second part): `EWMean` within a part of the day;
* `height`, `offset` (`RANKED`): the markers of river's `Quantile(0.5)`; how far the inner three are
  from where they ought to be (`quantile_columns.py`);
* `start`: the mean of the first day, in millionths: where every `EWMean` of the quantity started;
* `anchor_sum` in ten-thousandths, `anchor_readings`: the first week, or what a person has set;
* `readings`, `days`, `fast_days`, `part_readings`: how many values each has learned;
* `first_day`, `last_day` (`RHYTHMS`), `marked_on`: days since `EPOCH`;
* `gaps` (`RHYTHMS`): the last gaps between measuring days, in days, newest last, 0 = none yet;
* `folded_through`: proleptic ordinal of the last folded day, 0 = nothing folded;
* `mark`: a `Mark`; `anchored`: bit i = the anchor of `TRACKED[i]` was set by a person.
"""

StateRow = NDArray[np.void]
"""A zero-dimensional structured array of dtype `STATE`."""

StateRows = NDArray[np.void]
"""A one-dimensional structured array of dtype `STATE`: many subjects."""


def empty_state() -> StateRow:
    """The state of a subject of whom nothing has been folded."""
    return np.zeros((), dtype=STATE)


def state_from_bytes(layout: int, stored: bytes) -> StateRow | None:
    """The row in `stored`, or None when it has another layout and must be folded again."""
    if layout != LAYOUT or len(stored) != STATE.itemsize:
        return None
    return np.frombuffer(stored, dtype=STATE)[0].copy()


def state_to_bytes(state: StateRow) -> bytes:
    """The row's bytes, little-endian, as `core.subject_state` keeps them."""
    return state.tobytes()
