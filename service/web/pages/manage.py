"""The administrator's people: will anybody be without an owner, and tables in and out.

No resident's name is shown here: tables that name residents go out by command only.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response

from service.auth import requires
from service.care.lines import TABLES, HeadingError, Kind
from service.permissions import Permission
from service.services import Services, services_of
from service.spreadsheet import TableError, read_table, write_table
from service.store.imports import Report
from service.store.records import Account
from service.web.errors import error_page
from service.web.language import mark, say
from service.web.rendering import language_of, render

router = APIRouter(prefix="/manage")

Parts = Annotated[Services, Depends(services_of)]
Manager = Annotated[Account, Depends(requires(Permission.MANAGE_PEOPLE))]

WITHOUT_RESIDENTS = (
    Kind.INSTITUTIONS,
    Kind.STAFF,
    Kind.TEAMS,
    Kind.TEAM_MEMBERS,
    Kind.LEAVES,
    Kind.SHIFTS,
    Kind.REFERRALS,
)
"""Tables that a page may give out: an administrator reads no resident."""

LARGEST_UPLOAD = 8 * 1024 * 1024
_MOST_SHOWN = 200
_MISSING = mark("Columns are missing: %(names)s")
_UNREADABLE = mark("The file cannot be read as a table.")
_TOO_LARGE = mark("The file is too large for a page: use the command.")


@router.get("", response_model=None)
async def page(request: Request, parts: Parts, account: Manager) -> Response:
    """The last check of the days to come, and the forms for tables."""
    return await _page(request, parts, account)


@router.post("/check", response_model=None)
async def check(parts: Parts, account: Manager) -> Response:
    """Checks now; it takes seconds to a minute in a large county."""
    await parts.store.audit(account, "coverage checked", None, {}, parts.clock.now())
    await parts.store.check_coverage(parts.clock.now())
    return RedirectResponse("/manage", status_code=303)


@router.post("/import", response_model=None)
async def take_in(
    request: Request,
    parts: Parts,
    account: Manager,
    kind: Annotated[Kind, Form()],
    file: Annotated[UploadFile, File()],
) -> Response:
    """Takes a table in; what became of each line is shown."""
    language = language_of(request, account)
    content = await file.read(LARGEST_UPLOAD + 1)
    if len(content) > LARGEST_UPLOAD:
        return await _page(request, parts, account, refused=say(language, _TOO_LARGE))
    table = read_table(content, file.filename or "")
    try:
        report = await parts.store.import_table(account, kind, table, parts.clock.now())
    except HeadingError as error:
        refused = say(language, _MISSING) % {"names": str(error)}
        return await _page(request, parts, account, refused=refused)
    except TableError:
        return await _page(request, parts, account, refused=say(language, _UNREADABLE))
    return await _page(request, parts, account, report=report)


@router.get("/export/{kind}", response_model=None)
async def give_out(request: Request, parts: Parts, account: Manager, kind: str) -> Response:
    """A table of the own place as an Excel workbook; 404 for one that names residents."""
    if kind not in {one.value for one in WITHOUT_RESIDENTS}:
        return await error_page(request, 404)
    table = await parts.store.export_table(account, Kind(kind), parts.clock.now())
    name = f"{kind}.xlsx"
    return Response(
        write_table(table, name),
        media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


async def _page(
    request: Request,
    parts: Services,
    account: Account,
    *,
    report: Report | None = None,
    refused: str = "",
) -> Response:
    now = parts.clock.now()
    facts = {
        "last": await parts.store.last_check(account, now),
        "tables": [(kind.value, ", ".join(c.name for c in TABLES[kind])) for kind in Kind],
        "given_out": [kind.value for kind in WITHOUT_RESIDENTS],
        "report": report,
        "counts": [(outcome.value, count) for outcome, count in report.counts.items()]
        if report
        else [],
        "refusals": report.refusals[:_MOST_SHOWN] if report else [],
        "refused": refused,
    }
    return render(request, account, "manage.html", facts, status=409 if refused else 200)
