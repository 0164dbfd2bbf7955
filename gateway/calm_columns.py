"""Plain readings as columns, and as the places they take in the rings of `RECENT`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gateway.baseline_fold import MOST_LEARNED, part_of
from gateway.local_days import LocalDays, hours_of
from gateway.recent import BODY, MOST_WHOLE, code_of, micros
from gateway.recent_many import NOT_LEARNED
from rules.vocabulary import Origin, QuantityName, Vital
from rules.window import Point

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]
Whole = NDArray[np.int64]

_NOON = datetime(2000, 1, 1, 12)  # noqa: DTZ001 - on the zone's own clocks
_HOUR_PARTS: Whole = np.array(
    [part_of(QuantityName.SYSTOLIC, _NOON.replace(hour=hour), "") for hour in range(24)]
)
VITALS = tuple(Vital)
"""What a reading is of, by number."""

_PLACES: Mapping[Vital, int] = MappingProxyType({vital: n for n, vital in enumerate(VITALS)})

ALWAYS = frozenset({*BODY, QuantityName.GLUCOSE})
"""Quantities of which there is a column, whoever carries them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Plain readings as columns: `who` names the person by number, `turn` counts theirs.

    `at` in microseconds since 1970, `vital` the place in `VITALS`, `typed`: by a person; `what` and
    `codes` as `recent_many.Fresh` has them.
    """

    who: Whole
    turn: Whole
    at: Whole
    vital: Codes
    shared: Flags
    typed: Flags
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
            vital=self.vital[chosen],
            shared=self.shared[chosen],
            typed=self.typed[chosen],
            values={name: column[chosen] for name, column in self.values.items()},
            what=self.what[chosen],
            codes=self.codes[chosen],
        )

    def one_each(self, places: Whole) -> "Readings":
        """The readings in these places, each of another person: the first, the second and so on."""
        return Readings(
            who=np.arange(places.size),
            turn=np.zeros(places.size, dtype=np.int64),
            at=self.at[places],
            vital=self.vital[places],
            shared=self.shared[places],
            typed=self.typed[places],
            values={name: column[places] for name, column in self.values.items()},
            what=self.what[places],
            codes=self.codes[places],
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
    names = ALWAYS.union(*{frozenset(point.values) for point in points})
    values = {name: _numbers(points, name) for name in names}
    parts = [meal_part(point.context.get("meal", "")) for point in points]
    what, codes = ring_places(values, at, np.array(parts, dtype=np.int64), zone)
    return Readings(
        who=who,
        turn=np.arange(len(points)) - begins,
        at=at,
        vital=np.array([_PLACES[point.kind] for point in points], dtype=np.uint8),
        shared=np.array([shared(point) for point in points], dtype=np.bool_),
        typed=np.array([point.origin is Origin.PERSON for point in points], dtype=np.bool_),
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


@cache
def meal_part(meal: str) -> int:
    """The part of the day of a glucose with this relation to a meal."""
    return part_of(QuantityName.GLUCOSE, _NOON, meal)


def ring_places(
    values: Mapping[QuantityName, Floats], at: Whole, meal_parts: Whole, zone: LocalDays
) -> tuple[Whole, Codes]:
    """`what` and `codes` of readings; `meal_parts` count for those of glucose."""
    body = learned(np.stack([values[name] for name in BODY], axis=1))
    glucose = learned(values[QuantityName.GLUCOSE])
    is_glucose = glucose > 0
    fits = ((np.rint(body) == body) & (body <= MOST_WHOLE)).all(axis=1)
    codes = np.where(fits[:, None], body, 0).astype(np.uint8)
    sweet = np.flatnonzero(is_glucose)
    numbers, place = np.unique(glucose[sweet], return_inverse=True)
    known = [code_of(float(number)) for number in numbers]
    code = np.array([-1 if one is None else one for one in known], dtype=np.int64)[place]
    fits[sweet] = (code >= 0) & ~body[sweet].any(axis=1)
    code = np.maximum(code, 0)
    codes[sweet] = np.stack([code & 255, code >> 8, np.zeros_like(code)], axis=1)
    part = np.where(is_glucose, meal_parts, hour_parts(at, zone))
    what = part * 2 + is_glucose
    what[~fits] = -1
    what[~is_glucose & ~body.any(axis=1)] = NOT_LEARNED
    return what, codes


def hour_parts(at: Whole, zone: LocalDays) -> Whole:
    """The part of the day of a pressure measured at these instants."""
    return _HOUR_PARTS[hours_of(zone.local(at))]


def learned(values: Floats) -> Floats:
    """The numbers that baselines learn, 0 elsewhere."""
    with np.errstate(invalid="ignore"):
        return np.where((values > 0) & (values < MOST_LEARNED), values, 0.0)
