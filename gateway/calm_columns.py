"""Plain readings as columns, and as the places they take in the rings of `RECENT`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from gateway.baseline_fold import MOST_LEARNED, part_of
from gateway.local_days import LocalDays, hours_of
from gateway.recent import BODY, NO_NUMBER, code_of, micros
from rules.vocabulary import QuantityName
from rules.window import Point

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Codes = NDArray[np.uint16]
Whole = NDArray[np.int64]

_NOON = datetime(2000, 1, 1, 12)  # noqa: DTZ001 - on the zone's own clocks
_HOUR_PARTS: Whole = np.array(
    [part_of(QuantityName.SYSTOLIC, _NOON.replace(hour=hour), "") for hour in range(24)]
)
_ALWAYS = frozenset({*BODY, QuantityName.GLUCOSE})
_MOST_TENTHS = 0x3FFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Plain readings as columns: `who` names the person by number, `turn` counts theirs.

    `at` in microseconds since 1970; `what` and `codes` as `recent_many.Fresh` has them.
    """

    who: Whole
    turn: Whole
    at: Whole
    shared: Flags
    values: Mapping[QuantityName, Floats]
    what: Whole
    codes: Codes

    def of_turn(self, turn: int) -> "Readings":
        """Everybody's reading of that number."""
        if turn == 0 and not self.turn.any():
            return self
        chosen = np.flatnonzero(self.turn == turn)
        return Readings(
            who=self.who[chosen],
            turn=self.turn[chosen],
            at=self.at[chosen],
            shared=self.shared[chosen],
            values={name: column[chosen] for name, column in self.values.items()},
            what=self.what[chosen],
            codes=self.codes[chosen],
        )


def columns(
    people: Sequence[Sequence[Point]], zone: LocalDays, shared: Callable[[Point], bool]
) -> Readings:
    """The readings of these people, in their order; `shared`: others wear the device too."""
    points = [point for own in people for point in own]
    sizes = [len(own) for own in people]
    who = np.repeat(np.arange(len(people)), sizes)
    begins = np.repeat(np.cumsum(sizes) - sizes, sizes)
    at = np.array([micros(point.effective_at) for point in points], dtype=np.int64)
    names = _ALWAYS.union(*{frozenset(point.values) for point in points})
    values = {name: _numbers(points, name) for name in names}
    what, codes = _ring_places(points, values, at, zone)
    return Readings(
        who=who,
        turn=np.arange(len(points)) - begins,
        at=at,
        shared=np.array([shared(point) for point in points], dtype=np.bool_),
        values=values,
        what=what,
        codes=codes,
    )


def _numbers(points: Sequence[Point], name: QuantityName) -> Floats:
    """The numbers of one quantity; a plain reading has no censored one."""
    numbers = np.full(len(points), np.nan)
    for place, point in enumerate(points):
        value = point.values.get(name)
        if value is not None and value.value is not None:
            numbers[place] = value.value
    return numbers


def _ring_places(
    points: Sequence[Point], values: Mapping[QuantityName, Floats], at: Whole, zone: LocalDays
) -> tuple[Whole, Codes]:
    body = np.stack([values[name] for name in BODY], axis=1)
    glucose = values[QuantityName.GLUCOSE]
    is_glucose = ~np.isnan(glucose)
    codes = _codes(body)
    sweet = _codes(glucose[:, None])[:, 0]
    both = is_glucose & (codes != NO_NUMBER).any(axis=1)
    codes[is_glucose] = NO_NUMBER
    codes[is_glucose, 0] = sweet[is_glucose]
    part = _HOUR_PARTS[hours_of(zone.local(at))]
    for place in np.flatnonzero(is_glucose):
        meal = points[int(place)].context.get("meal", "")
        part[place] = part_of(QuantityName.GLUCOSE, _NOON, meal)
    what = part * 2 + is_glucose
    what[(codes == 0).any(axis=1) | both] = -1
    what[(codes == NO_NUMBER).all(axis=1)] = -2
    return what, codes


def _codes(values: Floats) -> Codes:
    """By number its code, `NO_NUMBER` where nothing is learned, 0 where it has no code."""
    learned = (values > 0) & (values < MOST_LEARNED)
    known = np.where(learned, values, 1.0)
    tenths = np.rint(known * 10)
    plain = (tenths > 0) & (tenths < _MOST_TENTHS) & (tenths / 10.0 == known)
    codes = np.where(plain, tenths, 0).astype(np.uint16)
    for row, column in zip(*np.nonzero(~plain), strict=True):
        codes[row, column] = code_of(float(values[row, column])) or 0
    codes[~learned] = NO_NUMBER
    return codes
