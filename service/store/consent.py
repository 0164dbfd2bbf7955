"""What a person allows, who has read about them and why, and the glass that is broken for a reason.

A withdrawal holds from the statement that stores it: the policies ask for it at every read.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from gateway.facts import BindingFact
from rules.vocabulary import SubjectRef
from service.store.database import Connection, load_statements, write_audit
from service.store.own import NotAPatientError, append_inbox
from service.store.records import Account
from service.store.viewing import beyond_view, widen
from service.store.withdrawals import Withdrawals

_SQL = load_statements("consent.sql")

LONGEST_GLASS = timedelta(hours=24)
"""Longer than that somebody has a contract, or no business."""


SHORTEST_REASON = 10
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Who somebody asks for without being responsible: the whole name and the year of birth."""

    name: str
    birth_year: int


class Purpose(StrEnum):
    """What a person allows or withdraws; each by itself."""

    CARE = "care"
    COUNTS = "counts"
    RESEARCH = "research"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One purpose now: withdrawn `since`, or given (None).

    `runs_on`: an urgent alert is open, so that devices and the alert's people stay until its
    outcome.
    """

    purpose: Purpose
    since: datetime | None
    runs_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who has read on a day, how often and why; `reason` is what they wrote to break the glass."""

    day: date
    last_at: datetime
    times: int
    name: str | None
    institution: str | None
    role: str
    because: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Glass:
    """One breaking of the glass."""

    glass_id: UUID
    subject: str
    person_name: str
    staff_name: str | None
    institution: str | None
    reason: str
    opened_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    own: bool


class Consents(Withdrawals):
    """A patient's own doors, and the one that is broken."""

    async def consents(self, account: Account, now: datetime) -> list[Standing]:
        """Every purpose with its state.

        Raises:
            NotAPatientError: the account is staff.
        """
        person_id, subject = _own(account)
        rows = {
            row["purpose"]: row for row in await self.pool.fetch(_SQL["withdrawals"], person_id)
        }
        urgent = await self.pool.fetchval(_SQL["open_urgent"], person_id)
        await self.audit(account, "read own consent", subject, {}, now)
        return [
            Standing(
                purpose=purpose,
                since=rows[purpose]["since"] if purpose in rows else None,
                runs_on=purpose is Purpose.CARE and purpose in rows and urgent,
            )
            for purpose in Purpose
        ]

    async def withdraw(self, account: Account, purpose: Purpose, now: datetime) -> None:
        """Takes consent back; holds for every read that follows, and ends what is below urgent.

        Raises:
            NotAPatientError: the account is staff.
        """
        await self._say_consent(account, purpose, given=False, now=now)
        if purpose is Purpose.CARE:
            while await self.end_withdrawn(now):
                pass
            await self.stop_collecting(now)

    async def give(self, account: Account, purpose: Purpose, now: datetime) -> None:
        """Gives consent (again); devices that were let go are paired anew.

        Raises:
            NotAPatientError: the account is staff.
        """
        await self._say_consent(account, purpose, given=True, now=now)

    async def stop_collecting(self, now: datetime) -> int:
        """Lets go the devices of everybody who withdrew and has no urgent alert open; how many."""
        with beyond_view():
            async with self.pool.acquire() as connection, connection.transaction():
                waiting = await connection.fetch(_SQL["to_stop"])
                for row in waiting:
                    await _let_go(connection, row["subject"], now)
                    await connection.execute(_SQL["stopped"], row["person_id"], now)
        return len(waiting)

    async def readers(self, account: Account, now: datetime) -> list[Reader]:
        """Who has read about this person (and the home as a whole), newest first.

        Raises:
            NotAPatientError: the account is staff.
        """
        person_id, subject = _own(account)
        home = await self.pool.fetchval(_SQL["household"], person_id)
        subjects = [subject, *([f"home:{home}"] if home else [])]
        with beyond_view():  # bound to the own person and home; a row may name others beside them
            rows = await self.pool.fetch(_SQL["readers"], person_id, subjects, self.zone.key)
        await self.audit(account, "read own readers", subject, {"rows": len(rows)}, now)
        return [Reader(**dict(row)) for row in rows]

    async def break_glass(
        self, account: Account, wanted: Wanted, reason: str, lasts: timedelta, now: datetime
    ) -> str | None:
        """The subject whose data is open now; None where the name and year are not one person's.

        Raises:
            ValueError: the reason is too short, or it lasts too long.
        """
        if not len(reason.strip()) >= SHORTEST_REASON or not timedelta(0) < lasts <= LONGEST_GLASS:
            raise ValueError("a reason of at least 10 characters, and at most 24 hours")
        with beyond_view():
            name = wanted.name.strip()
            asked = (name, wanted.birth_year, self.pool.keys.word(name))
            rows = await self.pool.fetch(_SQL["by_name"], *asked)
        found = [row for row in rows if row["name"] == name]  # the whole name, not a part of it
        if len(found) != 1:
            await self.audit(account, "refused glass", None, {"found": len(found)}, now)
            return None
        glass_id, subject = uuid4(), found[0]["subject"]
        sealed = self.pool.keys.seal(reason.strip())
        about = (account.account_id, found[0]["person_id"], sealed, now, now + lasts)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["put_glass"], glass_id, *about)
            detail = {"glass": str(glass_id), "until": (now + lasts).isoformat()}
            await write_audit(connection, account.account_id, "broke glass", subject, detail, now)
        return subject

    async def glasses(self, account: Account, now: datetime, *, everybody: bool) -> list[Glass]:
        """The own ones, or with `everybody` (county duty) the county's; newest first."""
        with beyond_view():
            rows = await self.pool.fetch(_SQL["glasses"], account.account_id, everybody)
        await self.audit_shown(account, "read glasses", (row["subject"] for row in rows), now)
        return [Glass(**dict(row)) for row in rows]

    async def sweep_glasses(self, now: datetime) -> None:
        """Ends what has expired."""
        await self.pool.execute(_SQL["sweep_glass"], now)

    async def _say_consent(
        self, account: Account, purpose: Purpose, *, given: bool, now: datetime
    ) -> None:
        person_id, subject = _own(account)
        async with self.pool.acquire() as connection, connection.transaction():
            said = (person_id, purpose.value, given, now, account.account_id)
            await connection.execute(_SQL["put_consent"], *said)
            await widen(connection)  # a merged registration of the same person is theirs as well
            if given:
                await connection.execute(_SQL["give"], person_id, purpose.value)
            else:
                await connection.execute(_SQL["withdraw"], person_id, purpose.value, now)
            action = f"{'gave' if given else 'withdrew'} consent"
            detail = {"purpose": purpose.value}
            await write_audit(connection, account.account_id, action, subject, detail, now)


async def _let_go(connection: Connection, subject: str, now: datetime) -> None:
    for row in await connection.fetch(_SQL["worn"], subject, now):
        fact = BindingFact(
            device=row["device"],
            user_slot=row["user_slot"],
            subject=SubjectRef(subject),
            valid_from=now,
            valid_to=now,
        )
        await append_inbox(connection, "binding", fact, now)


def _own(account: Account) -> tuple[UUID, str]:
    if account.person_id is None or account.subject is None:
        raise NotAPatientError
    return account.person_id, account.subject
