"""The second step of a log-in, and the page on which a person sets up what proves that it is them.

`/login/second` is for a session that gave the right password; `/account/security` for everybody,
and the only page of staff who must set up a second proof first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from service.api import set_session_cookie
from service.auth import TooManyFailuresError, requires, session_of
from service.auth_second import (
    Offer,
    check_code,
    confirm_app,
    confirmed,
    finish,
    offer_app,
    offered,
    passkey_made,
    passkey_to_make,
    passkey_to_use,
    passkey_used,
    remove,
    site,
)
from service.permissions import Permission
from service.problems import problem_response
from service.services import Services, services_of
from service.store.database import as_json
from service.store.records import Account
from service.store.sessions import Step
from service.web.language import mark, say
from service.web.pages.login import RETRY_AFTER
from service.web.qr_code import QrPicture, qr_picture
from service.web.rendering import first_page, language_of, render

router = APIRouter()

Parts = Annotated[Services, Depends(services_of)]
Waiting = Annotated[Account, Depends(requires(Permission.USE_ACCOUNT, Step.SECOND))]
Owner = Annotated[Account, Depends(requires(Permission.USE_ACCOUNT, Step.ENROL))]
Code = Annotated[str, Form(pattern="^[0-9]{6}$")]

_WRONG = mark("This code was not right, or was used already.")
_FAILED = mark("That did not work. Please try again.")
_TOO_MANY = mark("Too many wrong codes. Please wait a quarter of an hour.")


class PasskeyBody(BaseModel):
    """What `navigator.credentials` gave, as its `toJSON` spells it."""

    model_config = ConfigDict(extra="forbid")
    credential: dict[str, JsonValue] = Field(max_length=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferView:
    """An app to be set up: picture and key."""

    picture: QrPicture
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorLine:
    """One proof that counts."""

    factor_id: UUID
    kind: str
    since: datetime


@router.get("/login/second", response_model=None)
async def second(request: Request, parts: Parts, account: Waiting) -> Response:
    """Asks for the second proof."""
    return await _second(request, parts, account)


@router.post("/login/second", response_model=None)
async def second_by_code(request: Request, parts: Parts, account: Waiting, code: Code) -> Response:
    """The app's six digits."""
    try:
        right = await check_code(parts, account, code, _address(request))
    except TooManyFailuresError:
        return await _second(request, parts, account, fault=_TOO_MANY, status=429)
    if not right:
        return await _second(request, parts, account, fault=_WRONG, status=401)
    return await _finished(request, parts, account, RedirectResponse)


@router.post("/login/passkey/options", response_model=None)
async def second_options(request: Request, parts: Parts, account: Waiting) -> Response:
    """What the browser needs to use a passkey of this account."""
    options = await passkey_to_use(parts, account, _token(request, parts))
    return Response(options, media_type="application/json")


@router.post("/login/passkey", response_model=None)
async def second_by_passkey(
    request: Request, parts: Parts, account: Waiting, body: PasskeyBody
) -> Response:
    """What the passkey signed."""
    token, told = _token(request, parts), as_json(body.credential)
    try:
        right = await passkey_used(parts, account, token, told, _address(request))
    except TooManyFailuresError:
        answer = problem_response(429, "too_many_failures", "Too many wrong proofs; wait")
        answer.headers["Retry-After"] = RETRY_AFTER
        return answer
    if not right:
        return problem_response(401, "wrong_passkey", "The passkey did not prove itself")
    return await _finished(request, parts, account, _where)


@router.get("/account/security", response_model=None)
async def security(request: Request, parts: Parts, account: Owner) -> Response:
    """What proves that it is you, and setting more of it up."""
    return await _security(request, parts, account)


@router.post("/account/app", response_model=None)
async def begin_app(parts: Parts, account: Owner) -> Response:
    """A fresh secret, shown as a picture."""
    await offer_app(parts, account)
    return RedirectResponse("/account/security", status_code=303)


