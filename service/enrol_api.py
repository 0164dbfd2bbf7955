"""Enrolment for programs: a hub applies, asks, renews; a device uses its one-time code.

Public, because whoever calls has no account yet: what is let in is decided by an administrator on
`/enrol`, and the rest proves that it holds a code or a key. Refusals are problem details.
"""

from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from service.credentials.authority import CERTIFICATE_LASTS, Issued, RequestRefusedError
from service.credentials.codes import APPLICATION_LASTS, POLL_EVERY_S
from service.enrolment.desk import Refusal
from service.permissions import public
from service.problems import problem_response
from service.services import Services, services_of

PATHS = ("/enrol/device", "/enrol/token", "/enrol/renew", "/enrol/claim")

router = APIRouter(dependencies=[Depends(public())])

Parts = Annotated[Services, Depends(services_of)]

_LINE = r"^[ -~]*$"
_LINES = r"^[ -~\r\n]*$"  # PEM; what else is there a store refuses, and the hub would try for ever

_RENEW_AFTER = 2 / 3  # of a certificate's life

_REFUSALS = {
    "authorization_pending": (400, "Nobody has decided yet; ask again"),
    "slow_down": (400, "Asked too soon; wait five seconds more each time"),
    "expired_token": (400, "The code is over or was never one; apply again"),
    "access_denied": (400, "An administrator turned this down"),
    "too_many": (429, "Too many applications; wait a quarter of an hour"),
    "not_renewable": (403, "This key has no certificate that may be renewed; enrol again"),
    "too_soon": (429, "The last certificate is younger than a minute"),
}


_RETRY_AFTER = {"too_many": "900", "too_soon": "60"}  # seconds, as the sentences say


class ApplyBody(BaseModel):
    """A key's certificate request (PEM) and the software that sends it."""

    model_config = ConfigDict(extra="forbid")
    request: str = Field(max_length=8192, pattern=_LINES)
    software: str = Field(default="", max_length=60, pattern=_LINE)


class TokenBody(BaseModel):
    """The secret code that applying gave."""

    model_config = ConfigDict(extra="forbid")
    device_code: str = Field(min_length=20, max_length=100)


class RenewBody(BaseModel):
    """A fresh certificate request of the same key (PEM)."""

    model_config = ConfigDict(extra="forbid")
    request: str = Field(max_length=8192, pattern=_LINES)


class ClaimBody(BaseModel):
    """A device's one-time code."""

    model_config = ConfigDict(extra="forbid")
    code: str = Field(min_length=8, max_length=60)


@router.post("/enrol/device", response_model=None)
async def apply(body: ApplyBody, request: Request, parts: Parts) -> Response:
    """A hub applies: it gets the code to show and the one to ask with (RFC 8628 §3.2)."""
    desk = parts.enrolment
    if desk is None:
        return _off()
    address = network_of(request.client.host if request.client else "unknown")
    try:
        applied = await desk.apply(body.request, body.software, address, parts.clock.now())
    except RequestRefusedError as error:
        return problem_response(400, "bad_request", "Not a request we sign", str(error))
    if isinstance(applied, Refusal):
        return _refused(applied)
    page = f"{parts.settings.public_url.rstrip('/')}/enrol"
    return JSONResponse(
        {
            "device_code": applied.device_code,
            "user_code": applied.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?code={applied.user_code}",
            "expires_in": int(APPLICATION_LASTS.total_seconds()),
            "interval": POLL_EVERY_S,
            "fingerprint": applied.fingerprint,
        }
    )


@router.post("/enrol/token", response_model=None)
async def token(body: TokenBody, parts: Parts) -> Response:
    """A hub asks whether it is in: its certificate and what else it needs, or why not (yet)."""
    desk = parts.enrolment
    if desk is None:
        return _off()
    answer = await desk.poll(body.device_code, parts.clock.now())
    if isinstance(answer, Refusal):
        return _refused(answer)
    return JSONResponse(
        {
            **_certificate(answer.hub, answer.issued),
            "secret_hex": answer.secret_hex,
            "authority": desk.brokers.authority,
            "broker_host": desk.brokers.host,
            "broker_port": desk.brokers.hub_port,
        }
    )


@router.post("/enrol/renew", response_model=None)
async def renew(body: RenewBody, parts: Parts) -> Response:
    """A hub that holds its key gets its next certificate."""
    desk = parts.enrolment
    if desk is None:
        return _off()
    try:
        answer = await desk.renew(body.request, parts.clock.now())
    except RequestRefusedError as error:
        return problem_response(400, "bad_request", "Not a request we sign", str(error))
    if isinstance(answer, Refusal):
        return _refused(answer)
    return JSONResponse(_certificate(*answer))


@router.post("/enrol/claim", response_model=None)
async def claim(body: ClaimBody, parts: Parts) -> Response:
    """A device's one-time code becomes its log-in, told this once."""
    desk = parts.enrolment
    if desk is None:
        return _off()
    login = await desk.claim(body.code, parts.clock.now())
    if isinstance(login, Refusal):
        return _refused(login)
    return JSONResponse(
        {
            "username": login.device,
            "password": login.password,
            "authority": desk.brokers.authority,
            "broker_host": desk.brokers.host,
            "broker_port": desk.brokers.device_port,
        }
    )


def network_of(host: str) -> str:
    """Whom applications are counted for: an IPv4 address, or the /64 that an IPv6 one is in.

    One household has a whole /64, so that counting its addresses would count nothing.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address.packed, 64), strict=False))


def _certificate(hub: str, issued: Issued) -> dict[str, str]:
    return {
        "hub": hub,
        "certificate": issued.pem,
        "expires_at": issued.expires_at.isoformat(),
        "renew_at": (issued.issued_at + CERTIFICATE_LASTS * _RENEW_AFTER).isoformat(),
    }


def _refused(refusal: Refusal) -> Response:
    status, title = _REFUSALS[refusal.reason]
    answer = problem_response(status, refusal.reason, title)
    if refusal.reason in _RETRY_AFTER:
        answer.headers["Retry-After"] = _RETRY_AFTER[refusal.reason]
    return answer


def _off() -> Response:
    return problem_response(503, "not_configured", "This county lets hubs in by hand")
