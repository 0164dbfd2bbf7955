"""An OpenID provider over HTTP, written from the specifications: strict, and a liar when told to.

It keeps its clients to the code flow (OpenID Connect Core 1.0 §3.1): the redirect address it knows,
PKCE with S256 (RFC 7636 §4.6), the client's secret, a code that is used once. `lie` makes one thing
of its answer wrong.
"""

import asyncio
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from urllib.parse import parse_qs, unquote, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route


@dataclass(kw_only=True)
class OpenIdProvider:
    """Signs `subject` in, whoever asks; counts what it was asked for."""

    client_id: str
    client_secret: str
    redirect_uri: str
    now: Callable[[], datetime]
    subject: str = "p-0001"
    lie: str = ""
    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(parameters={"kid": "one"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    refused: list[str] = field(default_factory=list[str])

    def app(self) -> Starlette:
        """Discovery, authorization, token, keys."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._document),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    async def _document(self, request: Request) -> Response:
        del request
        issuer = "https://elsewhere.example" if self.lie == "document" else self.issuer
        return JSONResponse(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
            }
        )

    async def _keys(self, request: Request) -> Response:
        del request
        return JSONResponse(KeySet([self.key]).as_dict(private=False))

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params.items())
        known = (self.client_id, self.redirect_uri, "code", "S256")
        sent = [asked.get(k) for k in ("client_id", "redirect_uri", "response_type")]
        if (*sent, asked.get("code_challenge_method")) != known or not asked.get("nonce"):
            return Response("not a client of ours", status_code=400)
        back = {"state": asked.get("state", "")}
        if self.lie == "denied":
            back["error"] = "access_denied"
        else:
            back["code"] = secrets.token_urlsafe(16)
            self.codes[back["code"]] = asked
        if self.lie == "mixed up":
            back["iss"] = "https://elsewhere.example"
        return RedirectResponse(f"{self.redirect_uri}?{urlencode(back)}", status_code=302)

    async def _token(self, request: Request) -> Response:
        form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(form.get("code", ""), None)  # once, whatever comes of it
        basic = b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()
        challenge = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest())
        faults = {
            "grant": form.get("grant_type") != "authorization_code",
            "client": [unquote(part) for part in basic.split(":")]
            != [self.client_id, self.client_secret],
            "code": asked is None,
            "redirect": form.get("redirect_uri") != self.redirect_uri,
            "verifier": asked is None or asked["code_challenge"] != challenge.decode().rstrip("="),
        }
        if asked is None or any(faults.values()):
            self.refused += [name for name, wrong in faults.items() if wrong]
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        told = {"access_token": "-", "token_type": "Bearer", "id_token": self._id_token(asked)}
        return JSONResponse(told)

    def _id_token(self, asked: dict[str, str]) -> str:
        now = int(self.now().timestamp())
        claims: dict[str, object] = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        }
        claims |= {
            "issuer": {"iss": "https://elsewhere.example"},
            "audience": {"aud": "another-client"},
            "two audiences": {"aud": [self.client_id, "another-client"]},
            "another's": {"azp": "another-client"},
            "expired": {"iat": now - 900, "exp": now - 600},
            "nonce": {"nonce": "of-another-log-in"},
        }.get(self.lie, {})
        claims = {k: v for k, v in claims.items() if self.lie != f"no {k}"}
        header = {"alg": "RS256", "kid": "one"}
        if self.lie == "signature":
            forger = RSAKey.generate_key(parameters={"kid": "one"})
            return jwt.encode(header, claims, forger)
        if self.lie == "shared secret":
            secret = OctKey.import_key(self.client_secret)
            return jwt.encode({"alg": "HS256"}, claims, secret)
        return jwt.encode(header, claims, self.key)


@asynccontextmanager
async def provider_running(provider: OpenIdProvider) -> AsyncGenerator[OpenIdProvider]:
    """On a free port of loopback."""
    config = uvicorn.Config(
        provider.app(), host="127.0.0.1", port=0, log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(), name="provider")
        while not server.started:  # noqa: ASYNC110 -- uvicorn offers no event
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        provider.issuer = f"http://127.0.0.1:{port}"
        try:
            yield provider
        finally:
            server.should_exit = True
