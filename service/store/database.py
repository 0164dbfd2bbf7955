"""The pool, the named statements, and the few things all parts of the store share."""

from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
import msgspec

from gateway.store.queries import load_queries
from service.key_settings import KeySettings
from service.security.keyring import Keys
from service.store.records import Account
from service.store.viewing import EVERYBODY, Connection, ViewedPool, present_viewer

Pool: TypeAlias = ViewedPool

CARE_MIGRATIONS = Path(str(files("service.store") / "migrations"))
"""For `gateway.store.migrate.migrate(dsn, [CORE_MIGRATIONS, CARE_MIGRATIONS])`."""

DATABASE_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server hung up between two of asyncpg's steps
    OSError,
    TimeoutError,
)
"""What a lost or overloaded database raises; whoever works in a loop waits and tries again."""


def load_statements(file_name: str, package: str = "service.store") -> Mapping[str, str]:
    """The statements of a `.sql` file of a package, by the name in their `-- name:` line."""
    return load_queries(package, file_name)


_SQL = load_statements("sessions.sql")


@asynccontextmanager
async def open_pool(dsn: str, *, size: int = 8, keys: Keys | None = None) -> AsyncGenerator[Pool]:
    """At most `size` connections to `dsn`; JSON columns arrive as text. Closed on leaving.

    What is sealed arrives readable, where the key file (`HEARTHWATCH_KEY_FILE`, or `keys`) has its
    key. They see the whole county, except where a request reads for somebody (`viewing.py`).
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
        yield ViewedPool(pool, known)


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
        """Appends one audit row; `detail` carries ids and counts, never a value or a name."""
        async with self.pool.acquire() as connection:
            account_id = account.account_id if account else None
            await write_audit(connection, account_id, action, subject, detail, now)

    async def audit_shown(
        self, account: Account, action: str, shown: Iterable[str | None], now: datetime
    ) -> None:
        """Appends one audit row for each distinct subject of a list, with how often it was shown.

        So that "who has read this person's data" is one question to `care.audit`. Lines that are
        nobody's share a row; a list that showed nothing leaves one row all the same.
        """
        counts: Mapping[str | None, int] = Counter(shown) or {None: 0}
        about = (account.account_id, action, list(counts), list(counts.values()))
        await self.pool.execute(_SQL["audit_shown"], now, *about, *_request())


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
    viewer = present_viewer()
    return (None, None, None) if viewer is None else (viewer.request, viewer.route, viewer.today)


def as_json(value: object) -> str:
    """Canonical JSON text of mappings, lists, numbers, texts and msgspec types."""
    return msgspec.json.encode(value, order="deterministic").decode()
