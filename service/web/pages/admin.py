"""The administrator's page: hubs, quarantine, accounts; no reading and no patient's name."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from gateway.hub_status import HubStatus, decode_status
from rules.wire import WireError
from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.records import Account, HubRow
from service.web.rendering import render

router = APIRouter(prefix="/admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class HubLine:
    """One hub; `online` None where it was never heard, `waiting` counts unreceipted messages."""

    hub: str
    online: bool | None
    reported_at: datetime | None
    waiting: str


@router.get("", response_model=None)
async def page(
    request: Request,
    parts: Annotated[Services, Depends(services_of)],
    account: Annotated[Account, Depends(requires(Permission.READ_QUARANTINE))],
) -> Response:
    """Everything on one page; an administrator holds all three reading permissions."""
    now = parts.clock.now()
    hubs = await parts.store.hubs(account, now)
    facts = {
        "hubs": [_line(hub) for hub in hubs],
        "quarantine": await parts.store.quarantine(account, now),
        "accounts": await parts.store.accounts(account, now),
    }
    return render(request, account, "admin.html", facts)


def _line(row: HubRow) -> HubLine:
    status = _status(row)
    spool = status.spool if status is not None else None
    return HubLine(
        hub=row.hub,
        online=None if status is None else status.online,
        reported_at=row.reported_at,
        waiting="–" if spool is None else str(spool.waiting_live + spool.waiting_backlog),
    )


def _status(row: HubRow) -> HubStatus | None:
    if row.status is None:
        return None
    try:
        return decode_status(row.status.encode())
    except WireError:
        return None
