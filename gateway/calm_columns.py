"""Plain readings as columns, and as the places they take in the rings of `RECENT`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from gateway.baseline_fold import MOST_LEARNED, part_of
from gateway.local_days import LocalDays, hours_of
from gateway.recent import BODY, MOST_WHOLE, code_of, micros
from rules.vocabulary import QuantityName
from rules.window import Point

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]
Whole = NDArray[np.int64]

_NOON = datetime(2000, 1, 1, 12)  # noqa: DTZ001 - on the zone's own clocks
_HOUR_PARTS: Whole = np.array(
    [part_of(QuantityName.SYSTOLIC, _NOON.replace(hour=hour), "") for hour in range(24)]
)
_ALWAYS = frozenset({*BODY, QuantityName.GLUCOSE})


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
    sizes = np.array([len(own) for own in people], dtype=np.int64)
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
    body = _learned(np.stack([values[name] for name in BODY], axis=1))
    glucose = _learned(values[QuantityName.GLUCOSE])
    is_glucose = glucose > 0
    fits = ((np.rint(body) == body) & (body <= MOST_WHOLE)).all(axis=1)
    codes = np.where(fits[:, None], body, 0).astype(np.uint8)
    part = _HOUR_PARTS[hours_of(zone.local(at))]
    for place in np.flatnonzero(is_glucose):
        code = code_of(float(glucose[place]))
        fits[place] = code is not None and not body[place].any()
        codes[place] = ((code or 0) & 255, (code or 0) >> 8, 0)
        meal = points[int(place)].context.get("meal", "")
        part[place] = part_of(QuantityName.GLUCOSE, _NOON, meal)
    what = part * 2 + is_glucose
    what[~fits] = -1
    what[~is_glucose & ~body.any(axis=1)] = -2
    return what, codes


def _learned(values: Floats) -> Floats:
    """The numbers that baselines learn, 0 elsewhere."""
    with np.errstate(invalid="ignore"):
        return np.where((values > 0) & (values < MOST_LEARNED), values, 0.0)
