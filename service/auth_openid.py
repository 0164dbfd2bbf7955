"""Log-in through the county's OpenID provider: the account must be linked, the rest is as ever.

The provider replaces the password and nothing else: a second proof is asked for as configured, and
nobody is let in, or made an account for, because the provider knows them.
"""

import httpx2

from service.auth import SignedIn, open_session, step_after
from service.security.openid import (
    Attempt,
    OpenIdError,
    Relying,
    Returned,
    Why,
    address_to_begin,
    new_attempt,
    provider_of,
    subject_of,
)
from service.services import Services
from service.settings import ServiceSettings

CALLBACK = "/login/openid/back"
_PATIENCE_S = 10.0


def relying(settings: ServiceSettings) -> Relying | None:
    """Who we are at the provider; None where there is none."""
    if settings.openid_issuer is None or settings.openid_client_secret is None:
        return None
    return Relying(
        issuer=settings.openid_issuer,
        client_id=settings.openid_client_id or "",
        client_secret=settings.openid_client_secret.get_secret_value(),
        redirect_uri=settings.public_url.rstrip("/") + CALLBACK,
    )


async def begin(known: Relying) -> tuple[Attempt, str]:
    """A fresh attempt, and where the browser goes with it.

    Raises:
        OpenIdError: the provider is away, or is another.
    """
    attempt = new_attempt()
    async with _provider() as client:
        provider = await provider_of(client, known.issuer)
    return attempt, address_to_begin(known, provider, attempt)


async def finish(
    services: Services,
    known: Relying,
    attempt: Attempt | None,
    returned: Returned,
    address: str,
) -> SignedIn:
    """A session of the linked account, as far as a right password would lead.

    Raises:
        OpenIdError: nobody is let in; why is on record already.
    """
    now = services.clock.now()
    try:
        async with _provider() as client:
            subject = await subject_of(client, known, attempt, returned, now)
        account = await services.store.account_linked(known.issuer, subject)
        if account is None:
            raise OpenIdError(Why.UNKNOWN)
    except OpenIdError as error:
        await services.store.note_openid_refusal(error.why, address, now)
        raise
    factors = await services.store.factors(account.account_id)
    return await open_session(services, account, step_after(services, account, factors), "openid")


def _provider() -> httpx2.AsyncClient:
    """No proxy of the environment, no redirect: what is asked is what is configured."""
    return httpx2.AsyncClient(timeout=_PATIENCE_S, follow_redirects=False, trust_env=False)
