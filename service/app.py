"""The FastAPI application: routes, refusals, headers. The parts it works with are handed in."""

from pathlib import Path

import structlog
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, RedirectResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from service import (
    api,
    dispensing_api,
    enrol_api,
    events,
    metrics_api,
    receipts_api,
    surveillance_api,
)
from service.auth import NotFinishedError, NotPermittedError, NotSignedInError
from service.doors import openapi
from service.doors.limits import RateLimit
from service.doors.on_record import OnRecord
from service.doors.strangers import TURNED_AWAY, CountsTurnedAway
from service.doors.types import WrongTypeError, right_type
from service.headers import SameOriginOnly, SecurityHeaders, SmallBodies
from service.problems import problem_response, wants_problem
from service.services import Services
from service.store.database import DATABASE_ERRORS, UNSTORABLE_TEXT
from service.store.sessions import Step
from service.web.errors import error_page
from service.web.pages import (
    account,
    admin,
    admin_status,
    alarms,
    answer,
    cdc,
    clinic,
    clinic_pairing,
    clusters,
    doctor,
    duty,
    enrol,
    glass,
    login,
    manage,
    openid,
    own_feeling,
    own_pause,
    own_rest,
    own_whose,
    patient,
    people,
    person_route,
    privacy,
    rules,
    signal_papers,
    signals,
    usual,
    verify,
    whose,
)

_log = structlog.get_logger()

_STATIC = Path(__file__).parent / "web" / "static"
_FOR_PROGRAMS = (
    "/api/",
    "/openapi.json",
    "/events",
    "/healthz",
    "/metrics",
    "/blind",
    *enrol_api.PATHS,
)

_MOST_BYTES = {
    "/enrol": 16 * 1024,  # the largest is a certificate request of 8 KiB
    "/login": 16 * 1024,
    "/answer": 16 * 1024,
    "/api/receipts": 16 * 1024,
    "/api/surveillance": 4 * 1024 * 1024,
    "/manage/import": 64 * 1024 * 1024,  # tables of a whole county
    "": 256 * 1024,
}
"""The largest body that a path takes, by its beginning."""

ROUTERS = (
    api.router,
    receipts_api.router,
    answer.router,
    events.router,
    login.router,
    openid.router,
    account.router,
    doctor.router,
    usual.router,
    rules.router,
    people.router,
    person_route.router,
    duty.router,
    manage.router,
    alarms.router,
    patient.router,
    own_feeling.router,
    own_pause.router,
    own_rest.router,
    own_whose.router,
    privacy.router,
    glass.router,
    whose.router,
    clinic.router,
    clinic_pairing.router,
    clusters.router,
    cdc.router,
    signal_papers.router,  # before the signal's own path
    signals.router,
    verify.router,
    admin.router,
    admin_status.router,
    metrics_api.router,
    surveillance_api.router,
    dispensing_api.router,
    enrol_api.router,
    enrol.router,
)
"""Every router of the service; a new page is a line here."""


def create_app(services: Services) -> FastAPI:
    """The application over `services`, whose lifetimes stay with the caller."""
    app = FastAPI(title="Hearthwatch", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.services = services
    for router in (*ROUTERS, openapi.router):
        app.include_router(router, dependencies=[Depends(right_type)])
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.add_exception_handler(NotSignedInError, _not_signed_in)
    app.add_exception_handler(NotFinishedError, _not_finished)
    app.add_exception_handler(NotPermittedError, _not_permitted)
    app.add_exception_handler(WrongTypeError, _wrong_type)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _fault)
    for lost in DATABASE_ERRORS:
        app.add_exception_handler(lost, _unavailable)
    app.add_exception_handler(UNSTORABLE_TEXT, _invalid)  # not as if the database were away
    app.add_middleware(OnRecord, services=services)
    app.add_middleware(SmallBodies, most_bytes=_MOST_BYTES)
    app.add_middleware(SameOriginOnly)
    app.add_middleware(CountsTurnedAway, services=services)
    app.add_middleware(RateLimit, services=services)
    app.add_middleware(SecurityHeaders)  # outermost: refusals carry the headers too
    return app


def _is_for_program(request: Request) -> bool:
    """Whether a refusal is read by a program: its path says so, or what it accepts."""
    return wants_problem(request) or request.url.path.startswith(_FOR_PROGRAMS)


async def _not_signed_in(request: Request, error: Exception) -> Response:
    del error
    request.scope[TURNED_AWAY] = True
    if _is_for_program(request):
        return problem_response(401, "not_signed_in", "Sign in first")
    return RedirectResponse("/login", status_code=303)


async def _not_finished(request: Request, error: Exception) -> Response:
    step = error.step if isinstance(error, NotFinishedError) else Step.SECOND
    if _is_for_program(request):
        return problem_response(401, f"second_factor_{step}", "The second proof is missing")
    return RedirectResponse(login.UNFINISHED[step], status_code=303)


async def _not_permitted(request: Request, error: Exception) -> Response:
    del error
    return await _refusal(request, 403, "not_permitted", "This account may not do that")


async def _invalid(request: Request, error: Exception) -> Response:
    """Names the fields that were wrong, never what was typed into them."""
    fields: list[str] = []
    if isinstance(error, RequestValidationError):
        fields = [".".join(str(part) for part in each["loc"]) for each in error.errors()]
    return await _refusal(request, 422, "invalid", "The request is not valid", ", ".join(fields))


async def _wrong_type(request: Request, error: Exception) -> Response:
    del error
    return await _refusal(request, 415, "wrong_type", "The body is of another type")


async def _unavailable(request: Request, error: Exception) -> Response:
    """The database is away or refuses: nothing was changed, and trying again is right."""
    _log.warning("request failed", door=_door(request), error=type(error).__name__)
    if _is_for_program(request):
        return problem_response(503, "unavailable", "Not available right now; try again")
    sentence = "暂时无法连接，请稍后再试。 Not available right now, please try again."
    return PlainTextResponse(sentence, status_code=503)  # a page would need the database


def _door(request: Request) -> str:
    """The route as it is declared: what stands in its place in an address may be a key."""
    route: object = request.scope.get("route")
    return route.path if isinstance(route, APIRoute) else "none"


async def _fault(request: Request, error: Exception) -> Response:
    """A fault of ours: said plainly, without a word of what went wrong inside."""
    _log.error("request broke", door=_door(request), error=type(error).__name__)
    if _is_for_program(request):
        return problem_response(500, "fault", "Something broke here; nothing of it is yours")
    sentence = "系统出错，未作任何更改。 Something broke here; nothing was changed."
    return PlainTextResponse(sentence, status_code=500)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    title = {404: "Not found", 405: "Method not allowed"}.get(status, "Refused")
    return await _refusal(request, status, title.lower().replace(" ", "_"), title)


async def _refusal(
    request: Request, status: int, reason: str, title: str, detail: str = ""
) -> Response:
    if _is_for_program(request) or request.url.path.startswith("/static/"):
        return problem_response(status, reason, title, detail)
    return await error_page(request, status)
