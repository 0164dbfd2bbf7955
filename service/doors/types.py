"""Which types of body a door takes: what is of another type is refused (415) before it is read."""

from collections.abc import Mapping

from fastapi import Request
from fastapi.params import Form
from fastapi.routing import APIRoute

FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
JSON = frozenset({"application/json"})
"""Every `…+json` with it."""


class WrongTypeError(Exception):
    """The body is of a type that this door does not take."""


class Takes:
    """Marks a route that reads its body itself: `dependencies=[Depends(Takes("text/csv"))]`."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = frozenset(kinds)

    def __call__(self) -> None:
        """Lets every request through: `right_type` refuses."""


def taken_by(route: APIRoute) -> frozenset[str]:
    """The types that a route takes; one that wants no body ignores an empty form's."""
    for dependency in route.dependant.dependencies:
        if isinstance(dependency.call, Takes):
            return dependency.call.kinds
    if any(isinstance(each.field_info, Form) for each in route.dependant.body_params):
        return FORMS
    return JSON if route.dependant.body_params else FORMS | JSON


def right_type(request: Request) -> None:
    """The dependency of every route.

    Raises:
        WrongTypeError: there is a body, and it is of a type that the route does not take.
    """
    route: object = request.scope.get("route")
    if not isinstance(route, APIRoute) or not _has_body(request.headers):
        return
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    taken = taken_by(route)
    if not kind and (taken != JSON or not route.dependant.body_params):
        return  # whoever says nothing may mean the right thing: the door will see
    if kind not in taken and not (taken >= JSON and kind.endswith("+json")):
        raise WrongTypeError


def _has_body(headers: Mapping[str, str]) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
