"""The CDC officer's page: townships by week, released cells only; never a village, home or list."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.records import Account
from service.surveillance.series import Indicator
from service.web.county_view import county_table
from service.web.rendering import language_of, render

router = APIRouter(prefix="/cdc")

WEEKS_SHOWN = 10


@router.get("", response_model=None)
async def page(
    request: Request,
    parts: Annotated[Services, Depends(services_of)],
    account: Annotated[Account, Depends(requires(Permission.READ_COUNTS))],
    indicator: Indicator = Indicator.REPORTING,
) -> Response:
    """One indicator; there are no other filters, because differences of filters betray people."""
    now = parts.clock.now()
    cells = await parts.store.township_counts(account, indicator.value, WEEKS_SHOWN, now)
    today = now.astimezone(parts.settings.county_zone).date()
    facts = {"county": county_table(cells, indicator.value, language_of(request, account), today)}
    return render(request, account, "cdc.html", facts)
