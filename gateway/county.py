"""What the owning core keeps in memory: profiles, bindings, hubs, receipts, and everyone's columns.

Nothing here is the truth: it is what was last committed. A batch computes on copies and replaces
rows after COMMIT returned; when a commit's outcome is unknown the process exits and loads again
(design D1).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from gateway.baselines import STATE, empty_state
from gateway.intake import Binding
from gateway.store.core_store import CoreStore, HubHome, Mark, StoredState
from gateway.store.pulse_store import Downtime
from rules.vocabulary import HubId, Profile, SubjectRef

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FIRST_ROWS = 256
_HOME = "home:"


class StateTable:
    """Everyone's columns: one NumPy row a subject, and the instants at which absence is due."""

    def __init__(self) -> None:
        self._columns: NDArray[np.void] = np.zeros(_FIRST_ROWS, dtype=STATE)
        self._rows: dict[SubjectRef, int] = {}
        self._stale: set[SubjectRef] = set()
        self._wakes: dict[SubjectRef, datetime] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def gather(self, subject: SubjectRef) -> StoredState:
        """A copy of the subject's row; an empty one for a subject never seen."""
        row = self._rows.get(subject)
        return StoredState(
            row=empty_state() if row is None else self._columns[row].copy(),
            next_wake_at=self._wakes.get(subject),
            stale=subject in self._stale,
        )

    def replace(self, states: Mapping[SubjectRef, StoredState]) -> None:
        """Take over committed rows."""
        for subject, stored in states.items():
            row = self._rows.setdefault(subject, len(self._rows))
            if row == len(self._columns):
                self._columns = np.concatenate([self._columns, np.zeros_like(self._columns)])
            self._columns[row] = stored.row
            (self._stale.add if stored.stale else self._stale.discard)(subject)
            if stored.next_wake_at is None:
                self._wakes.pop(subject, None)
            else:
                self._wakes[subject] = stored.next_wake_at

    def postpone(self, subject: SubjectRef, until: datetime) -> None:
        """Look at a subject again later, after the look that was due has failed."""
        self._wakes[subject] = until

    def due(self, now: datetime, limit: int) -> list[SubjectRef]:
        """Subjects whose absence must be looked at, the longest overdue first."""
        due = sorted((at, subject) for subject, at in self._wakes.items() if at <= now)
        return [subject for _, subject in due[:limit]]

    def next_wake_at(self) -> datetime | None:
        """The earliest instant at which somebody's absence becomes due."""
        return min(self._wakes.values(), default=None)


@dataclass(slots=True)
class County:
    """The owning core's memory of one county."""

    profiles: dict[SubjectRef, Profile] = field(default_factory=dict[SubjectRef, Profile])
    bindings: dict[str, list[Binding]] = field(default_factory=dict[str, list[Binding]])
    hubs: dict[HubId, HubHome] = field(default_factory=dict[HubId, HubHome])
    receipts: dict[Mark, int] = field(default_factory=dict[Mark, int])
    ahead: dict[Mark, set[int]] = field(default_factory=dict[Mark, set[int]])
    states: StateTable = field(default_factory=StateTable)
    downtimes: list[Downtime] = field(default_factory=list[Downtime])

    def profile(self, subject: SubjectRef) -> Profile:
        """The subject's profile; all unknown for somebody of whom nothing is recorded.

        `home:<household>` is someone of that home: which person is not certain.
        """
        if is_home(subject):
            household = subject.removeprefix(_HOME)
            areas = (home.area for home in self.hubs.values() if home.household == household)
            area = next(areas, None)
            return Profile(subject=subject, household=household, area=area, person_certain=False)
        return self.profiles.get(subject) or Profile(subject=subject)

    def marks_after(self, done: Mapping[Mark, set[int]]) -> dict[Mark, int]:
        """How far each lane is complete once `done` is committed too; only lanes that moved."""
        moved: dict[Mark, int] = {}
        for mark, sequences in done.items():
            through = self.receipts.get(mark, 0)
            beyond = self.ahead.get(mark, set()) | sequences
            while through + 1 in beyond:
                through += 1
            moved[mark] = through
        return moved

    def committed(self, done: Mapping[Mark, set[int]], marks: Mapping[Mark, int]) -> None:
        """Remember what a batch committed; what lies beyond a gap waits for the hub to re-send."""
        self.receipts.update(marks)
        for mark, sequences in done.items():
            beyond = self.ahead.get(mark, set()) | sequences
            self.ahead[mark] = {number for number in beyond if number > marks[mark]}


def somebody_at(hub: HubId, county: County) -> SubjectRef:
    """An unknown person at a hub: someone of the home it stands in (law 5)."""
    home = county.hubs.get(hub)
    return SubjectRef(_HOME + (home.household if home else f"hub-{hub}"))


def is_home(subject: SubjectRef) -> bool:
    """Whether the subject is an unknown person of a home."""
    return subject.startswith(_HOME)


async def load_facts(store: CoreStore, county: County) -> None:
    """Read profiles, bindings and hubs again."""
    county.profiles = await store.profiles()
    county.bindings = await store.bindings()
    county.hubs = await store.hubs()


async def load_county(store: CoreStore) -> County:
    """Everything an owner needs before it connects to the broker."""
    county = County()
    await load_facts(store, county)
    county.receipts = await store.receipts()
    county.states.replace(await store.states())
    return county
