"""A county's database is copied while it works, put back elsewhere, looked through for damage."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from errno import ENOSPC
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from gateway.clock import WallClock
from gateway.store.core_store import open_core_store
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.outage import StoreUnavailableError
from service.cli import main
from service.db_command import ALL_MIGRATIONS
from service.store.backup import BackupError, manifest_path, read_manifest, restore, take_backup
from service.store.database import open_pool
from service.store.pg_tools import ToolError, address_of, find_tool
from service.store.verify import Extent, verify
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    START,
    WANG,
    ZONE,
    Bench,
    county_bench,
    daily,
    pressure,
    sugar,
)
from tests.integration.service_county import County, open_county

pytestmark = [pytest.mark.peer, pytest.mark.row("L1")]

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CRISIS = START + 12 * DAY


def silent(_words: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
async def empty(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    """A database without any schema of ours."""
    name = f"empty_{uuid4().hex[:12]}"
    server = await asyncpg.connect(postgres.dsn)
    try:
        await server.execute(f"CREATE DATABASE {name}")
        yield Database(name=name, server=postgres)
        await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await server.close()


@pytest.fixture
async def lived(database: Database) -> Database:
    """Eleven days, a low reading, somebody unknown, a crisis."""
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        await lived_in(bench)
    return database


async def lived_in(bench: Bench) -> None:
    await bench.feed(*daily(11, [128, 141, 133, 150]))
    await bench.feed(sugar(CRISIS - HOUR, "LO"), sugar(CRISIS - 2 * HOUR, "7.80"))
    await bench.feed(pressure(CRISIS - 3 * HOUR, 150, 90, dated=False))
    await bench.feed(pressure(CRISIS, 231, 132), pressure(CRISIS + MINUTE, 228, 130))


async def faults(dsn: str, extent: Extent | None = None) -> list[str]:
    found = await verify(dsn, ALL_MIGRATIONS, ZONE, extent or Extent(readings=None))
    return [words for finding in found for words in finding.wrong]


async def rows(dsn: str, table: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        query = f"SELECT * FROM {table} ORDER BY 1, 2"  # noqa: S608 - the test's own names
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_what_is_put_back_is_what_was_there(
    lived: Database, empty: Database, tmp_path: Path
) -> None:
    file = tmp_path / "county.dump"
    taken = await take_backup(lived.dsn, file, CRISIS + DAY, silent)
    assert file.stat().st_mode & 0o777 == 0o600
    assert read_manifest(file) == taken
    assert taken.rows["core.observation"] == 27
    assert [(m.hub, m.lane) for m in taken.marks] == [("hub-1", "live")]
    await restore(empty.dsn, file, ALL_MIGRATIONS, CRISIS + 2 * DAY, None, silent)
    for table in ("core.observation", "core.case", "core.alert", "core.subject_state"):
        assert await rows(empty.dsn, table) == await rows(lived.dsn, table)
        assert await rows(empty.dsn, table)
    assert await faults(empty.dsn) == []


async def test_a_backup_is_of_one_instant_while_readings_come_in(
    database: Database, empty: Database, tmp_path: Path
) -> None:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        await lived_in(bench)
        copying = True

        async def measuring() -> int:
            count = 0
            while copying:
                await bench.feed(pressure(CRISIS + (count + 2) * MINUTE, 130, 80))
                count += 1
            return count

        async with asyncio.TaskGroup() as group:
            more = group.create_task(measuring(), name="measuring")
            taken = await take_backup(database.dsn, tmp_path / "b", CRISIS + DAY, silent)
            copying = False
        assert more.result() > 0
    await restore(empty.dsn, tmp_path / "b", ALL_MIGRATIONS, CRISIS + DAY, None, silent)
    assert len(await rows(empty.dsn, "core.observation")) == taken.rows["core.observation"]
    assert await faults(empty.dsn) == []


async def test_nothing_is_written_over(lived: Database, tmp_path: Path) -> None:
    file = tmp_path / "b"
    await take_backup(lived.dsn, file, CRISIS, silent)
    with pytest.raises(BackupError, match="exists already"):
        await take_backup(lived.dsn, file, CRISIS, silent)
    with pytest.raises(BackupError, match="not empty: it has schema care, cdc, core, migration"):
        await restore(lived.dsn, file, ALL_MIGRATIONS, CRISIS, None, silent)


async def test_what_cannot_be_trusted_is_refused(
    lived: Database, empty: Database, tmp_path: Path
) -> None:
    file = tmp_path / "b"
    await take_backup(lived.dsn, file, CRISIS, silent)
    with pytest.raises(BackupError, match=r"of another program: it knows service/0001_care\.sql"):
        await restore(empty.dsn, file, ALL_MIGRATIONS[:1], CRISIS, None, silent)
    with pytest.raises(BackupError, match="not in the past"):
        await restore(empty.dsn, file, ALL_MIGRATIONS, CRISIS, CRISIS + HOUR, silent)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(BackupError, match="is damaged"):
        await restore(empty.dsn, file, ALL_MIGRATIONS, CRISIS, None, silent)
    manifest_path(file).unlink()
    with pytest.raises(BackupError, match=r"b\.json"):
        await restore(empty.dsn, file, ALL_MIGRATIONS, CRISIS, None, silent)
    with pytest.raises(BackupError, match="no county's database"):
        await take_backup(empty.dsn, tmp_path / "c", CRISIS, silent)


async def test_a_failing_program_says_why(empty: Database, lived: Database, tmp_path: Path) -> None:
    await take_backup(lived.dsn, tmp_path / "b", CRISIS, silent)
    owner = await asyncpg.connect(empty.dsn)
    try:
        await owner.execute(
            "CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql"
            " AS 'BEGIN RAISE ''the disk is gone''; END'"
        )
        await owner.execute(
            "CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN"
            " ('CREATE INDEX') EXECUTE FUNCTION public.refuse()"
        )
        with pytest.raises(ToolError, match="the disk is gone"):
            await restore(empty.dsn, tmp_path / "b", ALL_MIGRATIONS, CRISIS, None, silent)
        assert await owner.fetchval("SELECT to_regclass('core.observation')") is None
    finally:
        await owner.execute("DROP EVENT TRIGGER refuse")
        await owner.close()


async def test_nobody_works_on_a_restore_that_did_not_end(
    empty: Database, lived: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine dies when all rows are back and deliveries are not quiet yet."""

    async def dies(*_arguments: object) -> None:
        raise EOFError

    await take_backup(lived.dsn, tmp_path / "b", CRISIS, silent)
    with monkeypatch.context() as patched:
        patched.setattr("service.store.backup._settle", dies)
        with pytest.raises(EOFError):
            await restore(empty.dsn, tmp_path / "b", ALL_MIGRATIONS, CRISIS, None, silent)
    (found,) = await verify(empty.dsn, ALL_MIGRATIONS, ZONE, Extent())
    assert found.count == 1
    with pytest.raises(StoreUnavailableError, match="did not end"):
        async with open_core_store(empty.dsn, "core-1"):
            pass
    with pytest.raises(StoreUnavailableError, match="did not end"):
        async with open_pool(empty.dsn):
            pass
    with pytest.raises(BackupError, match="did not end: drop the database"):
        await restore(empty.dsn, tmp_path / "b", ALL_MIGRATIONS, CRISIS, None, silent)


