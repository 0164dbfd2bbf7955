"""Signing in through the county's OpenID provider: there, and back again.

Both are GETs because a browser comes back with one; what it brings is worth nothing without the
cookie of the browser that began, and only once.
"""

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from service.api import set_session_cookie
from service.auth_openid import begin, finish, relying
from service.permissions import public
from service.security.openid import OpenIdError, Returned, Why, attempt_in
from service.services import Services, services_of
from service.settings import ServiceSettings
from service.web.errors import error_page
from service.web.language import mark, say
from service.web.pages.login import after, login_page
from service.web.rendering import language_of

router = APIRouter(prefix="/login/openid", dependencies=[Depends(public())])

Parts = Annotated[Services, Depends(services_of)]
Word = Annotated[str, Query(max_length=2000)]

_LASTS_S = 600
_REFUSED = mark("That log-in did not work. Please try again, or use your password.")
_UNKNOWN = mark("You are known there, but not here. Please ask your administrator.")
_AWAY = mark("The other log-in is not available right now. Please use your password.")

_log = structlog.get_logger()


@router.get("", response_model=None)
async def go(request: Request, parts: Parts) -> Response:
    """Sends the browser to the provider, with a cookie that only this log-in knows."""
    known = relying(parts.settings)
    if known is None:
        return await error_page(request, 404)
    try:
        attempt, address = await begin(known)
    except OpenIdError as error:
        return _refusal(request, error.why)
    answer = RedirectResponse(address, status_code=303)
    answer.set_cookie(
        _cookie(parts.settings),
        attempt.packed(),
        max_age=_LASTS_S,
        path="/",
        secure=parts.settings.secure_cookie,
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get("/back", response_model=None)
async def back(
    request: Request,
    parts: Parts,
    state: Word = "",
    code: Word = "",
    error: Word = "",
    iss: Annotated[str | None, Query(max_length=500)] = None,
) -> Response:
    """Opens the session of whoever the provider proves to be, where they are linked."""
    known = relying(parts.settings)
    if known is None:
        return await error_page(request, 404)
    cookie = _cookie(parts.settings)
    returned = Returned(state=state, code=code, error=error, issuer=iss)
    address = request.client.host if request.client else "unknown"
    try:
        attempt = attempt_in(request.cookies.get(cookie))
        signed_in = await finish(parts, known, attempt, returned, address)
    except OpenIdError as refused:
        answer = _refusal(request, refused.why)
    else:
        answer = RedirectResponse(after(signed_in), status_code=303)
        set_session_cookie(answer, parts, signed_in.token)
    answer.delete_cookie(cookie, path="/", secure=parts.settings.secure_cookie, httponly=True)
    return answer


def _refusal(request: Request, why: Why) -> Response:
    """The log-in page, with one of three sentences; which check failed is for the record only."""
    _log.warning("openid log-in refused", why=why.value)
    fault = {Why.UNKNOWN: _UNKNOWN, Why.AWAY: _AWAY}.get(why, _REFUSED)
    status = 503 if why is Why.AWAY else 403 if why is Why.UNKNOWN else 401
    return login_page(request, say(language_of(request, None), fault), status=status)


def _cookie(settings: ServiceSettings) -> str:
    return f"{settings.cookie_name}-openid"
