"""Log-in, sessions and the dependency by which a route names its permission.

Passwords are argon2id, checked in a thread, two at a time; a session is 256 random bits of which
the store keeps the SHA-256; a new log-in always makes a new session, and so does the second step
(`auth_second.py`). Failures are counted per login and per address.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import TypeVar
from uuid import UUID, uuid4

from fastapi import Request
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from service.permissions import Guard, Permission, Role, allows
from service.services import Services, services_of
from service.settings import ServiceSettings
from service.store.factors import Factor
from service.store.records import Account
from service.store.sessions import LiveSession, Step
from service.store.viewing import Viewer, begin_viewing

_T = TypeVar("_T")

FAILURE_WINDOW = timedelta(minutes=15)
MOST_FAILURES_PER_LOGIN = 5
MOST_FAILURES_PER_ADDRESS = 30
UNFINISHED_LASTS = timedelta(minutes=10)
"""A session that waits for its second proof ends after this."""

SHORTEST_PASSWORD = 8
"""Characters of a new password (ASVS 6.2.1)."""

_hasher = PasswordHash((Argon2Hasher(),))
_hashers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
"""Each hash takes 64 MiB and a core: more at once would slow everything else (ASVS 2.4.1)."""


class NotSignedInError(Exception):
    """The request carries no session that is still good."""


class NotFinishedError(Exception):
    """The session waits for its second proof."""

    def __init__(self, step: Step) -> None:
        super().__init__(step.value)
        self.step = step


class NotPermittedError(Exception):
    """The account's role does not hold the permission that the route names."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(permission.value)
        self.permission = permission


class TooManyFailuresError(Exception):
    """Too many wrong passwords lately, for this login or from this address; try again later."""


class WeakPasswordError(ValueError):
    """The password is shorter than `SHORTEST_PASSWORD` characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A fresh session; `token` goes into the cookie and is kept nowhere else."""

    account: Account
    token: str
    step: Step


async def hash_password(password: str) -> str:
    """The argon2id hash of `password`; some 0.2 s of a thread.

    Raises:
        WeakPasswordError: it is too short.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise WeakPasswordError(f"at least {SHORTEST_PASSWORD} characters")
    return await _beside(_hasher.hash, password)


async def sign_in(services: Services, login: str, password: str, address: str) -> SignedIn | None:
    """A session for the right password, None for a wrong one or a disabled account.

    The session is whole where no second proof is set up and none is needed.

    Raises:
        TooManyFailuresError: the login or the address failed too often in the last 15 minutes.
    """
    now = services.clock.now()
    store = services.store
    tried = await begin_try(services, login, address)
    known = await store.credentials(login)
    stored = known.password_hash if known else await _beside(_hash_of_nobody)
    right = await _beside(_hasher.verify, password, stored)
    if known is None or not right:
        await store.note_login_failure(address, now)
        return None
    await store.forget_try(tried)
    factors = await store.factors(known.account.account_id)
    return await open_session(services, known.account, step_after(services, known.account, factors))


async def begin_try(services: Services, login: str, address: str) -> UUID:
    """A try that counts as a failure until `Store.forget_try` is told that it was right.

    Raises:
        TooManyFailuresError: too many failures lately; this try was not judged and does not count.
    """
    now, tried = services.clock.now(), uuid4()
    asked = (tried, login, address, now, now - FAILURE_WINDOW)
    by_login, by_address = await services.store.begin_try(*asked)
    if by_login > MOST_FAILURES_PER_LOGIN or by_address > MOST_FAILURES_PER_ADDRESS:
        await services.store.forget_try(tried)
        raise TooManyFailuresError
    return tried


async def open_session(
    services: Services, account: Account, step: Step, by: str = "password"
) -> SignedIn:
    """A fresh session of an account whose proofs were checked; `by` names the first of them."""
    now = services.clock.now()
    whole = timedelta(hours=services.settings.session_hours)
    lasts = whole if step is Step.WHOLE else UNFINISHED_LASTS
    token = secrets.token_urlsafe(32)
    await services.store.open_session(
        token_digest(token), account.account_id, now, now + lasts, step, by
    )
    return SignedIn(account=account, token=token, step=step)


async def sign_out(services: Services, token: str) -> None:
    """Ends the session of `token` on the server; a token that is none is no error."""
    await services.store.close_session(token_digest(token))


async def session_of(services: Services, token: str | None) -> LiveSession | None:
    """The live session `token`, whole or not, None where there is none; extends its idle time."""
    if not token:
        return None
    now = services.clock.now()
    return await services.store.use_session(
        token_digest(token), now, _idle_since(services.settings, now)
    )


async def account_of(services: Services, token: str | None) -> Account | None:
    """The account of the whole session `token`, None where there is none."""
    session = await session_of(services, token)
    return session.account if session is not None and session.step is Step.WHOLE else None


class Requires(Guard):
    """A FastAPI dependency that returns the account, or refuses.

    `unfinished` opens the route to a session that waits for one of these steps as well.
    """

    def __init__(self, permission: Permission, unfinished: frozenset[Step] = frozenset()) -> None:
        self.permission = permission
        self._needed = permission
        self._unfinished = unfinished

    async def __call__(self, request: Request) -> Account:
        """The signed-in account, which holds the permission.

        Raises:
            NotSignedInError: no good session (pages: 303 to /login; API: 401).
            NotFinishedError: the second proof is missing (pages: there; API: 401).
            NotPermittedError: the role does not hold the permission (403).
        """
        services = services_of(request)
        session = await session_of(services, request.cookies.get(services.settings.cookie_name))
        if session is None:
            raise NotSignedInError
        if session.step is not Step.WHOLE and session.step not in self._unfinished:
            raise NotFinishedError(session.step)
        account = session.account
        request.state.account = account  # who a refusal was told to is on record
        begin_viewing(_viewer_of(services, request, account))
        if not allows(account.role, self._needed):
            raise NotPermittedError(self._needed)
        return account


def requires(permission: Permission, *unfinished: Step) -> Requires:
    """The dependency of a route: `Annotated[Account, Depends(requires(Permission.READ_ALERT))]`."""
    return Requires(permission, frozenset(unfinished))


def token_digest(token: str) -> bytes:
    """What the store knows of a session."""
    return sha256(token.encode()).digest()


def step_after(services: Services, account: Account, factors: list[Factor]) -> Step:
    """What a session of somebody who gave the first proof still lacks."""
    if any(factor.confirmed_at is not None for factor in factors):
        return Step.SECOND
    is_needed = account.role is not Role.PATIENT and services.settings.needs_second_factor
    return Step.ENROL if is_needed else Step.WHOLE


def _viewer_of(services: Services, request: Request, account: Account) -> Viewer:
    path: object = getattr(request.scope.get("route"), "path", "")
    now = services.clock.now()
    return Viewer(
        account_id=account.account_id,
        role=account.role.value,
        now=now,
        today=services.store.today(now),
        request=uuid4(),
        route=f"{request.method} {path}",
    )


def _idle_since(settings: ServiceSettings, now: datetime) -> datetime:
    return now - timedelta(minutes=settings.session_idle_minutes)


async def _beside(work: Callable[..., _T], *arguments: str) -> _T:
    """Hashing never runs on the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_hashers, work, *arguments)


@cache
def _hash_of_nobody() -> str:
    """Verified against when the login is unknown, so that both answers take the same time."""
    return _hasher.hash(secrets.token_urlsafe(16))
