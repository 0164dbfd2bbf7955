"""What leaves the pages about signals: briefs for Word, PDF and paper, the record, released counts.

A document holds what every officer may know, whoever asks for it: it can be passed on.
"""

import asyncio
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from service.auth import requires
from service.permissions import Permission
from service.services import Services, services_of
from service.store.records import Account
from service.surveillance.signal_export import ExportedSignal, as_csv, exported
from service.surveillance.signal_store import Signals
from service.web.brief import Brief, Setting, morning_brief, signal_brief
from service.web.brief_docx import BriefTemplateError, write_docx
from service.web.brief_pdf import NoPdfError, write_pdf
from service.web.errors import error_page
from service.web.rendering import environment, language_of, render
from service.web.signal_desk import Desk, morning_of, open_desk
from service.web.signal_page_view import Known, signal_page

router = APIRouter(prefix="/signals")

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

Parts = Annotated[Services, Depends(services_of)]
Reader = Annotated[Account, Depends(requires(Permission.READ_SIGNALS))]
CountReader = Annotated[Account, Depends(requires(Permission.READ_COUNTS))]
_Days = Annotated[int, Query(ge=1, le=3660)]
_Weeks = Annotated[int, Query(ge=1, le=530)]


@router.get("/brief", response_model=None)
async def brief(request: Request, parts: Parts, account: Reader) -> Response:
    """The brief of eight o'clock as a page that prints."""
    facts: dict[str, object] = {"brief": await _morning(request, parts, account), "link": True}
    return render(request, account, "brief.html", facts)


@router.get("/brief.docx", response_model=None)
async def brief_word(request: Request, parts: Parts, account: Reader) -> Response:
    """The same for Word, in the county's template."""
    return await _as_word(parts, await _morning(request, parts, account))


@router.get("/brief.pdf", response_model=None)
async def brief_pdf(request: Request, parts: Parts, account: Reader) -> Response:
    """The same as PDF; 503 where this machine cannot write one."""
    return await _as_pdf(request, parts, await _morning(request, parts, account))


@router.get("/record.json", response_model=None)
async def record_json(parts: Parts, account: Reader, days: _Days = 30) -> Response:
    """Every signal of the last days with its record: formed, passed on, answered, fed back."""
    found = await _record(parts, account, days)
    return Response(msgspec.json.encode(found), media_type="application/json")


@router.get("/record.csv", response_model=None)
async def record_csv(parts: Parts, account: Reader, days: _Days = 30) -> Response:
    """The same, one line an entry."""
    text = as_csv(await _record(parts, account, days))
    return _file(text.encode("utf-8-sig"), "text/csv; charset=utf-8", "signals.csv")


@router.get("/counts.json", response_model=None)
async def counts(parts: Parts, account: CountReader, weeks: _Weeks = 4) -> Response:
    """Released counts of the newest weeks as a DHIS2 data value set."""
    text = await Signals(
        parts.store.pool, parts.store.zone, parts.settings.release_floor
    ).released_values(account, weeks, parts.clock.now())
    return Response(text, media_type="application/json")


@router.get("/{signal_id}/brief.docx", response_model=None)
async def signal_word(request: Request, parts: Parts, account: Reader, signal_id: UUID) -> Response:
    """One signal's report for Word; 404 where it may not be known of."""
    made = await _one(request, parts, account, signal_id)
    return await error_page(request, 404) if made is None else await _as_word(parts, made)


@router.get("/{signal_id}/brief.pdf", response_model=None)
async def signal_pdf(request: Request, parts: Parts, account: Reader, signal_id: UUID) -> Response:
    """One signal's report as PDF."""
    made = await _one(request, parts, account, signal_id)
    return await error_page(request, 404) if made is None else await _as_pdf(request, parts, made)


async def _morning(request: Request, parts: Services, account: Account) -> Brief:
    language = language_of(request, account)
    desk = await open_desk(parts, account, language, paper=True)
    setting = _setting(parts, desk, account)
    return morning_brief(morning_of(desk), setting, desk.duty, desk.verified_lines())


async def _one(
    request: Request, parts: Services, account: Account, signal_id: UUID
) -> Brief | None:
    language = language_of(request, account)
    desk = await open_desk(parts, account, language, signal_id, paper=True)
    if not desk.signals:
        return None
    signal = desk.signals[0]
    known = Known(
        line=desk.lines[0],
        events=desk.events,
        verifications=await desk.store.verifications([signal]),
        provisional=desk.provisional,
        today=desk.today,
        beside=await desk.store.beside(signal, desk.now),
    )
    return signal_brief(signal_page(signal, known, desk.language), _setting(parts, desk, account))


def _setting(parts: Services, desk: Desk, account: Account) -> Setting:
    return Setting(
        language=desk.language,
        zone=desk.zone,
        writer=account.name or account.login,
        county=desk.place,
        now=desk.now,
        floor=parts.settings.release_floor,
    )


async def _record(parts: Services, account: Account, days: int) -> list[ExportedSignal]:
    now = parts.clock.now()
    store = Signals(parts.store.pool, parts.store.zone, parts.settings.release_floor)
    found = await store.signals(account, now, now - timedelta(days=days))
    signals = [one.on_paper() for one in found]
    since = {str(one.signal_id): one.known_since(parts.settings.county_zone) for one in signals}
    events = await store.history(signals)
    return exported(signals, events, await store.verifications(signals), since)


async def _as_word(parts: Services, made: Brief) -> Response:
    try:
        written = await asyncio.to_thread(write_docx, made, parts.settings.brief_template)
    except BriefTemplateError:
        written = await asyncio.to_thread(write_docx, made, None)
    return _file(written, WORD, f"{made.file_name}.docx")


async def _as_pdf(request: Request, parts: Services, made: Brief) -> Response:
    template = environment(made.language, parts.settings.county_zone).get_template("brief.html")
    page = template.render(brief=made, link=False)
    try:
        written = await asyncio.to_thread(write_pdf, page)
    except NoPdfError:
        return await error_page(request, 503)
    return _file(written, "application/pdf", f"{made.file_name}.pdf")


def _file(content: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=media_type, headers=headers)