async def test_a_copy_that_fails_leaves_nothing_with_names(lived: Database, tmp_path: Path) -> None:
    def full(_words: str) -> None:
        raise OSError(ENOSPC, "no space")

    with pytest.raises(OSError, match="no space"):
        await take_backup(lived.dsn, tmp_path / "b", CRISIS, full)
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_on_no_command_line() -> None:
    address = address_of("postgresql://hearthwatch:s%40cret@database:5432/hearthwatch")
    assert address.dsn == "postgresql://hearthwatch@database:5432/hearthwatch"
    assert address.environment == {"PGPASSWORD": "s@cret"}


async def test_programs_of_a_later_version_serve_an_older_server() -> None:
    """A county's image brings PostgreSQL 18's programs only; its server is of version 17."""
    assert (await find_tool("pg_dump", 17)).is_file()
    with pytest.raises(ToolError, match="pg_telepathy of PostgreSQL 15 is needed"):
        await find_tool("pg_telepathy", 15)


async def told(county: County) -> list[tuple[str, str, str]]:
    found = await county.owner.fetch(
        "SELECT DISTINCT k.rule_id, d.channel, d.state FROM care.delivery d"
        " JOIN core.alert k USING (alert_id) ORDER BY 1, 2, 3"
    )
    return [tuple(row) for row in found]


async def newest_delivery(county: County) -> datetime:
    return await county.owner.fetchval("SELECT max(created_at) FROM care.delivery")


