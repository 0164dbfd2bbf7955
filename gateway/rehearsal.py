"""Rules over a recorded stream, as the core would have judged it when it came (law 7).

The same screen, exact stage and cases as in `pipeline.py`, on readings that lie in memory. People
are taken side by side, each in the order in which the readings arrived; between two readings of a
person their wake-ups are looked at when they are due.

What no file tells is assumed: a doctor answers every case a while after it rang.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from time import process_time

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from gateway.anew import HEARD_ANEW, has_changed, heard_anew, is_judged_otherwise
from gateway.bank import Bank
from gateway.calm import Screener, screener
from gateway.case_book import CaseBook
from gateway.case_ends import ANY_READING, NONE, kinds_of_vitals
from gateway.detect import (
    AROUND,
    Assessment,
    Judged,
    Person,
    Rulebook,
    known_from,
    needed_from,
    needs_history,
    open_since,
)
from gateway.episodes import episodes
from gateway.moved import assess_moved
from gateway.playback import Held, Playback, played_back
from gateway.profile_changes import NO_CHANGES, Changes, ProfileChange
from gateway.recent import BEGINNING, micros
from gateway.remembering import remembered
from gateway.reopened import Reopened, overflowing
from gateway.row_copies import taken
from gateway.silences import LAST, NEVER, earliest_silence, earliest_silences
from gateway.stored_state import MovedRow, StoredState
from rules.explain import evidence
from rules.vocabulary import Alert, Priority, Profile, SubjectRef
from rules.window import Point

AT_ONCE = 4096
"""People judged side by side: the columns of one turn fit into a cache."""

_DAY_US = 86_400_000_000
_MICROSECOND = timedelta(microseconds=1)

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What would have rung, and how many readings the screen let pass to the exact stage."""

    alerts: tuple[Alert, ...]
    readings: int
    exact: int


@dataclass(slots=True)
class _Life:
    """One person: their place among those taken side by side, their readings' places in all.

    `profile` is who they are at the time reached; `coming` changes it, the next one last.
    """

    subject: SubjectRef
    place: int
    profile: Profile
    begin: int
    end: int
    coming: list[ProfileChange] = field(default_factory=list[ProfileChange])
    held: Held = field(default_factory=Held)


@dataclass(slots=True, kw_only=True)
class _Side:
    """Those who are taken side by side; each column has a place for each of them.

    `taken`: the place after their last reading taken; `rows` in the bank, -1 for whoever has none;
    `wake`, `answer` and `change` (microseconds since 1970): when they are to be looked at again,
    when a doctor has answered the first of their cases, and when their profile changes.
    """

    tape: Playback
    lives: Sequence[_Life]
    taken: Whole
    rows: Whole
    wake: Whole
    answer: Whole
    change: Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """A person to be judged at `now`: for a new reading, or because a wait or a silence is due.

    `silence`: before it, where it is told, nobody can miss anything of theirs.
    """

    life: _Life
    fresh: Sequence[Point]
    now: datetime
    moved: tuple[MovedRow, ...] = ()
    silence: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sight:
    """What a look needs of the past: measured since then, of these kinds (`case_ends.py`).

    `silence`: before it nobody can miss anything of theirs; None where that is not known.
    """

    since: datetime
    kinds: int = ANY_READING
    silence: datetime | None = None


