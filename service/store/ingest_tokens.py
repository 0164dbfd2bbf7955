"""Tokens of devices that post their readings, and the ingest front's own place in the county."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid4

from gateway.facts import HubFact
from rules.vocabulary import HubId
from service.people import Household
from service.store.database import load_statements, write_audit
from service.store.registry import Registry

_SQL = load_statements("ingest_tokens.sql")


class NoCountyError(LookupError):
    """The registry has no county yet; migrate and register it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestToken:
    """One token as an operator sees it: the secret itself is kept nowhere."""

    token_id: UUID
    device: str
    created_at: datetime
    revoked_at: datetime | None


class IngestTokens(Registry):
    """Who may post as which device."""

    async def issue_ingest_token(self, device: str, now: datetime) -> str:
        """A new token for `device` (a key, `manufacturer~model~serial`); shown this once only.

        Others of the same device stay good until they are revoked.

        Raises:
            asyncpg.CheckViolationError: `device` is no device key.
        """
        token = secrets.token_urlsafe(32)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["issue"], uuid4(), _digest(token), device, now)
            await write_audit(
                connection, None, "ingest token issued", None, {"device": device}, now
            )
        return token

    async def device_of_ingest_token(self, token: str) -> str | None:
        """The device that may post with `token`; None for an unknown or revoked one."""
        return await self.pool.fetchval(_SQL["device_of"], _digest(token))

    async def revoke_ingest_tokens(self, which: str, now: datetime) -> int:
        """Revokes a token by its id, or all of a device by its key; how many were good before."""
        async with self.pool.acquire() as connection, connection.transaction():
            gone = await connection.fetch(_SQL["revoke"], which, now)
            await write_audit(connection, None, "ingest token revoked", None, {"which": which}, now)
        return len(gone)

    async def ingest_tokens(self) -> list[IngestToken]:
        """Every token ever issued, by device."""
        return [IngestToken(**dict(row)) for row in await self.pool.fetch(_SQL["tokens"])]

    async def register_ingest_front(self, hub: str, secret: bytes, now: datetime) -> None:
        """Tells the core of the front, a hub that stands in no home; repeating it changes nothing.

        What it cannot attribute is the county desk's, as with the hub beside the broker.

        Raises:
            NoCountyError: no county is registered.
        """
        area = await self.pool.fetchval(_SQL["county_area"])
        if area is None:
            raise NoCountyError
        household = f"front-{hub}"
        await self.register_household(Household(household_id=household, area=area))
        fact = HubFact(hub=HubId(hub), household=household, area=area, secret_hex=secret.hex())
        await self.register_hub(fact, now)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()
