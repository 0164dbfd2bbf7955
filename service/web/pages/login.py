"""Signing in and out, choosing a language, landing on the own first page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.api import set_session_cookie
from service.auth import (
    FAILURE_WINDOW,
    SignedIn,
    TooManyFailuresError,
    account_of,
    requires,
    sign_in,
    sign_out,
)
from service.permissions import Permission, public
from service.services import Services, services_of
from service.store.records import Account
from service.store.sessions import Step
from service.web.language import known_language, say
from service.web.rendering import LANGUAGE_COOKIE, first_page, language_of, render

router = APIRouter()

Parts = Annotated[Services, Depends(services_of)]
SignedInAccount = Annotated[Account, Depends(requires(Permission.USE_ACCOUNT))]

LeavingAccount = Annotated[
    Account, Depends(requires(Permission.USE_ACCOUNT, Step.SECOND, Step.ENROL))
]

UNFINISHED = {Step.SECOND: "/login/second", Step.ENROL: "/account/security"}
"""Where a session that is not whole is led."""

RETRY_AFTER = str(int(FAILURE_WINDOW.total_seconds()))

_YEAR_S = 365 * 24 * 3600


@router.get("/", response_model=None)
async def home(account: SignedInAccount) -> Response:
    """Leads to where this role's work begins."""
    return RedirectResponse(first_page(account), status_code=303)


@router.get("/login", dependencies=[Depends(public())], response_model=None)
async def login_form(request: Request) -> Response:
    """The log-in form."""
    return login_page(request)


@router.post("/login", dependencies=[Depends(public())], response_model=None)
async def login(
    request: Request,
    parts: Parts,
    name: Annotated[str, Form(alias="login", max_length=100)],
    password: Annotated[str, Form(max_length=500)],
) -> Response:
    """Opens a session and leads to the own first page; says plainly what was wrong."""
    language = language_of(request, None)
    address = request.client.host if request.client else "unknown"
    try:
        signed_in = await sign_in(parts, name, password, address)
    except TooManyFailuresError:
        fault = say(language, "Too many wrong passwords. Please wait a quarter of an hour.")
        page = login_page(request, fault, name, status=429)
        page.headers["Retry-After"] = RETRY_AFTER
        return page
    if signed_in is None:
        fault = say(language, "Login or password is wrong.")
        return login_page(request, fault, name, status=401)
    answer = RedirectResponse(after(signed_in), status_code=303)
    set_session_cookie(answer, parts, signed_in.token)
    return answer


def login_page(request: Request, fault: str = "", name: str = "", *, status: int = 200) -> Response:
    """The log-in form, with what went wrong, and with the provider's way in where there is one."""
    has_provider = services_of(request).settings.openid_issuer is not None
    facts = {"fault": fault, "login": name, "openid": has_provider}
    return render(request, None, "login.html", facts, status=status)


def after(signed_in: SignedIn) -> str:
    """Where a fresh session leads: to the second proof, to setting one up, or to the work."""
    return UNFINISHED.get(signed_in.step, first_page(signed_in.account))


@router.post("/logout", response_model=None)
async def logout(request: Request, parts: Parts, _account: LeavingAccount) -> Response:
    """Ends the session on the server."""
    cookie = parts.settings.cookie_name
    await sign_out(parts, request.cookies.get(cookie, ""))
    answer = RedirectResponse("/login", status_code=303)
    # a browser takes `__Host-` from nobody who does not say how it was set
    answer.delete_cookie(cookie, secure=parts.settings.secure_cookie, httponly=True)
    return answer


@router.post("/language", dependencies=[Depends(public())], response_model=None)
async def choose_language(
    request: Request,
    parts: Parts,
    language: Annotated[str, Form(pattern="^(zh|en)$")],
    back: Annotated[str, Form(max_length=300)] = "/",
) -> Response:
    """Keeps the language in the account, or before log-in in a cookie, and leads back."""
    account = await account_of(parts, request.cookies.get(parts.settings.cookie_name))
    if account is not None:
        await parts.store.set_language(account, known_language(language))
    # Only a path of our own: `//elsewhere` would lead to another host.
    local = back.startswith("/") and not back.startswith(("//", "/\\"))
    answer = RedirectResponse(back if local else "/", status_code=303)
    answer.set_cookie(
        LANGUAGE_COOKIE,
        known_language(language),
        max_age=_YEAR_S,
        path="/",
        secure=parts.settings.secure_cookie,
        httponly=True,
        samesite="lax",
    )
    return answer
