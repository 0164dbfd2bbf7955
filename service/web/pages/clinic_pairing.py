"""The village clinic pairs a device of its own: the same panel as a patient's, worn by nobody."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from device_adapters.ble.guidance import GUIDES
from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.clinic import NoClinicError
from service.store.records import Account
from service.web.errors import error_page
from service.web.pairing_view import PairingView, pairing_view
from service.web.rendering import language_of, render

router = APIRouter(prefix="/clinic/pairing")

Parts = Annotated[Services, Depends(services_of)]
Opener = Annotated[Account, Depends(requires(Permission.OPEN_TURN))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """The pairing panel of one hub, and the address that its buttons begin with."""

    path: str
    view: PairingView


@router.get("/{hub}", response_model=None)
async def state(request: Request, parts: Parts, account: Opener, hub: str) -> Response:
    """The panel alone."""
    return await _answer(request, parts, account, hub)


@router.post("/{hub}/start", response_model=None)
async def start(
    request: Request,
    parts: Parts,
    account: Opener,
    hub: str,
    model: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Asks the hub to look for a new device; an unknown `model` is another device."""
    known = model if model in GUIDES else None
    try:
        await parts.store.start_clinic_pairing(account, hub, parts.clock.now(), known)
    except NoClinicError:
        return await error_page(request, 404)
    return await _answer(request, parts, account, hub)


@router.post("/{hub}/confirm", response_model=None)
async def confirm(
    request: Request,
    parts: Parts,
    account: Opener,
    hub: str,
    address: Annotated[str, Form(max_length=64)],
    passkey: Annotated[str | None, Form(pattern="^[0-9]{6}$")] = None,
) -> Response:
    """Chooses the device found."""
    now = parts.clock.now()
    try:
        await parts.store.confirm_clinic_pairing(account, hub, address, passkey, now)
    except NoClinicError:
        return await error_page(request, 404)
    return await _answer(request, parts, account, hub)


@router.post("/{hub}/cancel", response_model=None)
async def cancel(request: Request, parts: Parts, account: Opener, hub: str) -> Response:
    """Stops looking."""
    try:
        await parts.store.cancel_clinic_pairing(account, hub, parts.clock.now())
    except NoClinicError:
        return await error_page(request, 404)
    return await _answer(request, parts, account, hub)


async def pairing_panel(request: Request, parts: Services, account: Account, hub: str) -> Panel:
    """The panel's facts, which the clinic's whole page includes too.

    Raises:
        NoClinicError: not a hub of the own clinic.
    """
    now = parts.clock.now()
    found = await parts.store.clinic_pairing(account, hub, now)
    view = pairing_view(found, language_of(request, account), now)
    return Panel(path=f"/clinic/pairing/{hub}", view=view)


async def _answer(request: Request, parts: Services, account: Account, hub: str) -> Response:
    """The panel for htmx; for a browser without scripts the whole page again."""
    try:
        panel = await pairing_panel(request, parts, account, hub)
    except NoClinicError:
        return await error_page(request, 404)
    if request.method == "POST" and "hx-request" not in request.headers:
        return RedirectResponse("/clinic", status_code=303)
    facts = {"pairing": panel.view, "pairing_path": panel.path}
    return render(request, account, "pairing.html", facts)
