"""Log-in, sessions and the dependency by which a route names its permission.

Passwords are argon2id, checked in a thread; a session is 256 random bits of which the store keeps
the SHA-256; a new log-in always makes a new session. Failures are counted per login and per
address.
"""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256

from fastapi import Request
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from service.permissions import Guard, Permission, allows
from service.services import Services, services_of
from service.settings import ServiceSettings
from service.store.records import Account

FAILURE_WINDOW = timedelta(minutes=15)
MOST_FAILURES_PER_LOGIN = 5
MOST_FAILURES_PER_ADDRESS = 30

_hasher = PasswordHash((Argon2Hasher(),))


class NotSignedInError(Exception):
    """The request carries no session that is still good."""


class NotPermittedError(Exception):
    """The account's role does not hold the permission that the route names."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(permission.value)
        self.permission = permission


class TooManyFailuresError(Exception):
    """Too many wrong passwords lately, for this login or from this address; try again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A fresh session; `token` goes into the cookie and is kept nowhere else."""

    account: Account
    token: str


async def hash_password(password: str) -> str:
    """The argon2id hash of `password`; about 50 ms of a thread."""
    return await asyncio.to_thread(_hasher.hash, password)


async def sign_in(services: Services, login: str, password: str, address: str) -> SignedIn | None:
    """A session for the right password, None for a wrong one or a disabled account.

    Raises:
        TooManyFailuresError: the login or the address failed too often in the last 15 minutes.
    """
    now = services.clock.now()
    store = services.store
    by_login, by_address = await store.login_failures(login, address, now - FAILURE_WINDOW)
    if by_login >= MOST_FAILURES_PER_LOGIN or by_address >= MOST_FAILURES_PER_ADDRESS:
        raise TooManyFailuresError
    known = await store.credentials(login)
    stored = known.password_hash if known else await asyncio.to_thread(_hash_of_nobody)
    right = await asyncio.to_thread(_hasher.verify, password, stored)
    if known is None or not right:
        await store.note_login_failure(login, address, now)
        return None
    token = secrets.token_urlsafe(32)
    expires_at = now + timedelta(hours=services.settings.session_hours)
    await store.open_session(_digest(token), known.account.account_id, now, expires_at)
    return SignedIn(account=known.account, token=token)


async def sign_out(services: Services, token: str) -> None:
    """Ends the session of `token` on the server; a token that is none is no error."""
    await services.store.close_session(_digest(token))


async def account_of(services: Services, token: str | None) -> Account | None:
    """The account of the live session `token`, None where there is none; extends its idle time."""
    if not token:
        return None
    now = services.clock.now()
    return await services.store.use_session(
        _digest(token), now, _idle_since(services.settings, now)
    )


class Requires(Guard):
    """A FastAPI dependency that returns the account, or refuses."""

    def __init__(self, permission: Permission) -> None:
        self.permission = permission
        self._needed = permission

    async def __call__(self, request: Request) -> Account:
        """The signed-in account, which holds the permission.

        Raises:
            NotSignedInError: no good session (pages: 303 to /login; API: 401).
            NotPermittedError: the role does not hold the permission (403).
        """
        services = services_of(request)
        account = await account_of(services, request.cookies.get(services.settings.cookie_name))
        if account is None:
            raise NotSignedInError
        request.state.account = account  # who a refusal was told to is on record
        if not allows(account.role, self._needed):
            raise NotPermittedError(self._needed)
        return account


def requires(permission: Permission) -> Requires:
    """The dependency of a route: `Annotated[Account, Depends(requires(Permission.READ_ALERT))]`."""
    return Requires(permission)


def _idle_since(settings: ServiceSettings, now: datetime) -> datetime:
    return now - timedelta(minutes=settings.session_idle_minutes)


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


@cache
def _hash_of_nobody() -> str:
    """Verified against when the login is unknown, so that both answers take the same time."""
    return _hasher.hash(secrets.token_urlsafe(16))
