"""Log-in through an OpenID provider: the code flow with PKCE, and what the answer has to prove.

OpenID Connect Core 1.0 §3.1, RFC 7636 (PKCE), RFC 9207 (the issuer in the answer). The issuer is
pinned: its own document must name it, and so must every token. Nothing is stored here; an attempt
lives in a cookie of the browser that began it.
"""

import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import cast
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import msgspec
from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import KeySet

_ALGORITHMS = ("RS256", "PS256", "ES256")
"""Signatures that only the provider can make: never `none`, never a shared secret."""

_LEEWAY_S = 60
_MOST_BYTES = 256 * 1024
_WORD_BYTES = 32


class Why(StrEnum):
    """Why a log-in through the provider is refused; written into the record."""

    STATE = "state"  # not begun in this browser, or begun too long ago
    DENIED = "denied"  # the provider says no
    ISSUER = "issuer"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NONCE = "nonce"  # the token is of another log-in
    CLAIMS = "claims"
    CODE = "code"  # the provider does not take the code
    UNKNOWN = "unknown account"
    AWAY = "provider away"


class OpenIdError(Exception):
    """The provider's answer proves nobody; `why` is one word for the record."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Relying:
    """Who we are at the provider, as the two agreed beforehand."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


class Provider(msgspec.Struct, frozen=True):
    """What the provider's own document says (OpenID Connect Discovery 1.0 §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One log-in under way; all three are secrets of the browser's cookie."""

    state: str
    nonce: str
    verifier: str

    def packed(self) -> str:
        """As the cookie holds it."""
        return f"{self.state}.{self.nonce}.{self.verifier}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What the browser brings back from the provider."""

    state: str
    code: str
    error: str = ""
    issuer: str | None = None


def new_attempt() -> Attempt:
    """Three fresh words of 256 bits."""
    return Attempt(
        state=secrets.token_urlsafe(_WORD_BYTES),
        nonce=secrets.token_urlsafe(_WORD_BYTES),
        verifier=secrets.token_urlsafe(_WORD_BYTES),
    )


def attempt_in(cookie: str | None) -> Attempt | None:
    """The attempt that a cookie holds; None where it holds none."""
    parts = (cookie or "").split(".")
    if len(parts) != len(("state", "nonce", "verifier")) or not all(parts):
        return None
    return Attempt(state=parts[0], nonce=parts[1], verifier=parts[2])


async def provider_of(client: httpx2.AsyncClient, issuer: str) -> Provider:
    """The provider's document, which must be of the pinned issuer and lead nowhere insecure.

    Raises:
        OpenIdError: it cannot be had (`AWAY`), or is another's (`ISSUER`).
    """
    url = issuer.rstrip("/") + "/.well-known/openid-configuration"
    try:
        provider = msgspec.json.decode(await _fetched(client, "GET", url), type=Provider)
    except msgspec.MsgspecError as error:
        raise OpenIdError(Why.AWAY) from error
    if provider.issuer != issuer:
        raise OpenIdError(Why.ISSUER)
    secure = urlsplit(issuer).scheme
    for led in (provider.authorization_endpoint, provider.token_endpoint, provider.jwks_uri):
        if urlsplit(led).scheme not in {"https", secure}:
            raise OpenIdError(Why.ISSUER)
    return provider


def address_to_begin(relying: Relying, provider: Provider, attempt: Attempt) -> str:
    """Where the browser is sent (§3.1.2.1); the verifier itself stays here (RFC 7636 §4.2)."""
    digest = sha256(attempt.verifier.encode()).digest()
    asked = {
        "response_type": "code",
        "scope": "openid",
        "client_id": relying.client_id,
        "redirect_uri": relying.redirect_uri,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    begun = provider.authorization_endpoint
    return f"{begun}{'&' if urlsplit(begun).query else '?'}{urlencode(asked)}"


async def subject_of(
    client: httpx2.AsyncClient,
    relying: Relying,
    attempt: Attempt | None,
    returned: Returned,
    now: datetime,
) -> str:
    """Who it is, under the name by which the provider knows them and never anybody else.

    Raises:
        OpenIdError: anything at all does not fit; nothing that was sent is repeated in it.
    """
    if attempt is None or not compare_digest(attempt.state.encode(), returned.state.encode()):
        raise OpenIdError(Why.STATE)
    if returned.issuer not in {None, relying.issuer}:
        raise OpenIdError(Why.ISSUER)  # RFC 9207 §2.4: another provider's answer, mixed up
    if returned.error or not returned.code:
        raise OpenIdError(Why.DENIED)
    provider = await provider_of(client, relying.issuer)
    token = await _id_token(client, relying, provider, attempt, returned.code)
    keys = await _keys(client, provider)
    return _proven(relying, token, keys, attempt.nonce, now)


async def _id_token(
    client: httpx2.AsyncClient, relying: Relying, provider: Provider, attempt: Attempt, code: str
) -> str:
    """What the provider gives for the code (§3.1.3.1); the client's secret goes in the header."""
    who = f"{quote(relying.client_id, safe='')}:{quote(relying.client_secret, safe='')}"
    told = await _fetched(
        client,
        "POST",
        provider.token_endpoint,
        headers={"Authorization": f"Basic {b64encode(who.encode()).decode()}"},
        form={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": relying.redirect_uri,
            "code_verifier": attempt.verifier,
        },
    )
    try:
        return msgspec.json.decode(told, type=_Tokens).id_token
    except msgspec.MsgspecError as error:
        raise OpenIdError(Why.CODE) from error


async def _keys(client: httpx2.AsyncClient, provider: Provider) -> KeySet:
    told = await _fetched(client, "GET", provider.jwks_uri)
    try:
        return KeySet.import_key_set(msgspec.json.decode(told))
    except (msgspec.MsgspecError, JoseError, ValueError, KeyError, TypeError) as error:
        raise OpenIdError(Why.SIGNATURE) from error


def _proven(relying: Relying, token: str, keys: KeySet, nonce: str, now: datetime) -> str:
    """Every check of §3.1.3.7."""
    try:
        claims = cast("Mapping[str, object]", jwt.decode(token, keys, _ALGORITHMS).claims)
    except (JoseError, ValueError, TypeError) as error:
        raise OpenIdError(Why.SIGNATURE) from error
    if claims.get("iss") != relying.issuer:
        raise OpenIdError(Why.ISSUER)
    try:
        jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=_LEEWAY_S,
            aud={"essential": True, "value": relying.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        ).validate(dict(claims))
    except ExpiredTokenError as error:
        raise OpenIdError(Why.EXPIRED) from error
    except JoseError as error:
        raise OpenIdError(Why.CLAIMS) from error
    several = isinstance(claims["aud"], list) and claims["aud"] != [relying.client_id]
    if claims.get("azp", None if several else relying.client_id) != relying.client_id:
        raise OpenIdError(Why.CLAIMS)
    if not compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise OpenIdError(Why.NONCE)
    return str(claims["sub"])


async def _fetched(
    client: httpx2.AsyncClient,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    form: Mapping[str, str] | None = None,
) -> bytes:
    """The body of a good answer. A redirect is none: it would lead past the pinned issuer."""
    try:
        answer = await client.request(
            method, url, headers=dict(headers or {}), data=dict(form) if form else None
        )
    except httpx2.HTTPError as error:
        raise OpenIdError(Why.AWAY) from error
    if not answer.is_success or len(answer.content) > _MOST_BYTES:
        raise OpenIdError(Why.CODE if method == "POST" else Why.AWAY)
    return answer.content
