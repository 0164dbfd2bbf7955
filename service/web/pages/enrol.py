"""Letting hubs and devices in, and shutting them out: the administrator's page."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.auth import requires
from service.credentials import codes
from service.enrolment.desk import EnrolmentDesk
from service.permissions import Permission
from service.services import Services, services_of
from service.store.enrolment_rows import Place, Standing
from service.store.records import Account
from service.store.refused_speech import RefusedSpeech
from service.web.errors import error_page
from service.web.language import mark, say
from service.web.qr_code import qr_picture
from service.web.rendering import language_of, render

router = APIRouter(prefix="/enrol")

Parts = Annotated[Services, Depends(services_of)]
Keeper = Annotated[Account, Depends(requires(Permission.ENROL))]

NO_CODE = mark("Nothing waits under this code. It may be over: read it again from the hub.")
NO_PLACE = mark("Name a home that exists, or choose a clinic; not both.")
NO_HUB = mark("Only a hub that was let in before can be replaced.")
NO_DEVICE = mark("Write maker, model and serial number joined by ~, without blanks.")
OFF = mark("Enrolment is switched off: hubs are let in by hand on the server.")

_DEVICE = re.compile(r"[A-Za-z0-9._-]+~[A-Za-z0-9._-]+~[A-Za-z0-9._-]+")
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Where the administrator wants a hub to stand, to be confirmed."""

    place: Place
    is_clinic: bool
    replaces: str


@router.get("", response_model=None)
async def page(
    request: Request, parts: Parts, account: Keeper, code: str = "", find: str = ""
) -> Response:
    """What is in, and the field for a hub's code; `code` as the QR code carries it."""
    return await _page(request, parts, account, code=code[:20], find=find[:_LONGEST])


@router.post("/look", response_model=None)
async def look(
    request: Request,
    parts: Parts,
    account: Keeper,
    code: Annotated[str, Form(max_length=40)],
) -> Response:
    """The hub that waits under a code: its fingerprint, and where it shall stand."""
    desk = parts.enrolment
    if desk is None:
        return await error_page(request, 404)
    return await _look(request, parts, account, desk, code=code)


@router.post("/approve", response_model=None)
async def approve(  # noqa: PLR0913, PLR0917 - the fields of one form
    request: Request,
    parts: Parts,
    account: Keeper,
    code: Annotated[str, Form(max_length=40)],
    household: Annotated[str, Form(max_length=_LONGEST)] = "",
    clinic: Annotated[str, Form(max_length=_LONGEST)] = "",
    replaces: Annotated[str, Form(max_length=_LONGEST)] = "",
    confirmed: Annotated[str, Form(max_length=_LONGEST)] = "",
) -> Response:
    """Lets the hub in once the place was shown in words and confirmed.

    A hub in the wrong home sends help to the wrong door.
    """
    desk = parts.enrolment
    user_code = codes.typed(code)
    if desk is None or user_code is None:
        return await error_page(request, 404)
    now = parts.clock.now()
    place = await _place(desk, account, household.strip(), clinic, now)
    if place is None:
        return await _look(request, parts, account, desk, code=code, notice=NO_PLACE)
    replaces = replaces.strip()
    if replaces and not await desk.store.is_known(replaces):
        return await _look(request, parts, account, desk, code=code, notice=NO_HUB)
    hub = replaces or codes.new_hub_id()
    if confirmed != place.id:
        chosen = Chosen(place=place, is_clinic=bool(clinic), replaces=replaces)
        return await _look(request, parts, account, desk, code=code, chosen=chosen)
    where = Standing(clinic=place.id) if clinic else Standing(household=place.id)
    if not await desk.store.approve(account, user_code, hub, where, now):
        return await _page(request, parts, account, code=code, notice=NO_CODE)
    return RedirectResponse("/enrol", status_code=303)


@router.post("/deny", response_model=None)
async def deny(
    request: Request,
    parts: Parts,
    account: Keeper,
    code: Annotated[str, Form(max_length=40)],
) -> Response:
    """Turns the hub away."""
    desk = parts.enrolment
    user_code = codes.typed(code)
    if desk is None or user_code is None:
        return await error_page(request, 404)
    if not await desk.store.deny(account, user_code, parts.clock.now()):
        return await _page(request, parts, account, code=code, notice=NO_CODE)
    return RedirectResponse("/enrol", status_code=303)


