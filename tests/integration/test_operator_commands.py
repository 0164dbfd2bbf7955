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