class Rehearsal:
    """Lives through recorded readings under a rulebook.

    Args:
        rules: The rulebook.
        answered_after: How long after it rang each case is taken to be closed with an outcome.
        screened: False has every reading looked at exactly and without shortcuts, to compare.
        near: False leaves out of the alerts' evidence what nearly fired beside them: to tell it
            takes as long again as to find that something rings.
        took: Hears how long each reading took that passed the screen, in seconds of the processor.
    """

    def __init__(
        self,
        rules: Rulebook,
        *,
        answered_after: timedelta,
        screened: bool = True,
        near: bool = True,
        took: Callable[[float], None] | None = None,
    ) -> None:
        self._rules = rules
        self._answered_after = answered_after
        self._screened = screened
        self._near = near
        self._took = took
        self._screener: Screener = screener(rules)
        self._bank = Bank()
        self._book = CaseBook()
        self._exact = 0

    async def live_through(
        self,
        people: Mapping[SubjectRef, Sequence[Point]],
        profiles: Mapping[SubjectRef, Profile],
        done: Callable[[int], None],
        changes: Changes = NO_CHANGES,
    ) -> Rehearsed:
        """All readings of these people, each in any order; `done` hears how many were taken."""
        return await self.play(played_back(people, self._screener.zone), profiles, done, changes)

    async def play(
        self,
        tape: Playback,
        profiles: Mapping[SubjectRef, Profile],
        done: Callable[[int], None],
        changes: Changes = NO_CHANGES,
    ) -> Rehearsed:
        """The same of a recording.

        Everybody is lived with until the last reading of all: who had fallen silent is missed.
        `profiles` tells who people are at the beginning, `changes` (in order of time) who they are
        later: what comes from then on is judged by it, as after a new profile in a county.
        """
        end = tape.received.max(initial=0) + 1
        for begin in range(0, len(tape.subjects), AT_ONCE):
            side = _side(tape, profiles, changes, begin)
            await self._side_by_side(side, done)
            everybody = np.arange(len(side.lives))
            await self._until(side, everybody, np.full(everybody.size, end))
        return Rehearsed(
            alerts=tuple(sorted(self._book.alerts, key=lambda a: (a.raised_at, a.alert_id))),
            readings=tape.received.size,
            exact=self._exact,
        )

    async def _side_by_side(self, side: _Side, done: Callable[[int], None]) -> None:
        begins = np.array([life.begin for life in side.lives])
        sizes = np.array([life.end for life in side.lives]) - begins
        for turn in range(int(sizes.max(initial=0))):
            chosen = np.flatnonzero(sizes > turn)
            places = begins[chosen] + turn
            await self._until(side, chosen, side.tape.received[places])
            await self._take(side, chosen, places)
            done(chosen.size)

    async def _until(self, side: _Side, chosen: Whole, until: Whole) -> None:
        """What falls due before the next readings: waits that are over, and doctors' answers."""
        left, before = chosen, until
        while (due := np.flatnonzero(np.minimum(side.wake, side.change)[left] < before)).size:
            left, before = left[due], before[due]
            wake = np.minimum(side.wake, side.change)[left]
            self._change(side, left, wake)
            self._answer_all(side, left, wake)
            woken = left[side.wake[left] <= wake]
            looks = [
                _Look(life=side.lives[place], fresh=(), now=_instant(int(side.wake[place])))
                for place in map(int, self._restless(side, woken))
            ]
            await self._judge(side, looks)
        self._answer_all(side, chosen, until)
        self._change(side, chosen, until)

    def _change(self, side: _Side, chosen: Whole, until: Whole) -> None:
        """Who they are by then; the next look at whoever changed is exact, as in `fact_desk.py`.

        What they have measured lately is heard anew at once.
        """
        for number in np.flatnonzero(side.change[chosen] <= until):
            life = side.lives[int(chosen[number])]
            while life.coming and micros(life.coming[-1].at) <= until[number]:
                coming = life.coming.pop()
                measured = side.taken[life.place] > life.begin
                if measured and is_judged_otherwise(life.profile, coming.profile):
                    at = side.wake[life.place]
                    side.wake[life.place] = min(at, micros(coming.at))
                life.profile = coming.profile
            side.change[life.place] = _next_change(life)
            self._bank.look_closely([life.subject])

    def _restless(self, side: _Side, woken: Whole) -> Whole:
        """Those of the woken whom somebody could miss by now; the others sleep on."""
        if not self._screened:
            return woken
        due, rows = side.wake[woken], side.rows[woken]
        states, recent = self._bank.copies(np.maximum(rows, 0))
        known = self._bank.may_be_moved(rows) & (recent["rules"] == self._screener.mark)
        may = known & (recent["open_since"] == 0)
        at = np.where(may, earliest_silences(self._rules.pack, states, recent), 0)
        for number in map(int, np.flatnonzero(may & (at <= due))):
            # Who the person is may tell more.
            profile = side.lives[int(woken[number])].profile
            row, memory = states[number, ...], recent[number, ...]
            own = earliest_silence(self._rules.pack, profile, row, memory)
            at[number] = LAST if own is NEVER else micros(own)
        rests = at > due
        side.wake[woken[rests]] = at[rests]
        return woken[~rests]

    def _answer_all(self, side: _Side, chosen: Whole, until: Whole) -> None:
        """What doctors have answered by then."""
        for number in np.flatnonzero(side.answer[chosen] <= until):
            self._answer(side, side.lives[int(chosen[number])], _instant(int(until[number])))

    def _answer(self, side: _Side, life: _Life, now: datetime) -> None:
        if self._book.answered(life.subject, now, self._answered_after):
            if not self._book.has_open(life.subject):
                self._bank.case_ended(life.subject)
            self._await_answer(side, life)

    def _await_answer(self, side: _Side, life: _Life) -> None:
        at = self._book.answered_at(life.subject, self._answered_after)
        side.answer[life.place] = LAST if at is None else micros(at)

    async def _take(self, side: _Side, chosen: Whole, places: Whole) -> None:
        """One reading of each: by the screen, and exactly where it does not refuse."""
        side.taken[chosen] = places + 1
        tense = np.ones(chosen.size, dtype=np.bool_)
        moved: dict[int, tuple[MovedRow, ...]] = {}
        silences: dict[int, datetime] = {}
        plain = np.flatnonzero(side.tape.plain[places])
        if self._screened and plain.size:
            rows = side.rows[chosen[plain]]
            readings = side.tape.readings.one_each(places[plain])
            reopened = self._reopened(side, chosen[plain], rows, readings.at)
            found = self._screener.look(rows, readings, self._bank, reopened)
            calm = np.flatnonzero(found.calm)
            self._bank.put(rows[calm], taken(found.states, calm), taken(found.recent, calm))
            tense[plain[calm]] = False
            further = np.flatnonzero(found.moved & ~found.calm)
            moved = {int(plain[place]): found.moved_rows(int(place)) for place in further}
            at = earliest_silences(
                self._rules.pack, taken(found.states, further), taken(found.recent, further)
            )
            due = at > side.tape.received[places[plain[further]]]
            silences = {
                int(plain[place]): _instant(int(one))
                for place, one in zip(further[due], at[due], strict=True)
                if one < LAST
            }
        looks: list[_Look] = []
        for number in np.flatnonzero(tense):
            life, point = side.lives[int(chosen[number])], side.tape.point(int(places[number]))
            looks.append(
                _Look(
                    life=life,
                    fresh=[point],
                    now=point.received_at,
                    moved=moved.get(int(number), ()),
                    silence=silences.get(int(number)),
                )
            )
        await self._judge(side, looks)

    def _reopened(self, side: _Side, chosen: Whole, rows: Whole, at: Whole) -> Reopened:
        """What has been taken of those of whom a day closes that the ring does not hold."""
        zone = self._screener.zone
        places, begins = overflowing(rows, at, self._bank, self._rules, zone)
        lives = [side.lives[int(chosen[place])] for place in places]
        stored = {
            life.subject: _known(side, life, _Sight(since=since))
            for life, since in zip(lives, begins, strict=True)
        }
        return Reopened(stored, dict(zip(stored, places, strict=True)), self._rules, zone)

    async def _judge(self, side: _Side, looks: Sequence[_Look]) -> None:
        if not looks:
            return
        states = self._bank.gather_all([look.life.subject for look in looks])
        after: dict[SubjectRef, StoredState] = {}
        for look in looks:
            subject = look.life.subject
            began_s = process_time() if self._took and look.fresh else 0.0
            after[subject] = await self._judged(side, look, states[subject])
            if self._took and look.fresh:
                self._took(process_time() - began_s)
        self._bank.replace(after)
        new = [look.life for look in looks if side.rows[look.life.place] < 0]
        side.rows[[life.place for life in new]] = self._bank.rows([life.subject for life in new])

    async def _judged(self, side: _Side, look: _Look, state: StoredState) -> StoredState:
        life, now = look.life, look.now
        anew = () if look.fresh else self._anew(side, life, state, now)
        fresh = look.fresh or anew
        look = replace(look, fresh=fresh)
        self._exact += bool(fresh)
        begun = open_since(state, self._screener.mark, now) if self._screened else None
        person = Person(subject=life.subject, profile=life.profile, state=state, open_since=begun)
        whole = needs_history(person, fresh, self._rules.zone)
        sight = None if whole else self._sight(person, look)
        points = _known(side, life, sight)
        found = assess_moved(
            person,
            look.moved,
            points,
            fresh,
            self._rules,
            now,
            whole=whole,
            silence=sight.silence if sight else None,
        )
        complete = whole or bool(fresh)
        found = remembered(found, self._rules, self._screener.mark, now, complete=complete)
        if anew:
            found = structs.replace(found, anew=frozenset(point.identity for point in anew))
        if found.judged and not self._near:
            found = structs.replace(found, judged=tuple(self._alone(found, now)))
        ends_on = NONE
        if found.judged or self._book.has_open(life.subject):
            rung = await episodes([found], self._book, self._rules.pack, now)
            ends_on = rung.ends_on.get(life.subject, NONE)
        wake_at = found.state.next_wake_at
        side.wake[life.place] = LAST if wake_at is None else micros(wake_at)
        self._await_answer(side, life)
        return structs.replace(found.state, ends_on=ends_on)

    def _anew(self, side: _Side, life: _Life, state: StoredState, now: datetime) -> Sequence[Point]:
        """What is heard anew of whom a new profile was told."""
        if not has_changed(state, self._screener.mark):
            return ()
        return heard_anew(_known(side, life, _Sight(since=now - HEARD_ANEW)), now)

    def _sight(self, person: Person, look: _Look) -> _Sight:
        """What is needed of the past; for what nearly fired beside, all that a rule can see.

        Of whom nothing is waited for only what the rules hear that could ask now, and what ends
        their open cases.
        """
        usual = needed_from(person, look.fresh, self._rules, look.now)
        pack = self._rules.pack
        if not look.moved:
            return _Sight(since=known_from(person, look.fresh, self._rules, look.now))
        (moved,) = look.moved
        silence = look.silence or earliest_silence(pack, person.profile, moved.row, moved.recent)
        asking = [pack.rule(rule_id) for rule_id in moved.rules]
        # What becomes urgent may have waits beside it that older readings began.
        urgent = any(rule.priority >= Priority.URGENT for rule in asking)
        if self._near or moved.watched or silence <= look.now or urgent:
            return _Sight(since=usual, silence=silence)
        ending = [pack.rule(case.rule_id) for case in self._book.open_of(person.subject)]
        clearing = [condition.reach for rule in ending for condition in rule.clear.values()]
        reach = max([*(rule.reach for rule in asking), *clearing], default=timedelta(0))
        heard = {vital for rule in (*asking, *ending) for vital in rule.vitals}
        return _Sight(
            since=max(usual, look.fresh[0].effective_at - reach - AROUND),
            kinds=kinds_of_vitals({look.fresh[0].kind, *heard}),
            silence=silence,
        )

    def _alone(self, found: Assessment, now: datetime) -> Iterator[Judged]:
        """What was decided, without what nearly was."""
        for judged in found.judged:
            decision = judged.decision
            rule = self._rules.pack.rule(decision.rule_id)
            tell = partial(evidence, decision, found.window, rule, (), now)
            yield Judged(decision=decision, tell=tell)


