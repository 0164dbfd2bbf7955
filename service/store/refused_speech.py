"""Who tried to speak at the broker under another's name: kept for a month, shown for a week."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from service.store.database import Database, load_statements
from service.store.enrolment_rows import Refused
from service.store.records import Account

_SQL = load_statements("enrolments.sql")

SHOWN_FOR = timedelta(days=7)
KEPT_FOR = timedelta(days=31)


class RefusedSpeech(Database):
    """Written by the keeper of the broker, read by administrators."""

    async def note_refused(self, found: Sequence[Refused], now: datetime) -> None:
        """Keeps what a log says; the same log again, or a longer one, counts nothing twice."""
        rows = [(r.client, r.claimed, r.hour, r.times, r.last_at) for r in found]
        await self.pool.executemany(_SQL["note_refused"], rows)
        await self.pool.execute(_SQL["forget_refused"], now - KEPT_FOR)

    async def refused_lately(self, account: Account, now: datetime) -> list[Refused]:
        """The newest fifty of the last seven days; on record."""
        rows = await self.pool.fetch(_SQL["refused_lately"], now - SHOWN_FOR)
        await self.audit(account, "read refused speech", None, {"rows": len(rows)}, now)
        return [Refused(**dict(row)) for row in rows]
