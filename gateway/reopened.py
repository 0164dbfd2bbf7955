"""Open days whose readings a ring could not hold, read from the store when one of them closes.

Whoever measures more than the ring has places for is calm all the same: their closing days are
folded from what is stored, and the ring is filled again with what stays open.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

import numpy as np
from numpy.typing import NDArray

from gateway.bank import Bank
from gateway.baseline_columns import EPOCH, GLUCOSE, SYSTOLIC, TRACKED
from gateway.baseline_many import Folding
from gateway.calm_columns import columns, hour_parts, learned, meal_part
from gateway.detect import Rulebook
from gateway.local_days import LocalDays
from gateway.recent import MOST_OPEN, RING, RecentRow, micros
from gateway.recent_many import NOT_LEARNED
from gateway.teaching import teaching
from rules.screen import extremes_of
from rules.vocabulary import SubjectRef
from rules.window import Point

Stored = Mapping[SubjectRef, Sequence[Point]]
"""What is stored of whom, from the beginning of their open days on, the new readings included."""

Whole = NDArray[np.int64]

_CLOSING_US = 48 * 3_600_000_000


def overflowed(
    new: Mapping[SubjectRef, Sequence[Point]], bank: Bank, rules: Rulebook, zone: LocalDays
) -> dict[SubjectRef, datetime]:
    """Of whom a day closes that the ring does not hold, and where their open days begin."""
    people = [subject for subject, points in new.items() if points]
    if not people:
        return {}
    newest = np.array([micros(new[subject][-1].effective_at) for subject in people])
    chosen, since = overflowing(bank.rows(people), newest, bank, rules, zone)
    return {people[place]: at for place, at in zip(chosen, since, strict=True)}


def overflowing(
    rows: Whole, newest: Whole, bank: Bank, rules: Rulebook, zone: LocalDays
) -> tuple[list[int], list[datetime]]:
    """The places of those rows of the bank, and where the open days of each begin.

    `newest`: the last new reading of each row, microseconds since 1970.
    """
    states, recent = bank.copies(np.maximum(rows, 0))
    through = zone.day(newest - _CLOSING_US) - 1 + EPOCH
    chosen = bank.may_be_moved(rows) & (recent["ring_readings"] > RING)
    chosen &= (states["folded_through"] > EPOCH) & (states["folded_through"] < through)
    places = [int(place) for place in np.flatnonzero(chosen)]
    folded = (int(states["folded_through"][place]) for place in places)
    return places, [
        datetime.combine(date.fromordinal(day + 1), time.min, rules.zone) for day in folded
    ]


class Reopened:
    """The learnable readings of these people's open days, as columns."""

    def __init__(
        self,
        stored: Stored,
        places: Mapping[SubjectRef, int],
        rules: Rulebook,
        zone: LocalDays,
    ) -> None:
        own = {places[s]: _learned(stored[s], rules) for s in stored if s in places}
        self._places: dict[int, Whole] = {}
        begin = 0
        for place, each in own.items():
            self._places[place] = np.arange(begin, begin + len(each))
            begin += len(each)
        if not begin:
            return
        meals = [p.context.get("meal", "") for each in own.values() for p in each]
        self._readings = columns(list(own.values()), zone, lambda _: False)
        self._days = zone.day(self._readings.at)
        self._parts = np.zeros((begin, len(TRACKED)), dtype=np.int64)
        self._parts[:, SYSTOLIC] = hour_parts(self._readings.at, zone)
        self._parts[:, GLUCOSE] = [meal_part(meal) for meal in meals]

    def __contains__(self, place: object) -> bool:
        return place in self._places

    def folding(self, rows: Mapping[int, int]) -> Folding:
        """What `fold_many` takes for these people: place of each here, by its row there."""
        known = {row: own for row, place in rows.items() if (own := self._places[place]).size}
        if not known:
            none = np.zeros(0, dtype=np.int64)
            return Folding(row=none, quantity=none, day=none, value=none.astype(float), part=none)
        at = np.concatenate(list(known.values()))
        row = np.repeat(list(known), [own.size for own in known.values()])
        values = self._readings.values
        numbers = np.stack([learned(values[name][at]) for name in TRACKED], axis=1)
        entry, quantity = np.nonzero(numbers)
        return Folding(
            row=row[entry],
            quantity=quantity,
            day=self._days[at][entry] + EPOCH,
            value=numbers[entry, quantity],
            part=self._parts[at][entry, quantity],
        )

    def refill(self, place: int, row: RecentRow, folded_through: int, before: int) -> None:
        """Fill a ring anew with what is still open.

        That is after `folded_through` (proleptic ordinal), and `before` the reading which closes
        these days (microseconds since 1970).
        """
        row["ring_readings"] = row["ring_what"] = row["ring_values"] = 0
        own = self._places[place]
        if not own.size:
            return
        what, codes = self._readings.what[own], self._readings.codes[own]
        offset = self._days[own] + EPOCH - folded_through - 1
        kept = (self._readings.at[own] < before) & (offset >= 0) & (what != NOT_LEARNED)
        what, codes, offset = what[kept], codes[kept], offset[kept]
        if what.size > RING or (what < 0).any() or (offset >= MOST_OPEN).any():
            row["ring_readings"] = RING + 1
            return
        row["ring_what"][: what.size] = offset * 8 + what
        row["ring_values"][: what.size] = codes
        row["ring_readings"] = what.size


def _learned(points: Sequence[Point], rules: Rulebook) -> list[Point]:
    taught = teaching(points, rules.pack, extremes_of(points))
    return sorted(taught, key=lambda point: point.order)


def joined(one: Folding, other: Folding) -> Folding:
    """Both, for different people."""
    return Folding(
        row=np.concatenate([one.row, other.row]),
        quantity=np.concatenate([one.quantity, other.quantity]),
        day=np.concatenate([one.day, other.day]),
        value=np.concatenate([one.value, other.value]),
        part=np.concatenate([one.part, other.part]),
    )
