"""Guided measurements: sit for five minutes, then measure twice. Their pulse is one at rest.

Five minutes of quiet sitting and two readings a minute apart: Chinese Guidelines for Home Blood
Pressure Monitoring; European Society of Hypertension, practice guidelines for home monitoring.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from service.store.database import Database, load_statements, whole
from service.store.records import Account

_SQL = load_statements("rests.sql")

REST = timedelta(minutes=5)
"""How long one sits before measuring."""

MEASURING = timedelta(minutes=15)
"""How long after the rest a reading still belongs to it."""

READINGS = 2
"""Readings that make a guided measurement whole; the first alone counts too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedRest:
    """One guided measurement under way, and how many readings it has."""

    measure_from: datetime
    measure_until: datetime
    readings: int

    def is_resting(self, now: datetime) -> bool:
        """Whether it is too early to measure."""
        return now < self.measure_from

    @property
    def is_done(self) -> bool:
        """Whether both readings are there."""
        return self.readings >= READINGS


class Rests(Database):
    """Of the reader's own person only; the database's policies say so too."""

    @whole
    async def begin_rest(self, account: Account, now: datetime) -> None:
        """From now on the person sits; another one under way goes on as it was."""
        if account.subject is None or await self.rest_of(account, now) is not None:
            return
        await self.pool.execute(_SQL["begin"], account.subject, now)
        await self.audit(account, "began a guided measurement", account.subject, {}, now)

    async def rest_of(self, account: Account, now: datetime) -> GuidedRest | None:
        """The one under way; None where there is none, or its time is over."""
        if account.subject is None:
            return None
        begun = await self.pool.fetchval(_SQL["newest"], account.subject, now - REST - MEASURING)
        if begun is None:
            return None
        span = (begun + REST, begun + REST + MEASURING)
        readings: int = await self.pool.fetchval(_SQL["measured"], account.subject, *span)
        return GuidedRest(measure_from=span[0], measure_until=span[1], readings=readings)
