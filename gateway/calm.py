"""The first of two stages: whose new readings are calm, and what they make of the columns (D1, §6).

A calm reading is one on which no rule could decide anything and nobody would be doubted: the exact
stage would store it, fold the days that have closed, and write nothing else. That much is done here
for a whole batch at once; everybody else goes to the exact stage, unchanged. That the two stages
mean the same is held by a property test and by whole streams run with and without this one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from types import MappingProxyType
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from gateway.anew import Anew
from gateway.bank import Bank
from gateway.baseline_columns import EPOCH
from gateway.baselines import LAYOUT, TRACKED, StateRows, fold_many
from gateway.calm_columns import Readings, columns
from gateway.calm_look import CalmLook, all_of
from gateway.case_ends import URGENT, Ends, may_end
from gateway.detect import Rulebook
from gateway.local_days import LocalDays
from gateway.recent import RECENT, RecentRows
from gateway.recent_many import NOT_LEARNED, Fresh, advance, closed, closing
from gateway.reopened import Reopened, Stored, joined, overflowed
from gateway.row_copies import put, taken
from gateway.screen_algebra import NO
from gateway.screening import may_decide, may_hold
from gateway.stored_state import CalmRows, MovedRow, Rested
from gateway.suspicion import needs_exact
from rules.pack import Pack
from rules.vocabulary import QuantityName, SubjectRef, TimeConfidence, Vital
from rules.window import Point
from rules.words import WORDS, Parameter

Flags = NDArray[np.bool_]
Whole = NDArray[np.int64]

New = Mapping[SubjectRef, Sequence[Point]]

MOST_POINTS = 16
"""Who has more new readings in one batch is looked at exactly: each further turn costs the same."""

_CLOSING_US = 48 * 3_600_000_000
_MINUTE_US = 60_000_000


def fingerprint(pack: Pack) -> int:
    """What the rows' memory was computed under: the rules, and the layout of the memory itself."""
    told = [rule.rule_hash for rule in pack.rules] + [item.source for item in pack.excludes]
    layout = f"{LAYOUT} {RECENT.descr}"
    return crc32("\n".join([*told, layout]).encode()) or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """Who is calm, as rows, who was woken too early, and who must be looked at exactly.

    `moved` are those of `tense` whose columns have been moved on, with what they came to after
    each of the new readings; `anew` readings of `tense` were judged before.
    """

    calm: CalmRows | None
    tense: dict[SubjectRef, list[Point]]
    moved: Mapping[SubjectRef, Sequence[MovedRow]] = field(
        default_factory=dict[SubjectRef, Sequence[MovedRow]]
    )
    rested: Rested = field(default_factory=dict[SubjectRef, datetime | None])
    anew: Anew = field(default_factory=dict[SubjectRef, frozenset[str]])


