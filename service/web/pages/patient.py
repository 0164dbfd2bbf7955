"""The patient's page: own values, own trend, messages, and pairing a cuff with one button."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from device_adapters.ble.guidance import GUIDES
from gateway.intake import FUTURE_TOLERANCE
from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.own import NoHubError
from service.store.records import Account
from service.web.pages.own_feeling import own_feeling
from service.web.pages.own_whose import own_whose
from service.web.pairing_view import PairingView, pairing_view
from service.web.patient_view import PatientPage, patient_page
from service.web.rendering import language_of, render

router = APIRouter(prefix="/patient")

CHART_SPAN = timedelta(days=90)

Parts = Annotated[Services, Depends(services_of)]
Own = Annotated[Account, Depends(requires(Permission.READ_OWN))]
Pairing = Annotated[Account, Depends(requires(Permission.PAIR_OWN))]


@router.get("", response_model=None)
async def page(request: Request, parts: Parts, account: Own) -> Response:
    """The whole page."""
    facts = {
        "page": await _own(request, parts, account),
        "pairing": await _pairing(request, parts, account),
        "whose": await own_whose(request, parts, account),
        "feeling": await own_feeling(request, parts, account),
    }
    return render(request, account, "patient.html", facts)


@router.get("/readings", response_model=None)
async def readings(request: Request, parts: Parts, account: Own) -> Response:
    """Values, messages and trend alone: a new reading appears by itself."""
    facts = {"page": await _own(request, parts, account), "alone": True}
    return render(request, account, "patient_readings.html", facts)


@router.get("/pairing", response_model=None)
async def pairing(request: Request, parts: Parts, account: Pairing) -> Response:
    """The pairing panel alone."""
    return await _panel(request, parts, account)


@router.post("/pairing/start", response_model=None)
async def start(
    request: Request,
    parts: Parts,
    account: Pairing,
    model: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Asks the hub to look for a new device; an unknown `model` is another device."""
    known = model if model in GUIDES else None
    try:
        await parts.store.request_pairing(account, parts.clock.now(), known)
    except NoHubError:
        return await _panel(request, parts, account)  # the panel says that there is no hub
    return await _panel(request, parts, account)


@router.post("/pairing/confirm", response_model=None)
async def confirm(
    request: Request,
    parts: Parts,
    account: Pairing,
    address: Annotated[str, Form(max_length=64)],
    passkey: Annotated[str | None, Form(pattern="^[0-9]{6}$")] = None,
) -> Response:
    """Chooses the device found."""
    await parts.store.confirm_pairing(account, address, passkey, parts.clock.now())
    return await _panel(request, parts, account)


@router.post("/pairing/cancel", response_model=None)
async def cancel(request: Request, parts: Parts, account: Pairing) -> Response:
    """Stops looking."""
    await parts.store.cancel_pairing(account, parts.clock.now())
    return await _panel(request, parts, account)


async def _panel(request: Request, parts: Services, account: Account) -> Response:
    """The panel for htmx; for a browser without scripts the whole page again."""
    if request.method == "POST" and "hx-request" not in request.headers:
        return RedirectResponse("/patient", status_code=303)
    facts = {"pairing": await _pairing(request, parts, account)}
    return render(request, account, "pairing.html", facts)


async def _pairing(request: Request, parts: Services, account: Account) -> PairingView:
    now = parts.clock.now()
    state = await parts.store.pairing_state(account, now)
    return pairing_view(state, language_of(request, account), now)


async def _own(request: Request, parts: Services, account: Account) -> PatientPage:
    now = parts.clock.now()
    overview = await parts.store.patient_overview(account, now)
    series = await parts.store.series(
        account, overview.person.subject, now - CHART_SPAN, now + FUTURE_TOLERANCE, now
    )
    usual = await parts.store.usual(account, overview.person.subject, now)
    zone = parts.settings.county_zone
    return patient_page(overview, series, language_of(request, account), zone, usual, now=now)
