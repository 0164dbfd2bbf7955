"""Errors of the JSON API as RFC 9457 problem details."""

from fastapi.responses import JSONResponse


def problem_response(status: int, reason: str, title: str, detail: str = "") -> JSONResponse:
    """A `application/problem+json` answer; `reason` is a word that programs may rely on."""
    body = {"type": "about:blank", "title": title, "status": status, "reason": reason}
    if detail:
        body["detail"] = detail
    return JSONResponse(body, status_code=status, media_type="application/problem+json")
