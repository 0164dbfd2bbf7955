"""A copy of a county's database in one file, beside it what is in it, and the way back.

Both are PostgreSQL's own programs. The copy and its manifest are of one instant: `pg_dump` reads
the snapshot in which the rows were counted. A file without a manifest is a backup that was cut
short. The way back goes into an empty database only, in one transaction; afterwards nothing rings
that the lost database has told already (see `_settle`).
"""

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec

from gateway.store.migrate import migrate, migrations_in
from gateway.store.restoring import BEGIN, END, STANDS, WHAT_TO_DO
from service.store.database import load_statements
from service.store.pg_tools import ToolError, address_of, find_tool, run_tool

_SQL = load_statements("backup.sql")
_SCHEMAS = ("core", "care", "cdc", "migration")
_BLOCK = 1 << 20
_FRESH_CLOCK = timedelta(minutes=15)
_VERSION = 1

Report = Callable[[str], None]


class BackupError(Exception):
    """A backup that cannot be taken or trusted, or a database that must not be written."""


class LaneMark(msgspec.Struct, frozen=True):
    """Up to where one lane of a hub was committed."""

    hub: str
    epoch: str
    lane: str
    through: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. `size` and `sha256` are of the file, `rows` by table."""

    v: int
    taken_at: datetime
    server: str
    timescale: bool
    size: int
    sha256: str
    migrations: dict[str, str]
    rows: dict[str, int]
    marks: list[LaneMark]
    head: str | None = None
    """The digest of the record's last seal in it, hexadecimal: for `audit verify --heads`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Holding:
    """What a database holds in the instant of `snapshot`."""

    snapshot: str
    major: int
    timescale: bool
    migrations: dict[str, str]
    rows: dict[str, int]
    marks: list[LaneMark]
    head: str | None


def manifest_path(file: Path) -> Path:
    """Where the manifest of a backup lies."""
    return file.with_name(file.name + ".json")


async def take_backup(dsn: str, file: Path, now: datetime, report: Report) -> Manifest:
    """Copy the database at `dsn` to `file` (a whole path), for its owner's eyes, while all runs.

    Raises:
        BackupError: the file exists already, or there is no county's database.
        ToolError: `pg_dump` is missing or failed.
    """
    if _is_there(file):
        raise BackupError(f"{file} exists already")
    draft = file.with_name(file.name + ".part")
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            if len(await connection.fetch(_SQL["schemas"])) < len(_SCHEMAS):
                raise BackupError("this is no county's database: a schema is missing")
            holding = await _holding(connection)
            await _dump(dsn, draft, holding, report)
        size, digest = await asyncio.to_thread(_sealed, draft)
        draft.rename(file)
    except BaseException:
        draft.unlink(missing_ok=True)  # names stand in it
        raise
    finally:
        await connection.close()
    manifest = Manifest(
        v=_VERSION,
        taken_at=now,
        server=str(holding.major),
        timescale=holding.timescale,
        size=size,
        sha256=digest,
        migrations=holding.migrations,
        rows=holding.rows,
        marks=holding.marks,
        head=holding.head,
    )
    _write(manifest_path(file), msgspec.json.format(msgspec.json.encode(manifest)))
    return manifest


async def _holding(connection: "asyncpg.Connection[asyncpg.Record]") -> _Holding:
    """What the snapshot holds; of a former release there is no record yet, and no seal."""
    sealed = await connection.fetchval("SELECT to_regclass('care.seal') IS NOT NULL")
    return _Holding(
        snapshot=await connection.fetchval("SELECT pg_export_snapshot()"),
        major=connection.get_server_version().major,
        timescale=bool(await connection.fetchval(_SQL["timescale"])),
        migrations={r["name"]: r["digest"] for r in await connection.fetch(_SQL["migrations"])},
        rows=await _counted(connection),
        marks=[LaneMark(*row) for row in await connection.fetch(_SQL["marks"])],
        head=await connection.fetchval(_SQL["head"]) if sealed else None,
    )


async def _dump(dsn: str, draft: Path, holding: _Holding, report: Report) -> None:
    """Run `pg_dump` over the snapshot, into `draft`, for its owner's eyes."""
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    # the parts of a hypertable lie in schemas of the extension
    wanted = [] if holding.timescale else [part for name in _SCHEMAS for part in ("-n", name)]
    tool = await find_tool("pg_dump", holding.major)
    address = address_of(dsn)
    await run_tool(
        [
            *(tool, "-Fc", "--no-owner", f"--snapshot={holding.snapshot}", *wanted),
            *("-f", draft, "-d", address.dsn),
        ],
        address.environment,
        lambda: report(f"{draft.stat().st_size / 1e6:.1f} MB written"),
    )


def _is_there(file: Path) -> bool:
    return file.exists() or manifest_path(file).exists()


def read_manifest(file: Path) -> Manifest:
    """The manifest of a backup.

    Raises:
        BackupError: there is none, or it cannot be read.
    """
    try:
        manifest = msgspec.json.decode(manifest_path(file).read_bytes(), type=Manifest)
    except OSError as error:
        raise BackupError(f"{manifest_path(file)}: {error.strerror or error}") from error
    except msgspec.DecodeError as error:
        raise BackupError(f"{manifest_path(file)}: {error}") from error
    if manifest.v != _VERSION:
        raise BackupError(f"{manifest_path(file)}: version {manifest.v} is not {_VERSION}")
    return manifest