@pytest.mark.row("R19")
async def test_after_yesterdays_backup_hubs_send_again_and_nothing_rings_twice(
    database: Database, empty: Database, tmp_path: Path
) -> None:
    """The crisis was told before the loss; the lost day comes once more, and rings for nobody."""
    file = tmp_path / "yesterday"
    before, crisis, lost = START + 11 * DAY, CRISIS, CRISIS + 10 * MINUTE
    readings = daily(11, [128, 141, 133, 150])
    lost_day = [pressure(crisis, 231, 132), pressure(crisis + MINUTE, 228, 130)]
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        for reading in readings:
            await bench.feed(reading)
        await take_backup(database.dsn, file, before, silent)
        for reading in lost_day:
            await bench.feed(reading)
        rang = await bench.rang()
        assert ("HW-02", "immediate") in rang
    restored_at = lost + 5 * MINUTE
    await restore(empty.dsn, file, ALL_MIGRATIONS, restored_at, lost, silent)
    async with county_bench(empty.dsn_as("hw_core"), empty.dsn) as bench:
        assert {m.hub: through for m, through in bench.county.receipts.items()} == {"hub-1": 22}
        bench.sent = 22  # from the mark on, as a hub does
        for reading in lost_day:
            await bench.feed(reading, now=restored_at + MINUTE)
        assert await bench.count("core.observation") == 24
        assert await bench.rang() == rang
        assert not any(row["dated"] for row in await bench.alerts()), "the alert is the same one"
    async with open_county(empty) as county:
        county.clock.advance(restored_at + 2 * MINUTE - county.now)
        await county.worker().settle(county.now)
        again = await lives(county)
        assert again == {"HW-02": True}
        assert ("HW-02", "patient") not in {
            (rule, channel) for rule, channel, _ in await told(county)
        }
        # what is measured after the loss rings as ever
        fresh = await county.raise_alert(WANG)
        await county.worker().settle(county.now)
        assert await county.told(fresh, 0)


async def lives(county: County) -> dict[str, bool]:
    found = await county.owner.fetch(
        "SELECT k.rule_id, care.as_task(k.dated, k.raised_at, k.effective_at) AS task"
        " FROM care.alert_life l JOIN core.alert k USING (alert_id)"
    )
    return {row["rule_id"]: row["task"] for row in found}


async def test_what_was_under_way_is_not_told_again_by_itself(
    database: Database, empty: Database, tmp_path: Path
) -> None:
    async with open_county(database) as county:
        alert = await county.raise_alert()
        await county.worker().settle(county.now)
        account = await county.account("family-a")
        expires = county.now + DAY
        await county.store.open_session(b"token", account.account_id, county.now, expires)
        due = await county.owner.fetchval("SELECT next_due_at FROM care.alert_life")
        await county.owner.execute(
            "INSERT INTO core.hub VALUES ('hub-9', 'home-1', 'township-area', '\\x00');"
            "INSERT INTO core.hub_command (hub, version, issued_at, body)"
            " VALUES ('hub-9', 7, '2026-09-01T00:00Z', '{}')"
        )
        await take_backup(database.dsn, tmp_path / "b", county.now, silent)
        restored_at = county.now + DAY
    await restore(empty.dsn, tmp_path / "b", ALL_MIGRATIONS, restored_at, None, silent)
    owner = await asyncpg.connect(empty.dsn)
    try:
        assert due < restored_at
        clock = await owner.fetchval("SELECT next_due_at FROM care.alert_life")
        assert clock == restored_at + 15 * MINUTE
        assert await owner.fetchval("SELECT count(*) FROM care.session") == 0
        assert await owner.fetchval("SELECT count(*) FROM care.delivery") > 0
        assert await owner.fetchval("SELECT min(next_attempt_at) FROM care.delivery") is None
        assert await owner.fetchval("SELECT version FROM core.hub_command") == 1_000_007
        assert UUID(str(await owner.fetchval("SELECT alert_id FROM care.alert_life"))) == alert
    finally:
        await owner.close()


