"""The administrator's alarms: what each rule and doctor costs, and who can be reached at all.

No resident is named here; staff are those of the institutions below the own.
"""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.auth import requires
from service.care.written import Written
from service.notify.notifier import PERSONAL, Channel
from service.permissions import Permission
from service.services import Services, services_of
from service.store.contacts import LONGEST_ADDRESS
from service.store.records import Account
from service.store.routes import BUDGET
from service.web.rendering import language_of, render
from service.web.words import word

router = APIRouter(prefix="/alarms")

SPANS = (7, 30, 90)
"""Days that a page looks back."""

Parts = Annotated[Services, Depends(services_of)]
Manager = Annotated[Account, Depends(requires(Permission.MANAGE_PEOPLE))]
Login = Annotated[str, Form(max_length=100)]


@router.get("", response_model=None)
async def page(request: Request, parts: Parts, account: Manager, days: int = 30) -> Response:
    """Figures of the last `days` (7, 30 or 90), and every address with what the drill found."""
    return await _page(request, parts, account, days=days if days in SPANS else 30)


@router.post("/addresses", response_model=None)
async def set_address(
    request: Request,
    parts: Parts,
    account: Manager,
    login: Login,
    channel: Annotated[Channel, Form()],
    address: Annotated[str, Form(max_length=LONGEST_ADDRESS)],
) -> Response:
    """Gives a member of staff an address; it has to prove itself in the next drill."""
    now = parts.clock.now()
    written = await parts.store.write_contact(account, login.strip(), channel, address.strip(), now)
    return await _after(request, parts, account, written)


@router.post("/addresses/remove", response_model=None)
async def remove_address(
    request: Request,
    parts: Parts,
    account: Manager,
    login: Login,
    channel: Annotated[Channel, Form()],
) -> Response:
    """Takes an address away."""
    written = await parts.store.drop_contact(account, login.strip(), channel, parts.clock.now())
    return await _after(request, parts, account, written)


async def _after(request: Request, parts: Services, account: Account, written: Written) -> Response:
    if written.good:
        return RedirectResponse("/alarms", status_code=303)
    refused = word(language_of(request, account), "written", written.outcome.value)
    return await _page(request, parts, account, days=30, refused=refused)


async def _page(
    request: Request, parts: Services, account: Account, *, days: int, refused: str = ""
) -> Response:
    now = parts.clock.now()
    rules, doctors = await parts.store.hygiene(now - timedelta(days=days), now, below=account)
    facts = {
        "days": days,
        "spans": SPANS,
        "rules": rules,
        "doctors": doctors,
        "budget": BUDGET,
        "reach": await parts.store.reach(account),
        "last_drill": await parts.store.last_drill(),
        "channels": sorted(channel.value for channel in PERSONAL),
        "refused": refused,
    }
    return render(request, account, "alarms.html", facts, status=409 if refused else 200)
