"""A record that comes again may know what the row that came first did not: its time, its context.

What is stored must not depend on which of both came first (law 2, `gateway/receipts.py`).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from device_adapters.ble.origin import CONTEXT_FOLLOWS
from gateway.intake import Admitted, is_valid
from gateway.receipts import is_undated, joined_to, lacks_context
from gateway.store.queries import load_queries
from gateway.store.reading_row import identity_text, observation_of, point_of, row_of

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

_SQL = load_queries("gateway.store", "redating.sql")


async def mend(
    connection: "Connection",
    repeated: Mapping[str, Admitted],
    claimed_at: Mapping[str, datetime],
    now: datetime,
) -> dict[str, Admitted]:
    """Let repeated records give stored ones the time and the context that these lack.

    Args:
        connection: inside the batch's transaction.
        repeated: admitted records that are stored already, by identity.
        claimed_at: the partition column of each of them.
        now: the instant of the batch.

    Returns:
        By identity those that have a time, or their context, now, as they are stored. They are to
        be judged as if they were new, where they stand and not where this receipt alone would have
        them: of an undated one nothing was learned before, and one that is no newer than what its
        person's columns know is looked at exactly, where baselines are learned from the store.
    """
    names = list(repeated)
    times, keys = [claimed_at[name] for name in names], [UUID(name) for name in names]
    whole = [_has_context(repeated[name]) for name in names]
    rows = await connection.fetch(_SQL["lacking"], times, keys, whole)
    anew: dict[str, Admitted] = {}
    changed: list[tuple[object, ...]] = []
    for row in rows:
        known, told = _admitted(row), repeated[identity_text(row["identity"])]
        mended = joined_to(known, told)
        if known.subject != told.subject or mended is known:
            continue
        name = known.point.identity
        stored = _as_doubted(known, mended)
        if _lack(known) != _lack(mended):
            anew[name] = stored
        changed.append((*row_of(stored, row["claimed_at"]), name in anew))
    if changed:
        await connection.execute(_SQL["mend"], now, *zip(*changed, strict=True))
    return anew


def _as_doubted(known: Admitted, mended: Admitted) -> Admitted:
    """What is in doubt (whose is it?) stays so, whatever was learned of the measurement."""
    before = known.point.valid
    if before == is_valid(known.point.flags):
        return mended
    return replace(mended, point=replace(mended.point, valid=before))


def _lack(item: Admitted) -> tuple[bool, bool]:
    return is_undated(item), lacks_context(item)


def _has_context(item: Admitted) -> bool:
    return CONTEXT_FOLLOWS in item.observation.context and not lacks_context(item)


def _admitted(row: asyncpg.Record) -> Admitted:
    return Admitted(
        observation=observation_of(row),
        subject=row["subject"],
        claimed_at=row["claimed_at"],
        claims_arrival=False,
        point=point_of(row),
    )
