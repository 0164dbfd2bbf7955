"""What an operator types: the quarantine with its reasons, migrations, a wrong address."""

import asyncpg
import pytest

from service import cli
from tests.fixtures.database import Database
from tests.integration.county_bench import START, county_bench, pressure, sugar

pytestmark = pytest.mark.peer


async def run(*words: str) -> int:
    """The command in a thread of its own, because it brings its own event loop."""
    import asyncio  # noqa: PLC0415 - one use

    return await asyncio.to_thread(cli.main, words)


async def test_the_quarantine_is_listed_with_reasons_one_can_read(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        await bench.feed(sugar(START, "25", unit=None), pressure(START, 300, 90))
        await bench.feed(pressure(START, 2047, 90))
    assert await run("quarantine", "list", "--dsn", database.dsn) == 0
    said = capsys.readouterr().out.splitlines()
    assert "not_measurable" in said[0]
    assert "2047 mm[Hg] is outside what a device can measure" in said[0]
    assert "unit_missing  quantities.glucose.unit  the device named no unit" in said[1]
    assert said[2] == "2 records in quarantine"


@pytest.mark.parametrize("options", [(), ("--payload",)])
async def test_a_quarantined_record_is_one_line_whatever_is_in_it(
    database: Database, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    connection = await asyncpg.connect(database.dsn)
    try:
        await connection.execute(
            "INSERT INTO core.quarantine"
            " (recorded_at, hub, epoch, lane, sequence, reason, field, detail, payload)"
            " VALUES ($1, $2, 'e', 'live', 1, 'unreadable', $3, $4, $5)",
            *(START, "hub\r1", "con\u2028text", "a\n1 record in quarantine\x1b[2J\x85b", b"\n"),
        )
    finally:
        await connection.close()
    assert await run("quarantine", "list", "--dsn", database.dsn, *options) == 0
    said = capsys.readouterr().out
    record = (
        "2026-11-01 00:00:00 hub\\x0d1/live/1  unreadable  con\\u2028text"
        "  a\\x0a1 record in quarantine\\x1b[2J\\x85b"
    )
    shown = ["    0a"] if options else []
    assert said.splitlines() == [record, *shown, "1 record in quarantine"]


async def test_a_database_that_is_not_there_is_said_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    assert await run("quarantine", "list", "--dsn", nowhere) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


async def test_migrating_twice_changes_nothing(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("db", "migrate", "--dsn", database.dsn) == 0
    assert capsys.readouterr().out == "up to date\n"


def test_an_unknown_command_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["quarantin"]) == 2
    assert "quarantine" in capsys.readouterr().err


async def test_a_hub_is_made_a_clinics_by_a_command(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = await asyncpg.connect(database.dsn)
    try:
        await connection.execute(
            "INSERT INTO core.hub (hub, household, area, secret) VALUES ('h-1', 'c', 'a', '');"
            "INSERT INTO care.area VALUES ('a', NULL, 'village', '上村');"
            "INSERT INTO care.institution VALUES ('clinic-1', 'village', '上村卫生室', NULL, 'a')"
        )
        dsn = ("--dsn", database.dsn)
        assert await run("clinic", "h-2", "--institution", "clinic-1", *dsn) == 1
        assert capsys.readouterr().err == "no hub 'h-2' is registered\n"
        assert await run("clinic", "h-1", "--institution", "clinic-2", *dsn) == 1
        assert capsys.readouterr().err == "no institution 'clinic-2' is registered\n"
        assert await run("clinic", "h-1", "--institution", "clinic-1", *dsn) == 0
        assert "h-1 stands in the clinic clinic-1" in capsys.readouterr().out
        assert await run("clinic", "h-1", "--home", *dsn) == 0
        bodies = "SELECT body->>'clinic' AS clinic FROM core.inbox WHERE kind = 'clinic' ORDER BY 1"
        rows = await connection.fetch(bodies)
        assert [row["clinic"] for row in rows] == ["clinic-1", None]
    finally:
        await connection.close()
