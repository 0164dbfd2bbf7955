"""What is usual for this person: river's statistics over closed days, kept as columns (design D1).

A reading is judged against the fold of the days that ended at least 48 h before it, each day folded
in order of (effective_at, identity). So the order of arrival cannot matter, a crisis does not teach
the baseline while it happens, and an explanation is stable.

Per quantity two exponentially weighted statistics, both river's `EWMean` recursion
`m <- f * x + (1 - f) * m`, started at the first value:

* `recent_mean` over the means of the days, f = 2 / (60 + 1): a 60-day span;
* `recent_sd` = sqrt(E[x^2] - E[x]^2) over single readings (river's `EWVar`), f = 2 / (120 + 1): the
  same span at two readings a day.

River starts an `EWMean` at its first value, which would leave the first day with 40 % of the weight
after four weeks. What is told is therefore the mean with the start taken out, every value weighted
f (1 - f)^(n - k) and the weights divided by their sum:

    (m - (1 - f)^n * first) / (1 - (1 - f)^n)        n = number of values folded

(the bias correction of Kingma and Ba 2015, section 3, for a recursion started at its first value).

The anchor is the mean of the first seven days with a reading; it never moves by itself.

`fold` extends the columns as days close. `refold` builds a row from nothing with river's own
objects, for a subject with a late reading; both give the same bytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from river.stats import EWMean

from rules.vocabulary import QuantityName
from rules.window import Baseline, Point

LAYOUT = 1
"""Version of `STATE`; a stored row of another layout is folded again from the store."""

DAY_FADING = 2 / (60 + 1)
READING_FADING = 2 / (120 + 1)
CLOSING_DELAY = timedelta(hours=48)
ANCHOR_DAYS = 7

TRACKED = (
    QuantityName.SYSTOLIC,
    QuantityName.DIASTOLIC,
    QuantityName.PULSE,
    QuantityName.GLUCOSE,
)

_COLUMNS = np.dtype(
    [
        ("day_mean", "<f8"),
        ("mean", "<f8"),
        ("square", "<f8"),
        ("first_day_mean", "<f8"),
        ("first_value", "<f8"),
        ("anchor_sum", "<f8"),
        ("anchor_readings", "<i4"),
        ("readings", "<i4"),
        ("days", "<i4"),
        ("first_day", "<i4"),  # proleptic ordinal, 0 = no reading yet
    ]
)
STATE = np.dtype([("folded_through", "<i4"), ("quantity", _COLUMNS, (len(TRACKED),))])
"""One subject: the ordinal of the last folded day, and the columns of each tracked quantity."""

StateRow = NDArray[np.void]
"""A zero-dimensional structured array of dtype `STATE`."""


@dataclass(frozen=True, slots=True, order=True)
class Learned:
    """One reading a baseline may learn, in the canonical unit."""

    effective_at: datetime
    identity: str
    quantity: QuantityName
    value: float


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


def horizon(at: datetime, zone: tzinfo) -> date:
    """The last local day that had ended at least 48 h before `at`."""
    return (at - CLOSING_DELAY).astimezone(zone).date() - timedelta(days=1)


def learnable(points: Iterable[Point]) -> list[Learned]:
    """The tracked numbers of `points`, in folding order; censored values teach nothing."""
    return sorted(
        Learned(point.effective_at, point.identity, name, float(value.value))
        for point in points
        for name, value in point.values.items()
        if name in TRACKED and value.value is not None
    )


def fold(state: StateRow, readings: Sequence[Learned], through: date, zone: tzinfo) -> StateRow:
    """A copy of `state` with every day after its last folded one, up to `through`, folded in.

    `readings` must hold all learnable readings of those days, sorted; others are passed over.
    """
    folded = state.copy()
    already = int(folded["folded_through"])
    for (day, quantity), values in _by_day(readings, already, through.toordinal(), zone):
        _fold_day(folded["quantity"][TRACKED.index(quantity)], day, values)
    folded["folded_through"] = max(already, through.toordinal())
    return folded


def refold(readings: Sequence[Learned], through: date, zone: tzinfo) -> StateRow:
    """The row after every day up to `through`, from nothing, computed by river's own objects."""
    folded = empty_state()
    means = {name: _RiverMeans() for name in TRACKED}
    for (day, quantity), values in _by_day(readings, 0, through.toordinal(), zone):
        column = folded["quantity"][TRACKED.index(quantity)]
        _count_day(column, day, values)
        means[quantity].learn(column, values)
    folded["folded_through"] = through.toordinal()
    return folded


