"""Second proofs of an account, and the challenge of the passkey ceremony that a session is in."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from service.security.second_step import Passkey
from service.store.database import Database, load_statements, whole
from service.store.records import Account

_SQL = load_statements("factors.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One proof; an app has `secret` (sealed) and `last_step`, a passkey the other three."""

    factor_id: UUID
    kind: str
    created_at: datetime
    confirmed_at: datetime | None
    last_used_at: datetime | None
    secret: str | None
    last_step: int | None
    credential: bytes | None
    public_key: bytes | None
    sign_count: int | None

    @property
    def passkey(self) -> Passkey | None:
        """The passkey that it is; None for an app."""
        if self.credential is None or self.public_key is None or self.sign_count is None:
            return None
        return Passkey(
            credential=self.credential, public_key=self.public_key, sign_count=self.sign_count
        )


class Factors(Database):
    """What an account proves itself with, besides the password."""

    async def factors(self, account_id: UUID) -> list[Factor]:
        """All of them, oldest first; an app that was never shown to work is among them."""
        rows = await self.pool.fetch(_SQL["factors"], account_id)
        return [Factor(**dict(row)) for row in rows]

    @whole
    async def offer_app(self, account: Account, secret: str, now: datetime) -> None:
        """Keeps the (sealed) secret of an app until its first code; replaces a former offer."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute(_SQL["drop_offered"], account.account_id)
            await connection.execute(_SQL["offer_app"], uuid4(), account.account_id, now, secret)
        await self.audit(account, "offered second factor", None, {"kind": "totp"}, now)

    @whole
    async def confirm_app(self, account: Account, factor_id: UUID, now: datetime) -> None:
        """The app has shown a right code: it counts from now on."""
        await self.pool.execute(_SQL["confirm"], factor_id, now)
        await self.audit(account, "added second factor", None, {"kind": "totp"}, now)

    async def use_app(self, factor_id: UUID, step: int, now: datetime) -> bool:
        """Notes that a step was used; False where it was used already."""
        return await self.pool.fetchval(_SQL["used_app"], factor_id, step, now) is not None

    @whole
    async def add_passkey(self, account: Account, passkey: Passkey, now: datetime) -> bool:
        """Keeps a passkey; False where it is registered already."""
        made = await self.pool.fetchval(
            *(_SQL["add_passkey"], uuid4(), account.account_id, now),
            *(passkey.credential, passkey.public_key, passkey.sign_count),
        )
        if made is not None:
            await self.audit(account, "added second factor", None, {"kind": "passkey"}, now)
        return made is not None

    async def use_passkey(self, factor_id: UUID, sign_count: int, now: datetime) -> None:
        """Notes a use and the device's count."""
        await self.pool.execute(_SQL["used_passkey"], factor_id, sign_count, now)

    @whole
    async def remove_factor(self, account: Account, factor_id: UUID, now: datetime) -> bool:
        """Forgets one of the own; False where it is not."""
        kind = await self.pool.fetchval(_SQL["remove"], factor_id, account.account_id)
        if kind is not None:
            await self.audit(account, "removed second factor", None, {"kind": kind}, now)
        return kind is not None

    async def set_challenge(self, token_hash: bytes, challenge: bytes) -> None:
        """What the session's next passkey answer must be about."""
        await self.pool.execute(_SQL["set_challenge"], token_hash, challenge)

    async def take_challenge(self, token_hash: bytes) -> bytes | None:
        """The session's challenge, which is used up by this; None where none is open."""
        return await self.pool.fetchval(_SQL["take_challenge"], token_hash)
