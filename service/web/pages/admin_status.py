"""The machine's own page for administrators, and the banner that every signed-in page asks for."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.records import Account
from service.web.rendering import language_of, render
from service.web.status_view import is_well, status_parts, strips

router = APIRouter()

Parts = Annotated[Services, Depends(services_of)]


@router.get("/admin/status", response_model=None)
async def page(
    request: Request,
    parts: Parts,
    account: Annotated[Account, Depends(requires(Permission.READ_STATUS))],
) -> Response:
    """Counts and durations of the way of a reading; no person's data."""
    figures = await parts.store.figures(parts.clock.now())
    shown = status_parts(figures, language_of(request, account))
    facts = {"parts": shown, "well": is_well(shown), "strips": strips(figures)}
    return render(request, account, "status.html", facts)


@router.get("/blind", response_model=None)
async def banner(
    request: Request, account: Annotated[Account, Depends(requires(Permission.FOLLOW_EVENTS))]
) -> Response:
    """What cannot be seen right now, as far as it concerns this account; empty when all is well."""
    return render(request, account, "blind.html", {})
