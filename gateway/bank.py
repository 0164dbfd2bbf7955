"""Everyone's columns: what is usual for a person and what the screen must remember, row by row.

Nothing here is the truth: it is what was last committed. A batch computes on gathered copies, and
rows are replaced after COMMIT returned (design D1). Room for 3.4 million people is some 2 GB, hence
no object a person: a subject is found by a hash of its name in a sorted column, and whose absence
is due is asked of the database, which has an index of it.

Whose row is not here may still have one in the store: it is asked for them before they are judged
(`County.know`). So a core serves at once, and all others come in block by block meanwhile.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from gateway.baselines import STATE, StateRows, empty_state
from gateway.case_ends import ANY, Ends
from gateway.recent import RECENT, RecentRows, no_recent
from gateway.row_copies import copied, put, taken
from gateway.stored_state import AfterBatch, StoredState
from rules.vocabulary import SubjectRef

Rows = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Flags = NDArray[np.bool_]

NAME_BYTES = 32
"""Of a longer name the SHA-256 digest, which is as long, stands for it."""

_FIRST_ROWS = 1024
_WORDS = NAME_BYTES // 8
_LATE_LIMIT = 50_000
"""So many newcomers are found by a dict; then they are sorted in among the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Rows as the store holds them; `names` are padded to `NAME_BYTES`."""

    names: NDArray[np.bytes_]
    states: StateRows
    recent: RecentRows
    ends_on: Ends


class Bank:
    """The columns, and where each subject's row is."""

    def __init__(self) -> None:
        self._states: StateRows = np.zeros(_FIRST_ROWS, dtype=STATE)
        self._recent: RecentRows = np.zeros(_FIRST_ROWS, dtype=RECENT)
        self._ends_on: Ends = np.zeros(_FIRST_ROWS, dtype=np.uint32)
        self._count = 0
        self._hashes: Hashes = np.zeros(0, dtype=np.uint64)
        self._places: NDArray[np.uint32] = np.zeros(0, dtype=np.uint32)
        self._late: dict[int, int] = {}
        self._filling: Found | None = None
        self._filled = 0
        self._free: list[int] = []
        self._stale: set[int] = set()
        self._next_wake_at: datetime | None = None
        self._postponed: dict[SubjectRef, datetime] = {}

    def __len__(self) -> int:
        return self._count - len(self._free)

    def begin_filling(self, most: int) -> None:
        """Make room for some `most` rows that `fill` will bring.

        Room that is never used costs addresses, not memory: the system gives pages when they are
        written to.
        """
        self._grow(most)
        self._filling = Found(np.zeros(most, dtype=np.uint64), np.zeros(most, dtype=np.uint32))

    def fill(self, block: Block) -> None:
        """Take in a block of rows; nobody is found by it before `found_by`.

        Until then whoever measures is asked of the store, and what is known of them since holds.
        """
        assert self._filling is not None
        begin, end = self._count, self._count + block.names.size
        if end > len(self._states):
            self._grow(2 * block.names.size)
        self._states[begin:end] = block.states
        self._recent[begin:end] = block.recent
        self._ends_on[begin:end] = block.ends_on
        known = slice(self._filled, self._filled + block.names.size)
        self._filling.hashes[known] = _mixed(block.names)
        self._filling.places[known] = np.arange(begin, end)
        self._count, self._filled = end, known.stop

    def filled(self) -> "Found":
        """Where the filled rows are, still to be sorted."""
        assert self._filling is not None
        return Found(self._filling.hashes[: self._filled], self._filling.places[: self._filled])

    def found_by(self, filled: "Found") -> None:
        """Have the filled rows found, but for people who have come meanwhile: theirs are newer.

        `filled` are sorted. Of somebody whose row was written meanwhile there may be several.
        """
        newer = np.fromiter(self._late, dtype=np.uint64, count=len(self._late))
        begins = np.searchsorted(filled.hashes, newer, side="left")
        ends = np.searchsorted(filled.hashes, newer, side="right")
        pairs = zip(begins.tolist(), ends.tolist(), strict=True)
        old = [place for begin, end in pairs for place in range(begin, end)]
        self._free += filled.places[old].tolist()
        self._hashes, self._places, self._filling = filled.hashes, filled.places, None
        if old:
            self._hashes, self._places = np.delete(self._hashes, old), np.delete(self._places, old)
        if len(self._late) > _LATE_LIMIT:
            self._sort_in()

    def unknown(self, subjects: Collection[SubjectRef]) -> list[SubjectRef]:
        """Those of whom no row is here."""
        named = list(subjects)
        return [one for one, row in zip(named, self.rows(named).tolist(), strict=True) if row < 0]

    def rows(self, subjects: Sequence[SubjectRef]) -> Rows:
        """Where each subject's row is; -1 for a subject never seen."""
        hashes = hashes_of(subjects)
        found = np.full(len(subjects), -1, dtype=np.int64)
        if self._hashes.size:
            place = np.minimum(np.searchsorted(self._hashes, hashes), self._hashes.size - 1)
            known = self._hashes[place] == hashes
            found[known] = self._places[place[known]]
        if self._late:
            for missing in np.flatnonzero(found < 0):
                found[missing] = self._late.get(int(hashes[missing]), -1)
        return found

    def gather(self, subject: SubjectRef) -> StoredState:
        """A copy of the subject's row; an empty one for a subject never seen."""
        return self.gather_all([subject])[subject]

    def gather_all(self, subjects: Sequence[SubjectRef]) -> dict[SubjectRef, StoredState]:
        """A copy of each subject's row."""
        rows = self.rows(subjects)
        return {subject: self._copy(row) for subject, row in zip(subjects, rows, strict=True)}

    def _copy(self, row: int) -> StoredState:
        if row < 0:
            return StoredState(row=empty_state(), next_wake_at=None)
        return StoredState(
            row=copied(self._states[row, ...]),
            next_wake_at=None,
            stale=row in self._stale,
            recent=copied(self._recent[row, ...]),
            ends_on=int(self._ends_on[row]),
        )

    def copies(self, rows: Rows) -> tuple[StateRows, RecentRows]:
        """Copies of the columns of these rows, to compute on."""
        return taken(self._states, rows), taken(self._recent, rows)

    def may_be_moved(self, rows: Rows) -> Flags:
        """Whose columns the screen may move on by a reading: known, and nothing stale."""
        known = rows >= 0
        if self._stale:
            known &= ~np.isin(rows, list(self._stale))
        return known

    def ends_on(self, rows: Rows) -> Ends:
        """Which readings may end an open case of theirs (`case_ends.py`)."""
        return np.where(rows >= 0, self._ends_on[np.maximum(rows, 0)], 0).astype(np.uint32)

    def take(self, after: AfterBatch) -> None:
        """Take over what a batch has committed."""
        if after.calm is not None:
            self.put(after.calm.rows, after.calm.states, after.calm.recent)
        self.replace(after.exact)
        self._next_wake_at = after.next_wake_at
        for subject in (*after.exact, *after.rested):
            self._postponed.pop(subject, None)

    def put(self, rows: Rows, states: StateRows, recent: RecentRows) -> None:
        """Take over the columns of calm people."""
        put(self._states, rows, states)
        put(self._recent, rows, recent)

    def replace(self, states: Mapping[SubjectRef, StoredState]) -> None:
        """Take over single rows."""
        subjects = list(states)
        for subject, row in zip(subjects, self.rows(subjects), strict=True):
            place, stored = int(row), states[subject]
            if place < 0:
                place = self._newcomer(subject)
            self._states[place] = stored.row
            self._recent[place] = no_recent() if stored.recent is None else stored.recent
            self._ends_on[place] = stored.ends_on
            (self._stale.add if stored.stale else self._stale.discard)(place)

    def case_opened(self, subjects: Sequence[SubjectRef]) -> None:
        """Remember that these may have an open case, an urgent one too, whatever may end it."""
        rows = self.rows(subjects)
        self._ends_on[rows[rows >= 0]] = ANY

    def case_ended(self, subject: SubjectRef) -> None:
        """Remember that a subject has no open case any more."""
        row = self.rows([subject])
        self._ends_on[row[row >= 0]] = 0

    def look_closely(self, subjects: Sequence[SubjectRef]) -> None:
        """Have the next reading of these judged exactly: something about them has changed."""
        rows = self.rows(subjects)
        self._recent["rules"][rows[rows >= 0]] = 0

    def postpone(self, subject: SubjectRef, until: datetime) -> None:
        """Look at a subject again later, after the look that was due has failed."""
        self._postponed[subject] = until

    def postponed(self) -> Mapping[SubjectRef, datetime]:
        """Who is not to be looked at before a later instant than their wake-up."""
        return self._postponed

    def wakes_at(self, at: datetime | None) -> None:
        """Remember the earliest wake-up that the database knows."""
        self._next_wake_at = at

    @property
    def known_wake_at(self) -> datetime | None:
        """The earliest wake-up that the database knows, as of the last commit."""
        return self._next_wake_at

    def next_wake_at(self) -> datetime | None:
        """The earliest instant at which somebody's absence becomes due."""
        known = (self._next_wake_at, *self._postponed.values())
        return min((at for at in known if at is not None), default=None)

    def _newcomer(self, subject: SubjectRef) -> int:
        row = self._free.pop() if self._free else self._next_row()
        self._late[int(hashes_of([subject])[0])] = row
        if len(self._late) > _LATE_LIMIT and self._filling is None:
            self._sort_in()
        return row

    def _next_row(self) -> int:
        if self._count == len(self._states):
            self._grow(self._count // 20)
        self._count += 1
        return self._count - 1

    def _grow(self, more: int) -> None:
        """Room for so many more rows, and never for few."""
        states, recent = self._states[: self._count], self._recent[: self._count]
        ends_on, room = self._ends_on[: self._count], self._count + max(more, _FIRST_ROWS)
        self._states, self._recent = np.zeros(room, dtype=STATE), np.zeros(room, dtype=RECENT)
        self._ends_on = np.zeros(room, dtype=np.uint32)
        self._states[: self._count], self._recent[: self._count] = states, recent
        self._ends_on[: self._count] = ends_on

    def _sort_in(self) -> None:
        late = np.fromiter(self._late, dtype=np.uint64, count=len(self._late))
        rows = np.fromiter(self._late.values(), dtype=np.uint32, count=len(self._late))
        both = np.concatenate([self._hashes, late]), np.concatenate([self._places, rows])
        found = Found(*both).sorted()
        self._hashes, self._places = found.hashes, found.places
        self._late = {}


@dataclass(frozen=True, slots=True)
class Found:
    """Hashes of names, and the place of each."""

    hashes: Hashes
    places: NDArray[np.uint32]

    def sorted(self) -> "Found":
        """The same in the order of the hashes."""
        order = np.argsort(self.hashes)
        return Found(self.hashes[order], self.places[order])


def hashes_of(subjects: Sequence[SubjectRef]) -> Hashes:
    """64 bits of each name: among 3.4 million people two are alike in one of 3 million counties."""
    if not subjects:
        return np.zeros(0, dtype=np.uint64)
    names = [subject.encode() for subject in subjects]
    fixed = [name if len(name) <= NAME_BYTES else sha256(name).digest() for name in names]
    return _mixed(np.array(fixed, dtype=f"S{NAME_BYTES}"))


def _mixed(names: NDArray[np.bytes_]) -> Hashes:
    """Thirty-two bytes to eight, by the finalizer of MurmurHash3 (Appleby, public domain)."""
    words = names.view(np.uint64).reshape(-1, _WORDS)
    mixed = np.full(words.shape[0], 0x9E3779B97F4A7C15, dtype=np.uint64)
    for word in range(_WORDS):
        mixed ^= words[:, word]
        mixed ^= mixed >> np.uint64(33)
        mixed *= np.uint64(0xFF51AFD7ED558CCD)
        mixed ^= mixed >> np.uint64(33)
        mixed *= np.uint64(0xC4CEB9FE1A85EC53)
        mixed ^= mixed >> np.uint64(33)
    return mixed
