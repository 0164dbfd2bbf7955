"""Asks the data, fourteen days after somebody acted, whether the person improved (row D11)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from rules.vocabulary import Family
from service.alerts.follow_up import AFTER, Improvement, Verdict, improvement
from service.store.database import Database, load_statements
from service.store.lives import SYSTEM, add_event

_SQL = load_statements("follow_ups.sql")

_COLUMNS = {Family.BLOOD_PRESSURE: "systolic", Family.GLUCOSE: "glucose"}


class FollowUps(Database):
    """The closed loop."""

    async def follow_up_of(self, alert_id: UUID) -> Improvement | None:
        """What the data said of one alert's action; None before it has been asked."""
        row = await self.pool.fetchrow(_SQL["verdict"], alert_id)
        if row is None or row["verdict"] is None:
            return None
        return Improvement(
            verdict=Verdict(row["verdict"]),
            before=row["before_mean"],
            after=row["after_mean"],
            readings_before=row["before_count"],
            readings_after=row["after_count"],
        )

    async def judge_follow_ups(self, now: datetime) -> int:
        """Judges every action whose fourteen days are over; how many it judged."""
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["due"], now)
            for row in rows:
                acted = row["acted_at"]
                span = (row["subject"], acted - AFTER, acted + AFTER)
                readings = await connection.fetch(_SQL["readings"], *span)
                family = Family(row["family"])
                found = improvement(
                    family,
                    _values(readings, family, until=acted),
                    _values(readings, family, since=acted),
                )
                means = (found.before, found.after)
                counts = (found.readings_before, found.readings_after)
                await connection.execute(
                    _SQL["judge"], row["alert_id"], found.verdict.value, *means, *counts, now
                )
                detail = {
                    "verdict": found.verdict.value,
                    "readings": f"{found.readings_before}/{found.readings_after}",
                }
                await add_event(connection, row["alert_id"], SYSTEM, "followed up", detail, now)
            return len(rows)


def _values(
    rows: Sequence[asyncpg.Record],
    family: Family,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[float]:
    column = _COLUMNS.get(family)
    if column is None:
        return []
    return [
        float(row[column])
        for row in rows
        if row[column] is not None
        and (since is None or row["effective_at"] >= since)
        and (until is None or row["effective_at"] < until)
    ]
