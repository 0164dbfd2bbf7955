"""For whom a request reads: said to the database with every connection, enforced by its policies.

A request of a page or program has a viewer (`service.auth` sets it once the account is known); the
worker, imports and operators' commands have none and see the county, which `open_pool` states. The
policies stand in `migrations/0015_viewers.sql`.
"""

from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from service.security.keyring import Keys

if TYPE_CHECKING:
    import asyncpg

Row: TypeAlias = "asyncpg.Record"
_Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
PooledConnection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)

EVERYBODY = {"hearthwatch.viewer": "all", "jit": "off"}
"""What the county's own work says on connecting; compiling a policy takes longer than asking it."""

_SAY = """
SELECT set_config('hearthwatch.viewer', $1, false), set_config('hearthwatch.today', $2, false),
       set_config('hearthwatch.role', $3, false), set_config('hearthwatch.now', $6, false),
       set_config('hearthwatch.staff', coalesce((
           SELECT array_agg(s)::text FROM care.account a, care.answers_for(a.staff_id, $4) s
           WHERE a.account_id = $5 AND NOT a.disabled), '{}'), false)
"""
_WIDEN = "SELECT set_config('hearthwatch.viewer', 'all', true)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Whom a request is of, and when; `today` is the county's day, `request` its id in the audit.

    `route` is the method and the path's template, never its values.
    """

    account_id: UUID
    role: str
    now: datetime
    today: date
    request: UUID
    route: str


_viewer: ContextVar[Viewer | None] = ContextVar("viewer", default=None)


def present_viewer() -> Viewer | None:
    """Who reads in this task; None for the county's own work."""
    return _viewer.get()


def begin_viewing(viewer: Viewer) -> None:
    """From now on this task (one request) reads as `viewer`."""
    _viewer.set(viewer)


@contextmanager
def beyond_view() -> Generator[None]:
    """What the statements inside bind by themselves: a clinic's turn, a name in a timeline."""
    token = _viewer.set(None)
    try:
        yield
    finally:
        _viewer.reset(token)


async def widen(connection: Connection) -> None:
    """For the rest of this transaction the act goes on as the county's own work.

    To be called once the account's right to the act was asked.
    """
    if _viewer.get() is not None:
        await connection.execute(_WIDEN)


@dataclass(frozen=True, slots=True)
class _Whole:
    """The one transaction of this task, and for whom it was begun."""

    pool: "ViewedPool"
    viewer: Viewer | None
    connection: PooledConnection


_whole: ContextVar[_Whole | None] = ContextVar("whole", default=None)


class ViewedPool:
    """A pool whose connections know for whom they read; a connection forgets it on its return."""

    def __init__(self, pool: _Pool, keys: Keys) -> None:
        self._pool = pool
        self.keys = keys

    @asynccontextmanager
    async def whole(self) -> AsyncGenerator[None]:
        """All that this task does within it for the present viewer is done together, or not at all.

        So an act and its row in the record cannot part (`database.whole`).
        """
        async with self.acquire() as connection, connection.transaction():
            token = _whole.set(_Whole(self, _viewer.get(), connection))
            try:
                yield
            finally:
                _whole.reset(token)

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator[PooledConnection]:
        """A connection that sees what the present viewer may."""
        begun = _whole.get()
        if begun is not None and begun.pool is self and begun.viewer is _viewer.get():
            yield begun.connection
            return
        async with self._pool.acquire() as connection:
            viewer = _viewer.get()
            if viewer is not None:
                day = viewer.today
                await connection.fetchval(
                    *(_SAY, str(viewer.account_id), day.isoformat(), viewer.role),
                    *(day, viewer.account_id, viewer.now.isoformat()),
                )
            yield connection

    async def fetch(self, query: str, *arguments: object) -> "list[asyncpg.Record]":
        """All rows."""
        async with self.acquire() as connection:
            return await connection.fetch(query, *arguments)

    async def fetchrow(self, query: str, *arguments: object) -> "asyncpg.Record | None":
        """The first row, None where there is none."""
        async with self.acquire() as connection:
            return await connection.fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: object):  # noqa: ANN201 -- any column
        """The first row's first column, None where there is no row."""
        async with self.acquire() as connection:
            return await connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: object) -> str:
        """The statement's status word."""
        async with self.acquire() as connection:
            return await connection.execute(query, *arguments)

    async def executemany(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        """One statement for each row, all or none."""
        async with self.acquire() as connection:
            await connection.executemany(query, rows)
