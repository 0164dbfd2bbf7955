"""Whether somebody is at home, away or dead: said, begun, ended, and what follows from a death.

A status is a row with a beginning and an end; `care.person.status` is what holds now and the core
learns it as a profile. The worker begins and ends what is due (`mind_statuses`).
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from rules.vocabulary import Family, PersonStatus, Priority
from service.care.status import LOOK_BACK, PASSING, Finding, Said, Source, checked
from service.care.written import Outcome, Written, refused
from service.store.database import Connection, Database, load_statements, write_audit
from service.store.lives import SYSTEM, add_event
from service.store.profiles import tell_core
from service.store.records import Account
from service.store.responsible import responsible_at
from service.store.viewing import widen

_SQL = load_statements("statuses.sql")

DIED = "person died"
"""The timeline's word on an alert that rings no more because its person has died."""

LIVES = "person lives"
"""The timeline's word on an alert that asks again because the death was an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRow:
    """One line of a person's history; `began_at` None: it lies ahead."""

    status_id: UUID
    status: PersonStatus
    starts_at: datetime
    expires_at: datetime | None
    source: Source
    said_by: str | None
    said_at: datetime
    began_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeathReview:
    """A death that is looked back upon; `open_alerts` were open when the person died."""

    review_id: UUID
    person_id: UUID
    subject: str
    name: str
    opened_at: datetime
    since: datetime
    closed_at: datetime | None
    finding: str | None
    owner_name: str | None
    alerts: int
    open_alerts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedAlert:
    """One alert of a death review; `state` as it stood at the death."""

    alert_id: UUID
    state: str
    rule_id: str
    priority: Priority
    family: Family
    raised_at: datetime
    acknowledged_at: datetime | None
    outcome: str | None


class Statuses(Database):
    """Alive, admitted, away, moved, deceased, palliative."""

    async def say_status(self, by: Account | None, said: Said, now: datetime) -> Written:
        """Writes somebody's word on a person's state; it begins at once, or when its time comes.

        Refused: what `service.care.status.checked` refuses, `unknown_person`, `already_merged`,
        `deceased` (only `alive` takes a death back), and `not_yours`: patients say only of
        themselves that they are away or back, clinicians speak for those they care for.
        """
        if refusal := checked(said, now):
            return refusal
        async with self.pool.acquire() as connection, connection.transaction():
            person = await connection.fetchrow(_SQL["person_for_update"], said.person_id)
            if refusal := await self._status_refusal(connection, by, said, person, now):
                return refusal
            await widen(connection)
            status_id = uuid4()
            await connection.execute(
                _SQL["say"],
                status_id,
                said.person_id,
                said.status.value,
                said.starts_at,
                said.expires_at,
                said.source.value,
                by.account_id if by else None,
                now,
            )
            assert person is not None, "refused above"
            detail = {"status": said.status.value, "source": said.source.value}
            account_id = by.account_id if by else None
            subject: str = person["subject"]
            await write_audit(connection, account_id, "status said", subject, detail, now)
            if said.starts_at <= now:
                await self._begin_status(connection, status_id, said.person_id, said.status, now)
        return Written(outcome=Outcome.ADDED, about=str(status_id))

    async def mind_statuses(self, now: datetime) -> bool:
        """Begins or ends one status whose time has come; False where none has."""
        async with self.pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_SQL["due"], now)
            if row is None:
                return False
            person_id: UUID = row["person_id"]
            over = row["expires_at"] is not None and row["expires_at"] <= now
            if row["began_at"] is None and not over:
                status = PersonStatus(row["status"])
                await self._begin_status(connection, row["status_id"], person_id, status, now)
            else:
                await connection.execute(_SQL["end_one"], row["status_id"], now)
                await _hold(connection, person_id, now)
            return True

    async def next_status_due(self) -> datetime | None:
        """When the next status begins or ends; None where none does."""
        return await self.pool.fetchval(_SQL["next_due"])

    async def status_history(self, person_id: UUID) -> list[StatusRow]:
        """What has been said of a person's state, newest first; the caller is bound already."""
        rows = await self.pool.fetch(_SQL["history"], person_id)
        return [_status(row) for row in rows]

    async def death_reviews(self, account: Account, now: datetime) -> list[DeathReview]:
        """Deaths that this account has to look back upon, open ones first."""
        rows = await self.pool.fetch(_SQL["reviews"], account.account_id, self.today(now))
        subjects = [row["subject"] for row in rows]
        await self.audit_shown(account, "read death reviews", subjects, now)
        return [DeathReview(**dict(row)) for row in rows]

    async def reviewed_alerts(
        self, account: Account, review_id: UUID, now: datetime
    ) -> list[ReviewedAlert]:
        """The alerts of one review, newest first; none where it is not this account's."""
        mine = {review.review_id for review in await self.death_reviews(account, now)}
        rows = await self.pool.fetch(_SQL["reviewed_alerts"], review_id)
        return [_reviewed(row) for row in rows] if review_id in mine else []

    async def close_death_review(
        self, account: Account, review_id: UUID, finding: Finding, now: datetime
    ) -> Written:
        """Ends a review with what it found. Refused: `unknown_row` (closed, or not one's own)."""
        async with self.pool.acquire() as connection, connection.transaction():
            person_id = await connection.fetchval(
                _SQL["close_review"],
                *(account.account_id, review_id, now, finding.value, self.today(now)),
            )
            if person_id is None:
                return refused(Outcome.UNKNOWN_ROW, str(review_id))
            detail = {"review": str(review_id), "finding": finding.value}
            await write_audit(
                connection, account.account_id, "death review closed", None, detail, now
            )
        return Written(outcome=Outcome.CHANGED, about=str(review_id))

    async def _status_refusal(
        self,
        connection: Connection,
        by: Account | None,
        said: Said,
        person: asyncpg.Record | None,
        now: datetime,
    ) -> Written | None:
        if person is None:
            return refused(Outcome.UNKNOWN_PERSON, str(said.person_id))
        if by is not None:
            about = (by.account_id, said.person_id, said.status.value, self.today(now))
            if not await connection.fetchval(_SQL["may_say"], *about):
                return refused(Outcome.NOT_YOURS, str(said.person_id))
        if person["merged_into"] is not None:
            return refused(Outcome.ALREADY_MERGED, str(person["merged_into"]))
        dead = person["status"] == PersonStatus.DECEASED.value
        if dead and said.status is not PersonStatus.ALIVE:
            return refused(Outcome.DECEASED, str(said.person_id))
        return None

    async def _begin_status(
        self,
        connection: Connection,
        status_id: UUID,
        person_id: UUID,
        status: PersonStatus,
        now: datetime,
    ) -> None:
        await connection.execute(_SQL["remember"], uuid4(), person_id, now)
        lasting = status not in PASSING
        await connection.execute(_SQL["end_others"], person_id, status_id, now, lasting)
        await connection.execute(_SQL["begin"], status_id, now)
        await _hold(connection, person_id, now)
        if status is PersonStatus.DECEASED:
            await self._look_back(connection, person_id, now)

    async def _look_back(self, connection: Connection, person_id: UUID, now: datetime) -> None:
        """The dead receive nothing, nobody is rung for them, and somebody looks back."""
        subject: str = await connection.fetchval(_SQL["subject_of"], person_id)
        around = await responsible_at(connection, subject, now, self.zone)
        owner = around.owner.acting.member if around.owner.acting else None
        since = now - LOOK_BACK
        review_id = await connection.fetchval(
            _SQL["open_review"],
            *(uuid4(), person_id, now, since),
            *(owner.staff_id if owner else None, owner.institution_id if owner else None),
        )
        if review_id is not None:
            await connection.execute(_SQL["review_alerts"], review_id, person_id, since)
        stopped = [r["alert_id"] for r in await connection.fetch(_SQL["stop_ladders"], person_id)]
        await connection.execute(_SQL["stop_deliveries"], stopped)
        for alert_id in stopped:
            detail = {"review": str(review_id or "")}
            await add_event(connection, alert_id, SYSTEM, DIED, detail, now)