@router.post("/account/app/confirm", response_model=None)
async def end_app(request: Request, parts: Parts, account: Owner, code: Code) -> Response:
    """The app's first code."""
    try:
        right = await confirm_app(parts, account, code, _address(request))
    except TooManyFailuresError:
        return await _security(request, parts, account, fault=_TOO_MANY, status=429)
    if not right:
        return await _security(request, parts, account, fault=_WRONG, status=409)
    return await _finished(request, parts, account, RedirectResponse)


@router.post("/account/passkey/options", response_model=None)
async def passkey_options(request: Request, parts: Parts, account: Owner) -> Response:
    """What the browser needs to make a passkey."""
    if not site(parts).has_passkeys:
        return problem_response(409, "no_name", "These pages have an address and no name")
    options = await passkey_to_make(parts, account, _token(request, parts))
    return Response(options, media_type="application/json")


@router.post("/account/passkey", response_model=None)
async def make_passkey(
    request: Request, parts: Parts, account: Owner, body: PasskeyBody
) -> Response:
    """The passkey that the browser made."""
    token, told = _token(request, parts), as_json(body.credential)
    if not await passkey_made(parts, account, token, told):
        return problem_response(409, "wrong_passkey", "The passkey did not prove itself")
    return await _finished(request, parts, account, _where)


@router.post("/account/factor/remove", response_model=None)
async def remove_factor(
    request: Request,
    parts: Parts,
    account: Annotated[Account, Depends(requires(Permission.USE_ACCOUNT))],
    factor: Annotated[UUID, Form()],
) -> Response:
    """Forgets one; the last one stays where one is needed."""
    if not await remove(parts, account, factor):
        return await _security(request, parts, account, fault=_FAILED, status=409)
    return RedirectResponse("/account/security", status_code=303)


async def _finished(
    request: Request,
    parts: Services,
    account: Account,
    answer: Callable[..., Response],
) -> Response:
    signed_in = await finish(parts, account, _token(request, parts))
    response = answer(first_page(account), status_code=303)
    set_session_cookie(response, parts, signed_in.token)
    return response


def _where(path: str, *, status_code: int) -> Response:
    del status_code  # a script follows by itself
    return JSONResponse({"location": path})


async def _second(
    request: Request, parts: Services, account: Account, *, fault: str = "", status: int = 200
) -> Response:
    kinds = {factor.kind for factor in await confirmed(parts, account)}
    facts = {
        "fault": say(language_of(request, account), fault) if fault else "",
        "app": "totp" in kinds,
        "passkey": "passkey" in kinds,
    }
    page = render(request, None, "second.html", facts, status=status)
    if status == 429:  # noqa: PLR2004 -- too many requests
        page.headers["Retry-After"] = RETRY_AFTER
    return page


async def _security(
    request: Request, parts: Services, account: Account, *, fault: str = "", status: int = 200
) -> Response:
    session = await session_of(parts, _token(request, parts))
    whole = session is not None and session.step is Step.WHOLE
    offer = await offered(parts, account)
    facts = {
        "fault": say(language_of(request, account), fault) if fault else "",
        "needed": not whole,
        "offer": None if offer is None else _offer(offer),
        "passkeys": site(parts).has_passkeys,
        "link": await parts.store.link_of(account),
        "factors": [
            FactorLine(factor_id=f.factor_id, kind=f.kind, since=f.created_at)
            for f in await confirmed(parts, account)
        ],
    }
    page = render(request, account if whole else None, "security.html", facts, status=status)
    if status == 429:  # noqa: PLR2004 -- too many requests
        page.headers["Retry-After"] = RETRY_AFTER
    return page


def _offer(offer: Offer) -> OfferView:
    return OfferView(picture=qr_picture(offer.address), secret=offer.secret)


def _token(request: Request, parts: Services) -> str:
    return request.cookies.get(parts.settings.cookie_name, "")


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
