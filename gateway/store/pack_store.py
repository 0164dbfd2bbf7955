"""The packs of a county: proposed, live, former; read by whoever evaluates rules."""

from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from gateway.pack_book import StoredPack
from gateway.store.queries import load_queries
from rules.pack import Pack, Signature

_SQL = load_queries("gateway.store", "pack_store.sql")
_SIGNATURES = msgspec.json.Decoder(tuple[Signature, ...])

if TYPE_CHECKING:
    Connection = (
        asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    )


class PackStore:
    """Functions over `core.pack`."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    async def packs(self) -> list[StoredPack]:
        """Every pack of the county, in the order of their proposal."""
        rows = await self._connection.fetch(_SQL["packs"])
        return [_stored(row) for row in rows]

    async def propose(self, pack: Pack, digest: str, by: str, now: datetime) -> None:
        """Keep a candidate; the same text twice is one."""
        await self._connection.execute(
            _SQL["add"], pack.name, pack.version, digest, pack.text, by, now
        )

    async def begin(self, stored: StoredPack, now: datetime) -> None:
        """Have a pack live under its signatures, in the place of the one that was."""
        await self._connection.execute(_SQL["end_live"], stored.name, "former", now)
        body = msgspec.json.encode(stored.signatures).decode()
        await self._connection.execute(_SQL["begin_live"], stored.pack_id, now, body)

    async def take_back(self, name: str, former: StoredPack | None, now: datetime) -> None:
        """End the live pack of a name for good; `former` None: the shipped one holds again."""
        await self._connection.execute(_SQL["end_live"], name, "rolled_back", now)
        if former is not None:
            await self.begin(former, now)

    async def resting(self) -> frozenset[str]:
        """Rules of live packs that are in shadow one by one."""
        return frozenset(row["rule_id"] for row in await self._connection.fetch(_SQL["resting"]))

    async def rest(self, rule_id: str, by: str, now: datetime) -> None:
        """Have a rule ring for nobody."""
        await self._connection.execute(_SQL["rest"], rule_id, now, by)

    async def wake(self, rule_id: str) -> None:
        """Have a rule ring again."""
        await self._connection.execute(_SQL["wake"], rule_id)

    async def withdraw(self, stored: StoredPack, now: datetime) -> None:
        """Try a candidate no longer."""
        await self._connection.execute(_SQL["withdraw"], stored.pack_id, now)


def _stored(row: asyncpg.Record) -> StoredPack:
    return StoredPack(
        pack_id=row["pack_id"],
        name=row["name"],
        version=row["version"],
        digest=row["digest"],
        text=row["text"],
        state=row["state"],
        signatures=_SIGNATURES.decode(row["signatures"]),
        proposed_by=row["proposed_by"],
        proposed_at=row["proposed_at"],
        live_since=row["live_since"],
        ended_at=row["ended_at"],
    )
