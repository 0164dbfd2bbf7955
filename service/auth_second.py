"""The second step of a log-in, and setting it up: codes of an app, passkeys.

Whoever gets through has a new session (ASVS 7.2.4); wrong codes count like wrong passwords.
"""

from dataclasses import dataclass
from uuid import UUID

from service.auth import SignedIn, begin_try, open_session, sign_out, token_digest
from service.security.keyring import UNREADABLE, sealed_with
from service.security.second_step import (
    Site,
    app_address,
    new_challenge,
    new_secret,
    proven,
    registered,
    registration_options,
    request_options,
    site_of,
    step_of_code,
)
from service.services import Services
from service.store.factors import Factor
from service.store.records import Account
from service.store.sessions import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An app that waits for its first code: the secret and the address of the picture."""

    secret: str
    address: str


async def confirmed(services: Services, account: Account) -> list[Factor]:
    """The proofs that count, oldest first."""
    found = await services.store.factors(account.account_id)
    return [factor for factor in found if factor.confirmed_at is not None]


async def check_code(services: Services, account: Account, code: str, address: str) -> bool:
    """Whether `code` is a fresh one of the account's app; a wrong one counts as a failure.

    Raises:
        TooManyFailuresError: too many failures lately.
    """
    tried = await begin_try(services, account.login, address)
    now = services.clock.now()
    for factor in await confirmed(services, account):
        secret = _secret_of(services, factor)
        if secret is None:
            continue
        step = step_of_code(secret, code, now, factor.last_step)
        if step is not None and await services.store.use_app(factor.factor_id, step, now):
            await services.store.forget_try(tried)
            return True
    await services.store.note_login_failure(address, now)
    return False


async def finish(services: Services, account: Account, token: str) -> SignedIn:
    """The whole session that follows an unfinished one, which ends."""
    await sign_out(services, token)
    return await open_session(services, account, Step.WHOLE)


async def offer_app(services: Services, account: Account) -> Offer:
    """A fresh secret for an app; it counts after `confirm_app`."""
    secret = new_secret()
    sealed = services.store.pool.keys.seal(secret)
    await services.store.offer_app(account, sealed, services.clock.now())
    return Offer(secret=secret, address=app_address(secret, account.login))


async def offered(services: Services, account: Account) -> Offer | None:
    """The app that waits for its first code; None where none does."""
    for factor in await services.store.factors(account.account_id):
        secret = _secret_of(services, factor)
        if secret is not None and factor.confirmed_at is None:
            return Offer(secret=secret, address=app_address(secret, account.login))
    return None


async def confirm_app(services: Services, account: Account, code: str, address: str) -> bool:
    """Whether the offered app has shown a right code, and counts from now on.

    Raises:
        TooManyFailuresError: too many failures lately.
    """
    tried = await begin_try(services, account.login, address)
    now = services.clock.now()
    for factor in await services.store.factors(account.account_id):
        secret = _secret_of(services, factor)
        if secret is None or factor.confirmed_at is not None:
            continue
        step = step_of_code(secret, code, now, factor.last_step)
        if step is not None and await services.store.use_app(factor.factor_id, step, now):
            await services.store.confirm_app(account, factor.factor_id, now)
            await services.store.forget_try(tried)
            return True
    await services.store.note_login_failure(address, now)
    return False


async def passkey_to_make(services: Services, account: Account, token: str) -> str:
    """What the browser needs to make a passkey (JSON)."""
    challenge = new_challenge()
    await services.store.set_challenge(token_digest(token), challenge)
    known = [f.credential for f in await confirmed(services, account) if f.credential is not None]
    return registration_options(
        site(services), account.account_id.bytes, account.login, challenge, known
    )


async def passkey_made(services: Services, account: Account, token: str, credential: str) -> bool:
    """Whether the browser made a passkey for this session's challenge; it counts from now on."""
    challenge = await services.store.take_challenge(token_digest(token))
    passkey = None if challenge is None else registered(site(services), challenge, credential)
    if passkey is None:
        return False
    return await services.store.add_passkey(account, passkey, services.clock.now())


async def passkey_to_use(services: Services, account: Account, token: str) -> str:
    """What the browser needs to use one of the account's passkeys (JSON)."""
    challenge = new_challenge()
    await services.store.set_challenge(token_digest(token), challenge)
    known = [f.credential for f in await confirmed(services, account) if f.credential is not None]
    return request_options(site(services), challenge, known)


async def passkey_used(
    services: Services, account: Account, token: str, credential: str, address: str
) -> bool:
    """Whether one of the account's passkeys signed this session's challenge.

    Raises:
        TooManyFailuresError: too many failures lately.
    """
    tried = await begin_try(services, account.login, address)
    now = services.clock.now()
    challenge = await services.store.take_challenge(token_digest(token))
    for factor in await confirmed(services, account):
        if challenge is None or factor.passkey is None:
            continue
        count = proven(site(services), challenge, credential, factor.passkey)
        if count is not None:
            await services.store.use_passkey(factor.factor_id, count, now)
            await services.store.forget_try(tried)
            return True
    await services.store.note_login_failure(address, now)
    return False


async def remove(services: Services, account: Account, factor_id: UUID) -> bool:
    """Forgets a proof of the own; the last one stays where one is needed."""
    left = [f for f in await confirmed(services, account) if f.factor_id != factor_id]
    if not left and services.settings.needs_second_factor:
        return False
    return await services.store.remove_factor(account, factor_id, services.clock.now())


def site(services: Services) -> Site:
    """Whose passkeys they are."""
    return site_of(services.settings.public_url)


def _secret_of(services: Services, factor: Factor) -> str | None:
    """The secret of an app; None for a passkey, and where its key is gone: no code is right."""
    if factor.secret is None:
        return None
    secret = services.store.pool.keys.read(factor.secret)
    return None if secret == UNREADABLE or sealed_with(secret) else secret
