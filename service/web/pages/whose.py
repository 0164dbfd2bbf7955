"""Staff: whose is this measurement, and who are the users of a shared device?"""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.records import Account
from service.store.whose import NotYoursError
from service.web.doubt_view import doubt_questions
from service.web.language import mark, say
from service.web.rendering import language_of, render
from service.web.whose_view import questions, slot_lines

router = APIRouter(prefix="/whose")

Parts = Annotated[Services, Depends(services_of)]
Settler = Annotated[Account, Depends(requires(Permission.SETTLE_READINGS))]

SAVED = mark("Saved. It takes effect within seconds.")
TOO_LATE = mark("Nothing was changed: somebody has answered in the meantime, or it is not yours.")


@router.get("", response_model=None)
async def page(
    request: Request, parts: Parts, account: Settler, *, saved: bool = False
) -> Response:
    """Everything that waits for an answer, and the shared devices."""
    return await _page(request, parts, account, notice=SAVED if saved else "")


@router.post("/settle", response_model=None)
async def settle(
    request: Request,
    parts: Parts,
    account: Settler,
    ids: Annotated[list[int], Form(min_length=1, max_length=200)],
    verdict: Annotated[UUID | Literal["not_ours", "test"], Form()],
    *,
    keep: Annotated[bool, Form()] = False,
) -> Response:
    """Somebody's, or nobody's of them with the reason."""
    now = parts.clock.now()
    try:
        if isinstance(verdict, UUID):
            await parts.store.assign(account, ids, verdict, keep=keep, now=now)
        else:
            await parts.store.dismiss(account, ids, verdict, now)
    except NotYoursError:
        return await _page(request, parts, account, notice=TOO_LATE, status=409)
    return RedirectResponse("/whose?saved=true", status_code=303)


@router.post("/doubt", response_model=None)
async def doubt(
    request: Request,
    parts: Parts,
    account: Settler,
    ids: Annotated[list[str], Form(min_length=1, max_length=200)],
    person: Annotated[UUID, Form()],
) -> Response:
    """Whose readings were that fit another user of the device better."""
    try:
        await parts.store.say_whose(account, ids, person, parts.clock.now())
    except NotYoursError:
        return await _page(request, parts, account, notice=TOO_LATE, status=409)
    return RedirectResponse("/whose?saved=true", status_code=303)


@router.post("/slot", response_model=None)
async def slot(
    request: Request,
    parts: Parts,
    account: Settler,
    device: Annotated[str, Form(max_length=200)],
    user_slot: Annotated[int, Form(ge=0, le=255)],
    person: Annotated[UUID | Literal["ask"], Form()],
) -> Response:
    """From now on that user of the device is this person; `ask`: ask about each one."""
    who = person if isinstance(person, UUID) else None
    try:
        await parts.store.set_slot(account, device, user_slot, who, parts.clock.now())
    except NotYoursError:
        return await _page(request, parts, account, notice=TOO_LATE, status=409)
    return RedirectResponse("/whose?saved=true", status_code=303)


async def _page(
    request: Request, parts: Services, account: Account, *, notice: str, status: int = 200
) -> Response:
    now = parts.clock.now()
    language = language_of(request, account)
    found = await parts.store.unclaimed(account, now)
    slots = await parts.store.slots(account, now)
    doubted = await parts.store.doubted(account, now)
    homes = [item.household for item in (*found, *slots, *doubted)]
    choices = await parts.store.choices(account, homes, now)
    facts = {
        "questions": questions(found, choices, language),
        "slots": slot_lines(slots, choices, None),
        "doubts": doubt_questions(doubted, choices, language),
        "notice": say(language, notice) if notice else "",
        "refused": status != 200,  # noqa: PLR2004 -- OK
    }
    return render(request, account, "whose.html", facts, status=status)
