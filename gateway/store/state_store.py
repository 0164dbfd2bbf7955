"""Everyone's columns in the store: one row a subject (design D1)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, LiteralString

import asyncpg
import numpy as np
from numpy.typing import NDArray

from gateway.bank import NAME_BYTES, Block
from gateway.baselines import LAYOUT, STATE, empty_state, state_from_bytes, state_to_bytes
from gateway.case_ends import ANY, NONE, URGENT, Ends
from gateway.recent import RECENT
from gateway.store.queries import load_queries
from gateway.stored_state import CalmRows, Rested, StoredState
from rules.vocabulary import Priority, SubjectRef

_SQL = load_queries("gateway.store", "state_store.sql")

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_ROW = np.dtype(
    [("name", f"S{NAME_BYTES}"), ("state", STATE), ("recent", RECENT), ("priority", ">i2")]
)
_NO_CASE = -1
_LONGEST_WAIT = timedelta(hours=2)
"""Waits of more are looked at when the walk comes by: rechecks the next day."""

_FEWEST_BYTES = STATE.itemsize + RECENT.itemsize


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How many pages the rows take, and how many rows of the present layout they hold at most."""

    pages: int
    rows: int


class StateStore:
    """Columns, wake-ups, and who has an open case."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    async def write(self, states: Mapping[SubjectRef, StoredState]) -> None:
        """Write whole rows: layout version, bytes, next wake-up."""
        if states:
            rows = [
                (
                    *(subject, LAYOUT, state_to_bytes(stored.row)),
                    *(None if stored.recent is None else stored.recent.tobytes(),),
                    stored.next_wake_at,
                )
                for subject, stored in states.items()
            ]
            await self._connection.execute(_SQL["write_states"], *zip(*rows, strict=True))

    async def write_calm(self, calm: CalmRows) -> None:
        """Write the bytes of rows that exist, and leave their wake-ups as they are."""
        states, recent = calm.states.tobytes(), calm.recent.tobytes()
        await self._connection.execute(
            _SQL["write_calm"],
            list(calm.subjects),
            _cut(states, STATE.itemsize),
            _cut(recent, RECENT.itemsize),
            LAYOUT,
        )

    async def rest(self, rested: Rested) -> None:
        """Move the wake-ups of people, and nothing else of theirs."""
        if rested:
            await self._connection.execute(_SQL["rest"], list(rested), list(rested.values()))

    async def look_closely(self, subjects: Sequence[SubjectRef]) -> None:
        """Have the next reading of these judged exactly, also after a restart."""
        await self._connection.execute(_SQL["look_closely"], list(subjects))

    async def wake(self, subjects: Sequence[SubjectRef], now: datetime) -> None:
        """Have these looked at now, as far as anything is known of them."""
        await self._connection.execute(_SQL["wake"], list(subjects), now)

    async def begin_walk(self, mark: int, now: datetime) -> bool:
        """Whether there are people still to be looked at under the rules with this fingerprint.

        Where these are new, whoever waits for a confirmation is woken now: the wait may be over.
        """
        begun = await self._connection.fetchval(_SQL["begin_walk"], mark)
        if begun is not None:
            until, place = now + _LONGEST_WAIT, _octet("open_since")
            await self._connection.execute(_SQL["wake_waiting"], now, until, place)
        found: bool = await self._connection.fetchval(_SQL["is_walking"])
        return found

    async def wake_some(self, mark: int, now: datetime, limit: int) -> bool:
        """Wake as many of these people; whether there are more."""
        rules = mark.to_bytes(4, "little")
        found: bool | None = await self._connection.fetchval(
            _SQL["walk"], mark, limit, now, _octet("rules"), rules
        )
        return bool(found)

    async def next_wake_at(self, except_for: Sequence[SubjectRef] = ()) -> datetime | None:
        """The earliest wake-up of anybody else."""
        found: datetime | None = await self._connection.fetchval(
            _SQL["next_wake"], list(except_for)
        )
        return found

    async def due(
        self, now: datetime, limit: int, except_for: Sequence[SubjectRef] = ()
    ) -> list[SubjectRef]:
        """Subjects whose absence must be looked at, the longest overdue first."""
        rows = await self._connection.fetch(_SQL["due"], now, limit, list(except_for))
        return [row["subject"] for row in rows]

    async def of(self, subjects: Collection[SubjectRef]) -> dict[SubjectRef, StoredState]:
        """The columns of those of whom there are any; stale where they have another layout."""
        found = await self._connection.fetch(_SQL["of"], list(subjects))
        return {row["subject"]: _stored(row) for row in found}

    async def extent(self) -> Extent:
        """How much `block` has to read."""
        row = await self._connection.fetchrow(_SQL["extent"])
        assert row is not None
        pages: int = row["pages"]
        return Extent(pages=pages, rows=pages * (row["page_bytes"] // _FEWEST_BYTES))

    async def block(self, begin: int, end: int) -> Block | None:
        """The rows on some pages; without those of another layout, and those to look at closely."""
        sizes = (LAYOUT, STATE.itemsize, RECENT.itemsize)
        data = await self._connection.fetchval(_SQL["block"], begin, end, *sizes)
        if data is None:
            return None
        rows = np.frombuffer(data, dtype=_ROW)
        return Block(
            names=np.ascontiguousarray(rows["name"]),
            states=rows["state"],
            recent=rows["recent"],
            ends_on=_ends_on(rows["priority"]),
        )


def _octet(column: LiteralString) -> int:
    """Where a column of `RECENT` begins, counted from one as the database does."""
    offset: int = RECENT.fields[column][1] if RECENT.fields else 0
    return offset + 1


def _stored(row: "asyncpg.Record") -> StoredState:
    state, recent = state_from_bytes(row["layout"], row["state"]), row["recent"]
    if recent is not None and len(recent) == RECENT.itemsize and state is not None:
        recent = np.frombuffer(recent, dtype=RECENT)[0].copy()
    else:
        recent = None
    return StoredState(
        row=empty_state() if state is None else state,
        next_wake_at=row["next_wake_at"],
        stale=state is None,
        recent=recent,
        ends_on=int(_ends_on(np.array([row["priority"]]))[0]),
    )


def _ends_on(priorities: NDArray[np.int16]) -> Ends:
    """Of whoever has an open case nothing more is known than whether one is urgent."""
    some = np.where(priorities >= Priority.URGENT, ANY, ANY & ~URGENT)
    return np.where(priorities == _NO_CASE, NONE, some).astype(np.uint32)


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[begin : begin + size] for begin in range(0, len(data), size)]
