"""What the models over many people say: an alert's rank, and devices that read differently."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from service.store.database import Database, load_statements
from service.store.records import Account

_SQL = load_statements("population.sql")

TOLD_FOR = timedelta(days=90)
"""Older findings are history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRank:
    """How unusual an alert's newest reading is: `percentile` of `readings` of similar people."""

    percentile: float
    stratum: str
    readings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFinding:
    """Since `since` the devices of a model, delivery or hub read `shift` more (canonical unit)."""

    kind: str
    key: str
    quantity: str
    since: date
    found_on: date
    shift: float
    moved: int
    homes: int


class PopulationReads(Database):
    """Findings name devices and places, never a person."""

    async def alert_rank(self, account: Account, alert_id: UUID, now: datetime) -> AlertRank | None:
        """The rank of an alert that this account may read; None where there is none (yet)."""
        who = (account.account_id, alert_id, self.today(now))
        row = await self.pool.fetchrow(_SQL["alert_rank"], *who)
        return None if row is None else AlertRank(**dict(row))

    async def device_findings(self, account: Account, now: datetime) -> list[DeviceFinding]:
        """Devices found to read differently in the last 90 days, the newest first."""
        rows = await self.pool.fetch(_SQL["findings"], self.today(now - TOLD_FOR))
        await self.audit(account, "read device findings", None, {"findings": len(rows)}, now)
        return [DeviceFinding(**dict(row)) for row in rows]
