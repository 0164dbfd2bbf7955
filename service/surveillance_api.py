"""Counts from other institutions' programs: JSON, CSV or FHIR, each by its own credential.

Who brings a source's token as `Authorization: Bearer` sends that source's counts and can read
nothing. The answer names every line that was not taken, with field and reason; the rest is kept.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from service.auth import NotSignedInError
from service.doors.types import Takes
from service.permissions import Guard, Permission
from service.problems import problem_response
from service.services import Services, services_of
from service.surveillance.reports import ReportError, ReportForm
from service.surveillance.source_store import KnownSource, Sources, Submitted

router = APIRouter(prefix="/api/surveillance")

CSV = "text/csv"
LINES = Takes("application/json", CSV)
RESOURCES = Takes("application/json", "application/fhir+json")
MOST_BYTES = 4 * 1024 * 1024

Parts = Annotated[Services, Depends(services_of)]


class Sending(Guard):
    """Marks a route for programs of sources."""

    permission = Permission.SEND_COUNTS

    async def __call__(self, request: Request) -> KnownSource:
        """The source whose credential was brought.

        Raises:
            NotSignedInError: none was, or one that is not good.
        """
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token.strip():
            raise NotSignedInError
        source = await sources_of(services_of(request)).source_of_token(token.strip())
        if source is None:
            raise NotSignedInError
        return source


sending = Sending()
Sender = Annotated[KnownSource, Depends(sending)]


def sources_of(parts: Services) -> Sources:
    """The store of sources over the service's pool."""
    return Sources(parts.store.pool, parts.settings.county_zone)


@router.post("/counts", dependencies=[Depends(LINES)], response_model=None)
async def counts(request: Request, parts: Parts, source: Sender) -> Response:
    """`{"counts": [{"area", "indicator", "day", "value", "base"}]}`, or the same as `text/csv`."""
    return await _take(request, parts, source, form_of(request))


@router.post("/fhir/MeasureReport", dependencies=[Depends(RESOURCES)], response_model=None)
async def measure_report(request: Request, parts: Parts, source: Sender) -> Response:
    """A FHIR R4 MeasureReport of type summary, or a Bundle of them."""
    return await _take(request, parts, source, ReportForm.FHIR)


async def _take(
    request: Request, parts: Services, source: KnownSource, form: ReportForm
) -> Response:
    return await take_report(
        request,
        lambda body: sources_of(parts).submit(source, form, body, parts.clock.now()),
    )


async def take_report(
    request: Request, submit: Callable[[bytes], Awaitable[Submitted]]
) -> Response:
    """Reads the body, hands it on, and answers with what became of each line."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            detail = f"at most {MOST_BYTES} bytes"
            return problem_response(413, "too_large", "The body is too large", detail)
    try:
        submitted = await submit(bytes(body))
    except ReportError as error:
        return problem_response(422, "unreadable", "The report cannot be read", str(error))
    found = submitted.taken + submitted.unchanged
    answer = {
        "submission": str(submitted.submission_id),
        "taken": submitted.taken,
        "unchanged": submitted.unchanged,
        "refused": [
            {"line": f.line, "field": f.field, "reason": f.reason} for f in submitted.faults
        ],
    }
    return JSONResponse(answer, status_code=200 if found or not submitted.faults else 422)


def form_of(request: Request) -> ReportForm:
    """CSV where the request says so, else JSON."""
    is_csv = request.headers.get("content-type", "").partition(";")[0].strip().lower() == CSV
    return ReportForm.CSV if is_csv else ReportForm.JSON
