"""`audit verify` on a real record: what an owner of the database does to it is found."""

import argparse
import asyncio
import contextlib
import io
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from gateway.structured_log import configure_logs
from rules.vocabulary import HubId
from service.audit_command import (
    UnreadableRecordError,
    add_arguments,
    kept_heads,
    read_record,
    run,
    spelled,
)
from service.doors.sealer import keep_sealing
from service.operations.metrics import metrics_text
from service.security.chain import (
    BEGINNING,
    LONGEST_TRANSACTION,
    Entry,
    canonical,
    digest_of,
    instant,
    made,
)
from service.store.backup import manifest_path, take_backup
from service.web.status_view import status_parts
from tests.fixtures.database import Database
from tests.integration.service_county import START, ZHANG, County, open_county
from tests.security.crimes import (
    ACCIDENTS,
    CANARY,
    committed_for_a_while,
    crimes,
    faults_of,
    written_anew,
)
from tests.security.matrix import bring

pytestmark = pytest.mark.peer

ANY_ID = UUID(int=7)


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    """Two alerts that were brought and one that was answered: rows of every stream in each seal."""
    async with open_county(database) as opened:
        alert_id = await opened.raise_alert()
        await bring(opened, alert_id, ZHANG, ("family-a",))
        account = await opened.account("family-a")
        for _ in range(4):
            await opened.raise_alert()
            await opened.worker().settle(opened.now)
            await opened.store.alert_card(account, alert_id, opened.now)
            assert await opened.store.seal(opened.now) is not None
            opened.clock.advance(LONGEST_TRANSACTION + timedelta(seconds=1))
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
async def test_what_the_owner_of_the_database_alters_is_found(county: County) -> None:
    assert await faults_of(county, county.store) == []
    missed: list[str] = []
    for crime in crimes():
        async with committed_for_a_while(county, crime.sql) as seals:
            found = await faults_of(county, seals)
        if not any(crime.told in fault for fault in found):
            missed.append(f"{crime.name}: {found}")
    assert missed == []
    assert await faults_of(county, county.store) == [], "every crime was undone"


@pytest.mark.row("X2")
@pytest.mark.row("X8")
async def test_the_command_says_so_and_an_accident_is_refused(
    county: County, database: Database
) -> None:
    for accident in ACCIDENTS:
        with pytest.raises(asyncpg.RaiseError):
            await county.owner.execute(accident)
    await county.owner.execute("SET session_replication_role = replica")
    await county.owner.execute("UPDATE care.alert_event SET what = 'nothing' WHERE event_id = 2")
    status, said = await audit("verify", "--dsn", database.dsn)
    assert (status, "event 2 was changed" in said) == (1, True)


@pytest.mark.row("X2")
@pytest.mark.row("X8")
async def test_a_row_put_in_today_that_says_it_is_of_last_month_is_found(
    county: County, database: Database, tmp_path: Path
) -> None:
    """The running service seals it like any other: its own time gives it away, in every stream."""
    await county.owner.execute(
        "INSERT INTO care.audit (at, action, detail) VALUES ($1, 'read nothing', '{}')",
        county.now - timedelta(days=30),
    )
    await county.owner.execute(
        "INSERT INTO care.alert_event (at, alert_id, actor, what, detail)"
        " SELECT $1, alert_id, 'system', 'answered', '{}' FROM core.alert LIMIT 1",
        county.now - timedelta(hours=1),
    )
    await county.owner.execute(
        "INSERT INTO core.alert SELECT (jsonb_populate_record(a, jsonb_build_object("
        "'alert_id', $1::text, 'raised_at', $2::text))).* FROM core.alert a LIMIT 1",
        str(ANY_ID),
        (county.now - timedelta(days=30)).isoformat(),
    )
    await county.owner.execute(
        "INSERT INTO core.outbox (alert_id, created_at) VALUES ($1, $2)", ANY_ID, county.now
    )
    assert await county.store.seal(county.now) is not None
    file = tmp_path / "record.jsonl"
    assert (await audit("export", str(file), "--dsn", database.dsn))[0] == 0
    for words in (("--dsn", database.dsn), (str(file),)):
        status, said = await audit("verify", *words)
        told = [line.split(" was put in later")[0] for line in said.splitlines() if "later" in line]
        assert (status, [line.split()[-2] for line in told]) == (1, ["audit", "event", "alert"])


