"""Rules over a recorded stream, as the core would have judged it when it came (law 7).

The same screen, exact stage and cases as in `pipeline.py`, on readings that lie in memory. People
are taken side by side, each in the order in which the readings arrived; between two readings of a
person their wake-ups are looked at when they are due.

What no file tells is assumed: a doctor answers every case a while after it rang.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.bank import Bank
from gateway.calm import Screener, screener
from gateway.case_book import CaseBook
from gateway.detect import Person, Rulebook, needed_from, needs_history
from gateway.episodes import episodes
from gateway.moved import assess_moved
from gateway.recent import BEGINNING
from gateway.remembering import remembered
from gateway.silences import NEVER, earliest_silence, may_rest
from gateway.stored_state import AfterBatch, MovedRow, StoredState
from rules.vocabulary import Alert, Profile, SubjectRef
from rules.window import Point

AT_ONCE = 4096
"""People judged side by side: the columns of one turn fit into a cache."""

_CLOCKS = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What would have rung, and how many readings the screen let pass to the exact stage."""

    alerts: tuple[Alert, ...]
    readings: int
    exact: int


@dataclass(slots=True)
class _Life:
    """One person's readings in the order of arrival, and how far they have been taken."""

    profile: Profile
    points: Sequence[Point]
    taken: int = 0
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """A person to be judged at `now`: for a new reading, or because a wait or a silence is due."""

    life: _Life
    fresh: Sequence[Point]
    now: datetime
    moved: MovedRow | None = None


class Rehearsal:
    """Lives through recorded readings under a rulebook.

    Args:
        rules: The rulebook.
        answered_after: How long after it rang each case is taken to be closed with an outcome.
        screened: False has every reading looked at exactly, to compare.
    """

    def __init__(
        self, rules: Rulebook, *, answered_after: timedelta, screened: bool = True
    ) -> None:
        self._rules = rules
        self._answered_after = answered_after
        self._screened = screened
        self._screener: Screener = screener(rules)
        self._bank = Bank()
        self._book = CaseBook()
        self._exact = 0

    async def live_through(
        self,
        people: Mapping[SubjectRef, Sequence[Point]],
        profiles: Mapping[SubjectRef, Profile],
        done: Callable[[int], None],
    ) -> Rehearsed:
        """All readings of these people, each in any order; `done` hears how many were taken.

        Everybody is lived with until the last reading of all: who had fallen silent is missed.
        """
        lives = {
            subject: _Life(
                profile=profiles.get(subject) or Profile(subject=subject),
                points=sorted(points, key=lambda point: (point.received_at, point.order)),
            )
            for subject, points in people.items()
        }
        end = max((life.points[-1].received_at for life in lives.values()), default=None)
        names = list(lives)
        for begin in range(0, len(names), AT_ONCE):
            some = {name: lives[name] for name in names[begin : begin + AT_ONCE]}
            await self._side_by_side(dict(some), done)
            assert end is not None
            await self._until({name: (life, end + _INSTANT) for name, life in some.items()})
        return Rehearsed(
            alerts=tuple(sorted(self._book.alerts, key=lambda a: (a.raised_at, a.alert_id))),
            readings=sum(len(life.points) for life in lives.values()),
            exact=self._exact,
        )

    async def _side_by_side(
        self, lives: dict[SubjectRef, _Life], done: Callable[[int], None]
    ) -> None:
        while lives:
            new = {subject: [life.points[life.taken]] for subject, life in lives.items()}
            await self._until({s: (life, new[s][0].received_at) for s, life in lives.items()})
            for life in lives.values():
                life.taken += 1
            await self._take(lives, new)
            done(len(new))
            lives = {s: life for s, life in lives.items() if life.taken < len(life.points)}

    async def _until(self, lives: Mapping[SubjectRef, tuple[_Life, datetime]]) -> None:
        """What falls due before the next readings: waits that are over, and doctors' answers."""
        sleeping = dict(lives)
        while due := {
            subject: _Look(life=life, fresh=(), now=life.wake_at)
            for subject, (life, until) in sleeping.items()
            if life.wake_at is not None and life.wake_at < until
        }:
            for subject, look in due.items():
                self._answer(subject, look.now)
            await self._judge(self._restless(due))
            sleeping = {subject: sleeping[subject] for subject in due}
        for subject, (_, until) in lives.items():
            self._answer(subject, until)

    def _restless(self, woken: Mapping[SubjectRef, _Look]) -> dict[SubjectRef, _Look]:
        """Those of the woken whom somebody could miss by now; the others sleep on."""
        if not self._screened:
            return dict(woken)
        left: dict[SubjectRef, _Look] = {}
        for subject, state in self._bank.gather_all(list(woken)).items():
            look = woken[subject]
            at = BEGINNING
            if may_rest(state, self._screener.mark) and state.recent is not None:
                at = earliest_silence(self._rules.pack, look.life.profile, state.recent)
            if at > look.now:
                look.life.wake_at = None if at is NEVER else at
            else:
                left[subject] = look
        return left

    def _answer(self, subject: SubjectRef, now: datetime) -> None:
        if self._book.answered(subject, now, self._answered_after):
            self._bank.look_closely([subject])

    async def _take(
        self, lives: Mapping[SubjectRef, _Life], new: dict[SubjectRef, list[Point]]
    ) -> None:
        tense, moved = new, dict[SubjectRef, MovedRow]()
        if self._screened:
            found = self._screener.screen(new, self._bank, _worn_by_one)
            tense, moved = found.tense, dict(found.moved)
            if found.calm is not None:
                wake_at = self._bank.known_wake_at
                self._bank.take(AfterBatch(calm=found.calm, next_wake_at=wake_at))
        await self._judge(
            {
                subject: _Look(
                    life=lives[subject],
                    fresh=points,
                    now=points[0].received_at,
                    moved=moved.get(subject),
                )
                for subject, points in tense.items()
            }
        )

    async def _judge(self, looks: Mapping[SubjectRef, _Look]) -> None:
        states = self._bank.gather_all(list(looks))
        after = {s: await self._judged(s, look, states[s]) for s, look in looks.items()}
        self._bank.replace(after)

    async def _judged(self, subject: SubjectRef, look: _Look, state: StoredState) -> StoredState:
        life, fresh, now = look.life, look.fresh, look.now
        self._exact += bool(fresh)
        person = Person(subject=subject, profile=life.profile, state=state)
        whole = needs_history(person, fresh, self._rules.zone)
        known = life.points[: life.taken]
        points = known if whole else self._needed(person, known, fresh, now)
        found = assess_moved(person, look.moved, points, fresh, self._rules, now, whole=whole)
        complete = whole or bool(fresh)
        found = remembered(found, self._rules, self._screener.mark, complete=complete)
        rung = await episodes([found], self._book, self._rules.pack, now)
        life.wake_at = found.state.next_wake_at
        return replace(found.state, open_case=subject in rung.with_case)

    def _needed(
        self, person: Person, known: Sequence[Point], fresh: Sequence[Point], now: datetime
    ) -> Sequence[Point]:
        begin = needed_from(person, fresh, self._rules, now)
        # Nothing is measured after it was received, give or take a clock.
        near = known[bisect_left(known, begin - _CLOCKS, key=_received) :]
        return [point for point in near if point.effective_at >= begin]


def _received(point: Point) -> datetime:
    return point.received_at


def _worn_by_one(_point: Point) -> bool:
    return False
