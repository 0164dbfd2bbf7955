"""A person's columns on their way between the store, a batch and the bank."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from gateway.baselines import StateRow, StateRows
from gateway.recent import RecentRow, RecentRows
from rules.vocabulary import SubjectRef

Rows = NDArray[np.int64]
Rested = Mapping[SubjectRef, datetime | None]


class StoredState(msgspec.Struct, frozen=True, kw_only=True):
    """A subject's columns and next wake-up.

    `stale` asks to fold again from the store; `recent` None asks to look at the person exactly;
    readings of the kinds `ends_on` (`case_ends.py`) may end an open case of theirs: none of them
    is calm. It tells of an urgent case too.
    """

    row: StateRow
    next_wake_at: datetime | None
    stale: bool = False
    recent: RecentRow | None = None
    ends_on: int = 0


class MovedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the screen knows of one new reading of a person who has to be looked at exactly.

    `row` and `recent` are the columns with that reading in, except for what only the exact stage
    tells: waits, and until when nothing is calm. `rules` are the only ones that the reading could
    make ask for somebody, if nobody has told of a symptom lately; `watched`: something is waited
    for, or older readings may still be completed.
    """

    row: StateRow
    recent: RecentRow
    rules: frozenset[str]
    watched: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CalmRows:
    """Rows that calm readings have moved on: where they stand, whose they are, what they hold."""

    rows: Rows
    subjects: Sequence[SubjectRef]
    states: StateRows
    recent: RecentRows

    def without(self, others: Collection[SubjectRef]) -> "CalmRows | None":
        """The same but for `others`; None where nobody is left."""
        if not others or not any(subject in others for subject in self.subjects):
            return self
        left = [i for i, subject in enumerate(self.subjects) if subject not in others]
        if not left:
            return None
        places = np.array(left, dtype=np.int64)
        return CalmRows(
            rows=self.rows[places],
            subjects=[self.subjects[i] for i in left],
            states=self.states[places],
            recent=self.recent[places],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterBatch:
    """What a committed batch has changed; `next_wake_at` is the earliest of all.

    `rested` were woken and need not be looked at before an instant, or never for their silence.
    """

    exact: Mapping[SubjectRef, StoredState] = field(default_factory=dict[SubjectRef, StoredState])
    calm: CalmRows | None = None
    rested: Rested = field(default_factory=dict[SubjectRef, datetime | None])
    next_wake_at: datetime | None = None
