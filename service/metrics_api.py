"""`/metrics`: the machine's figures for Prometheus, to whoever holds the operator's token.

Without a token only a program on this machine may read them, and not through a proxy: a request
that was passed on says so, and its sender is then not known to be here.
"""

import asyncio
import secrets
from ipaddress import ip_address
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from service.auth import NotPermittedError
from service.operations.metrics import CONTENT_TYPE, metrics_text
from service.permissions import Guard, Permission
from service.services import Services, services_of
from service.store.database import DATABASE_ERRORS
from service.store.health import Figures

router = APIRouter()

_PATIENCE_S = 5.0
_PASSED_ON = ("x-forwarded-for", "forwarded", "x-real-ip")
_log = structlog.get_logger()


class Operator(Guard):
    """Marks a route for programs of the operator."""

    permission = Permission.READ_STATUS

    def __call__(self, request: Request) -> None:
        """Lets the token's bearer in, or without a token a program on this machine.

        Raises:
            NotPermittedError: neither.
        """
        token = services_of(request).settings.metrics_token
        if token is None:
            if not _is_local(request):
                raise NotPermittedError(Permission.READ_STATUS)
            return
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        wanted = token.get_secret_value().encode()
        if kind.lower() != "bearer" or not secrets.compare_digest(given.strip().encode(), wanted):
            raise NotPermittedError(Permission.READ_STATUS)


operator = Operator()


@router.get("/metrics", dependencies=[Depends(operator)], response_model=None)
async def metrics(parts: Annotated[Services, Depends(services_of)]) -> Response:
    """Prometheus text; also while the database is away, and then it says so."""
    figures: Figures | None = None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            figures = await parts.store.figures(parts.clock.now())
    except DATABASE_ERRORS as error:
        _log.warning("no figures", error=type(error).__name__)
    return Response(metrics_text(figures), media_type=CONTENT_TYPE)


def _is_local(request: Request) -> bool:
    if any(name in request.headers for name in _PASSED_ON) or request.client is None:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
