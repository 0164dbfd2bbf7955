"""Accounts, sessions, and the count of wrong passwords."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import asyncpg

from service.permissions import Role
from service.store.database import Database, load_statements, write_audit
from service.store.records import Account, Credentials

_SQL = load_statements("sessions.sql")


class Step(StrEnum):
    """How far a session is."""

    WHOLE = "whole"
    SECOND = "second"  # the password was right, the second proof is missing
    ENROL = "enrol"  # a second proof is needed and none is set up


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """A session that is neither over nor idle."""

    account: Account
    step: Step


class Sessions(Database):
    """Who is signed in."""

    async def begin_try(
        self, try_id: UUID, login: str, address: str, now: datetime, since: datetime
    ) -> tuple[int, int]:
        """Counts a try as a failure until it is forgotten; how many came after `since`.

        For `login` and from `address`, this one included. It is committed before it is counted, so
        that of any number at once no more get through than one after the other.
        """
        await self.pool.execute(_SQL["begin_try"], try_id, now, login, address)
        row = await self.pool.fetchrow(_SQL["login_failures"], login, address, since)
        return (row["by_login"], row["by_address"]) if row else (0, 0)

    async def forget_try(self, try_id: UUID) -> None:
        """The try was right, or was not judged at all."""
        await self.pool.execute(_SQL["forget_try"], try_id)

    async def note_login_failure(self, address: str, now: datetime) -> None:
        """Puts on record that a try was wrong."""
        await self.audit(None, "login refused", None, {"address": address}, now)

    async def credentials(self, login: str) -> Credentials | None:
        """The account and its password hash; None where unknown or disabled."""
        row = await self.pool.fetchrow(_SQL["credentials"], login)
        if row is None:
            return None
        return Credentials(account=account_from(row), password_hash=row["password_hash"])

    async def open_session(
        self,
        token_hash: bytes,
        account_id: UUID,
        now: datetime,
        expires_at: datetime,
        step: Step = Step.WHOLE,
        by: str = "password",
    ) -> None:
        """Stores a new session; `by` names the first proof (`password`, `openid`)."""
        row = (token_hash, account_id, now, expires_at, step.value)
        action = "signed in" if step is Step.WHOLE else "gave the first proof"
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["open_session"], *row)
            await write_audit(connection, account_id, action, None, {"by": by}, now)

    async def use_session(
        self, token_hash: bytes, now: datetime, idle_since: datetime
    ) -> LiveSession | None:
        """The session, if it is neither over nor idle; notes the use."""
        row = await self.pool.fetchrow(_SQL["use_session"], token_hash, now, idle_since)
        return LiveSession(account=account_from(row), step=Step(row["step"])) if row else None

    async def close_session(self, token_hash: bytes) -> None:
        """Ends a session; one that is already gone is no error."""
        await self.pool.execute(_SQL["close_session"], token_hash)

    async def forget_old_sessions(self, now: datetime, failures_before: datetime) -> None:
        """Removes sessions that are over and failures that no longer count."""
        await self.pool.execute(_SQL["forget_sessions"], now)
        await self.pool.execute(_SQL["forget_login_failures"], failures_before)

    async def set_language(self, account: Account, language: str) -> None:
        """Keeps the account's language: `zh` or `en`."""
        await self.pool.execute(_SQL["set_language"], account.account_id, language)


def account_from(row: asyncpg.Record) -> Account:
    """The account in a row that has the account columns."""
    return Account(
        account_id=row["account_id"],
        login=row["login"],
        role=Role(row["role"]),
        staff_id=row["staff_id"],
        person_id=row["person_id"],
        institution_id=row["institution_id"],
        area=row["area"],
        language=row["language"],
        name=row["name"],
        subject=row["subject"],
    )
