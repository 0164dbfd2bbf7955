"""Was it the other one? A reading of a shared device that fits another of its users better. Pure.

Whose a reading is, the device says: its user slot is bound to somebody. When it is far from that
person's usual, close to another user's, and the likelihood ratio of the two is clear, it waits for
one tap, "me" or "not me". Both are judged by their closed days as of the reading's own time (design
D1), so that suspicion, like the baselines, is a function of the set of readings and answers: no
order of arrival changes it (law 2). What waits is not valid: it confirms, clears and counts nothing
and is learned by nobody. What an urgent or undampable rule would look at does not wait (law 5): it
counts as the device said, the doubt becomes a sentence, and it is learned by nobody either.

A home that is asked three days a week and more is asked no further: a new level of the one is then
likelier than a habit of the other, and must not hide behind unanswered questions.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray

from gateway.baselines import TRACKED, StateRow, baselines, fold, horizon, learnable
from gateway.likeness import SMALLEST_SD, fit, is_warm
from gateway.teaching import teaches
from gateway.urgency import may_be_urgent
from rules.doubts import MAY_BE_ANOTHERS
from rules.pack import Pack
from rules.vocabulary import Origin, Profile, QuantityName, SubjectRef, TimeConfidence
from rules.window import Point

STRANGE_SD = 2.5
"""So far from the own usual one quantity of it must lie (own standard deviations)."""

CLOSE_SD = 2.5
"""No quantity of it may lie farther than this from the other's usual (their deviations)."""

MARGIN = 4.0
"""Nats by which the other must fit better: odds of 55, against one session in fifty that is
swapped in the homes that swap."""

PATIENCE_DAYS, PATIENCE = 3, timedelta(days=7)
"""After doubts on so many days within such a span nobody is asked for the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A reading of `subject` that fits `other` better by `ratio` nats (rounded to 1e-6).

    `waits`: it counts nowhere until somebody has said whose it is; False where it could ring an
    urgent alert. `answer` is whose it was said to be.
    """

    point: Point
    subject: SubjectRef
    other: SubjectRef
    ratio: float
    waits: bool
    answer: SubjectRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Somebody said that the reading in `doubt` is `subject`'s; `by` is an account."""

    doubt: Suspicion
    subject: SubjectRef
    by: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class Member:
    """One user of a shared device: their columns so far, and points after these, oldest first.

    `points` are as their devices sent them: nothing of an earlier suspicion is in them; so many of
    them are `taken` into the columns.
    """

    subject: SubjectRef
    state: StateRow
    points: Sequence[Point]
    taken: int = 0

    def advance(
        self, through: date, zone: tzinfo, taught: Callable[[Iterable[Point]], list[Point]]
    ) -> None:
        """Fold the days up to `through`; `taught` picks what may be learned."""
        if int(self.state["folded_through"]) >= through.toordinal():
            return
        begin = self.taken
        while self.taken < len(self.points) and _day(self.points[self.taken], zone) <= through:
            self.taken += 1
        learned = learnable(taught(self.points[begin : self.taken]))
        self.state = fold(self.state, learned, through, zone)


