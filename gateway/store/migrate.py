"""Forward-only migrations: numbered SQL files, applied once each, in order, under one lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import asyncpg

# Any two programs that migrate the same database wait for each other on this key ("HWMG").
_LOCK_KEY = 0x48574D47

CORE_MIGRATIONS = Path(str(files("gateway.store") / "migrations"))


class MigrationError(Exception):
    """A migration that was already applied has been edited, or one cannot be applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered file; `name` is directory and file, for example `gateway/0001_core.sql`."""

    name: str
    text: str
    timescale_only: bool

    @property
    def digest(self) -> str:
        """SHA-256 of the text: an applied migration never changes."""
        return sha256(self.text.encode()).hexdigest()


def migrations_in(directories: Sequence[Path]) -> list[Migration]:
    """All migrations of `directories`, in the order given and by file name inside each.

    A file `NNNN_name.timescale.sql` is applied only where the database has TimescaleDB with its
    community licence; whenever that comes, the next run applies it.
    """
    found: list[Migration] = []
    for directory in directories:
        owner = directory.parent.parent.name
        found += [
            Migration(
                name=f"{owner}/{path.name}",
                text=path.read_text(encoding="utf-8"),
                timescale_only=path.name.endswith(".timescale.sql"),
            )
            for path in sorted(directory.glob("[0-9][0-9][0-9][0-9]_*.sql"))
        ]
    return found


async def migrate(dsn: str, directories: Sequence[Path] = (CORE_MIGRATIONS,)) -> list[str]:
    """Apply what is missing and return the names applied now; one transaction a file.

    Raises:
        MigrationError: an applied file was edited since, or a file fails (nothing of it stays).
    """
    connection = await asyncpg.connect(dsn)
    try:
        return await bring_up(connection, directories)
    finally:
        await connection.close()


async def bring_up(
    connection: "asyncpg.Connection[asyncpg.Record]", directories: Sequence[Path]
) -> list[str]:
    """The same on an open connection; the lock is held until it ends."""
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK_KEY)
    await connection.execute(
        "CREATE SCHEMA IF NOT EXISTS migration;"
        "CREATE TABLE IF NOT EXISTS migration.applied"
        " (name text PRIMARY KEY, digest text NOT NULL)"
    )
    return await _apply_missing(connection, migrations_in(directories))


async def _apply_missing(
    connection: "asyncpg.Connection[asyncpg.Record]", wanted: list[Migration]
) -> list[str]:
    rows = await connection.fetch("SELECT name, digest FROM migration.applied")
    applied = {row["name"]: row["digest"] for row in rows}
    # an Apache-only build has neither columnstore nor continuous aggregates
    has_timescale = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')"
        " AND current_setting('timescaledb.license', true) = 'timescale'"
    )
    done: list[str] = []
    for migration in wanted:
        if migration.name in applied:
            if applied[migration.name] != migration.digest:
                raise MigrationError(f"{migration.name} was edited after it had been applied")
            continue
        if migration.timescale_only and not has_timescale:
            continue
        await _apply(connection, migration)
        done.append(migration.name)
    return done


async def _apply(connection: "asyncpg.Connection[asyncpg.Record]", migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.text)
            await connection.execute(
                "INSERT INTO migration.applied VALUES ($1, $2)", migration.name, migration.digest
            )
    except asyncpg.PostgresError as error:
        raise MigrationError(f"{migration.name}: {error}") from error
