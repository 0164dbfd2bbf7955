"""Reading what was kept aside."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from gateway.store.outage import StoreUnavailableError
from gateway.store.queries import load_queries

_SQL = load_queries("gateway.store", "quarantine_store.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRow:
    """One record kept aside, its reason, and its bytes."""

    quarantine_id: int
    recorded_at: datetime
    hub: str
    lane: str
    sequence: int
    reason: str
    field: str
    detail: str
    payload: bytes


async def read_quarantine(dsn: str, limit: int) -> list[QuarantineRow]:
    """The newest `limit` records, newest first.

    Raises:
        StoreUnavailableError: no connection.
    """
    try:
        connection = await asyncpg.connect(dsn)
    except (OSError, asyncpg.PostgresError) as error:
        raise StoreUnavailableError(f"no database there: {error}") from error
    try:
        rows = await connection.fetch(_SQL["newest"], limit)
        return [QuarantineRow(**dict(row)) for row in rows]
    finally:
        await connection.close()
