"""The ingest front's one address: `POST /ingest/{format}`, answered after the core's commit.

For devices that speak HTTP and cannot read receipts. Who may post is a token of the device's own
(`Authorization: Bearer ...`); refusals are problem details (RFC 9457) and name the field at fault.
"""

from typing import Annotated, Protocol

from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from device_adapters.mqtt.payloads.body import MAX_PAYLOAD_BYTES, MAX_TEXT, PayloadError
from gateway.clock import ProcessClock
from gateway.sqlite_writer import SpoolError
from service.headers import SecurityHeaders
from service.ingest_door import FORMATS, IngestDoor, NotReceiptedError, Posted
from service.ingest_limits import Limits
from service.problems import problem_response
from service.store.database import DATABASE_ERRORS

_JSON_TYPES = frozenset({"application/json", "application/fhir+json"})
_TRY_AGAIN_S = 30


class Tokens(Protocol):
    """Where the tokens are kept."""

    async def device_of_ingest_token(self, token: str) -> str | None:
        """The device that may post with it; None for an unknown or revoked one."""
        ...


class Front:
    """Everything that one request needs; lifetimes stay with the caller."""

    def __init__(
        self,
        *,
        door: IngestDoor,
        tokens: Tokens,
        clock: ProcessClock,
        limits: Limits,
        most_waiting: int,
    ) -> None:
        self._door = door
        self._tokens = tokens
        self._clock = clock
        self._limits = limits
        self._most_waiting = most_waiting

    async def post(self, request: Request, format_name: str, key: str | None) -> Response:
        """Answers one post; the order is: who, how often, what kind, how large, what it says."""
        device = await self._device(request)
        if device is None:
            refusal = problem_response(401, "no_token", "A good token of the device is needed")
            refusal.headers["WWW-Authenticate"] = "Bearer"
            return refusal
        wait_s = self._limits.retry_after_s(device, self._clock.monotonic())
        if wait_s:
            return _later(429, "too_many", "Too many readings; wait", wait_s)
        refusal = _unfit(request, format_name, key)
        if refusal is not None:
            return refusal
        body = await _body(request)
        if body is None:
            return _too_large()
        if self._door.waiting >= self._most_waiting:
            return _later(503, "busy", "Not kept; post it again later", _TRY_AGAIN_S)
        return await self._take(Posted(device=device, format_name=format_name, body=body, key=key))

    async def _take(self, posted: Posted) -> Response:
        try:
            identities = await self._door.take(posted)
        except PayloadError as refused:
            answer = {"field": refused.field}
            return _refused(str(refused), answer)
        except NotReceiptedError:
            return _later(
                503, "not_committed", "Kept, not yet committed; posting again is safe", _TRY_AGAIN_S
            )
        except ValueError as error:
            return _refused(f"cannot be read: {type(error).__name__}", {"field": ""})
        return JSONResponse({"status": "committed", "observations": identities}, status_code=202)

    async def _device(self, request: Request) -> str | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return None
        return await self._tokens.device_of_ingest_token(token.strip())


def create_ingest_app(front: Front) -> FastAPI:
    """The application of the ingest front: one address for readings, one for its health."""
    app = FastAPI(title="Hearthwatch ingest", openapi_url=None, docs_url=None, redoc_url=None)

    async def ingest(
        format_name: str,
        request: Request,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> Response:
        return await front.post(request, format_name, idempotency_key)

    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    async def unavailable(request: Request, error: Exception) -> Response:
        del request, error
        return _later(503, "unavailable", "Not kept; post it again later", _TRY_AGAIN_S)

    app.add_api_route("/ingest/{format_name}", ingest, methods=["POST"], response_model=None)
    app.add_api_route("/healthz", healthz)

    async def refused(request: Request, error: Exception) -> Response:
        del request
        status = error.status_code if isinstance(error, HTTPException) else 500
        title = {404: "Not found", 405: "Method not allowed"}.get(status, "Refused")
        return problem_response(status, title.lower().replace(" ", "_"), title)

    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, refused)
    for lost in (SpoolError, *DATABASE_ERRORS):
        app.add_exception_handler(lost, unavailable)
    app.add_middleware(SecurityHeaders)
    return app


def _unfit(request: Request, format_name: str, key: str | None) -> JSONResponse | None:
    if format_name not in FORMATS:
        known = ", ".join(FORMATS)
        return problem_response(404, "unknown_format", "No such format", f"known: {known}")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _JSON_TYPES:
        return problem_response(415, "not_json", "The body must be JSON")
    if key is not None and not 0 < len(key) <= MAX_TEXT:
        return problem_response(422, "invalid", "The key is too long", "Idempotency-Key")
    declared = request.headers.get("content-length", "")
    return _too_large() if declared.isdigit() and int(declared) > MAX_PAYLOAD_BYTES else None


async def _body(request: Request) -> bytes | None:
    """The body, None when it is too large; whatever its header said."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_PAYLOAD_BYTES:
            return None
    return bytes(body)


def _too_large() -> JSONResponse:
    detail = f"at most {MAX_PAYLOAD_BYTES} bytes"
    return problem_response(413, "too_large", "The body is too large", detail)


def _refused(detail: str, more: dict[str, str]) -> JSONResponse:
    body = {"type": "about:blank", "title": "Not a reading", "status": 422, "reason": "refused"}
    return JSONResponse(
        {**body, "detail": detail, **more}, status_code=422, media_type="application/problem+json"
    )


def _later(status: int, reason: str, title: str, wait_s: int) -> JSONResponse:
    answer = problem_response(status, reason, title)
    answer.headers["Retry-After"] = str(wait_s)
    return answer