async def check_file(file: Path) -> Manifest:
    """The manifest of a backup whose bytes are those that were written.

    Raises:
        BackupError: a byte is missing or another, or there is no manifest.
    """
    manifest = read_manifest(file)
    try:
        size, digest = await asyncio.to_thread(_digest, file)
    except OSError as error:
        raise BackupError(f"{file}: {error.strerror or error}") from error
    if (size, digest) != (manifest.size, manifest.sha256):
        raise BackupError(f"{file} is damaged: {size} bytes, sha256 {digest} is not as written")
    return manifest


async def restore(
    dsn: str,
    file: Path,
    directories: Sequence[Path],
    now: datetime,
    lost_at: datetime | None,
    report: Report,
) -> Manifest:
    """Put the backup `file` (a whole path) into the empty database at `dsn`, brought up to date.

    `lost_at` is when the lost database last worked; None says that nothing was told after the
    backup. What was measured in between comes once more from the hubs, and is a task of the day
    where it would have rung: it has.

    Raises:
        BackupError: the file is damaged or of a later program, or the database is not empty.
        ToolError: `pg_restore` is missing or failed; nothing of it stays.
        MigrationError: as `gateway.store.migrate.migrate`.
    """
    manifest = await check_file(file)
    _known(manifest, directories)
    lost = max(lost_at or manifest.taken_at, manifest.taken_at)
    if lost > now:
        raise BackupError(f"{lost.isoformat()} is not in the past")
    connection = await asyncpg.connect(dsn)
    try:
        there = [row["nspname"] for row in await connection.fetch(_SQL["schemas"])]
        if there and await connection.fetchval(STANDS):
            raise BackupError(WHAT_TO_DO)
        if there:
            raise BackupError(f"the database is not empty: it has schema {', '.join(there)}")
        await connection.execute(BEGIN)
        await connection.execute(_SQL["roles"])
        try:
            await _fill(connection, dsn, file, manifest, report)
        except ToolError:
            if not await connection.fetch(_SQL["schemas"]):
                await connection.execute(END)  # nothing of it has stayed
            raise
        rows = await _counted(connection)
        if rows != manifest.rows:
            raise BackupError(f"the rows differ from the manifest's: {_differing(rows, manifest)}")
        for name in await migrate(dsn, directories):
            report(f"applied {name}")
        await _settle(connection, manifest.taken_at, lost, now)
    finally:
        await connection.close()
    return manifest


async def _fill(
    connection: "asyncpg.Connection[asyncpg.Record]",
    dsn: str,
    file: Path,
    manifest: Manifest,
    report: Report,
) -> None:
    """Run `pg_restore`; with TimescaleDB between the two calls that its manual asks for."""
    tool = await find_tool("pg_restore", connection.get_server_version().major)
    address = address_of(dsn)
    report("putting the rows back")
    if manifest.timescale:
        await connection.execute(_SQL["before_timescale"])
    whole = [] if manifest.timescale else ["--single-transaction"]
    await run_tool(
        [tool, "--no-owner", "--exit-on-error", *whole, "-d", address.dsn, file],
        address.environment,
        lambda: None,
    )
    if manifest.timescale:
        await connection.execute(_SQL["after_timescale"])


async def _settle(
    connection: "asyncpg.Connection[asyncpg.Record]",
    backup_at: datetime,
    lost_at: datetime,
    now: datetime,
) -> None:
    """Let nothing ring by itself because the clock was put back.

    Deliveries under way are not made again, what is open has a fresh clock, sessions end, hubs are
    obeyed and heard anew: their commands and the core's epoch count on from higher.
    """
    async with connection.transaction():
        await connection.execute(_SQL["remember"], now, backup_at, lost_at)
        await connection.execute(_SQL["quiet_deliveries"])
        await connection.execute(_SQL["fresh_clocks"], now + _FRESH_CLOCK)
        for name in ("end_sessions", "newer_commands", "newer_epoch"):
            await connection.execute(_SQL[name])
        await connection.execute(END)


async def _counted(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, int]:
    tables = [row["name"] for row in await connection.fetch(_SQL["tables"])]
    return {
        name: int(await connection.fetchval(f"SELECT count(*) FROM {name}"))  # noqa: S608 - catalogue's
        for name in tables
    }


def _known(manifest: Manifest, directories: Sequence[Path]) -> None:
    ours = {migration.name: migration.digest for migration in migrations_in(directories)}
    strange = [n for n, digest in manifest.migrations.items() if ours.get(n) != digest]
    if strange:
        raise BackupError(f"the backup is of another program: it knows {', '.join(strange)}")


def _differing(rows: Mapping[str, int], manifest: Manifest) -> str:
    names = sorted(rows.keys() | manifest.rows.keys())
    return ", ".join(
        f"{name} {rows.get(name)} instead of {manifest.rows.get(name)}"
        for name in names
        if rows.get(name) != manifest.rows.get(name)
    )


def _sealed(file: Path) -> tuple[int, str]:
    with file.open("rb+") as written:
        os.fsync(written.fileno())
    return _digest(file)


def _digest(file: Path) -> tuple[int, str]:
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
    return file.stat().st_size, digest.hexdigest()


def _write(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
