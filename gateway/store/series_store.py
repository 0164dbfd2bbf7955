"""Anchors that a person has set, and marks in somebody's series: append-only rows."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from gateway.facts import AnchorFact, AnchorNumber, MarkFact
from gateway.store.queries import load_queries
from rules.vocabulary import QuantityName, SubjectRef

_SQL = load_queries("gateway.store", "series_store.sql")


class SeriesStore:
    """Functions over `core.series_anchor` and `core.series_mark`; used inside a batch."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def set_anchor(self, fact: AnchorFact, now: datetime) -> None:
        """Keep an anchor that a person has set; the newest holds, the earlier ones stay."""
        for quantity, number in sorted(fact.quantities.items()):
            await self._connection.execute(
                _SQL["set_anchor"],
                *(fact.subject, quantity, number.mean, number.readings),
                *(fact.from_day, fact.by, fact.at, fact.reason, now),
            )

    async def add_mark(self, fact: MarkFact, now: datetime) -> None:
        """Keep a mark."""
        await self._connection.execute(
            _SQL["add_mark"], fact.subject, fact.change, fact.at, fact.by, fact.detail, now
        )

    async def anchors(
        self, subjects: Sequence[SubjectRef]
    ) -> dict[SubjectRef, dict[QuantityName, AnchorNumber]]:
        """The anchors in force of those subjects that have one set by a person."""
        found: dict[SubjectRef, dict[QuantityName, AnchorNumber]] = {}
        for row in await self._connection.fetch(_SQL["anchors"], subjects):
            number = AnchorNumber(mean=row["mean"], readings=row["readings"])
            found.setdefault(row["subject"], {})[QuantityName(row["quantity"])] = number
        return found

    async def marks(self, subjects: Sequence[SubjectRef]) -> dict[SubjectRef, MarkFact]:
        """The newest mark of those subjects that have one."""
        rows = await self._connection.fetch(_SQL["marks"], subjects)
        return {row["subject"]: MarkFact(**dict(row)) for row in rows}
