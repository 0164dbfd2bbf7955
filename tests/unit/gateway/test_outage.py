"""The database's failures by their own names: gone, full, or a fault of ours."""

import asyncpg
import pytest

from gateway.store.outage import StoreFullError, StoreUnavailableError, outages

LOST = (
    OSError("reset"),
    TimeoutError(),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.ConnectionDoesNotExistError("closed in the middle of an operation"),
    asyncpg.AdminShutdownError("terminating connection"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.InternalServerError("going down"),
    asyncpg.InternalClientError("unexpected protocol state"),
)
NO_ROOM = (asyncpg.DiskFullError("no space left"), asyncpg.TooManyConnectionsError("sorry"))


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
def test_a_lost_database_is_told_as_such(error: Exception) -> None:
    with pytest.raises(StoreUnavailableError), outages():
        raise ExceptionGroup("tasks", [error])


@pytest.mark.parametrize("error", NO_ROOM, ids=lambda error: type(error).__name__)
def test_a_full_one_too(error: Exception) -> None:
    with pytest.raises(StoreFullError), outages():
        raise error


def test_a_fault_of_ours_keeps_its_name() -> None:
    with pytest.raises(asyncpg.UndefinedColumnError), outages():
        raise asyncpg.UndefinedColumnError("no such column")
