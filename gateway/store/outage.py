"""What the database's own failures mean for the core: gone, full, or another's."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

import asyncpg

ASK_S = 3.0
"""How long to wait for an answer whose only use is a better last word."""

GONE = (
    OSError,  # the connection broke, or no answer came in time
    asyncpg.InterfaceError,  # it was closed under us
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # the server, or another core, has ended it
    asyncpg.InternalServerError,  # a server that is going down under its own failure
    asyncpg.InternalClientError,  # it hung up between two of asyncpg's steps
)
FULL = (asyncpg.InsufficientResourcesError,)


class StoreUnavailableError(ConnectionError):
    """The database cannot be reached, or the connection that held the lease is gone."""


class StoreFullError(Exception):
    """The database has no room for it (disk, memory, connections); nothing was written."""


@contextmanager
def outages() -> Generator[None]:
    """Give a lost database its own name, inside groups of exceptions too.

    Raises:
        StoreUnavailableError: in an exception group.
        StoreFullError: in an exception group.
    """
    try:
        yield
    except* FULL as group:
        raise StoreFullError(str(_first(group))) from group
    except* GONE as group:
        raise StoreUnavailableError(f"the database is lost: {_first(group)}") from group


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first: BaseException = group.exceptions[0]
    if isinstance(first, BaseExceptionGroup):
        return _first(cast("BaseExceptionGroup[BaseException]", first))
    return first


async def newest_epoch(dsn: str) -> int | None:
    """The epoch of whoever owns the county now, asked on a connection of its own; None: no answer.

    How an owner that lost its connection learns whether it was the network or another core.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=ASK_S, command_timeout=ASK_S)
        try:
            return int(await connection.fetchval("SELECT epoch FROM core.lease"))
        finally:
            await connection.close(timeout=ASK_S)
    except (*GONE, *FULL, asyncpg.PostgresError, TypeError):
        return None
