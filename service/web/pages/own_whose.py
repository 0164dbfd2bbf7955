"""The patient: was this me, which user of the cuff am I, and my code for the clinic."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.records import Account
from service.store.whose import NotYoursError
from service.web.doubt_view import DoubtQuestion, doubt_questions
from service.web.errors import error_page
from service.web.qr_code import QrPicture, qr_picture
from service.web.rendering import language_of, render
from service.web.whose_view import Question, SlotLine, questions, slot_lines

router = APIRouter(prefix="/patient")

Parts = Annotated[Services, Depends(services_of)]
Own = Annotated[Account, Depends(requires(Permission.CLAIM_OWN))]

_LETTERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnWhose:
    """What the panel says: questions, shared devices' users, the own code as QR and letters."""

    questions: tuple[Question, ...]
    doubts: tuple[DoubtQuestion, ...]
    slots: tuple[SlotLine, ...]
    code: QrPicture
    letters: str


@router.get("/whose", response_model=None)
async def panel(request: Request, parts: Parts, account: Own) -> Response:
    """The panel alone: a new unknown measurement of the home appears by itself."""
    facts = {"whose": await own_whose(request, parts, account)}
    return render(request, account, "patient_whose.html", facts)


@router.post("/whose", response_model=None)
async def answer(
    request: Request,
    parts: Parts,
    account: Own,
    ids: Annotated[list[int], Form(min_length=1, max_length=200)],
    verdict: Annotated[Literal["me", "not_me"], Form()],
    *,
    keep: Annotated[bool, Form()] = False,
) -> Response:
    """That was me, or it was not."""
    now = parts.clock.now()
    try:
        if verdict == "not_me":
            await parts.store.not_me(account, ids, now)
        elif account.person_id is not None:
            await parts.store.assign(account, ids, account.person_id, keep=keep, now=now)
    except NotYoursError:
        return await error_page(request, 409)
    return RedirectResponse("/patient", status_code=303)


@router.post("/doubt", response_model=None)
async def doubt(
    request: Request,
    parts: Parts,
    account: Own,
    ids: Annotated[list[str], Form(min_length=1, max_length=200)],
    verdict: Annotated[Literal["me", "not_me"], Form()],
) -> Response:
    """A reading that differs from the own usual was mine, or it was not."""
    mine = verdict == "me"
    try:
        await parts.store.own_answer(account, ids, mine=mine, now=parts.clock.now())
    except NotYoursError:
        return await error_page(request, 409)
    return RedirectResponse("/patient", status_code=303)


@router.post("/slot", response_model=None)
async def slot(
    request: Request,
    parts: Parts,
    account: Own,
    device: Annotated[str, Form(max_length=200)],
    user_slot: Annotated[int, Form(ge=0, le=255)],
    *,
    mine: Annotated[bool, Form()],
) -> Response:
    """That user of the device is me, or no longer me; only the own and unnamed ones can be set."""
    who = account.person_id if mine else None
    try:
        await parts.store.set_slot(account, device, user_slot, who, parts.clock.now())
    except NotYoursError:
        return await error_page(request, 409)
    return RedirectResponse("/patient", status_code=303)


@router.post("/code", response_model=None)
async def renew(parts: Parts, account: Own) -> Response:
    """A new code; the former is worthless from now on."""
    await parts.store.renew_code(account, parts.clock.now())
    return RedirectResponse("/patient", status_code=303)


async def own_whose(request: Request, parts: Services, account: Account) -> OwnWhose:
    """The facts of the panel, which the whole page includes too."""
    now = parts.clock.now()
    found = await parts.store.unclaimed(account, now)
    slots = await parts.store.slots(account, now)
    doubted = await parts.store.doubted(account, now)
    text = await parts.store.own_code(account, now)
    return OwnWhose(
        questions=tuple(questions(found, (), language_of(request, account))),
        doubts=tuple(doubt_questions(doubted, (), language_of(request, account))),
        slots=tuple(slot_lines(slots, (), account.subject)),
        code=qr_picture(text),
        letters=" ".join(text[i : i + _LETTERS] for i in range(0, len(text), _LETTERS)),
    )
