"""Two ASGI layers: security headers on every answer, no change of state from another site."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import problem_response

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

SECURITY_HEADERS = {
    # Everything from this host: no inline script or style, no other site's, no frame around us.
    "Content-Security-Policy": (
        # The style sheet carries its few icons as data: images.
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class SecurityHeaders:
    """Adds the headers; pages with people's data are stored by no cache."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and completes the answer's headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_static = scope["path"].startswith("/static/")

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(SECURITY_HEADERS)
                if not is_static:
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, complete)


class SmallBodies:
    """Refuses (413) a body above what its path takes: `most_bytes` by the path's beginning.

    The longest beginning counts; `""` is for every other path. What is declared too large is
    refused unread; what turns out too large is cut off there.
    """

    def __init__(self, app: ASGIApp, *, most_bytes: Mapping[str, int]) -> None:
        self._app = app
        self._most_bytes = dict(sorted(most_bytes.items(), key=lambda item: -len(item[0])))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes small requests on."""
        if scope["type"] != "http" or scope["method"] in _SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        most = next(size for begin, size in self._most_bytes.items() if path.startswith(begin))
        declared = Headers(scope=scope).get("content-length", "")
        messages: list[Message] = []
        size, taken = int(declared) if declared.isdigit() else 0, 0
        while max(size, taken) <= most:
            message = await receive()
            messages.append(message)
            taken += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body", False):
                break
        if max(size, taken) > most:
            refusal = problem_response(
                413, "too_large", "The body is too large", f"at most {most} bytes"
            )
            await refusal(scope, receive, send)
            return

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        await self._app(scope, again, send)


class SameOriginOnly:
    """Refuses (403) every unsafe request that a browser sends on behalf of another site.

    Browsers state `Sec-Fetch-Site` or at least `Origin` with such a request (ASVS 3.5.1); a program
    that states neither carries no cookie that a foreign page could have made it send.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers 403."""
        if scope["type"] == "http" and scope["method"] not in _SAFE_METHODS:
            headers = Headers(scope=scope)
            if not _is_same_origin(headers):
                refusal = problem_response(403, "cross_site", "This request came from another site")
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_same_origin(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")
