"""Refusals as RFC 9457 problem details: of the JSON API, and of pages for whoever reads JSON."""

from fastapi import Request
from fastapi.responses import JSONResponse


def wants_problem(request: Request) -> bool:
    """Whether who asks reads JSON and no page, whatever the path."""
    accepts = request.headers.get("accept", "")
    return "json" in accepts and "text/html" not in accepts


def problem_response(status: int, reason: str, title: str, detail: str = "") -> JSONResponse:
    """A `application/problem+json` answer; `reason` is a word that programs may rely on."""
    body = {"type": "about:blank", "title": title, "status": status, "reason": reason}
    if detail:
        body["detail"] = detail
    return JSONResponse(body, status_code=status, media_type="application/problem+json")
