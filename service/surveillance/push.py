"""What surveillance sends out by itself: released weeks to a platform, word that a signal waits.

Rows of `cdc.push` are timers like every delivery: claimed, sent, noted; a kill in between repeats
the one that was under way, under the same id, which tells the receiver that it is the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

import msgspec

from service.notify.notifier import LEASE, Result, next_attempt_at
from service.notify.under_way import Aside, by_itself
from service.notify.webhook import SignedPost
from service.store.database import Connection, Pool, load_statements
from service.surveillance.data_values import WeekCell, data_value_set

_SQL = load_statements("signals.sql")

_WEEKS_BACK = timedelta(days=70)
"""Weeks released longer ago than this are not sent when a platform is configured anew."""

_NEWS_BACK = timedelta(hours=12)
"""Older news of signals is none; the page of eight o'clock has them."""


class Way(Protocol):
    """One receiver and what is sent to it; ids of its rows begin with `prefix`."""

    @property
    def prefix(self) -> str:
        """What its ids begin with."""
        ...

    @property
    def post(self) -> SignedPost:
        """How it is reached."""
        ...

    async def note(self, connection: Connection, now: datetime) -> None:
        """Writes rows for what came since; twice is once."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekWay:
    """Every released week, once, as a data value set (row C18)."""

    post: SignedPost
    prefix: str = "week-"

    async def note(self, connection: Connection, now: datetime) -> None:
        """A row for each week that has none yet."""
        cells = [
            WeekCell(
                week_start=row["week_start"],
                indicator=row["indicator"],
                area=row["area"],
                people=row["people"],
                disclosure=row["disclosure"],
                decided_at=row["decided_at"],
            )
            for row in await connection.fetch(_SQL["unpushed_weeks"], now - _WEEKS_BACK)
        ]
        for week in sorted({one.week_start for one in cells}):
            body = data_value_set(one for one in cells if one.week_start == week)
            await connection.execute(
                _SQL["put_push"], f"{self.prefix}{week.isoformat()}", body, now
            )


class _News(msgspec.Struct, frozen=True):
    link: str
    rung: int


class _Body(msgspec.Struct, frozen=True):
    type: str
    timestamp: datetime
    data: _News


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalWay:
    """That a signal waits, and on which rung (row C9): a link, no place, no source, no number.

    Only of signals that every officer may know of: when the others came is told to nobody.
    """

    post: SignedPost
    public_url: str
    floor: int
    prefix: str = "signal-"

    async def note(self, connection: Connection, now: datetime) -> None:
        """A row for each forming, growing or rising that has none yet."""
        rows = await connection.fetch(_SQL["unsent_news"], now - _NEWS_BACK, self.floor)
        for row in rows:
            link = f"{self.public_url.rstrip('/')}/signals/{row['signal_id']}"
            news = _News(link=link, rung=row["rung"])
            body = msgspec.json.encode(_Body(type="signal.waits", timestamp=now, data=news))
            await connection.execute(_SQL["put_push"], row["push_id"], body.decode(), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRow:
    """How far one sending is."""

    push_id: str
    created_at: datetime
    state: str
    attempts: int
    delivered_at: datetime | None
    detail: str


class Pusher:
    """The configured ways; `aside` is the turn that claiming, sending and noting take together."""

    def __init__(self, pool: Pool, ways: Sequence[Way], aside: Aside | None = None) -> None:
        self._aside = aside or by_itself()
        self._pool = pool
        self._ways = tuple(ways)

    async def tick(self, now: datetime) -> bool:
        """Notes what came since, and tries one that is due on each way; whether one was."""
        tried = [await self._try(way, now) for way in self._ways]
        return any(tried)

    async def _try(self, way: Way, now: datetime) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            await way.note(connection, now)
        async with self._aside.turn():
            row = await self._pool.fetchrow(_SQL["claim_push"], now, now + LEASE, way.prefix)
            if row is None:
                return False
            send = partial(way.post.post, row["push_id"], row["body"], now)
            outcome = await self._aside.attempt(send)
            state, again, delivered = "failed", next_attempt_at(row["attempts"], now), None
            if outcome.result is Result.DELIVERED:
                state, again, delivered = "delivered", None, now
            elif outcome.result is Result.REFUSED or again is None:
                state, again = "dead", None
            about = (row["push_id"], state, again, delivered, outcome.detail)
            await self._pool.execute(_SQL["note_push"], *about)
            return True


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
