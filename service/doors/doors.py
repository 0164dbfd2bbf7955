"""Every route of the service with its documented permission: who may, and whose data it opens."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount

from service.auth import Requires
from service.permissions import PERMISSIONS, Role, route_guards, route_permission

PLACES = {
    "alert_id": "a contract in force, the own name, or a delivery of the open alert to this person",
    "subject": "a contract in force, or a delivery of an open alert about the subject",
    "hub": "a hub of the own clinic",
    "person_id": "a contract in force, of the own, a team's, or of somebody one stands in for",
    "review_id": "the own death review, or one of a person whom one cares for",
}
"""What binds a request to an account, by the parameter of the path; the store asks it in SQL.

A parameter that is not listed names nothing of a person.
"""


class UndocumentedDoorError(Exception):
    """A route names neither a permission nor that it is public."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One method of one route.

    `by` says what opens it: `session` (an account of one of `roles`), `token` (an operator's
    program), or `nothing` (public). `places` are the bindings of its path's parameters.
    """

    method: str
    path: str
    permission: str
    by: str
    roles: frozenset[Role]
    places: tuple[str, ...]
    route: APIRoute


def routes_of(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Every route, those of included routers too: FastAPI keeps an included router whole."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if isinstance(included, APIRouter):
            yield from routes_of(included.routes)
        else:
            yield route


def doors(routes: Iterable[BaseRoute]) -> list[Door]:
    """The doors of an application, in its own order; static files are none.

    Raises:
        UndocumentedDoorError: a route has no documented permission.
    """
    found: list[Door] = []
    for route in routes_of(routes):
        if isinstance(route, Mount):
            continue
        if not isinstance(route, APIRoute) or route_permission(route) is None:
            raise UndocumentedDoorError(getattr(route, "path", repr(route)))
        found += [_door(method, route) for method in sorted((route.methods or set()) - {"HEAD"})]
    return found


def _door(method: str, route: APIRoute) -> Door:
    guards = route_guards(route)
    permissions = [guard.permission for guard in guards if guard.permission is not None]
    by_session = any(isinstance(guard, Requires) for guard in guards)
    return Door(
        method=method,
        path=route.path,
        permission=" + ".join(permissions) or "public",
        by="session" if by_session else "token" if permissions else "nothing",
        roles=frozenset(role for role in Role if PERMISSIONS[role].issuperset(permissions))
        if by_session
        else frozenset(),
        places=tuple(PLACES[name] for name in route.param_convertors if name in PLACES),
        route=route,
    )
