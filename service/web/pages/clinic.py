"""The village clinic: scan or tap a resident, and the next reading of each device is theirs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.clinic import (
    MOST_NAMES,
    NoClinicError,
    PresentTurn,
    ReplacedCodeError,
    UnreadableCodeError,
)
from service.store.records import Account
from service.web.errors import error_page
from service.web.language import mark, say
from service.web.pages.clinic_pairing import pairing_panel
from service.web.rendering import language_of, render
from service.web.whose_view import Measured, measured

router = APIRouter(prefix="/clinic")

Parts = Annotated[Services, Depends(services_of)]
Opener = Annotated[Account, Depends(requires(Permission.OPEN_TURN))]

UNREADABLE = mark("This is not a resident's code. Scan it again, or tap the name below.")
REPLACED = mark("This code has been replaced. Ask for the new one, or tap the name below.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnView:
    """Whose turn it is at a hub, and what has been measured in it; `name` None: nobody's."""

    hub: str
    name: str | None
    until: datetime | None
    readings: tuple[Measured, ...]


@router.get("", response_model=None)
async def page(
    request: Request,
    parts: Parts,
    account: Opener,
    name: str = "",
) -> Response:
    """The present turn, the field that a hand scanner types into, and the names."""
    return await _page(request, parts, account, name=name[:40], notice="")


@router.get("/turn", response_model=None)
async def turn(
    request: Request, parts: Parts, account: Opener, hub: str, seen: int = -1
) -> Response:
    """The present turn alone: its readings appear by themselves.

    204 while there are only the `seen` ones: what nothing happened to is not read out again.
    """
    try:
        present = await parts.store.present_turn(account, hub, parts.clock.now(), seen)
    except NoClinicError:
        return await error_page(request, 404)
    if present is not None and len(present.readings) == seen:
        return Response(status_code=204)
    facts = {"turn": _turn(hub, present, language_of(request, account))}
    return render(request, account, "clinic_turn.html", facts)


@router.post("/scan", response_model=None)
async def scan(
    request: Request,
    parts: Parts,
    account: Opener,
    hub: Annotated[str, Form(max_length=100)],
    code: Annotated[str, Form(max_length=200)],
) -> Response:
    """A code was scanned: it is its resident's turn."""
    try:
        await parts.store.open_turn_by_code(account, hub, code, parts.clock.now())
    except NoClinicError:
        return await error_page(request, 404)
    except UnreadableCodeError:
        return await _page(request, parts, account, name="", notice=UNREADABLE)
    except ReplacedCodeError:
        return await _page(request, parts, account, name="", notice=REPLACED)
    return RedirectResponse("/clinic", status_code=303)


@router.post("/tap", response_model=None)
async def tap(
    request: Request,
    parts: Parts,
    account: Opener,
    hub: Annotated[str, Form(max_length=100)],
    person: Annotated[UUID, Form()],
) -> Response:
    """A name was tapped: it is that resident's turn."""
    try:
        await parts.store.open_turn_by_name(account, hub, person, parts.clock.now())
    except NoClinicError:
        return await error_page(request, 404)
    return RedirectResponse("/clinic", status_code=303)


@router.post("/end", response_model=None)
async def end(
    request: Request, parts: Parts, account: Opener, hub: Annotated[str, Form(max_length=100)]
) -> Response:
    """Nobody's turn any more."""
    try:
        await parts.store.end_turn(account, hub, parts.clock.now())
    except NoClinicError:
        return await error_page(request, 404)
    return RedirectResponse("/clinic", status_code=303)


async def _page(
    request: Request, parts: Services, account: Account, *, name: str, notice: str
) -> Response:
    now = parts.clock.now()
    language = language_of(request, account)
    hubs = await parts.store.clinic_hubs(account)
    turns = [
        _turn(each.hub, await parts.store.present_turn(account, each.hub, now), language)
        for each in hubs
    ]
    panels = [await pairing_panel(request, parts, account, each.hub) for each in hubs[:1]]
    found = await parts.store.residents(account, hubs[0].clinic, name, now) if hubs else []
    facts = {
        "clinic_name": hubs[0].clinic_name if hubs else "",
        "turns": turns,
        "pairings": panels,
        "residents": found,
        "more": len(found) == MOST_NAMES,
        "name": name,
        "refused": say(language, notice) if notice else "",
    }
    return render(request, account, "clinic.html", facts, status=409 if notice else 200)


def _turn(hub: str, present: PresentTurn | None, language: str) -> TurnView:
    readings = present.readings if present is not None else ()
    return TurnView(
        hub=hub,
        name=present.name if present is not None else None,
        until=present.until if present is not None else None,
        readings=tuple(measured(point, language) for point in readings),
    )
