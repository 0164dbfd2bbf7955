"""What a request read and was refused is on record before its answer leaves: one row for it all."""

from collections.abc import Mapping
from contextlib import suppress

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.problems import problem_response
from service.services import Services
from service.store.database import DATABASE_ERRORS
from service.store.looks import Fact, Gathering, Look, gathering
from service.store.records import Account
from service.store.viewing import present_viewer

_LONGEST = 100
_REFUSALS = frozenset({403, 404, 409})
_FAULT = 500


class OnRecord:
    """Gathers a request's looks and writes their row; without the row the answer is not given.

    A refusal counts where somebody is signed in: that an account may not (403), that something is
    not there or not this account's (404: one answer on purpose), that it may not be done as things
    stand (409). What is read after the answer has begun (a stream of events) is a row by itself.
    """

    def __init__(self, app: ASGIApp, *, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with gathering() as gathered:
            instead = False

            async def note(message: Message) -> None:
                nonlocal instead
                if message["type"] == "http.response.start" and gathered.is_open:
                    gathered.is_open = False
                    instead = not await self._is_written(scope, gathered, message["status"])
                    if instead:
                        await _NO_RECORD(scope, receive, send)
                if not instead:
                    await send(message)

            try:
                await self._app(scope, receive, note)
            finally:
                if gathered.is_open and gathered.looks:  # a fault of ours: nothing was shown of it
                    with suppress(*DATABASE_ERRORS):
                        await self._services.store.write_looks(gathered.looks)

    async def _is_written(self, scope: Scope, gathered: Gathering, status: int) -> bool:
        refusal = self._refusal(scope, status)
        looks = gathered.looks or ([refusal] if refusal else [])
        if not looks:
            return True
        said = refusal.detail if refusal else None
        about = next(iter(refusal.shown)) if refusal else None
        try:
            await self._services.store.write_looks(looks, said, about)
        except DATABASE_ERRORS:
            return status >= _FAULT  # a fault shows nobody's data
        return True

    def _refusal(self, scope: Scope, status: int) -> Look | None:
        account: object = scope.get("state", {}).get("account")
        route: object = scope.get("route")
        if not isinstance(account, Account) or not isinstance(route, APIRoute):
            return None
        if status not in _REFUSALS:
            return None
        asked = _asked(scope)
        detail: Mapping[str, Fact] = {
            "door": f"{scope['method']} {route.path}",
            "status": status,
            **asked,
        }
        return Look(
            account_id=account.account_id,
            action="refused",
            at=self._services.clock.now(),
            shown={asked.get("subject"): 1},
            detail=detail,
            viewer=present_viewer(),
        )


_NO_RECORD = problem_response(503, "unavailable", "Not available right now; try again")


def _asked(scope: Scope) -> dict[str, str]:
    parameters: Mapping[str, object] = scope.get("path_params", {})
    # what a request says is kept short and printable: it is read by people later
    return {
        name: "".join(letter for letter in str(value) if letter.isprintable())[:_LONGEST]
        for name, value in parameters.items()
    }