async def _hold(connection: Connection, person_id: UUID, now: datetime) -> None:
    """Writes what holds now into the registry, and tells the core where it has changed."""
    row = await connection.fetchrow(_SQL["person_for_update"], person_id)
    assert row is not None, "a status is a registered person's"
    holding = await connection.fetchval(_SQL["holding"], person_id) or PersonStatus.ALIVE.value
    if holding != row["status"]:
        await connection.execute(_SQL["set_status"], person_id, holding)
        await tell_core(connection, person_id, now)
        if row["status"] == PersonStatus.DECEASED.value:
            await ask_again(connection, person_id, now)


async def ask_again(connection: Connection, person_id: UUID, now: datetime) -> None:
    """Somebody was thought dead by mistake: what the death has silenced asks from below at once.

    The caller holds the transaction.
    """
    for row in await connection.fetch(_SQL["resume_ladders"], person_id, now):
        await add_event(connection, row["alert_id"], SYSTEM, LIVES, {}, now)


def _status(row: asyncpg.Record) -> StatusRow:
    return StatusRow(
        status_id=row["status_id"],
        status=PersonStatus(row["status"]),
        starts_at=row["starts_at"],
        expires_at=row["expires_at"],
        source=Source(row["source"]),
        said_by=row["said_by"],
        said_at=row["said_at"],
        began_at=row["began_at"],
        ended_at=row["ended_at"],
    )


def _reviewed(row: asyncpg.Record) -> ReviewedAlert:
    return ReviewedAlert(
        alert_id=row["alert_id"],
        state=row["state"],
        rule_id=row["rule_id"],
        priority=Priority(row["priority"]),
        family=Family(row["family"]),
        raised_at=row["raised_at"],
        acknowledged_at=row["acknowledged_at"],
        outcome=row["outcome"],
    )
