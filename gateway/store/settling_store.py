"""Kept measurements that a person settles, and a clinic's turns: part of the core's batches."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from gateway.store.queries import load_queries
from rules.vocabulary import AlertId, HubId, Stage, SubjectRef

_SQL = load_queries("gateway.store", "settling_store.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRecord:
    """One record in quarantine.

    `home` and what follows it are None where more than the person was amiss; `settled_as` is who or
    what it was settled as.
    """

    quarantine_id: int
    recorded_at: datetime
    hub: HubId
    epoch: str
    lane: str
    sequence: int
    payload: bytes
    home: SubjectRef | None
    device: str | None
    user_slot: int | None
    identity: str | None
    effective_at: datetime | None
    settled_as: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RungAlert:
    """What names an alert of a case."""

    alert_id: AlertId
    rule_id: str
    stage: Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One person's turn at a clinic's hub; `subject` None: nobody's. Ends before `ends_at`."""

    hub: HubId
    begins_at: datetime
    ends_at: datetime
    subject: SubjectRef | None


@dataclass(frozen=True, slots=True)
class TurnUse:
    """The one reading of a device that a turn has taken."""

    hub: HubId
    begins_at: datetime
    device: str
    identity: str


class SettlingStore:
    """Functions over quarantine, turns and the cases of a home; used inside a batch."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def kept(self, quarantine_id: int) -> KeptRecord | None:
        """One record in quarantine."""
        row = await self._connection.fetchrow(_SQL["kept"], quarantine_id)
        return None if row is None else KeptRecord(**dict(row))

    async def kept_since(self, record: KeptRecord) -> list[KeptRecord]:
        """What the record's user of its device has measured since and nobody has settled."""
        found = (record.home, record.device, record.user_slot, record.effective_at)
        rows = await self._connection.fetch(_SQL["kept_since"], *found)
        return [KeptRecord(**dict(row)) for row in rows]

    async def owner_of_record(self, identity: str, claimed_at: datetime) -> SubjectRef | None:
        """Whose the record is that is stored under this identity."""
        return await self._connection.fetchval(_SQL["owner_of_record"], identity, claimed_at)

    async def assign(self, identity: str, subject: SubjectRef, by: str, at: datetime) -> None:
        """Every kept copy of the record is that person's."""
        await self._connection.execute(_SQL["assign"], identity, subject, by, at)

    async def dismiss(self, identity: str, why: str, by: str, at: datetime) -> None:
        """Every kept copy of the record is nobody's here."""
        await self._connection.execute(_SQL["dismiss"], identity, why, by, at)

    async def settled_records(
        self, home: SubjectRef, since: datetime
    ) -> dict[str, SubjectRef | None]:
        """Whose each record kept for this home since an instant is, None where nobody's."""
        rows = await self._connection.fetch(_SQL["settled_records"], home, since)
        return {row["identity"]: row["assigned_to"] for row in rows}

    async def alerts_of_case(self, case_id: str) -> list[RungAlert]:
        """The alerts that a case has raised."""
        rows = await self._connection.fetch(_SQL["alerts_of_case"], case_id)
        return [
            RungAlert(alert_id=r["alert_id"], rule_id=r["rule_id"], stage=Stage(r["stage"]))
            for r in rows
        ]

    async def move_case(self, case_id: str, subject: SubjectRef) -> None:
        """The case is that person's from now on; its alerts stay as they were raised."""
        await self._connection.execute(_SQL["move_case"], case_id, subject)

    async def move_taken(self, case_id: str, into: str) -> None:
        """What one case rests on another rests on from now on."""
        await self._connection.execute(_SQL["move_taken"], case_id, into)

    async def turns(
        self, hubs: Collection[HubId], since: datetime, until: datetime, length: timedelta
    ) -> tuple[list[Turn], list[TurnUse]]:
        """The turns (and what they took) that hold at any instant from `since` through `until`."""
        span = (list(hubs), since, until, length)
        turns = await self._connection.fetch(_SQL["turns"], *span)
        used = await self._connection.fetch(_SQL["turn_readings"], *span)
        return [Turn(**dict(row)) for row in turns], [TurnUse(**dict(row)) for row in used]

    async def use_turns(self, uses: Sequence[TurnUse]) -> None:
        """Remember what turns have taken."""
        if uses:
            rows = [(use.hub, use.begins_at, use.device, use.identity) for use in uses]
            await self._connection.execute(_SQL["use_turns"], *zip(*rows, strict=True))
