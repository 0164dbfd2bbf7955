"""Open days whose readings a ring could not hold, read from the store when one of them closes.

Whoever measures more than the ring has places for is calm all the same: their closing days are
folded from what is stored, and the ring is filled again with what stays open.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

import numpy as np
from numpy.typing import NDArray

from gateway.bank import Bank
from gateway.baseline_columns import EPOCH, TRACKED
from gateway.baseline_fold import learnable, part_of
from gateway.baseline_many import Folding
from gateway.detect import Rulebook
from gateway.local_days import LocalDays
from gateway.recent import RING, RecentRow, fill_ring, micros
from gateway.teaching import teaches
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
    """The learnable readings of these people's open days."""

    def __init__(self, stored: Stored, places: Mapping[SubjectRef, int], rules: Rulebook) -> None:
        self._zone = rules.zone
        self._learned = {
            places[subject]: sorted(
                (point for point in points if teaches(point, rules.pack)), key=lambda p: p.order
            )
            for subject, points in stored.items()
            if subject in places
        }

    def __contains__(self, place: object) -> bool:
        return place in self._learned

    def folding(self, rows: Mapping[int, int]) -> Folding:
        """What `fold_many` takes for these people: place of each here, by its row there."""
        entries = [
            (
                row,
                TRACKED.index(reading.quantity),
                (local := reading.effective_at.astimezone(self._zone)).toordinal(),
                reading.value,
                part_of(reading.quantity, local, reading.meal),
            )
            for row, place in rows.items()
            for reading in learnable(self._learned[place])
        ]
        row, quantity, day, value, part = zip(*entries, strict=True) if entries else [()] * 5
        return Folding(
            row=np.array(row, dtype=np.int64),
            quantity=np.array(quantity, dtype=np.int64),
            day=np.array(day, dtype=np.int64),
            value=np.array(value, dtype=np.float64),
            part=np.array(part, dtype=np.int64),
        )

    def refill(self, place: int, row: RecentRow, folded_through: int, before: int) -> None:
        """Fill a ring anew with what is still open.

        That is after `folded_through` (proleptic ordinal), and `before` the reading which closes
        these days (microseconds since 1970).
        """
        row["ring_readings"] = row["ring_what"] = row["ring_values"] = 0
        open_still = [p for p in self._learned[place] if micros(p.effective_at) < before]
        fill_ring(row, open_still, self._zone, folded_through)


def joined(one: Folding, other: Folding) -> Folding:
    """Both, for different people."""
    return Folding(
        row=np.concatenate([one.row, other.row]),
        quantity=np.concatenate([one.quantity, other.quantity]),
        day=np.concatenate([one.day, other.day]),
        value=np.concatenate([one.value, other.value]),
        part=np.concatenate([one.part, other.part]),
    )
