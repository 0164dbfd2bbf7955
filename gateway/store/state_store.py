"""Everyone's columns in the store: one row a subject (design D1), read whole at the start."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg
import numpy as np

from gateway.bank import NAME_BYTES, Bank
from gateway.baselines import LAYOUT, STATE, empty_state, state_from_bytes, state_to_bytes
from gateway.recent import RECENT
from gateway.store.queries import load_queries
from gateway.stored_state import CalmRows, Rested, StoredState
from rules.vocabulary import Priority, SubjectRef

_SQL = load_queries("gateway.store", "state_store.sql")

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_ROW = np.dtype([("name", f"S{NAME_BYTES}"), ("state", STATE), ("recent", RECENT)])
_PAGES = 2_000
"""Read at once: some 16 MB."""


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

    async def load(self) -> Bank:
        """Everybody's columns, some 600 bytes each, in a few blocks."""
        bank = Bank()
        sizes = (LAYOUT, STATE.itemsize, RECENT.itemsize)
        there = await self._connection.fetchrow(_SQL["pages"])
        assert there is not None
        bank.make_room(there["people"])
        for page in range(0, there["pages"], _PAGES):
            rows = await self._connection.fetchval(_SQL["block"], page, page + _PAGES, *sizes)
            if rows is not None:
                block = np.frombuffer(rows, dtype=_ROW)
                bank.add(np.ascontiguousarray(block["name"]), block["state"], block["recent"])
        bank.finish()
        for row in await self._connection.fetch(_SQL["others"], *sizes):
            state = state_from_bytes(row["layout"], row["state"])
            stored = StoredState(
                row=empty_state() if state is None else state,
                next_wake_at=row["next_wake_at"],
                stale=state is None,
            )
            bank.replace({row["subject"]: stored})
        cases = await self._connection.fetch(_SQL["with_open_case"])
        bank.case_opened([row["subject"] for row in cases])
        bank.nothing_urgent([r["subject"] for r in cases if r["priority"] < Priority.URGENT])
        bank.wakes_at(await self.next_wake_at())
        return bank


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[begin : begin + size] for begin in range(0, len(data), size)]
