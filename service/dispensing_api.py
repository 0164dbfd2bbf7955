"""What pharmacies' and clinics' programs handed to persons: JSON, CSV or FHIR MedicationDispense.

Sent with the source's own credential, where the operator allowed it; nothing can be read. The
answer names every line that was not taken, with field and reason.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from service.permissions import Permission
from service.problems import problem_response
from service.services import Services
from service.surveillance.dispensing_store import Dispensings, NotHandingOutError
from service.surveillance.reports import ReportForm
from service.surveillance.source_store import KnownSource
from service.surveillance_api import LINES, RESOURCES, Parts, Sending, form_of, take_report

router = APIRouter(prefix="/api/surveillance")


class HandingOut(Sending):
    """Marks a route for programs that say what was handed to whom."""

    permission = Permission.SEND_DISPENSINGS


handing_out = HandingOut()
Pharmacy = Annotated[KnownSource, Depends(handing_out)]


@router.post("/dispensings", dependencies=[Depends(LINES)], response_model=None)
async def dispensings(request: Request, parts: Parts, source: Pharmacy) -> Response:
    """`{"dispensings": [{"person", "drug", "day", "days", "number"}]}`, or as `text/csv`."""
    return await _take(request, parts, source, form_of(request))


@router.post("/fhir/MedicationDispense", dependencies=[Depends(RESOURCES)], response_model=None)
async def medication_dispense(request: Request, parts: Parts, source: Pharmacy) -> Response:
    """A completed FHIR R4 MedicationDispense, or a Bundle of them."""
    return await _take(request, parts, source, ReportForm.FHIR)


async def _take(
    request: Request, parts: Services, source: KnownSource, form: ReportForm
) -> Response:
    store = Dispensings(parts.store.pool, parts.settings.county_zone)
    try:
        return await take_report(
            request, lambda body: store.submit_dispensings(source, form, body, parts.clock.now())
        )
    except NotHandingOutError:
        detail = "hearthwatch surveillance sources hand-out allows it"
        return problem_response(403, "no_dispensings", "This source sends counts only", detail)
