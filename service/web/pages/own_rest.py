"""The patient's guided measurement: sit for five minutes, then measure twice, a minute apart."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.own import NotAPatientError
from service.store.records import Account
from service.store.rests import Rests
from service.web.rendering import render

router = APIRouter(prefix="/patient/rest")

Parts = Annotated[Services, Depends(services_of)]
Own = Annotated[Account, Depends(requires(Permission.REST_OWN))]


@router.get("", response_model=None)
async def page(request: Request, parts: Parts, account: Own) -> Response:
    """What to do, and the button; while one is under way, what to do now."""
    if account.person_id is None:
        raise NotAPatientError
    now = parts.clock.now()
    rest = await Rests(parts.store.pool, parts.store.zone).rest_of(account, now)
    await parts.store.audit(account, "read own guided measurement", account.subject, {}, now)
    return render(request, account, "patient_rest.html", {"rest": rest})


@router.post("", response_model=None)
async def begin(parts: Parts, account: Own) -> Response:
    """I sit down now."""
    if account.person_id is None:
        raise NotAPatientError
    await Rests(parts.store.pool, parts.store.zone).begin_rest(account, parts.clock.now())
    return RedirectResponse("/patient/rest", status_code=303)
