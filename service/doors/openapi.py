"""`/openapi.json`: what programs may ask of the service, every answer it may give, and an example.

The document is made from the routes themselves; what a route cannot say (its refusals, which the
layers around it give, and examples) is added here. Pages for people are not in it.
"""

from collections.abc import Iterable, Mapping
from functools import cache

from fastapi import APIRouter, Depends, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import JsonValue
from starlette.applications import Starlette

from service.doors.doors import Door, doors
from service.doors.types import taken_by
from service.permissions import public

router = APIRouter()

VERSION = "1"
PROGRAMS = (
    *("/api/", "/healthz", "/events", "/metrics"),
    *("/enrol/device", "/enrol/token", "/enrol/renew", "/enrol/claim"),
)
"""The beginnings of the paths that are for programs."""

_ALERT: dict[str, JsonValue] = {
    "alert_id": "5f0c1f6e-6f2b-4a58-9d65-7f8b6f9a2f10",
    "subject": "s-7c1d",
    "kind": "physiological",
    "priority": "emergency",
    "family": "blood_pressure",
    "rule_id": "HW-02",
    "stage": "confirmed",
    "dated": False,
    "raised_at": "2026-09-01T01:00:00Z",
    "effective_at": "2026-09-01T00:58:00Z",
    "state": "unacknowledged",
    "next_due_at": "2026-09-01T01:05:00Z",
    "next_check_at": None,
}
_ACCOUNT: dict[str, JsonValue] = {
    "account_id": "0b9d7a2e-51c1-4f0e-8a55-1c1b0f5a7b11",
    "login": "zhao",
    "role": "family_doctor",
    "language": "zh",
}
_CERTIFICATE: dict[str, JsonValue] = {
    "hub": "hub-7f3a",
    "certificate": "-----BEGIN CERTIFICATE-----…",
    "expires_at": "2026-12-01T00:00:00+00:00",
    "renew_at": "2026-11-01T00:00:00+00:00",
}
_BROKER: dict[str, JsonValue] = {
    "authority": "-----BEGIN CERTIFICATE-----…",
    "broker_host": "broker.example",
    "broker_port": 8883,
}
_REQUEST_PEM = "-----BEGIN CERTIFICATE REQUEST-----\nMIHY...\n-----END CERTIFICATE REQUEST-----\n"

SENT: Mapping[str, JsonValue] = {
    "POST /api/login": {"login": "zhao", "password": "correct horse battery", "code": "287082"},
    "POST /api/alerts/{alert_id}/acknowledge": {"answer": "contacted"},
    "POST /api/alerts/{alert_id}/close": {"outcome": "advice"},
    "POST /api/receipts": {
        "type": "message.read",
        "data": {"message_id": "0d5a4b52-0f5b-5d6c-9d2b-2f1f0f7a3c21"},
    },
    "POST /api/surveillance/counts": {
        "counts": [
            {
                "area": "t-03",
                "indicator": "clinic_fever",
                "day": "2026-09-01",
                "value": 12,
                "base": 480,
            }
        ]
    },
    "POST /api/surveillance/fhir/MeasureReport": {
        "resourceType": "MeasureReport",
        "status": "complete",
        "type": "summary",
        "measure": "Measure/clinic_fever",
        "period": {"start": "2026-09-01", "end": "2026-09-01"},
    },
    "POST /api/surveillance/dispensings": {
        "dispensings": [
            {
                "person": "s-0193",
                "drug": "C09AA02",
                "day": "2026-09-01",
                "days": 30,
                "number": "R-20260901-17",
            }
        ]
    },
    "POST /api/surveillance/fhir/MedicationDispense": {
        "resourceType": "MedicationDispense",
        "status": "completed",
        "identifier": [{"value": "R-20260901-17"}],
        "subject": {"identifier": {"value": "s-0193"}},
        "medicationCodeableConcept": {
            "coding": [{"system": "http://www.whocc.no/atc", "code": "C09AA02"}]
        },
        "whenHandedOver": "2026-09-01",
        "daysSupply": {"value": 30},
    },
    "POST /enrol/device": {"request": _REQUEST_PEM, "software": "hearthwatch 0.1.0"},
    "POST /enrol/token": {"device_code": "Zt7w0o1cPq2v8k3m5n6b"},
    "POST /enrol/renew": {"request": _REQUEST_PEM},
    "POST /enrol/claim": {"code": "ABCD-EFGH-JKLM"},
}
"""What a program sends, by method and path."""

TOLD: Mapping[str, JsonValue] = {
    "GET /healthz": {"status": "ok"},
    "POST /api/login": _ACCOUNT,
    "GET /api/me": _ACCOUNT,
    "GET /api/alerts": [_ALERT],
    "GET /api/alerts/{alert_id}": _ALERT,
    "POST /api/alerts/{alert_id}/acknowledge": {
        "alert_id": _ALERT["alert_id"],
        "state": "acknowledged",
    },
    "POST /api/alerts/{alert_id}/close": {"alert_id": _ALERT["alert_id"], "state": "closed"},
    "POST /api/receipts": {"result": "noted"},
    "POST /api/surveillance/counts": {
        "submission": "3f1e9f39-50ce-4a5a-8b3f-0d2b5f0a9f55",
        "taken": 1,
        "unchanged": 0,
        "refused": [],
    },
    "POST /api/surveillance/fhir/MeasureReport": {
        "submission": "3f1e9f39-50ce-4a5a-8b3f-0d2b5f0a9f55",
        "taken": 1,
        "unchanged": 0,
        "refused": [],
    },
    "POST /api/surveillance/dispensings": {
        "submission": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "taken": 1,
        "unchanged": 0,
        "refused": [],
    },
    "POST /api/surveillance/fhir/MedicationDispense": {
        "submission": "9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d",
        "taken": 0,
        "unchanged": 1,
        "refused": [],
    },
    "POST /enrol/device": {
        "device_code": "Zt7w0o1cPq2v8k3m5n6b",
        "user_code": "BCDF-GHJK",
        "verification_uri": "https://county.example/enrol",
        "verification_uri_complete": "https://county.example/enrol?code=BCDF-GHJK",
        "expires_in": 1800,
        "interval": 5,
        "fingerprint": "SHA256:3q2+7w…",
    },
    "POST /enrol/token": {**_CERTIFICATE, "secret_hex": "9f…", **_BROKER},
    "POST /enrol/renew": _CERTIFICATE,
    "POST /enrol/claim": {"username": "Omron~HEM-7361T~001", "password": "…", **_BROKER},
}
"""What it is told when all is well; others answer with no body, text or a stream."""

