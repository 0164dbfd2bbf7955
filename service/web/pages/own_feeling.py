"""The patient, or somebody at home, says how one feels; looking at it changes nothing."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.records import Account
from service.web.errors import error_page
from service.web.feeling_view import FeelingView, feeling_view, home_views
from service.web.rendering import language_of, render
from service.web.told_form import ToldForm

router = APIRouter(prefix="/patient/feeling")

Parts = Annotated[Services, Depends(services_of)]
Own = Annotated[Account, Depends(requires(Permission.TELL_OWN))]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFeeling:
    """What the panel asks: of the patient, and about others at home who need looking after."""

    own: FeelingView
    home: tuple[FeelingView, ...]


@router.get("", response_model=None)
async def panel(request: Request, parts: Parts, account: Own) -> Response:
    """The panel alone: a new reading may ask something else."""
    facts = {"feeling": await own_feeling(request, parts, account)}
    return render(request, account, "patient_feeling.html", facts)


@router.post("", response_model=None)
async def tell(request: Request, parts: Parts, account: Own, told: ToldForm) -> Response:
    """I feel this; or none of it, I am all right."""
    if told is None:
        return await error_page(request, 422)
    await parts.store.tell_own(account, told, parts.clock.now())
    return RedirectResponse("/patient", status_code=303)


@router.post("/{alert_id}", response_model=None)
async def tell_of_home(
    request: Request, parts: Parts, account: Own, alert_id: UUID, told: ToldForm
) -> Response:
    """How somebody else at home feels, about whom this account was told; 404 about anybody else."""
    if told is None:
        return await error_page(request, 422)
    if not await parts.store.tell_of_alert(account, alert_id, told, parts.clock.now()):
        return await error_page(request, 404)
    return RedirectResponse("/patient", status_code=303)


async def own_feeling(request: Request, parts: Services, account: Account) -> OwnFeeling:
    """The facts of the panel, which the whole page includes too."""
    now = parts.clock.now()
    language = language_of(request, account)
    found = await parts.store.own_feeling(account, now)
    at_home = await parts.store.asked_at_home(account, now)
    return OwnFeeling(
        own=feeling_view(found, "/patient/feeling", language),
        home=tuple(home_views(at_home, language)),
    )
