"""Which account an OpenID provider's name stands for: linked by an operator, never by a log-in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from service.store.database import load_statements, write_audit
from service.store.records import Account
from service.store.sessions import Sessions

_SQL = load_statements("openid.sql")


class TakenError(Exception):
    """Another account has this name of the provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One account under the name by which the provider knows it."""

    login: str
    issuer: str
    subject: str
    linked_at: datetime


class OpenIdNames(Sessions):
    """Reading is the service's; linking needs the owner of the schemas (`hearthwatch openid`)."""

    async def account_linked(self, issuer: str, subject: str) -> Account | None:
        """The account; None where nobody is linked, or the account is disabled."""
        login = await self.pool.fetchval(_SQL["login_of"], issuer, subject)
        known = None if login is None else await self.credentials(login)
        return known.account if known else None

    async def note_openid_refusal(self, why: str, address: str, now: datetime) -> None:
        """Puts on record that the provider's answer let nobody in, and why."""
        await self.audit(
            None, "login refused", None, {"by": "openid", "why": why, "from": address}, now
        )

    async def link_of(self, account: Account) -> Link | None:
        """The account's own link; None where it has none."""
        row = await self.pool.fetchrow(_SQL["link_of"], account.account_id)
        return None if row is None else Link(**dict(row))

    async def links(self) -> list[Link]:
        """All of them, by login."""
        return [Link(**dict(row)) for row in await self.pool.fetch(_SQL["linked"])]

    async def link(self, login: str, issuer: str, subject: str, now: datetime) -> bool:
        """Links an account, instead of what it was linked to; False where it does not exist.

        Raises:
            TakenError: another account has this name.
        """
        async with self.pool.acquire() as connection, connection.transaction():
            try:
                account_id: UUID | None = await connection.fetchval(
                    _SQL["link"], login, issuer, subject, now
                )
            except asyncpg.UniqueViolationError as error:
                raise TakenError from error
            if account_id is not None:
                detail = {"account": str(account_id), "issuer": issuer}
                await write_audit(connection, None, "linked to openid", None, detail, now)
        return account_id is not None

    async def unlink(self, login: str, now: datetime) -> bool:
        """Ends a link; False where there was none."""
        async with self.pool.acquire() as connection, connection.transaction():
            account_id: UUID | None = await connection.fetchval(_SQL["unlink"], login)
            if account_id is not None:
                detail = {"account": str(account_id)}
                await write_audit(connection, None, "unlinked from openid", None, detail, now)
        return account_id is not None
