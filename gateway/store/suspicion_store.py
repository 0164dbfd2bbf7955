"""Readings that may be somebody else's: what is in doubt, and what was answered."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import asyncpg
import msgspec

from gateway.intake import Binding
from gateway.store.queries import load_queries
from gateway.suspicion import Suspicion
from rules.vocabulary import HubId, SubjectRef
from rules.window import Point

_SQL = load_queries("gateway.store", "suspicion_store.sql")
_POINTS = msgspec.json.Decoder(Point)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class SuspicionStore:
    """Functions over `core.suspicion`; used inside a batch."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._touched: set[HubId] = set()

    def take_touched(self) -> set[HubId]:
        """The hubs over which readings came that came into doubt or out of it since asked last."""
        touched, self._touched = self._touched, set()
        return touched

    async def asking(self, hub: HubId, since: datetime) -> list[Point]:
        """What this hub brought since an instant and nobody has answered yet, newest first."""
        rows = await self._connection.fetch(_SQL["asking"], hub, since)
        return [_POINTS.decode(row["point"]) for row in rows]

    async def sharing(self, subjects: Iterable[SubjectRef]) -> list[Binding]:
        """Every binding of the devices that these subjects share with others, oldest first."""
        rows = await self._connection.fetch(_SQL["sharing"], list(subjects))
        return [Binding(**dict(row)) for row in rows]

    async def of_subjects(self, subjects: Iterable[SubjectRef]) -> dict[str, Suspicion]:
        """What is or was in doubt of these subjects' readings, by identity."""
        rows = await self._connection.fetch(_SQL["of_subjects"], list(subjects))
        return {found.point.identity: found for found in map(_suspicion, rows)}

    async def by_identity(self, identity: str) -> Suspicion | None:
        """The doubt about one reading."""
        row = await self._connection.fetchrow(_SQL["by_identity"], identity)
        return None if row is None else _suspicion(row)

    async def doubt(self, suspicions: Sequence[Suspicion]) -> None:
        """Keep these doubts; a stored reading that waits is not valid until it is answered."""
        if not suspicions:
            return
        rows = [
            (
                *(each.point.identity, each.subject, each.other, each.point.effective_at),
                *(_ENCODER.encode(each.point).decode(), each.ratio, each.waits),
            )
            for each in suspicions
        ]
        self._touch(await self._connection.fetch(_SQL["doubt"], *zip(*rows, strict=True)))

    async def trust(self, identities: Iterable[str]) -> None:
        """Forget doubts that later readings have resolved."""
        wanted = list(identities)
        if wanted:
            self._touch(await self._connection.fetch(_SQL["trust"], wanted))

    async def answer(self, identity: str, subject: SubjectRef, by: str, at: datetime) -> None:
        """The reading is that person's from now on, whosever its device said it is."""
        self._touch(await self._connection.fetch(_SQL["answer"], identity, subject, by, at))

    def _touch(self, rows: "list[asyncpg.Record]") -> None:
        self._touched |= {HubId(row["hub"]) for row in rows}


def _suspicion(row: asyncpg.Record) -> Suspicion:
    return Suspicion(
        point=_POINTS.decode(row["point"]),
        subject=row["subject"],
        other=row["other"],
        ratio=row["ratio"],
        waits=row["waits"],
        answer=row["answer"],
    )
