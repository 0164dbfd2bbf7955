"""`audit verify` on a real record: what an owner of the database does to it is found."""

import argparse
import asyncio
import contextlib
import io
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from service.audit_command import add_arguments, run, spelled
from service.doors.sealer import keep_sealing
from service.security.chain import (
    BEGINNING,
    LONGEST_TRANSACTION,
    Entry,
    canonical,
    digest_of,
    instant,
    made,
)
from tests.fixtures.database import Database
from tests.integration.service_county import START, ZHANG, County, open_county
from tests.security.matrix import bring

pytestmark = pytest.mark.peer

REORDER = """
UPDATE care.audit SET audit_id = -audit_id;
UPDATE care.audit SET audit_id = CASE audit_id WHEN -1 THEN 2 WHEN -2 THEN 1 ELSE -audit_id END
"""
INSERT = """
INSERT INTO care.audit (audit_id, at, action, detail)
VALUES (0, '2026-09-01Z', 'read nothing', '{}')
"""
UNSEAL = "DELETE FROM care.seal_entry WHERE seal_id = 2; DELETE FROM care.seal WHERE seal_id = 2"


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        alert_id = await opened.raise_alert()
        await bring(opened, alert_id, ZHANG, ("family-a",))
        account = await opened.account("family-a")
        for _ in range(4):
            await opened.store.alert_card(account, alert_id, opened.now)
            assert await opened.store.seal(opened.now) is not None
            opened.clock.advance(LONGEST_TRANSACTION)
        yield opened


async def audit(*words: str) -> tuple[int, str]:
    """The command as an operator calls it, in its own thread and loop."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    said = io.StringIO()

    def call() -> int:
        with contextlib.redirect_stdout(said):
            return run(parser.parse_args(words))

    return await asyncio.to_thread(call), said.getvalue()


@pytest.mark.row("X2")
@pytest.mark.row("X8")
@pytest.mark.usefixtures("county")
async def test_an_untouched_record_is_whole_and_a_third_party_can_tell_from_a_file(
    database: Database, tmp_path: Path
) -> None:
    status, said = await audit("verify", "--dsn", database.dsn)
    assert status == 0
    head = said.rsplit("head ", 1)[1].strip()
    file = tmp_path / "record.jsonl"
    assert (await audit("export", str(file), "--dsn", database.dsn))[0] == 0
    assert (await audit("verify", str(file), "--head", head))[0] == 0
    text = file.read_text(encoding="utf-8")
    assert ZHANG.name not in text
    assert '\\"evidence_sha256\\"' in text, "alerts are sealed, their readings stay"
    file.write_text(text.replace("read alert", "read nothing", 1), encoding="utf-8")
    status, said = await audit("verify", str(file), "--head", head)
    assert (status, "was changed" in said) == (1, True)
    file.write_text(text[: text.rstrip().rindex("\n") + 1], encoding="utf-8")
    status, said = await audit("verify", str(file), "--head", head)
    assert (status, "not of this chain" in said) == (1, True)


@pytest.mark.row("X2")
@pytest.mark.row("X8")
@pytest.mark.parametrize(
    ("crime", "told"),
    [
        ("UPDATE care.audit SET subject = 's-nobody' WHERE audit_id = 2", "audit 2 was changed"),
        ("DELETE FROM care.audit WHERE audit_id = 2", "audit 2 was taken out"),
        (
            REORDER,
            "audit 1 was changed",
        ),
        (
            INSERT,
            "audit 0 was put in",
        ),
        ("UPDATE core.alert SET priority = 1", "alert 1 was changed"),
        ("DELETE FROM care.seal_entry WHERE seal_id = 2", "seal 2: its entries"),
        (
            UNSEAL,
            "seal 2 is gone",
        ),
    ],
)
async def test_what_the_owner_of_the_database_alters_is_found(
    county: County, database: Database, crime: str, told: str
) -> None:
    with pytest.raises(asyncpg.RaiseError):  # an accident is refused, to everybody
        await county.owner.execute("UPDATE care.audit SET action = ''")
    await county.owner.execute("SET session_replication_role = replica")
    await county.owner.execute("ALTER TABLE care.audit ALTER audit_id DROP IDENTITY")
    await county.owner.execute(crime)
    status, said = await audit("verify", "--dsn", database.dsn)
    assert status == 1
    assert told in said


@pytest.mark.row("X2")
async def test_a_row_put_in_today_that_says_it_is_of_last_month_is_found(
    county: County, database: Database, tmp_path: Path
) -> None:
    """The running service seals it like any other: its own time gives it away."""
    await county.owner.execute(
        "INSERT INTO care.audit (at, action, detail) VALUES ($1, 'read nothing', '{}')",
        county.now - timedelta(days=30),
    )
    assert await county.store.seal(county.now) is not None
    file = tmp_path / "record.jsonl"
    assert (await audit("export", str(file), "--dsn", database.dsn))[0] == 0
    for words in (("--dsn", database.dsn), (str(file),)):
        status, said = await audit("verify", *words)
        assert (status, "was put in later" in said) == (1, True)


async def test_a_record_of_any_length_is_checked_in_the_same_memory(tmp_path: Path) -> None:
    """1,500 seals of 10 rows, some 3 MB: what the check keeps of them is the last one."""
    file, previous = tmp_path / "record.jsonl", BEGINNING
    with file.open("w", encoding="utf-8") as out:
        for number in range(1, 1501):
            at = START + timedelta(seconds=number)
            lines = [
                canonical({"at": instant(at), "entry": number * 100 + n, "stream": "audit"})
                for n in range(10)
            ]
            entries = [
                Entry(stream="audit", number=number * 100 + n, line=line, digest=digest_of(line))
                for n, line in enumerate(lines)
            ]
            seal = made(number, at, previous, entries)
            previous = seal.digest
            out.write(spelled(seal) + "\n")
    tracemalloc.start()
    try:
        status, said = await audit("verify", str(file), "--head", previous.hex())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert status == 0, said
    assert "1500 seals over 15000 rows, 0 faults" in said
    assert peak < file.stat().st_size / 4, "bytes"


async def test_a_row_that_commits_late_is_sealed_after_younger_ones(
    county: County, database: Database
) -> None:
    late = await asyncpg.connect(database.dsn)
    try:
        transaction = late.transaction()
        await transaction.start()
        await late.execute(
            "INSERT INTO care.audit (at, action, detail) VALUES ($1, 'late', '{}')", county.now
        )
        await county.store.audit(None, "early", None, {}, county.now)
        assert await county.store.seal(county.now)
        await transaction.commit()
    finally:
        await late.close()
    sealed = await county.store.seal(county.now + timedelta(seconds=1))
    assert sealed is not None
    assert [entry.line for entry in sealed.entries if entry.line and '"late"' in entry.line]
    assert (await audit("verify", "--dsn", database.dsn))[0] == 0


@pytest.mark.row("X2")
async def test_the_running_service_seals_within_seconds(county: County) -> None:
    before = await county.owner.fetchval("SELECT max(seal_id) FROM care.seal")
    async with asyncio.TaskGroup() as group:
        sealing = group.create_task(keep_sealing(county.services))
        await county.store.audit(None, "something", None, {}, county.now)
        async with asyncio.timeout(60):
            while await county.owner.fetchval("SELECT max(seal_id) FROM care.seal") == before:  # noqa: ASYNC110 -- a table sets no event
                await asyncio.sleep(0.1)
        sealing.cancel()
