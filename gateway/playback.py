"""Recorded readings of many people as columns, each person's in the order in which they arrived.

What the screen asks of a reading stands in columns; the reading itself is made when the exact stage
looks at it, which it does for few.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gateway.calm import is_plain
from gateway.calm_columns import Readings, columns
from gateway.case_ends import Kinds, kinds_of_vitals
from gateway.local_days import LocalDays
from gateway.recent import micros
from rules.vocabulary import SubjectRef
from rules.window import Point

Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Playback:
    """Everybody's readings, one place an array each.

    Attributes:
        subjects: Who; those of `subjects[i]` stand in the places `begins[i]` to `begins[i + 1]`.
        begins: One more than subjects.
        received: Microseconds since 1970, never falling for a person.
        plain: Whether the screen can speak of the reading at all.
        kinds: The kind of reading, as a bit (`case_ends.py`).
        readings: Its columns; `who` and `turn` are set for those that are taken out of them.
        point: The reading in a place.
    """

    subjects: Sequence[SubjectRef]
    begins: Whole
    received: Whole
    plain: Flags
    kinds: Kinds
    readings: Readings
    point: Callable[[int], Point]

    def of(self, subject: int) -> list[Point]:
        """All readings of the person of this number."""
        begin, end = self.begins[subject : subject + 2]
        return [self.point(place) for place in range(begin, end)]

    def without(self, subjects: frozenset[SubjectRef]) -> "Playback":
        """The same without some people."""
        stays = np.array([subject not in subjects for subject in self.subjects], dtype=np.bool_)
        sizes = np.diff(self.begins)
        places = np.flatnonzero(np.repeat(stays, sizes))
        return Playback(
            subjects=[subject for subject in self.subjects if subject not in subjects],
            begins=np.append(0, np.cumsum(sizes[stays])),
            received=self.received[places],
            plain=self.plain[places],
            kinds=self.kinds[places],
            readings=self.readings.one_each(places),
            point=lambda place: self.point(int(places[place])),
        )


def played_back(people: Mapping[SubjectRef, Sequence[Point]], zone: LocalDays) -> Playback:
    """The readings of these people, each person's in any order."""
    lives = [sorted(own, key=lambda one: (one.received_at, one.order)) for own in people.values()]
    points = [point for own in lives for point in own]
    return Playback(
        subjects=list(people),
        begins=np.append(0, np.cumsum([len(own) for own in lives], dtype=np.int64)),
        received=np.array([micros(point.received_at) for point in points], dtype=np.int64),
        plain=np.array([is_plain(point) for point in points], dtype=np.bool_),
        kinds=np.array([kinds_of_vitals({point.kind}) for point in points], dtype=np.uint8),
        readings=columns(lives, zone, worn_by_one),
        point=points.__getitem__,
    )


def worn_by_one(_point: Point) -> bool:
    """Nobody else wears the device: a recording does not tell of whose it was besides."""
    return False


MOST_HELD = 192
"""So many readings of one person are held; when more are, the oldest are made anew if need be."""

_LOOKED_BACK = 96


@dataclass(slots=True)
class Held:
    """The latest readings of one person that were looked at, so that few are made twice."""

    points: dict[int, Point] = field(default_factory=dict[int, Point])

    def of(self, places: Sequence[int], point: Callable[[int], Point]) -> list[Point]:
        """The readings in these places, which stand in order."""
        known = self.points
        for place in [place for place in places if place not in known]:
            known[place] = point(place)
        found = [known[place] for place in places]
        if len(known) > MOST_HELD:
            last = places[-1] if places else max(known)
            self.points = {p: one for p, one in known.items() if p > last - _LOOKED_BACK}
        return found