@dataclass(slots=True, kw_only=True)
class Looked:
    """The copies of a batch, a place for each person, and what has become of them so far.

    `moved` says whose columns hold all readings up to the present turn; `settled` with whom nothing
    is waited for and none of these readings could make a rule ask for somebody; `awaited` who is
    looked at all the same: a reading may end a case of theirs (`ends_on`), or begins
    the clock of silence; `steps` what each turn came to.
    """

    states: StateRows
    recent: RecentRows
    ends_on: Ends
    moved: Flags
    settled: Flags
    awaited: Flags
    steps: list["_Step"] = field(default_factory=list["_Step"])

    @property
    def calm(self) -> Flags:
        """With whose readings the exact stage has nothing to do."""
        return self.settled & ~self.awaited

    def moved_rows(self, place: int) -> tuple[MovedRow, ...]:
        """The columns of one of the `moved` after each of their readings."""
        found = ((step, np.flatnonzero(step.who == place)) for step in self.steps)
        return tuple(step.moved_row(int(rows[0])) for step, rows in found if rows.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """One reading of each of `who`, and what the columns tell of it.

    `sound` says whose columns it has moved on, `quiet` with whom nothing is watched for then,
    `awaited` as in `Looked`.
    """

    who: Whole
    look: CalmLook
    shared: Flags
    sound: Flags
    quiet: Flags
    awaited: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What a turn came to: the copies of `who` after it, and which rules its readings make ask.

    `watched` of whom something is waited for, or older readings may still be completed.
    """

    who: Whole
    states: StateRows
    recent: RecentRows
    asking: Mapping[str, Flags]
    watched: Flags

    def moved_row(self, row: int) -> MovedRow:
        """One person's."""
        return MovedRow(
            row=self.states[row, ...],
            recent=self.recent[row, ...],
            rules=frozenset(name for name, asks in self.asking.items() if asks[row]),
            watched=bool(self.watched[row]),
        )


@dataclass(slots=True)
class Screener:
    """Screens batches under one rulebook; remembers nothing but the zone's offsets."""

    rules: Rulebook
    zone: LocalDays
    mark: int

    def overflowed(self, new: New, bank: Bank) -> dict[SubjectRef, datetime]:
        """Of whom `screen` can judge only with what is stored since an instant (`reopened.py`)."""
        return overflowed(new, bank, self.rules, self.zone)

    def screen(
        self,
        new: dict[SubjectRef, list[Point]],
        bank: Bank,
        shared: Callable[[Point], bool],
        stored: Stored = MappingProxyType({}),
    ) -> Screened:
        """Divide these people; `shared` tells whether others wear a reading's device too.

        `stored` is what `overflowed` has asked for; whoever is missing there is looked at exactly.
        """
        plain = [
            subject
            for subject, points in new.items()
            if 0 < len(points) <= MOST_POINTS and all(map(is_plain, points))
        ]
        if not plain:
            return Screened(calm=None, tense=new)
        rows = bank.rows(plain)
        readings = columns([new[subject] for subject in plain], self.zone, shared)
        places = {subject: place for place, subject in enumerate(plain)} if stored else {}
        own = self.look(rows, readings, bank, Reopened(stored, places, self.rules, self.zone))
        chosen = np.flatnonzero(own.calm)
        quiet = [plain[place] for place in chosen]
        done = set(quiet)
        return Screened(
            calm=CalmRows(
                rows=rows[chosen],
                subjects=quiet,
                states=taken(own.states, chosen),
                recent=taken(own.recent, chosen),
            )
            if quiet
            else None,
            tense={subject: points for subject, points in new.items() if subject not in done},
            moved={
                plain[place]: own.moved_rows(int(place))
                for place in np.flatnonzero(own.moved & ~own.calm)
            },
        )

    def look(self, rows: Whole, readings: Readings, bank: Bank, reopened: Reopened) -> Looked:
        """What plain readings make of the columns of these rows; nothing is taken over."""
        states, recent = bank.copies(np.maximum(rows, 0))
        sound = (recent["rules"] == self.mark) & (states["folded_through"] > EPOCH)
        own = Looked(
            states=states,
            recent=recent,
            moved=bank.may_be_moved(rows) & sound,
            settled=bank.may_be_moved(rows) & sound & (recent["open_since"] == 0),
            ends_on=bank.ends_on(rows),
            awaited=np.zeros(rows.size, dtype=np.bool_),
        )
        turns = [
            self._advance(readings.of_turn(turn), own, reopened)
            for turn in range(int(readings.turn.max()) + 1)
        ]
        self._judge([turn for turn in turns if turn.who.size], own)
        return own

    def _advance(self, readings: Readings, own: Looked, reopened: Reopened) -> _Turn:
        """Move columns on by one reading of each: what closed before it, then itself."""
        kept = np.flatnonzero(own.moved[readings.who])
        who, at = readings.who[kept], readings.at[kept]
        state, memory = taken(own.states, who), taken(own.recent, who)
        # Of one batch a person's readings come in their order, two of the same instant too.
        newest = (at > memory["last_at"]) | (readings.turn[kept] > 0)
        watched = at // _MINUTE_US < memory["watch_until"]
        state, lost = self._close(state, memory, who, at, reopened)
        values = {name: column[kept] for name, column in readings.values.items()}
        before = {name: memory[last] * unit for name, (last, unit) in _NEWEST.items()}
        look = CalmLook(
            states=state,
            recent=memory,
            values=values,
            at=at,
            days=self.zone.day(at),
            vital=readings.vital[kept],
            typed=readings.typed[kept],
            before=before,
            zone=self.zone,
            personal=self.rules.pack.personal,
        )
        excluded = may_hold(self.rules.pack.excludes, look)
        fresh = Fresh(
            at=at,
            day=look.days,
            systolic=values[QuantityName.SYSTOLIC],
            diastolic=values[QuantityName.DIASTOLIC],
            glucose=values[QuantityName.GLUCOSE],
            glucose_day=look.day_before(QuantityName.GLUCOSE),
            what=np.where(excluded.yes, NOT_LEARNED, readings.what[kept]),
            codes=readings.codes[kept],
        )
        advance(memory, state, fresh)
        put(own.states, who, state)
        put(own.recent, who, memory)
        # Where it is not certain whether baselines may learn a reading, the exact stage tells.
        unsure = excluded.yes & (excluded.no | excluded.unknown)
        return _Turn(
            who=who,
            look=look,
            shared=readings.shared[kept],
            sound=newest & ~lost & ~unsure & ~_is_half(values),
            quiet=newest & ~watched,
            awaited=_begins(state, before, values) | may_end(own.ends_on[who], values, at),
        )

    def _close(
        self,
        state: StateRows,
        memory: RecentRows,
        who: Whole,
        at: Whole,
        reopened: Reopened,
    ) -> tuple[StateRows, Flags]:
        """Fold the days that had closed before readings; second: of whom that cannot be done."""
        through = self.zone.day(at - _CLOSING_US) - 1
        before = state["folded_through"].astype(np.int64) - EPOCH
        if not (through > before).any():
            return state, np.zeros(at.size, dtype=np.bool_)
        folding, lost = closing(memory, state, through)
        known = {int(row): int(who[row]) for row in np.flatnonzero(lost) if who[row] in reopened}
        if known:
            folding = joined(folding, reopened.folding(known))
            lost[list(known)] = False
        state = fold_many(state, folding, through + EPOCH)
        closed(memory, through - before)
        for row, place in known.items():
            ring, day = memory[row : row + 1].reshape(()), int(through[row]) + EPOCH
            reopened.refill(place, ring, day, int(at[row]))
        return state, lost

    def _judge(self, turns: Sequence[_Turn], own: Looked) -> None:
        """What the screen says of all readings, then what becomes of each person in their order."""
        if not turns:
            return
        look = all_of([turn.look for turn in turns])
        shared = np.concatenate([turn.shared for turn in turns])
        strange = np.broadcast_to(self._doubtful(look, shared), look.at.size)
        asking = may_decide(self.rules.pack, look)
        urgent = np.concatenate([own.ends_on[turn.who] & URGENT > 0 for turn in turns])
        any_asks = self._any_asks(asking, urgent)
        begin = 0
        for turn in turns:
            who, begin, part = turn.who, begin + turn.who.size, slice(begin, begin + turn.who.size)
            own.awaited[who] |= turn.awaited
            moves = own.moved[who] & turn.sound & ~strange[part]
            quiet = own.settled[who] & turn.quiet & moves
            own.steps.append(
                _Step(
                    who=who,
                    states=turn.look.states,
                    recent=turn.look.recent,
                    asking={name: asks[part] for name, asks in asking.items()},
                    watched=~quiet,
                )
            )
            own.settled[who], own.moved[who] = quiet & ~any_asks[part], moves

    def _any_asks(self, asking: Mapping[str, Flags], urgent: Flags) -> Flags:
        """Which readings could make a rule ask; `urgent`: of whom an urgent case is open.

        A rule that stands beside urgent cases waits for nothing where there is none (`beside.py`);
        where the reading could open one, another rule asks.
        """
        pack = self.rules.pack
        beside = reduce(np.bitwise_or, (asking[one] for one in asking if one in pack.beside), NO)
        others = (flags for name, flags in asking.items() if name not in pack.beside)
        return reduce(np.bitwise_or, others, beside & urgent)

    def _doubtful(self, look: CalmLook, shared: Flags) -> Flags:
        """Whose reading may be somebody else's."""
        found = NO
        if shared.any():
            for name in TRACKED:
                usual = look.usual(name)
                assert usual is not None
                found = found | needs_exact(
                    shared, look.value(name), usual.recent_mean, usual.recent_sd, name
                )
        return found


def _is_half(values: Mapping[QuantityName, NDArray[np.float64]]) -> Flags:
    """Whose reading is a pressure of one number: no column tells of it."""
    return np.isnan(values[QuantityName.SYSTOLIC]) != np.isnan(values[QuantityName.DIASTOLIC])


def _begins(
    states: StateRows,
    before: Mapping[QuantityName, Whole],
    values: Mapping[QuantityName, NDArray[np.float64]],
) -> Flags:
    """Whose reading is the first of its quantity: the exact stage sets the clock of silence."""
    begun = np.zeros(states.size, dtype=np.bool_)
    for name, last in before.items():
        known = (states["readings"][:, TRACKED.index(name)] > 0) | (last > 0)
        begun |= ~np.isnan(values[name]) & ~known
    return begun


_NEWEST: Mapping[QuantityName, tuple[str, np.int64]] = MappingProxyType(
    {
        QuantityName.SYSTOLIC: ("systolic_at", np.int64(1)),
        QuantityName.GLUCOSE: ("glucose_at", np.int64(_MINUTE_US)),
    }
)
"""Of what somebody has a rhythm: where the time of its newest reading stands, in microseconds."""


def screener(rules: Rulebook) -> Screener:
    """The screen of a rulebook."""
    return Screener(rules, LocalDays(rules.zone), fingerprint(rules.pack))


def is_plain(point: Point) -> bool:
    """Whether the screen can speak of a reading at all: dated, sound, of a body."""
    return (
        point.valid
        and point.kind is not Vital.SYMPTOM
        and point.confidence is not TimeConfidence.UNKNOWN
        and not point.possible_repeat
        and not point.rings_by_arrival
        and _TELLING.isdisjoint(point.flags)
        and all(value.value is not None for value in point.values.values())
        and (QuantityName.SYSTOLIC in point.values or QuantityName.DIASTOLIC not in point.values)
    )


_TELLING = WORDS[Parameter.FLAG]