def _side(
    tape: Playback, profiles: Mapping[SubjectRef, Profile], changes: Changes, first: int
) -> _Side:
    lives: list[_Life] = []
    for number, subject in enumerate(tape.subjects[first : first + AT_ONCE], start=first):
        profile = profiles.get(subject) or Profile(subject=subject)
        begin, end = (int(place) for place in tape.begins[number : number + 2])
        coming = [*reversed(changes.get(subject, ()))]
        lives.append(_Life(subject, len(lives), profile, begin, end, coming))
    never = np.full(len(lives), LAST, dtype=np.int64)
    return _Side(
        tape=tape,
        lives=lives,
        taken=tape.begins[first : first + len(lives)].copy(),
        rows=np.full(len(lives), -1, dtype=np.int64),
        wake=never,
        answer=never.copy(),
        change=np.array([_next_change(life) for life in lives], dtype=np.int64),
    )


def _next_change(life: _Life) -> int:
    return micros(life.coming[-1].at) if life.coming else LAST


def _known(side: _Side, life: _Life, sight: _Sight | None) -> list[Point]:
    """What is needed of what has been taken of a person; None: all of it."""
    tape, taken = side.tape, int(side.taken[life.place])
    if sight is None:
        return life.held.of(range(life.begin, taken), tape.point)
    since = micros(sight.since)
    # Nothing is measured after it was received, give or take a clock.
    received = tape.received[life.begin : taken]
    begin = life.begin + int(np.searchsorted(received, since - _DAY_US))
    needed = tape.readings.at[begin:taken] >= since
    if sight.kinds != ANY_READING:
        needed &= tape.kinds[begin:taken] & sight.kinds != 0
    return life.held.of((begin + np.flatnonzero(needed)).tolist(), tape.point)


def _instant(at: int) -> datetime:
    return BEGINNING + at * _MICROSECOND
