"""Sends each released week once to the configured platform, until it has it (row C18).

Rows of `cdc.push` are timers like every delivery: claimed, sent, noted; a kill in between repeats
the one that was under way, under the same id (week), which the platform takes as the same values.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from service.notify.notifier import LEASE, Result, next_attempt_at
from service.notify.webhook import SignedPost
from service.store.database import Pool, load_statements
from service.surveillance.data_values import WeekCell, data_value_set

_SQL = load_statements("signals.sql")

_LOOK_BACK = timedelta(days=70)
"""Weeks released longer ago than this are not sent when a platform is configured anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRow:
    """How far a week's sending is."""

    push_id: str
    created_at: datetime
    state: str
    attempts: int
    delivered_at: datetime | None
    detail: str


class Pusher:
    """The way to one platform."""

    def __init__(self, pool: Pool, post: SignedPost) -> None:
        self._pool = pool
        self._post = post

    async def tick(self, now: datetime) -> bool:
        """Notes weeks that were released since, and tries one that is due; whether one was."""
        await self._note_weeks(now)
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(_SQL["claim_push"], now, now + LEASE)
        if row is None:
            return False
        outcome = await self._post.post(row["push_id"], row["body"], now)
        state, again, delivered = "failed", next_attempt_at(row["attempts"], now), None
        if outcome.result is Result.DELIVERED:
            state, again, delivered = "delivered", None, now
        elif outcome.result is Result.REFUSED or again is None:
            state, again = "dead", None
        about = (row["push_id"], state, again, delivered, outcome.detail)
        await self._pool.execute(_SQL["note_push"], *about)
        return True

    async def _note_weeks(self, now: datetime) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_SQL["unpushed_weeks"], now - _LOOK_BACK)
            cells = [
                WeekCell(
                    week_start=row["week_start"],
                    indicator=row["indicator"],
                    area=row["area"],
                    people=row["people"],
                    disclosure=row["disclosure"],
                    decided_at=row["decided_at"],
                )
                for row in rows
            ]
            for week in sorted({one.week_start for one in cells}):
                body = data_value_set(one for one in cells if one.week_start == week)
                await connection.execute(_SQL["put_push"], f"week-{week.isoformat()}", body, now)


async def pushes(pool: Pool) -> list[PushRow]:
    """The newest sendings, newest first."""
    return [
        PushRow(
            push_id=row["push_id"],
            created_at=row["created_at"],
            state=row["state"],
            attempts=row["attempts"],
            delivered_at=row["delivered_at"],
            detail=row["detail"],
        )
        for row in await pool.fetch(_SQL["pushes"])
    ]
