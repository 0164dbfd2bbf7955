"""The administrator's page: hubs, quarantine, accounts; no reading and no patient's name."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from device_adapters.ble.pairing_causes import ADVICE, Cause
from gateway.hub_status import DeviceReport, HubStatus, decode_status
from rules.wire import WireError
from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.records import Account, HubRow
from service.web.population_view import finding_lines
from service.web.rendering import language_of, render

router = APIRouter(prefix="/admin")

_CAUSES = {cause.value: cause for cause in Cause}

BATTERY_LOW_PERCENT = 15
"""At or below, the battery is to be changed soon (ours: home devices fail near 10 %)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLine:
    """One paired device; `state` is `ok`, `overdue`, `pair_again`, `flat` or `failing`.

    `missing` are the record numbers that it counted and did not send (`17, 40–42`); `trouble` says
    why it cannot be read, in the reader's language (empty: it can). `slots` are the numbers of the
    users whose records it has sent.
    """

    name: str
    state: str
    heard_at: datetime | None
    battery: str
    clock: str
    strength: str
    missing: str
    trouble: str
    firmware: str
    slots: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HubLine:
    """One hub; `online` None where it was never heard, `waiting` counts unreceipted messages.

    `radio` names what the adapter lacks (empty: nothing), `links` counts the devices it talks to
    now; `obeys` is false while the hub follows an older command than the core's; `refused` says why
    it does not run the rules it was sent, `full` why its disk takes nothing, `damaged` that it
    began an empty storage beside a broken one, `voiceless` that nobody at home can hear it.
    """

    hub: str
    online: bool | None
    reported_at: datetime | None
    waiting: str
    software: str
    radio: str
    links: str
    obeys: bool
    refused: str
    full: str
    damaged: bool
    voiceless: bool
    devices: tuple[DeviceLine, ...]


@router.get("", response_model=None)
async def page(
    request: Request,
    parts: Annotated[Services, Depends(services_of)],
    account: Annotated[Account, Depends(requires(Permission.READ_QUARANTINE))],
) -> Response:
    """Everything on one page; an administrator holds all three reading permissions."""
    now = parts.clock.now()
    hubs = await parts.store.hubs(account, now)
    lines = [_line(hub, now, language_of(request, account)) for hub in hubs]
    worst_first = sorted(
        ((line.hub, device) for line in lines for device in line.devices),
        key=lambda item: (item[1].state == "ok", item[0], item[1].name),
    )
    findings = await parts.store.device_findings(account, now)
    facts = {
        "findings": finding_lines(findings, language_of(request, account)),
        "hubs": lines,
        "devices": worst_first,
        "quarantine": await parts.store.quarantine(account, now),
        "accounts": await parts.store.accounts(account, now),
    }
    return render(request, account, "admin.html", facts)


def _line(row: HubRow, now: datetime, language: str) -> HubLine:
    status = _status(row)
    spool = status.spool if status is not None else None
    radio = status.radio if status is not None else None
    return HubLine(
        hub=row.hub,
        online=None if status is None else status.online,
        reported_at=row.reported_at,
        waiting="–" if spool is None else str(spool.waiting_live + spool.waiting_backlog),
        software=(status.software if status is not None else "") or "–",
        radio=radio.fault or "" if radio is not None else "",
        links="–" if radio is None else str(radio.open_links),
        obeys=row.command_version is None or row.command_version == row.acknowledged_version,
        refused="" if status is None else status.refused_rules,
        full="" if status is None else status.spool_fault,
        damaged=status is not None and status.spool_moved_aside,
        voiceless=status is not None and status.voiceless,
        devices=()
        if status is None
        else tuple(_device(item, now, language) for item in status.devices),
    )


def _device(item: DeviceReport, now: datetime, language: str) -> DeviceLine:
    label = item.device
    cause = None if item.cause is None else _CAUSES.get(item.cause)
    advice = None if cause is None else ADVICE[cause]
    return DeviceLine(
        name=f"{label.manufacturer} {label.model} · {label.serial}",
        state=_state(item, now),
        heard_at=item.heard_at,
        battery="–" if item.battery_percent is None else f"{item.battery_percent} %",
        clock="–" if item.clock_ahead_s is None else f"{item.clock_ahead_s:+.0f} s",
        strength="–" if item.rssi is None else f"{item.rssi} dBm",
        missing=", ".join(_range(first, last) for first, last in item.missing) or "–",
        firmware=item.firmware or "–",
        slots=", ".join(str(slot) for slot in item.user_slots) or "–",
        trouble="" if advice is None else advice.zh if language == "zh" else advice.en,
    )


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}–{last}"


def _state(item: DeviceReport, now: datetime) -> str:
    if item.reason == "bond_lost":
        return "pair_again"
    if item.reason == "failed":
        return "failing"
    if item.battery_percent is not None and item.battery_percent <= BATTERY_LOW_PERCENT:
        return "flat"
    return "overdue" if item.overdue_at is not None and now >= item.overdue_at else "ok"


def _status(row: HubRow) -> HubStatus | None:
    if row.status is None:
        return None
    try:
        return decode_status(row.status.encode())
    except WireError:
        return None
