"""What cannot be seen right now, as pages know it: the words, and the board of one process.

The watch (`service/operations/watch.py`) writes the board; pages read it without asking the
database again, so that a slow one does not make its own banner slow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class TroubleKind(StrEnum):
    """Which part of the way is dark; the value stands in `care.trouble.kind`."""

    CORE_DOWN = "core_down"
    BROKER_LOST = "broker_lost"
    DATABASE_SLOW = "database_slow"
    HUBS_SILENT = "hubs_silent"
    CANARY_LATE = "canary_late"


Unjudged = tuple[TroubleKind, str | None]
"""A kind of trouble of which one look can say nothing at a place; None: at no place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something is dark since `since`; `place` is an area, a canary's hub, or empty (the county).

    `silent` of `hubs` are counted where hubs are silent.
    """

    kind: TroubleKind
    since: datetime
    place: str = ""
    silent: int = 0
    hubs: int = 0

    @property
    def key(self) -> tuple[TroubleKind, str]:
        """What makes two looks see the same trouble."""
        return self.kind, self.place

    def as_of(self, since: datetime) -> "Trouble":
        """The same trouble, as long as the record says."""
        return replace(self, since=since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An area of silent hubs: its name, its township, and whose patients live there."""

    name: str
    township: str | None
    accounts: frozenset[UUID]


@dataclass(slots=True)
class Board:
    """What the last look found; empty before the first, and while the past is replayed."""

    troubles: tuple[Trouble, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict[str, Place])