_TEXT = {"GET /metrics": "text/plain", "GET /events": "text/event-stream"}
_WITHOUT_BODY = {"POST /api/logout": "204"}

_REFUSALS = {
    "400": "The request is not what its protocol asks for",
    "401": "Sign in first, or finish signing in",
    "403": "This account may not do that, or the request came from another site",
    "404": "It does not exist, or it is not this account's",
    "405": "Not with this method",
    "409": "Its state does not allow this",
    "413": "The body is too large",
    "415": "The body is of another type",
    "422": "The request is not valid; `detail` names the fields",
    "429": "Too many requests; `Retry-After` says how many seconds to wait",
    "500": "A fault of ours",
    "503": "The database is away, or this county does not offer it; try again",
}


@router.get("/openapi.json", dependencies=[Depends(public())], include_in_schema=False)
async def openapi(request: Request) -> Response:
    """The document, OpenAPI 3.1."""
    return JSONResponse(document(request.app))


def programs_doors(app: Starlette) -> list[Door]:
    """The doors that are for programs."""
    return [
        door
        for door in doors(app.routes)
        if door.path.startswith(PROGRAMS) and door.route.include_in_schema
    ]


@cache
def document(app: Starlette) -> dict[str, JsonValue]:
    """The whole document of an application."""
    found = programs_doors(app)
    made = get_openapi(
        title="守望 Hearthwatch",
        version=VERSION,
        summary="Alerts of a county for the programs of its clinics",
        routes=[door.route for door in found],
    )
    for door in found:
        _complete(made["paths"][door.path][door.method.lower()], door)
    made["components"].setdefault("schemas", {})["Problem"] = _PROBLEM
    made["components"]["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": "__Host-hearthwatch"},
        "token": {"type": "http", "scheme": "bearer"},
    }
    return made


_PROBLEM: dict[str, JsonValue] = {
    "title": "Problem details (RFC 9457)",
    "type": "object",
    "required": ["type", "title", "status", "reason"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "reason": {"type": "string", "description": "A word that programs may rely on"},
        "detail": {"type": "string"},
    },
}


def _complete(operation: dict[str, JsonValue], door: Door) -> None:
    """Adds refusals, examples and what opens the door to one operation."""
    name = f"{door.method} {door.path}"
    operation["description"] = f"{operation.get('description', '')}\n\nNeeds: {door.permission}."
    if door.by == "session":
        operation["security"] = [{"session": []}]
    elif door.by == "token":
        operation["security"] = [{"token": []}]
    if name in SENT:
        _add_example(operation, SENT[name], taken_by(door.route))
    operation["responses"] = {**_success(operation, name), **_refusals(name)}


def _add_example(operation: dict[str, JsonValue], example: JsonValue, kinds: Iterable[str]) -> None:
    body = operation.setdefault(
        "requestBody", {"content": {"application/json": {"schema": {"type": "object"}}}}
    )
    assert isinstance(body, dict)
    content = body["content"]
    assert isinstance(content, dict)
    media = content["application/json"]
    assert isinstance(media, dict)
    media["example"] = example
    for kind in sorted(kinds):
        other: JsonValue = {"schema": {"type": "string"}} if kind.startswith("text/") else media
        content.setdefault(kind, other)


def _success(operation: dict[str, JsonValue], name: str) -> dict[str, JsonValue]:
    if name in _WITHOUT_BODY:
        return {_WITHOUT_BODY[name]: {"description": "Done"}}
    if name in _TEXT:
        return {"200": {"description": "Text", "content": {_TEXT[name]: {"schema": {}}}}}
    known = operation["responses"]
    assert isinstance(known, dict)
    told = known.get("200")
    schema: JsonValue = {"type": ["object", "array"]}
    if isinstance(told, dict) and isinstance(content := told.get("content"), dict):
        media = content.get("application/json")
        schema = (media.get("schema") if isinstance(media, dict) else None) or schema
    media_type: dict[str, JsonValue] = {"schema": schema}
    if name in TOLD:
        media_type["example"] = TOLD[name]
    return {"200": {"description": "Done", "content": {"application/json": media_type}}}


def _refusals(name: str) -> dict[str, JsonValue]:
    """Every layer around a route may refuse any of them."""
    problem: dict[str, JsonValue] = {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }
    found: dict[str, JsonValue] = {}
    for status, words in _REFUSALS.items():
        refusal: dict[str, JsonValue] = {"description": words, "content": problem}
        if status == "422" and name.startswith("POST /api/surveillance/"):
            refusal["content"] = {**problem, "application/json": {"schema": {"type": "object"}}}
            refusal["description"] = f"{words}; or no line was taken, and `refused` says why"
        if status == "429":
            refusal["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
        found[status] = refusal
    return found
