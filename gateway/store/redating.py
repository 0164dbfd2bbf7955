"""A record that comes again may know its time where the row that came first did not.

What is stored must not depend on which of both came first (law 2): of several receipts of one
record a dated one counts, and of undated ones the earliest, whose arrival is the upper bound.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from gateway.intake import Admitted
from gateway.store.queries import load_queries
from gateway.store.reading_row import identity_text, packed

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_SQL = load_queries("gateway.store", "redating.sql")


async def redate(
    connection: "Connection",
    repeated: Mapping[str, Admitted],
    claimed_at: Mapping[str, datetime],
    now: datetime,
) -> set[str]:
    """Let repeated records date the undated rows of theirs.

    Args:
        connection: inside the batch's transaction.
        repeated: admitted records that are stored already, by identity.
        claimed_at: the partition column of each of them.
        now: the instant of the batch.

    Returns:
        The identities that have a time now: they are to be judged as if they were new, because
        nothing was learned of them before.
    """
    times = [claimed_at[name] for name in repeated]
    rows = await connection.fetch(_SQL["undated"], times, [UUID(name) for name in repeated])
    undated = [identity_text(row["identity"]) for row in rows]
    if not undated:
        return set()
    columns = zip(*(_row(repeated[name], claimed_at[name]) for name in undated), strict=True)
    rows = await connection.fetch(_SQL["redate"], *columns, now)
    return {identity_text(row["identity"]) for row in rows if row["dated"]}


def _row(item: Admitted, claimed_at: datetime) -> tuple[object, ...]:
    point = item.point
    return (
        *(claimed_at, UUID(point.identity), item.subject, point.effective_at),
        *(point.confidence.value, point.received_at, point.origin.value, point.rings_by_arrival),
        *(item.observation.hub, packed(item)),
    )