@dataclass(slots=True, kw_only=True)
class Circle:
    """The people who share devices, and what is known of their readings.

    `others` names who else could have measured a point (its device's other users then), `settled`
    is what was answered before, by identity.
    """

    members: Mapping[SubjectRef, Member]
    profiles: Mapping[SubjectRef, Profile]
    others: Callable[[Point, SubjectRef], frozenset[SubjectRef]]
    settled: Mapping[str, Suspicion]
    pack: Pack
    zone: tzinfo
    found: dict[str, Suspicion] = field(default_factory=dict[str, Suspicion])

    def judge(self, asked: frozenset[str] | None = None) -> dict[str, Suspicion]:
        """What is suspicious of the points named in `asked` (None: of all), by identity.

        `found` may hold earlier points' suspicions of this circle when only some are asked.
        """
        ordered = sorted(
            (
                (point.order, member.subject, point)
                for member in self.members.values()
                for point in member.points
                if asked is None or point.identity in asked
            ),
            key=lambda item: item[:2],
        )
        fresh: dict[str, Suspicion] = {}
        for _, subject, point in ordered:
            suspicion = self._judge_one(point, subject)
            if suspicion is not None:
                fresh[point.identity] = self.found[point.identity] = suspicion
        return fresh

    def _judge_one(self, point: Point, subject: SubjectRef) -> Suspicion | None:
        others = self.others(point, subject) & self.members.keys()
        if not others or point.identity in self.settled or not _is_askable(point):
            return None
        through = horizon(point.effective_at, self.zone)
        for one in (subject, *others):
            self.members[one].advance(through, self.zone, self._taught)
        found = self._likelier(point, subject, others)
        if found is None or self._is_out_of_patience(point, subject):
            return None
        other, ratio = found
        return Suspicion(
            point=point,
            subject=subject,
            other=other,
            ratio=ratio,
            waits=not self._may_be_urgent(point, subject, other),
        )

    def _may_be_urgent(self, point: Point, *people: SubjectRef) -> bool:
        """Whether something urgent may rest on it, whichever of these people it is."""
        profiles = (self.profiles[one] for one in people)
        return any(may_be_urgent(point, each, self.pack, self.zone) for each in profiles)

    def _likelier(
        self, point: Point, subject: SubjectRef, others: frozenset[SubjectRef]
    ) -> tuple[SubjectRef, float] | None:
        values = numbers_of(point)
        names = frozenset(values)
        own_usual = baselines(self.members[subject].state)
        if not is_warm(own_usual, names):
            return None
        own = fit(values, own_usual)
        if own.farthest < STRANGE_SD:
            return None
        best: tuple[SubjectRef, float] | None = None
        for other in sorted(others):
            usual = baselines(self.members[other].state)
            if not is_warm(usual, names):
                continue
            theirs = fit(values, usual)
            ratio = round(theirs.log_density - own.log_density, 6)
            better = best is None or ratio > best[1]
            if better and theirs.farthest <= CLOSE_SD and ratio >= MARGIN:
                best = (other, ratio)
        return best

    def _is_out_of_patience(self, point: Point, subject: SubjectRef) -> bool:
        since = point.effective_at - PATIENCE
        days = {
            _day(doubt.point, self.zone)
            for doubt in (*self.found.values(), *self.settled.values())
            if doubt.subject == subject
            and doubt.answer in {None, subject}
            and since <= doubt.point.effective_at < point.effective_at
        }
        return len(days - {_day(point, self.zone)}) >= PATIENCE_DAYS

    def _taught(self, points: Iterable[Point]) -> list[Point]:
        return [
            point
            for point in points
            if point.identity not in self.found and teaches(point, self.pack)
        ]


def needs_exact(
    shared: NDArray[np.bool_],
    value: NDArray[np.float64],
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    quantity: QuantityName,
) -> NDArray[np.bool_]:
    """A cheap necessary condition for suspicion, a row a reading: True must be judged exactly.

    Args:
        shared: whether somebody else is bound to the reading's device (`is_shared`).
        value: the reading's number, canonical unit, NaN where it has none.
        mean: the own recent mean as of the reading, NaN where there is none.
        sd: the own recent standard deviation, NaN or 0 where there is none.
        quantity: which number it is; any of a reading's numbers may make it suspicious.
    """
    scale = np.fmax(sd, SMALLEST_SD[quantity])
    # a hair below the limit: columns may differ from the exact stage in the last digits
    return shared & (np.abs(value - mean) >= (STRANGE_SD - 1e-3) * scale)


def marked(point: Point, doubt: Suspicion | None) -> Point:
    """The point as rules and baselines see it while whose it is has not been said."""
    if doubt is None or doubt.answer is not None:
        return point
    flags = tuple(flag for flag in point.flags if flag != MAY_BE_ANOTHERS)
    return replace(point, valid=not doubt.waits, flags=(*flags, MAY_BE_ANOTHERS))


def unmarked(point: Point, doubt: Suspicion | None) -> Point:
    """The point as its device sent it: only valid ones are ever in doubt."""
    if doubt is None or doubt.answer is not None:
        return point
    flags = tuple(flag for flag in point.flags if flag != MAY_BE_ANOTHERS)
    return replace(point, valid=True, flags=flags)


def _is_askable(point: Point) -> bool:
    """Whether somebody could tell whose it was: dated, sound, and sent by a device."""
    dated = point.confidence is not TimeConfidence.UNKNOWN
    return point.valid and dated and point.origin is not Origin.PERSON


def numbers_of(point: Point) -> dict[QuantityName, float]:
    """The tracked numbers of a point, canonical units."""
    return {
        name: float(value.value)
        for name, value in point.values.items()
        if name in TRACKED and value.value is not None
    }


def _day(point: Point, zone: tzinfo) -> date:
    return point.effective_at.astimezone(zone).date()
