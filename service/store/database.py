"""The pool, the named statements, and the few things all parts of the store share."""

from collections import Counter
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import wraps
from importlib.resources import files
from pathlib import Path
from socket import gaierror
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from gateway.store.queries import load_queries
from gateway.store.restoring import refuse_unfinished
from service.key_settings import KeySettings
from service.security.keyring import Keys
from service.store.looks import Look, open_gathering, row_of
from service.store.records import Account
from service.store.viewing import EVERYBODY, Connection, ViewedPool, Viewer, present_viewer

Pool: TypeAlias = ViewedPool

CARE_MIGRATIONS = Path(str(files("service.store") / "migrations"))
"""For `gateway.store.migrate.migrate(dsn, [CORE_MIGRATIONS, CARE_MIGRATIONS])`."""

UNSTORABLE_TEXT = asyncpg.CharacterNotInRepertoireError
"""A text holds the character zero, which no database keeps: what was asked is wrong."""

DATABASE_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server hung up between two of asyncpg's steps
    OSError,
    TimeoutError,
)
"""What a lost or overloaded database raises; whoever works in a loop waits and tries again."""

_NOBODY_THERE = (ConnectionError, TimeoutError, FileNotFoundError, gaierror)


def in_words(error: BaseException) -> str:
    """What one of them, or of a command's own faults, says to whoever gave the command."""
    if not isinstance(error, OSError):
        return str(error)
    why = error.strerror or str(error) or "no answer in time"
    if error.filename:
        return f"{error.filename}: {why}"
    # Of several addresses asyncio tells all failures in one error, which has no number.
    away = isinstance(error, _NOBODY_THERE) or error.errno is None
    return f"the database is away: {why}" if away else why


def load_statements(file_name: str, package: str = "service.store") -> Mapping[str, str]:
    """The statements of a `.sql` file of a package, by the name in their `-- name:` line."""
    return load_queries(package, file_name)


_SQL = load_statements("sessions.sql")


@asynccontextmanager
async def open_pool(dsn: str, *, size: int = 8, keys: Keys | None = None) -> AsyncGenerator[Pool]:
    """At most `size` connections to `dsn`; JSON columns arrive as text. Closed on leaving.

    What is sealed arrives readable, where the key file (`HEARTHWATCH_KEY_FILE`, or `keys`) has its
    key. They see the whole county, except where a request reads for somebody (`viewing.py`).

    Raises:
        StoreUnavailableError: a restore into it did not end.
    """
    known = keys or Keys(KeySettings().key_file)

    async def read_names(connection: Connection) -> None:
        if known.ring.current is not None:
            await connection.set_type_codec(
                "text", schema="pg_catalog", encoder=str, decoder=known.read, format="text"
            )

    async with asyncpg.create_pool(
        dsn, min_size=1, max_size=size, server_settings=EVERYBODY, init=read_names
    ) as pool:
        await refuse_unfinished(pool)
        yield ViewedPool(pool, known)


_D = TypeVar("_D", bound="Database")
_P = ParamSpec("_P")
_R = TypeVar("_R")


def whole(
    act: Callable[Concatenate[_D, _P], Awaitable[_R]],
) -> Callable[Concatenate[_D, _P], Coroutine[object, object, _R]]:
    """A method of a store whose change and whose row in the record are one transaction."""

    @wraps(act)
    async def together(store: _D, *arguments: _P.args, **named: _P.kwargs) -> _R:
        async with store.pool.whole():
            return await act(store, *arguments, **named)

    return together


class Database:
    """What every part of the store builds on: the pool and the county's zone."""

    def __init__(self, pool: Pool, zone: ZoneInfo) -> None:
        self.pool = pool
        self.zone = zone

    async def ping(self) -> None:
        """Returns when the database has answered."""
        await self.pool.execute("SELECT 1")

    def today(self, now: datetime) -> date:
        """The county's calendar day at `now`: contracts begin and end at its midnight."""
        return now.astimezone(self.zone).date()

    async def audit(
        self,
        account: Account | None,
        action: str,
        subject: str | None,
        detail: Mapping[str, str | int | None],
        now: datetime,
    ) -> None:
        """Puts on record what was read, refused or done; `detail` carries ids and counts only.

        What a request reads (`read …`) or is refused (`refused …`) becomes one row together, before
        its answer leaves (`service/doors/on_record.py`); anything else is a row at once.
        """
        gathered = open_gathering()
        if gathered is not None and action.startswith(_GATHERED):
            gathered.looks.append(_look(account, action, {subject: 1}, detail, now))
            return
        async with self.pool.acquire() as connection:
            account_id = account.account_id if account else None
            await write_audit(connection, account_id, action, subject, detail, now)

    async def audit_shown(
        self, account: Account, action: str, shown: Iterable[str | None], now: datetime
    ) -> None:
        """Puts on record whose lines a list showed, and how many of each; nobody's lines count too.

        One row, whoever was in it: `subjects` answers "who has read this person's data".
        """
        look = replace(_look(account, action, Counter(shown), {}, now), is_list=True)
        if (gathered := open_gathering()) is not None:
            gathered.looks.append(look)
        else:
            await self.write_looks([look])

    async def write_looks(
        self,
        looks: Sequence[Look],
        refusal: Mapping[str, str | int | None] | None = None,
        about: str | None = None,
    ) -> None:
        """One row for all of them (`looks.row_of`); there is at least one."""
        row, first = row_of(looks, refusal, about), looks[0]
        told = (first.at, first.account_id, row.action, row.subject, as_json(row.detail))
        await self.pool.execute(_SQL["audit_looks"], *told, *_of(first.viewer), row.subjects)


_GATHERED = ("read ", "refused ")


def _look(
    account: Account | None,
    action: str,
    shown: Mapping[str | None, int],
    detail: Mapping[str, str | int | None],
    now: datetime,
) -> Look:
    return Look(
        account_id=account.account_id if account else None,
        action=action,
        at=now,
        shown=shown,
        detail=detail,
        viewer=present_viewer(),
    )


async def write_audit(
    connection: Connection,
    account_id: UUID | None,
    action: str,
    subject: str | None,
    detail: Mapping[str, str | int | None],
    now: datetime,
) -> None:
    """The same inside a transaction that the caller holds."""
    about = (account_id, action, subject, as_json(detail))
    await connection.execute(_SQL["audit"], now, *about, *_request())


def _request() -> tuple[UUID | None, str | None, date | None]:
    return _of(present_viewer())


def _of(viewer: Viewer | None) -> tuple[UUID | None, str | None, date | None]:
    return (None, None, None) if viewer is None else (viewer.request, viewer.route, viewer.today)


def as_json(value: object) -> str:
    """Canonical JSON text of mappings, lists, numbers, texts and msgspec types."""
    return msgspec.json.encode(value, order="deterministic").decode()