@router.post("/revoke", response_model=None)
async def revoke(
    request: Request,
    parts: Parts,
    account: Keeper,
    hub: Annotated[str, Form(max_length=_LONGEST)],
) -> Response:
    """Shuts a hub out."""
    desk = parts.enrolment
    now = parts.clock.now()
    if desk is None or await desk.store.revoke_hub(hub, account.account_id, now) is None:
        return await error_page(request, 404)
    return RedirectResponse("/enrol", status_code=303)


@router.post("/login", response_model=None)
async def offer_device(
    request: Request,
    parts: Parts,
    account: Keeper,
    device: Annotated[str, Form(max_length=_LONGEST)],
) -> Response:
    """Makes a one-time code for a device; it is shown once, on this answer."""
    desk = parts.enrolment
    if desk is None:
        return await error_page(request, 404)
    key = device.strip()
    if not _DEVICE.fullmatch(key):
        return await _page(request, parts, account, notice=NO_DEVICE)
    now = parts.clock.now()
    code = codes.new_claim()
    digest = codes.digest(codes.plain_claim(code))
    await desk.store.offer_claim(account, key, digest, now + codes.CLAIM_LASTS, now)
    return await _page(request, parts, account, claim=(key, code))


@router.post("/login/revoke", response_model=None)
async def revoke_device(
    request: Request,
    parts: Parts,
    account: Keeper,
    device: Annotated[str, Form(max_length=_LONGEST)],
) -> Response:
    """Takes a device's log-in away."""
    desk = parts.enrolment
    now = parts.clock.now()
    if desk is None or not await desk.store.revoke_device(account, device, now):
        return await error_page(request, 404)
    return RedirectResponse("/enrol", status_code=303)


async def _place(
    desk: EnrolmentDesk, account: Account, household: str, clinic: str, now: datetime
) -> Place | None:
    if bool(household) == bool(clinic):
        return None
    if clinic:
        return await desk.store.clinic(clinic)
    return await desk.store.household(account, household, now)


async def _look(  # noqa: PLR0913 - a request and what the form held
    request: Request,
    parts: Services,
    account: Account,
    desk: EnrolmentDesk,
    *,
    code: str,
    notice: str = "",
    chosen: Chosen | None = None,
) -> Response:
    now = parts.clock.now()
    user_code = codes.typed(code)
    found = await desk.store.application(account, user_code, now) if user_code else None
    if found is None:
        return await _page(request, parts, account, code=code, notice=NO_CODE)
    language = language_of(request, account)
    facts = {
        "application": found,
        "code": codes.shown(found.user_code),
        "fingerprint": in_groups(found.fingerprint),
        "clinics": await desk.store.clinics(),
        "chosen": chosen,
        "refused": say(language, notice) if notice else "",
    }
    return render(request, account, "enrol_look.html", facts, status=409 if notice else 200)


async def _page(  # noqa: PLR0913 - a request and what to say
    request: Request,
    parts: Services,
    account: Account,
    *,
    code: str = "",
    find: str = "",
    notice: str = "",
    claim: tuple[str, str] | None = None,
) -> Response:
    now = parts.clock.now()
    desk = parts.enrolment
    language = language_of(request, account)
    facts: dict[str, object] = {
        "off": say(language, OFF) if desk is None else "",
        "code": code,
        "refused": say(language, notice) if notice else "",
        "claim": claim,
        "claim_qr": qr_picture(claim[1]) if claim else None,
        "find": find,
        "hubs": [] if desk is None else await desk.store.hubs(account, find.strip(), now),
        "devices": [] if desk is None else await desk.store.devices(account, now),
        "access": None if desk is None else await desk.store.access(),
        "spoke": []
        if desk is None
        else await RefusedSpeech(parts.store.pool, parts.store.zone).refused_lately(account, now),
    }
    return render(request, account, "enrol.html", facts, status=409 if notice else 200)


def in_groups(fingerprint: str) -> str:
    """`1A2B 3C4D …`: the first 128 bits, as the hub shows them too, to be compared by eye."""
    first = fingerprint[:32].upper()
    return " ".join(first[at : at + 4] for at in range(0, len(first), 4))
