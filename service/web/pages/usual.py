"""What is usual for a patient: read by clinicians; their doctor sets the anchor and own limits."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from rules.vocabulary import QuantityName
from service.auth import requires
from service.permissions import Permission, allows
from service.services import Services, services_of
from service.store.own_limits import LimitsChangedError
from service.store.records import Account
from service.store.usual import AnchorChangedError, Change, NoReadingsError
from service.web.errors import error_page
from service.web.language import mark, say
from service.web.limits_form import LimitsForm, Typed, limits_view
from service.web.rendering import language_of, render
from service.web.usual_view import usual_page

router = APIRouter(prefix="/doctor/people")

Parts = Annotated[Services, Depends(services_of)]
Reader = Annotated[Account, Depends(requires(Permission.READ_USUAL))]
Doctor = Annotated[Account, Depends(requires(Permission.SET_ANCHOR))]

_REFUSALS = {
    "changed": mark("These numbers have changed in the meantime: please look again."),
    "empty": mark("That week has no reading to take for a reference."),
    "future": mark("That day lies in the future."),
    "limit": mark("Nothing was saved: a number below cannot be a limit."),
}


@router.get("/{subject}/usual", response_model=None)
async def page(request: Request, parts: Parts, account: Reader, subject: str) -> Response:
    """What is usual for one person; 404 where they are not this account's."""
    return await _page(request, parts, account, subject)


@router.post("/{subject}/anchor/confirm", response_model=None)
async def confirm(
    request: Request,
    parts: Parts,
    account: Doctor,
    subject: str,
    quantity: Annotated[list[QuantityName], Form(min_length=1, max_length=8)],
    seen: Annotated[list[float], Form(min_length=1, max_length=8)],
) -> Response:
    """The first week is this person's reference: with the numbers that the doctor has seen."""
    now = parts.clock.now()
    told = dict(zip(quantity, seen, strict=False))
    try:
        done = await parts.store.confirm_anchor(account, subject, told, now)
    except AnchorChangedError:
        return await _page(request, parts, account, subject, refused="changed")
    return await _after(request, subject, done=done)


@router.post("/{subject}/anchor/move", response_model=None)
async def move(
    request: Request,
    parts: Parts,
    account: Doctor,
    subject: str,
    from_day: Annotated[date, Form()],
    reason: Annotated[str, Form(min_length=3, max_length=200)],
) -> Response:
    """Another week is this person's reference from now on, for a reason that is kept."""
    now = parts.clock.now()
    if from_day > parts.store.today(now):
        return await _page(request, parts, account, subject, refused="future")
    try:
        done = await parts.store.move_anchor(account, subject, from_day, reason, now)
    except NoReadingsError:
        return await _page(request, parts, account, subject, refused="empty")
    return await _after(request, subject, done=done)


@router.post("/{subject}/mark", response_model=None)
async def mark_change(
    request: Request,
    parts: Parts,
    account: Doctor,
    subject: str,
    change: Annotated[Change, Form()],
    day: Annotated[date, Form()],
) -> Response:
    """A medicine or device was changed on that day: the anchor stays, a new level warms up."""
    now = parts.clock.now()
    if day > parts.store.today(now):
        return await _page(request, parts, account, subject, refused="future")
    done = await parts.store.mark_series(account, subject, change, day, now)
    return await _after(request, subject, done=done)


@router.post("/{subject}/limits", response_model=None)
async def limit(
    request: Request, parts: Parts, account: Doctor, subject: str, typed: LimitsForm
) -> Response:
    """All limits of their doctor for this person; one that is left empty is withdrawn."""
    if typed is None:
        return await error_page(request, 422)
    wanted, wrong = typed.limits()
    if wrong:
        return await _page(request, parts, account, subject, refused="limit", typed=typed)
    now = parts.clock.now()
    try:
        done = await parts.store.set_limits(account, subject, typed.shown, wanted, now)
    except LimitsChangedError:
        return await _page(request, parts, account, subject, refused="changed")
    return await _after(request, subject, done=done)


async def _after(request: Request, subject: str, *, done: bool) -> Response:
    if not done:
        return await error_page(request, 404)
    return RedirectResponse(f"/doctor/people/{subject}/usual?saved=true", status_code=303)


async def _page(
    request: Request,
    parts: Services,
    account: Account,
    subject: str,
    *,
    refused: str = "",
    typed: Typed | None = None,
) -> Response:
    now = parts.clock.now()
    found = await parts.store.usual(account, subject, now)
    if found is None:
        return await error_page(request, 404)
    language, zone = language_of(request, account), parts.settings.county_zone
    may_set = allows(account.role, Permission.SET_ANCHOR)
    facts = {
        "page": usual_page(found, language, zone, parts.store.today(now)),
        "limits": limits_view(found.limits, language, zone, typed),
        "may_set": may_set,
        "may_limit": may_set and found.may_limit,
        "saved": "saved" in request.query_params,
        "refused": say(language, _REFUSALS[refused]) if refused else "",
    }
    return render(request, account, "usual.html", facts, status=409 if refused else 200)
