"""What the lab reads beside the service's own store: progress, who was told, how pairing goes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rules.vocabulary import Family, Priority
from service.permissions import Role
from service.store.database import Pool, load_statements

_SQL = load_statements("lab.sql", "service.lab")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """How much a database holds."""

    readings: int
    alerts: int
    quarantined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One member of staff who was told of one alert on their page."""

    delivery_id: UUID
    alert_id: UUID
    delivered_at: datetime
    raised_at: datetime
    login: str
    role: Role
    staff_name: str
    subject_name: str
    priority: Priority
    family: Family
    rule_id: str
    stage: str
    dated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PairingProgress:
    """Where one pairing stands for the core."""

    state: str
    cause: str | None


class LabStore:
    """Reads as role hw_service."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def lived_until(self) -> datetime | None:
        """When the newest message arrived; None in an empty database."""
        return await self._pool.fetchval(_SQL["lived_until"])

    async def sums(self) -> Sums:
        """Readings and alerts of people, and quarantined messages."""
        row = await self._pool.fetchrow(_SQL["sums"])
        assert row is not None
        return Sums(readings=row["readings"], alerts=row["alerts"], quarantined=row["quarantined"])

    async def told_since(self, since: datetime) -> list[Told]:
        """Everybody who was told of something at or after an instant, in that order."""
        rows = await self._pool.fetch(_SQL["told"], since)
        return [
            Told(
                delivery_id=row["delivery_id"],
                alert_id=row["alert_id"],
                delivered_at=row["delivered_at"],
                raised_at=row["raised_at"],
                login=row["login"],
                role=Role(row["role"]),
                staff_name=row["staff_name"],
                subject_name=row["subject_name"],
                priority=Priority(row["priority"]),
                family=Family(row["family"]),
                rule_id=row["rule_id"],
                stage=row["stage"],
                dated=row["dated"],
            )
            for row in rows
        ]

    async def inbox_waiting(self) -> int:
        """How much the core has not taken yet of what the service said."""
        return await self._pool.fetchval(_SQL["inbox_waiting"])

    async def pairing(self, session: str) -> PairingProgress | None:
        """Where a pairing stands; None before the core has heard of it."""
        row = await self._pool.fetchrow(_SQL["pairing"], session)
        return None if row is None else PairingProgress(state=row["state"], cause=row["cause"])
