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
        readings: Its columns; `who` and `turn` are set for those that are taken out of them.
        point: The reading in a place.
    """

    subjects: Sequence[SubjectRef]
    begins: Whole
    received: Whole
    plain: Flags
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
        readings=columns(lives, zone, worn_by_one),
        point=points.__getitem__,
    )


def worn_by_one(_point: Point) -> bool:
    """Nobody else wears the device: a recording does not tell of whose it was besides."""
    return False


MOST_OLDER = 64
"""A look may reach back less far than the next one; so many older readings are kept for that."""


@dataclass(slots=True)
class Held:
    """The latest readings of one person that were looked at, so that few are made twice."""

    begin: int = 0
    points: list[Point] = field(default_factory=list[Point])

    def between(self, begin: int, end: int, point: Callable[[int], Point]) -> list[Point]:
        """The readings in these places; an `end` is never before a former one."""
        if begin > self.begin + len(self.points):
            self.begin, self.points = begin, []
        if begin < self.begin:
            self.points[:0] = [point(place) for place in range(begin, self.begin)]
            self.begin = begin
        self.points += [point(place) for place in range(self.begin + len(self.points), end)]
        found = self.points[begin - self.begin :]
        if begin - self.begin > MOST_OLDER:
            self.begin, self.points = begin, found.copy()
        return found
