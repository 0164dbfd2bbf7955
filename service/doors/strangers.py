"""Counts refusals of requests that nobody known has sent; `on_record.py` has the others."""

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.services import Services
from service.store.records import Account

TURNED_AWAY = "turned_away"
"""Key of a request's scope: it was sent to the log-in instead of being refused in so many words."""

_REFUSALS = frozenset({401, 403})
_ELSEWHERE = "before any door"


class CountsTurnedAway:
    """Tells `services.turned_away` of each refusal where nobody is signed in, by its door."""

    def __init__(self, app: ASGIApp, *, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_away(scope, message["status"]):
                self._services.turned_away.count(_door(scope), self._services.clock.now())
            await send(message)

        await self._app(scope, receive, note)


def _is_away(scope: Scope, status: int) -> bool:
    account: object = scope.get("state", {}).get("account")
    known = isinstance(account, Account)
    return not known and (status in _REFUSALS or bool(scope.get(TURNED_AWAY)))


def _door(scope: Scope) -> str:
    route: object = scope.get("route")
    return f"{scope['method']} {route.path}" if isinstance(route, APIRoute) else _ELSEWHERE