DAMAGE = {
    "another value in the rest": (
        (
            "UPDATE core.observation"
            " SET detail = overlay(detail PLACING '\\x39'::bytea FROM 6 FOR 1) WHERE systolic = 231"
        ),
        "what another device or record sent",
    ),
    "a number in a column": (
        "UPDATE core.observation SET systolic = 131 WHERE systolic = 231",
        "other numbers in its columns",
    ),
    "a rest cut short": (
        "UPDATE core.observation SET detail = substr(detail, 1, 20) WHERE systolic = 231",
        "cannot be read",
    ),
    "somebody else's device": (
        "UPDATE core.observation SET device = 'Acme/BP-1/2' WHERE systolic = 231",
        "what another device or record sent",
    ),
    "a lost outbox row": (
        "DELETE FROM core.outbox WHERE outbox_id = (SELECT min(outbox_id) FROM core.outbox)",
        "was never handed on",
    ),
    "an alert that lost its life": (
        "UPDATE core.outbox SET taken_at = created_at",
        "was taken and has no life",
    ),
    "edited evidence": (
        (
            "ALTER TABLE core.alert DISABLE TRIGGER alert_is_immutable;"
            "UPDATE core.alert SET evidence = replace(evidence, '231', '121');"
            "ALTER TABLE core.alert ENABLE TRIGGER alert_is_immutable"
        ),
        "alert ",
    ),
    "a guard switched off": (
        "ALTER TABLE core.alert DISABLE TRIGGER alert_is_immutable",
        "trigger alert_is_immutable is off",
    ),
    "columns of somebody else": (
        (
            "UPDATE core.subject_state"
            " SET state = overlay(state PLACING '\\xff'::bytea FROM 40 FOR 1) WHERE subject ~ 'wa'"
        ),
        "s-wang: the readings give other columns",
    ),
    "a reading gone": (
        "DELETE FROM core.observation WHERE effective_at < '2026-11-03T01:00Z'",
        "s-wang: the readings give other columns",
    ),
    "a quoted reading gone": (
        "DELETE FROM core.observation WHERE systolic = 231",
        ", which is nowhere",
    ),
    "an unreadable stranger": (
        "UPDATE core.quarantine SET point = '{}' WHERE point IS NOT NULL",
        "cannot be read",
    ),
    "a mark below nothing": (
        "UPDATE core.receipt SET through = -1",
        "receipt of hub-1/e1/live is -1",
    ),
    "an undated record moved": (
        "UPDATE core.seen SET claimed_at = claimed_at + interval '1 hour'",
        "another time than its first claim",
    ),
    "a migration forgotten": (
        "DELETE FROM migration.applied WHERE name = 'service/0008_restoration.sql'",
        "has not been applied",
    ),
    "a migration of a later program": (
        "INSERT INTO migration.applied VALUES ('gateway/9999_later.sql', 'x')",
        "is not known here",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_damage_is_named(database: Database, damage: str) -> None:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        await lived_in(bench)
        nobody = pressure(CRISIS + HOUR, 171, 99)
        stranger = nobody.device.__class__(manufacturer="Acme", model="BP-7", serial="guest")
        await bench.feed(pressure(CRISIS + HOUR, 171, 99, device=stranger))
        assert await faults(database.dsn) == []
        statement, words = DAMAGE[damage]
        await bench.owner.execute(statement)
        found = await faults(database.dsn)
        assert any(words in fault for fault in found), found


async def test_a_database_behind_its_backup_is_named(lived: Database, tmp_path: Path) -> None:
    taken = await take_backup(lived.dsn, tmp_path / "b", CRISIS, silent)
    owner = await asyncpg.connect(lived.dsn)
    try:
        await owner.execute("UPDATE core.receipt SET through = through - 1")
    finally:
        await owner.close()
    found = await verify(lived.dsn, ALL_MIGRATIONS, ZONE, Extent(), since=taken)
    assert [words for f in found for words in f.wrong] == ["hub-1/e1/live was at 27 and is at 26"]


async def test_the_commands_speak_and_exit(
    lived: Database, empty: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "b")
    run = asyncio.to_thread
    assert await run(main, ["db", "backup", "--dsn", lived.dsn, file]) == 0
    assert "27 readings, 1 lanes" in capsys.readouterr().out
    assert await run(main, ["db", "restore", "--dsn", lived.dsn, file]) == 1
    assert "not empty" in capsys.readouterr().err
    lost = WallClock().now().isoformat()
    assert await run(main, ["db", "restore", "--dsn", empty.dsn, file, "--lost-at", lost]) == 0
    assert await run(main, ["db", "verify", "--dsn", empty.dsn, "--all", "--since", file]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
    owner = await asyncpg.connect(empty.dsn)
    try:
        await owner.execute("UPDATE core.receipt SET through = -1")
    finally:
        await owner.close()
    assert await run(main, ["db", "verify", "--dsn", empty.dsn]) == 1
    said = capsys.readouterr().out
    assert "WRONG receipt" in said
    assert said.endswith("1 faults\n")
    assert await run(main, ["db", "days", "--dsn", lived.dsn]) == 0
    days = capsys.readouterr().out.splitlines()
    assert days[0].split() == ["2026-11-01", "blood_pressure", "2", "readings,", "2", "valid"]
    assert days[-1].split()[:3] == ["2026-11-13", "blood_pressure", "2"]