class _RiverMeans:
    """The three recursions of one quantity as river objects."""

    def __init__(self) -> None:
        self.day_mean = EWMean(fading_factor=DAY_FADING)
        self.mean = EWMean(fading_factor=READING_FADING)
        self.square = EWMean(fading_factor=READING_FADING)

    def learn(self, column: np.void, values: list[float]) -> None:
        for value in values:
            self.mean.update(value)
            self.square.update(value * value)
        self.day_mean.update(sum(values) / len(values))
        column["day_mean"] = self.day_mean.get()
        column["mean"] = self.mean.get()
        column["square"] = self.square.get()


def _by_day(
    readings: Sequence[Learned], after: int, through: int, zone: tzinfo
) -> list[tuple[tuple[int, QuantityName], list[float]]]:
    days: dict[tuple[int, QuantityName], list[float]] = {}
    for reading in readings:
        day = reading.effective_at.astimezone(zone).toordinal()
        if after < day <= through:
            days.setdefault((day, reading.quantity), []).append(reading.value)
    return sorted(days.items())


def _fold_day(column: np.void, day: int, values: list[float]) -> None:
    first = column["readings"] == 0
    for index, value in enumerate(values):
        if first and index == 0:
            column["mean"], column["square"] = value, value * value
            continue
        column["mean"] = _faded(column["mean"], value, READING_FADING)
        column["square"] = _faded(column["square"], value * value, READING_FADING)
    mean_of_day = sum(values) / len(values)
    column["day_mean"] = (
        mean_of_day if first else _faded(column["day_mean"], mean_of_day, DAY_FADING)
    )
    _count_day(column, day, values)


def _count_day(column: np.void, day: int, values: list[float]) -> None:
    if column["readings"] == 0:
        column["first_day"] = day
        column["first_value"], column["first_day_mean"] = values[0], sum(values) / len(values)
    if day < column["first_day"] + ANCHOR_DAYS:
        column["anchor_sum"] += sum(values)
        column["anchor_readings"] += len(values)
    column["readings"] += len(values)
    column["days"] += 1


def _started(mean: float, first: float, fading: float, count: int) -> float:
    """The exponentially weighted mean of `count` values without the extra weight of the first."""
    left = (1 - fading) ** count
    return (float(mean) - left * first) / (1 - left)


def _faded(mean: float, value: float, fading: float) -> float:
    return fading * value + (1 - fading) * mean


def baseline_of(state: StateRow, quantity: QuantityName) -> Baseline:
    """What the folded days say about one quantity; the numbers are rounded to 1e-6 (law 11).

    The anchor counts once its seven days are folded. Nobody has confirmed it: rules and cards say
    so until a doctor does.
    """
    column = state["quantity"][TRACKED.index(quantity)]
    readings, days = int(column["readings"]), int(column["days"])
    if readings == 0:
        return Baseline(
            recent_mean=None,
            recent_sd=None,
            readings=0,
            days=0,
            anchor=None,
            anchor_confirmed=False,
            first_day=None,
        )
    value, day_mean = float(column["first_value"]), float(column["first_day_mean"])
    mean = _started(column["mean"], value, READING_FADING, readings)
    square = _started(column["square"], value * value, READING_FADING, readings)
    variance = max(0.0, square - mean * mean)
    first = int(column["first_day"])
    anchored = int(state["folded_through"]) >= first + ANCHOR_DAYS - 1
    anchor = float(column["anchor_sum"]) / int(column["anchor_readings"])
    return Baseline(
        recent_mean=round(_started(column["day_mean"], day_mean, DAY_FADING, days), 6),
        recent_sd=round(sqrt(variance), 6) if readings > 1 else None,
        readings=readings,
        days=days,
        anchor=round(anchor, 6) if anchored else None,
        anchor_confirmed=False,
        first_day=date.fromordinal(first),
    )


def baselines(state: StateRow) -> dict[QuantityName, Baseline]:
    """`baseline_of` for every tracked quantity."""
    return {quantity: baseline_of(state, quantity) for quantity in TRACKED}
