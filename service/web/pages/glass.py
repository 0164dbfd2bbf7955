"""Breaking the glass: a clinician who is not responsible reads for a reason, for some hours."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from service.auth import requires
from service.permissions import Permission, Role
from service.services import Services, services_of
from service.store.consent import Wanted
from service.store.records import Account
from service.web.language import mark, say
from service.web.rendering import language_of, render

router = APIRouter(prefix="/doctor/glass")

Parts = Annotated[Services, Depends(services_of)]
Breaker = Annotated[Account, Depends(requires(Permission.BREAK_GLASS))]

_NOBODY = mark("Nobody, or more than one person, has this name and year of birth.")


class GlassForm(BaseModel):
    """Whose data, why, and for how long."""

    name: str = Field(min_length=1, max_length=60)
    birth_year: int = Field(ge=1880, le=2100)
    reason: str = Field(min_length=10, max_length=300, pattern=r"\S[^\x00-\x1f]{8,}\S")
    hours: int = Field(ge=1, le=24)


@router.get("", response_model=None)
async def page(request: Request, parts: Parts, account: Breaker) -> Response:
    """The form, and what was opened so: the own, for the county's duty officer everybody's."""
    return await _page(request, parts, account)


@router.post("", response_model=None)
async def break_glass(
    request: Request,
    parts: Parts,
    account: Breaker,
    form: Annotated[GlassForm, Form()],
) -> Response:
    """Opens one person's readings; the person sees who, why and until when."""
    subject = await parts.store.break_glass(
        account,
        Wanted(name=form.name, birth_year=form.birth_year),
        form.reason,
        timedelta(hours=form.hours),
        parts.clock.now(),
    )
    if subject is None:
        return await _page(request, parts, account, refused=True)
    return RedirectResponse(f"/doctor/people/{subject}/usual", status_code=303)


async def _page(
    request: Request, parts: Services, account: Account, *, refused: bool = False
) -> Response:
    everybody = account.role is Role.COUNTY_DUTY
    found = await parts.store.glasses(account, parts.clock.now(), everybody=everybody)
    facts = {
        "glasses": found,
        "refused": say(language_of(request, account), _NOBODY) if refused else "",
    }
    return render(request, account, "glass.html", facts, status=404 if refused else 200)
