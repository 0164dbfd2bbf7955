"""What an account was refused is on record before it is told: one row for each 403 and 404."""

from collections.abc import Mapping

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.doors.doors import PLACES
from service.services import Services
from service.store.records import Account

_LONGEST = 100


class Refusals:
    """Writes `refused` with the door and what was asked for; nothing where nobody is signed in.

    A 403 always counts. A 404 counts where the path names somebody's data: "does not exist" and
    "is not yours" are one answer on purpose.
    """

    def __init__(self, app: ASGIApp, *, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on; the row is written before the refusal leaves."""

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in {403, 404}:
                await self._note(scope, message["status"])
            await send(message)

        await self._app(scope, receive, note if scope["type"] == "http" else send)

    async def _note(self, scope: Scope, status: int) -> None:
        account: object = scope.get("state", {}).get("account")
        route: object = scope.get("route")
        if not isinstance(account, Account) or not isinstance(route, APIRoute):
            return
        asked = _asked(scope)
        if status == 404 and not PLACES.keys() & asked.keys():  # noqa: PLR2004 -- not found
            return
        detail = {"door": f"{scope['method']} {route.path}", "status": status, **asked}
        now = self._services.clock.now()
        await self._services.store.audit(account, "refused", asked.get("subject"), detail, now)


def _asked(scope: Scope) -> dict[str, str]:
    parameters: Mapping[str, object] = scope.get("path_params", {})
    # what a request says is kept short and printable: it is read by people later
    return {
        name: "".join(letter for letter in str(value) if letter.isprintable())[:_LONGEST]
        for name, value in parameters.items()
    }
