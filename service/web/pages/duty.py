"""Leave, hours and duty: clinicians write their own, administrators those below their place."""

from datetime import date, datetime, time
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from service.alerts.routing import DutyDay
from service.auth import requires
from service.care.written import Written
from service.people import DutyShift, LeaveDays
from service.permissions import Permission, Role
from service.services import Services, services_of
from service.store.contacts import MOST_INTERRUPTIONS
from service.store.records import Account
from service.web.rendering import language_of, render
from service.web.words import word

router = APIRouter(prefix="/duty")

Parts = Annotated[Services, Depends(services_of)]
Planner = Annotated[Account, Depends(requires(Permission.PLAN_DUTY))]
Code = Annotated[str, Form(max_length=100)]


@router.get("", response_model=None)
async def page(request: Request, parts: Parts, account: Planner) -> Response:
    """Who is on leave, who sits at the desk, and the forms."""
    return await _page(request, parts, account)


@router.post("/leave", response_model=None)
async def write_leave(  # noqa: PLR0913, PLR0917 -- a form's fields
    request: Request,
    parts: Parts,
    account: Planner,
    first_day: Annotated[date, Form()],
    last_day: Annotated[date, Form()],
    deputy: Code = "",
    staff: Code = "",
) -> Response:
    """Writes a leave; without a name it is the own."""
    leave = LeaveDays(
        leave_id=uuid4(),
        staff_id=staff.strip() or account.staff_id or "",
        first_day=first_day,
        last_day=last_day,
        deputy=deputy.strip() or None,
    )
    written = await parts.store.write_leave(account, leave, parts.clock.now())
    return await _after(request, parts, account, written)


@router.post("/leave/{leave_id}/cancel", response_model=None)
async def cancel_leave(
    request: Request, parts: Parts, account: Planner, leave_id: UUID
) -> Response:
    """Takes a leave back."""
    written = await parts.store.cancel_leave(account, leave_id, parts.clock.now())
    return await _after(request, parts, account, written)


@router.post("/shifts", response_model=None)
async def write_shift(  # noqa: PLR0913, PLR0917 -- a form's fields
    request: Request,
    parts: Parts,
    account: Planner,
    institution: Code,
    staff: Code,
    starts_at: Annotated[datetime, Form()],
    ends_at: Annotated[datetime, Form()],
) -> Response:
    """Writes a duty shift, in the county's time."""
    zone = parts.settings.county_zone
    shift = DutyShift(
        shift_id=uuid4(),
        institution_id=institution.strip(),
        staff_id=staff.strip(),
        starts_at=starts_at.replace(tzinfo=zone),
        ends_at=ends_at.replace(tzinfo=zone),
    )
    written = await parts.store.write_shift(account, shift, parts.clock.now())
    return await _after(request, parts, account, written)


@router.post("/shifts/{shift_id}/take", response_model=None)
async def take_shift(request: Request, parts: Parts, account: Planner, shift_id: UUID) -> Response:
    """I take this shift over, from now on."""
    now = parts.clock.now()
    written = await parts.store.give_shift(account, shift_id, account.staff_id or "", now)
    return await _after(request, parts, account, written)


@router.post("/day", response_model=None)
async def write_day(  # noqa: PLR0913, PLR0917 -- a form's fields
    request: Request,
    parts: Parts,
    account: Planner,
    opens: Annotated[time, Form()],
    closes: Annotated[time, Form()],
    budget: Annotated[int, Form()],
    login: Code = "",
) -> Response:
    """Says when somebody works; without a log-in it is the own day.

    It moves what can wait and nothing else.
    """
    day = DutyDay(opens=opens, closes=closes, budget=budget)
    whose = login.strip() or account.login
    written = await parts.store.write_duty_day(account, whose, day, parts.clock.now())
    return await _after(request, parts, account, written)


async def _after(request: Request, parts: Services, account: Account, written: Written) -> Response:
    if written.good:
        return RedirectResponse("/duty", status_code=303)
    refused = word(language_of(request, account), "written", written.outcome.value)
    return await _page(request, parts, account, refused=refused)


async def _page(
    request: Request, parts: Services, account: Account, *, refused: str = ""
) -> Response:
    now = parts.clock.now()
    facts = {
        "leaves": await parts.store.leaves(account, now),
        "shifts": await parts.store.shifts(account, now),
        "day": await parts.store.duty_day(account.account_id),
        "most": MOST_INTERRUPTIONS,
        "plans": account.role is Role.ADMINISTRATOR,
        "clinical": account.role is not Role.ADMINISTRATOR,
        "refused": refused,
        "today": parts.store.today(now),
    }
    return render(request, account, "duty.html", facts, status=409 if refused else 200)