@pytest.mark.row("X8")
async def test_nobody_leaves_the_record_by_being_called_a_canary(county: County) -> None:
    """Only a registered canary's alerts, of a person who does not exist, are not sealed."""
    async with committed_for_a_while(county, CANARY) as seals:
        await county.owner.execute(
            "INSERT INTO care.alert_event (event_id, at, alert_id, actor, what, detail)"
            " SELECT 900, $1, alert_id, 'system', 'answered', '{}' FROM core.alert LIMIT 1",
            county.now,
        )
        seal = await seals.seal(county.now)
        assert seal is not None
        assert ("event", 900) in {(entry.stream, entry.number) for entry in seal.entries}
    await county.core.execute(
        "INSERT INTO core.hub (hub, household, area, secret)"
        " VALUES ('hub', 'home-1', 'village-area-a', '')"
    )
    hub = HubId("hub")
    await county.store.register_canary(hub, timedelta(minutes=5), "unused", county.now)
    alert_id = await county.raise_alert("s-canary-hub")
    seal = await county.store.seal(county.now)
    assert seal is not None
    assert {entry.stream for entry in seal.entries} == {"audit"}
    assert any('"canary registered"' in (entry.line or "") for entry in seal.entries)
    county.clock.advance(timedelta(days=1))
    assert await county.store.remove_canary(hub, county.now)
    assert await county.store.seal(county.now) is not None
    assert await faults_of(county, county.store) == [], "nor is it missing once it is removed"
    assert await county.owner.fetchval(
        "SELECT subject FROM core.alert WHERE alert_id = $1", alert_id
    )


@pytest.mark.row("X2")
async def test_a_sealer_that_stands_still_is_noticed(county: County, database: Database) -> None:
    """In the check, on the administrator's page and in the figures for Prometheus."""
    await county.store.audit(None, "something", None, {}, county.now)
    await county.owner.execute("INSERT INTO care.pulse (at) VALUES ($1)", county.now)
    assert await faults_of(county, county.store) == []
    county.clock.advance(timedelta(minutes=30))
    (fault,) = await faults_of(county, county.store)
    assert "audit: 1 rows since" in fault
    assert "nobody seals" in fault
    assert (await audit("verify", "--dsn", database.dsn))[0] == 1
    figures = await county.store.figures(county.now)
    lines = {line.name: line for part in status_parts(figures, "en") for line in part.lines}
    assert lines["Oldest entry in no seal"].wrong
    assert b"hearthwatch_record_waiting_seconds 1800.0" in metrics_text(figures)
    await county.store.seal(county.now)
    figures = await county.store.figures(county.now)
    lines = {line.name: line for part in status_parts(figures, "en") for line in part.lines}
    assert not lines["Oldest entry in no seal"].wrong
    assert b"hearthwatch_record_waiting_seconds 0.0" in metrics_text(figures)


@pytest.mark.row("X8")
async def test_what_was_kept_elsewhere_shows_a_chain_that_was_written_anew(
    county: County, database: Database, open_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log, a scrape, a backup's manifest and what a command printed: each is enough."""
    configure_logs()
    await county.store.audit(None, "something", None, {}, county.now)
    async with asyncio.TaskGroup() as group:
        sealing = group.create_task(keep_sealing(county.services))
        await until_sealed(county, 5)
        sealing.cancel()
    figures = await county.store.figures(county.now + timedelta(hours=1))
    manifest = await take_backup(database.dsn, open_folder / "copy", county.now, lambda _: None)
    kept = {
        "service.log": capsys.readouterr().err,
        "scrape.txt": metrics_text(figures).decode(),
        "copy.json": manifest_path(open_folder / "copy").read_text(encoding="utf-8"),
        "said.txt": (await audit("verify", "--dsn", database.dsn))[1],
        "export.txt": (await audit("export", str(open_folder / "r"), "--dsn", database.dsn))[1],
    }
    assert manifest.head is not None
    for name, text in kept.items():
        file = open_folder / name
        file.write_text(text, encoding="utf-8")
        assert kept_heads(file) == [bytes.fromhex(manifest.head)], name
        assert (await audit("verify", "--dsn", database.dsn, "--heads", str(file)))[0] == 0, name
    nothing = open_folder / "nothing.txt"
    nothing.write_text("sha256 " + "0" * 64, encoding="utf-8")
    assert (await audit("verify", "--dsn", database.dsn, "--heads", str(nothing)))[0] == 2
    async with committed_for_a_while(county, written_anew(county)) as seals:
        while await seals.seal(county.now):
            pass
        assert await faults_of(county, seals) == [], "the database alone cannot tell"
        (fault,) = await faults_of(county, seals, kept_heads(open_folder / "scrape.txt"))
        assert "written anew" in fault


@pytest.mark.parametrize(
    "line",
    [b"[]", b"7", b"{}", b"\xff", b"[" * 100_000, b'{"seal":1,"at":"x","previous":"","digest":""}'],
)
async def test_a_file_that_is_no_record_is_named_by_line(tmp_path: Path, line: bytes) -> None:
    seal = made(1, START, BEGINNING, [])
    file = tmp_path / "record.jsonl"
    file.write_bytes(spelled(seal).encode() + b"\n" + line + b"\n")
    with pytest.raises(UnreadableRecordError, match="line 2 is no seal"):
        list(read_record(file))
    assert (await audit("verify", str(file)))[0] == 2
    file.write_bytes(b"")
    assert (await audit("verify", str(file)))[0] == 2, "an empty file proves nothing"


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
        await until_sealed(county, before + 1)
        sealing.cancel()


async def until_sealed(county: County, number: int) -> None:
    """Returns once the running sealer has come so far."""
    async with asyncio.timeout(60):
        while await county.owner.fetchval("SELECT max(seal_id) FROM care.seal") < number:  # noqa: ASYNC110 -- a table sets no event
            await asyncio.sleep(0.1)
