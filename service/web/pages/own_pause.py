"""The patient says that they are away for a while, or back: measuring pauses, care does not."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from rules.vocabulary import PersonStatus
from service.auth import requires
from service.care.status import LONGEST_PAUSE, Source
from service.permissions import Permission
from service.services import Services, services_of
from service.store.own import NotAPatientError
from service.store.records import Account
from service.web.pages.people import said_of
from service.web.rendering import language_of, render
from service.web.words import word

router = APIRouter(prefix="/patient/pause")

Parts = Annotated[Services, Depends(services_of)]
Own = Annotated[Account, Depends(requires(Permission.PAUSE_OWN))]


@router.get("", response_model=None)
async def page(request: Request, parts: Parts, account: Own) -> Response:
    """What is said now, and the form."""
    return await _page(request, parts, account)


@router.post("", response_model=None)
async def pause(
    request: Request,
    parts: Parts,
    account: Own,
    last_day: Annotated[date, Form()],
    first_day: Annotated[date | None, Form()] = None,
) -> Response:
    """Away from the first to the last day, both included, at most 30 days ahead."""
    return await _say(request, parts, account, PersonStatus.AWAY, (first_day, last_day))


@router.post("/end", response_model=None)
async def back(request: Request, parts: Parts, account: Own) -> Response:
    """At home again, before the pause is over."""
    return await _say(request, parts, account, PersonStatus.ALIVE, (None, None))


async def _say(
    request: Request,
    parts: Services,
    account: Account,
    status: PersonStatus,
    days: tuple[date | None, date | None],
) -> Response:
    if account.person_id is None:
        raise NotAPatientError
    now = parts.clock.now()
    said = said_of(account.person_id, status, Source.PERSON, days, now, parts)
    written = await parts.store.say_status(account, said, now)
    if written.good:
        return RedirectResponse("/patient/pause", status_code=303)
    refused = word(language_of(request, account), "written", written.outcome.value)
    return await _page(request, parts, account, refused=refused)


async def _page(
    request: Request, parts: Services, account: Account, *, refused: str = ""
) -> Response:
    if account.person_id is None:
        raise NotAPatientError
    now = parts.clock.now()
    history = await parts.store.status_history(account.person_id)
    await parts.store.audit(account, "read own pauses", account.subject, {}, now)
    facts = {
        "pauses": [row for row in history if row.ended_at is None],
        "today": parts.store.today(now),
        "latest": parts.store.today(now + LONGEST_PAUSE),
        "refused": refused,
    }
    return render(request, account, "patient_pause.html", facts, status=409 if refused else 200)
