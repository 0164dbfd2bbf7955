"""What the screen looks at: calm readings, the day columns and the baselines, many at once.

Bounds over spans of days are in `span_bounds.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from gateway.baseline_columns import (
    ANCHOR_UNIT,
    EPOCH,
    MICRO,
    TRACKED,
    StateRows,
)
from gateway.baseline_fold import ANCHOR_DAYS, DAY_FADING, READING_FADING
from gateway.calm_columns import VITALS
from gateway.local_days import LocalDays
from gateway.person_bits import PREGNANT, bit_of
from gateway.recent import LOW_DAYS, RecentRows
from gateway.row_copies import one_after_another
from gateway.screen_algebra import Flags, Floats
from gateway.screening import SpanBounds, Usual
from gateway.span_bounds import DayColumns, DiastolicSpan, Reach, SystolicSpan
from rules.tree import Tree
from rules.vocabulary import QuantityName, Vital

Whole = NDArray[np.int64]

_MINUTE_US = 60_000_000
_LOW_REACH = timedelta(days=LOW_DAYS - 1)


@dataclass(frozen=True, kw_only=True)
class CalmLook:
    """`screening.Look` over rows that hold the new readings already.

    `values` are the readings' numbers (NaN: none), `at` their instants in microseconds, `days`
    their local days since `EPOCH`, `vital` their kinds as places in `VITALS`, `typed` those that a
    person typed; `before`: the newest valid number before each, in microseconds rounded down to a
    minute or less, 0 for none; `personal` are the rules' questions about the person alone, in the
    order of their bits. What was asked once is remembered.
    """

    states: StateRows
    recent: RecentRows
    values: Mapping[QuantityName, Floats]
    at: Whole
    days: Whole
    vital: NDArray[np.uint8]
    typed: Flags
    before: Mapping[QuantityName, Whole]
    zone: LocalDays
    personal: tuple[Tree, ...]
    _spans: dict[tuple[QuantityName, timedelta], SpanBounds] = field(
        default_factory=dict[tuple[QuantityName, timedelta], SpanBounds]
    )
    _usual: dict[QuantityName, Usual] = field(default_factory=dict[QuantityName, Usual])

    @property
    def day(self) -> Floats:
        """Local days of the readings, as proleptic ordinals."""
        return (self.days + EPOCH).astype(np.float64)

    @property
    def pregnant(self) -> Flags:
        """Who is known to be pregnant."""
        return self.recent["person"] & PREGNANT > 0

    def surely_not(self, name: str, parts: tuple[Tree, ...]) -> Flags:
        """Of whom the answer to a question about the person alone is no."""
        return self.recent["person"] & bit_of(name, parts, self.personal) > 0

    def low_days(self, length: timedelta) -> Floats | None:
        """On at most how many local days of a span a glucose was low, the new reading included."""
        if length > _LOW_REACH:
            return None
        at = self.recent["glucose_at"].astype(np.int64) * _MINUTE_US
        newest = self.zone.day(np.where(at == 0, self.at, at))
        begins = self.zone.day(self.at - length // timedelta(microseconds=1))
        seen = np.arange(LOW_DAYS) <= (newest - begins)[:, None]
        bits = self.recent["low_days"][:, None] >> np.arange(LOW_DAYS) & 1
        return (bits * seen).sum(axis=1).astype(np.float64)

    def value(self, quantity: QuantityName) -> Floats:
        """The readings' numbers; NaN where a reading carries no such one."""
        known = self.values.get(quantity)
        return np.full(self.at.size, np.nan) if known is None else known

    def over(self, quantity: QuantityName, length: timedelta) -> SpanBounds | None:
        """Bounds over a span; there are day columns of blood pressure only."""
        if quantity not in {QuantityName.SYSTOLIC, QuantityName.DIASTOLIC}:
            return None
        known = self._spans.get((quantity, length))
        if known is None:
            known = self._spans[quantity, length] = self._over(quantity, length)
        return known

    def _over(self, quantity: QuantityName, length: timedelta) -> SpanBounds:
        newest = self.recent["day"].astype(np.int64)
        begins = self.zone.day(self.at - length // timedelta(microseconds=1))
        days = Reach(newest, begins, self.recent["loose_day"].astype(np.int64))
        which = DiastolicSpan if quantity is QuantityName.DIASTOLIC else SystolicSpan
        return which(self._day_columns, days)

    @cached_property
    def _day_columns(self) -> DayColumns:
        return DayColumns(self.recent)

    def apart(self, quantity: QuantityName) -> Floats | None:
        """Since the newest valid glucose, up to a minute less."""
        if quantity is not QuantityName.GLUCOSE:
            return None
        last = self.before[quantity]
        return np.where(last == 0, np.inf, self.at - (last + _MINUTE_US))

    def last_day(self, quantity: QuantityName) -> Floats | None:
        """The local day of the newest valid number before it: days begin with a minute."""
        last = self.before.get(quantity)
        if last is None:
            return None
        return np.where(last == 0, -np.inf, self.day_before(quantity) + EPOCH)

    def day_before(self, quantity: QuantityName) -> Whole:
        """The same since `EPOCH`; the reading's own day where there is none."""
        last = self.before[quantity]
        return self.zone.day(np.where(last == 0, self.at, last))

    def heard(self, vitals: frozenset[Vital]) -> Flags:
        """Whose reading is of one of these kinds."""
        return _among(vitals)[self.vital]

    def usual(self, quantity: QuantityName) -> Usual | None:
        """The baselines, as `baselines.baseline_of` tells them."""
        if quantity not in TRACKED:
            return None
        known = self._usual.get(quantity)
        if known is None:
            known = self._usual[quantity] = _usual(self.states, TRACKED.index(quantity))
        return known


def all_of(looks: Sequence[CalmLook]) -> CalmLook:
    """These looks as one, in their order: the screen costs as much for ten readings as for many."""
    if len(looks) == 1:
        return looks[0]
    names = dict.fromkeys(name for look in looks for name in look.values)
    return CalmLook(
        states=one_after_another([look.states for look in looks]),
        recent=one_after_another([look.recent for look in looks]),
        values={name: np.concatenate([look.value(name) for look in looks]) for name in names},
        at=np.concatenate([look.at for look in looks]),
        days=np.concatenate([look.days for look in looks]),
        vital=np.concatenate([look.vital for look in looks]),
        typed=np.concatenate([look.typed for look in looks]),
        before={
            name: np.concatenate([look.before[name] for look in looks]) for name in looks[0].before
        },
        zone=looks[0].zone,
        personal=looks[0].personal,
    )


@cache
def _among(vitals: frozenset[Vital]) -> Flags:
    return np.array([vital in vitals for vital in VITALS], dtype=np.bool_)


def _usual(state: StateRows, place: int) -> Usual:
    readings = state["readings"][:, place].astype(np.float64)
    days = state["days"][:, place].astype(np.float64)
    start = state["start"][:, place] / MICRO
    none = readings == 0
    with np.errstate(all="ignore"):
        recent = _started(state["day_mean"][:, place], start, DAY_FADING, days)
        mean = _started(state["mean"][:, place], start, READING_FADING, readings)
        square = _started(state["square"][:, place], start * start, READING_FADING, readings)
        anchor = state["anchor_sum"][:, place] / ANCHOR_UNIT / state["anchor_readings"][:, place]
    sd = np.sqrt(np.maximum(square - mean * mean, 0.0))
    first = state["first_day"][:, place].astype(np.float64) + EPOCH
    fixed = (state["anchored"] >> place & 1).astype(np.bool_)
    whole = ~none & (state["folded_through"] >= first + ANCHOR_DAYS - 1)
    anchored = (state["anchor_readings"][:, place] > 0) & (fixed | whole)
    return Usual(
        recent_mean=np.where(none, np.nan, recent),
        recent_sd=np.where(readings > 1, sd, np.nan),
        anchor=np.where(anchored, anchor, np.nan),
        readings=readings,
        first_day=np.where(none, np.nan, first),
    )


def _started(mean: Floats, start: Floats, fading: float, count: Floats) -> Floats:
    left = (1 - fading) ** count
    return (mean - left * start) / (1 - left)
