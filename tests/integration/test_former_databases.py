"""A database of every former level of migrations, with a county's data in it, is that of today.

`tests/vectors/databases/core_N_care_M.sql` holds the rows that the program of that time wrote, with
the first N migrations of schema core and M of care and cdc: eleven days of a cuff, meters with 7.80
mmol/L, 99 mg/dL and LO, a cuff without a clock, Fahrenheit, somebody unknown, and a crisis that was
told to people. They were written by the program at commits 46e03a4, 5c9aea9 and ca00106.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from gateway.store.core_store import CoreStore
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.migrate import CORE_MIGRATIONS, MigrationError, migrate, migrations_in
from gateway.store.reading_row import identity_text, observation_of, point_of
from rules.identity import observation_identity
from rules.vocabulary import Bound, QuantityName
from service.db_command import CARE_MIGRATIONS
from service.store.backup import restore, take_backup
from service.store.care_store import Store
from service.store.database import open_pool
from service.store.verify import Extent, verify
from tests.fixtures.database import Database
from tests.integration.county_bench import START, WANG, ZONE, county_bench, pressure, sugar

pytestmark = pytest.mark.peer

FOLDER = Path(__file__).parents[1] / "vectors" / "databases"
LEVELS = sorted(path.stem for path in FOLDER.glob("*.sql"))
ALL = [CORE_MIGRATIONS, CARE_MIGRATIONS]
CRISIS = START + timedelta(days=11)

_ANSWERED = """
WITH told AS (
    INSERT INTO care.patient_message (person_id, alert_id, step, kind, at, text_zh, text_en)
    SELECT person_id, alert_id, 0, 'answered', '2026-11-12 00:09+00'::timestamptz + minutes, zh, en
    FROM (SELECT person_id, alert_id FROM care.patient_message WHERE message_id = 1) m, (VALUES
        (interval '0', '家医乙表示正在去您那里。请不要等待。',
         '家医乙 says they are on the way to you. Do not wait.'),
        (interval '1 minute', '关于您家里的那次测量：家医乙已看到测量结果。请不要等待。',
         'About the measurement in your home: 家医乙 has looked at it. Do not wait.'),
        (interval '2 minutes', '家医乙说来了', '家医乙 came')) t (minutes, zh, en)
    RETURNING alert_id)
INSERT INTO care.alert_event (at, alert_id, actor, what, detail)
SELECT '2026-11-12 00:09+00', t.alert_id, a.account_id::text, 'answered', '{"answer": "going"}'
FROM (SELECT DISTINCT alert_id FROM told) t, care.account a WHERE a.login = 'family-b'
"""
"""What that program wrote of answers; of the second and third nobody knows whose it was."""


async def at_level(dsn: str, level: str) -> None:
    """Lay out the schemas as they were, and fill them."""
    _, core, _, care = level.split("_")
    wanted = {"gateway": int(core), "service": int(care)}
    former = [m for m in migrations_in(ALL) if _number(m.name) <= wanted[m.name.split("/")[0]]]
    owner = await asyncpg.connect(dsn)
    try:
        await owner.execute(
            "CREATE SCHEMA migration;"
            "CREATE TABLE migration.applied (name text PRIMARY KEY, digest text NOT NULL)"
        )
        for migration in former:
            await owner.execute(migration.text)
        await owner.execute((FOLDER / f"{level}.sql").read_text(encoding="utf-8"))
        await owner.execute(_ANSWERED)
        assert await owner.fetchval("SELECT count(*) FROM migration.applied") == len(former)
    finally:
        await owner.close()


def _number(name: str) -> int:
    return int(name.split("/")[1][:4])


@asynccontextmanager
async def new_database(server: EmbeddedPostgres) -> AsyncGenerator[Database]:
    name = f"former_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
        yield Database(name=name, server=server)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture(params=LEVELS)
async def former(
    request: pytest.FixtureRequest, postgres: EmbeddedPostgres
) -> AsyncIterator[Database]:
    """A database of a former level that today's program has migrated."""
    async with new_database(postgres) as database:
        await at_level(database.dsn, request.param)
        assert await migrate(database.dsn, ALL)
        yield database


def test_there_is_a_level_for_every_release() -> None:
    assert LEVELS == ["core_1_care_2", "core_2_care_2", "core_3_care_5"]


@pytest.mark.parametrize("level", LEVELS)
async def test_it_is_copied_as_it_is_and_put_back_as_todays(
    level: str, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    """Before its migration: that is when a county wants a copy."""
    file, now = tmp_path / "b", CRISIS + timedelta(days=1)
    async with new_database(postgres) as old, new_database(postgres) as today:
        await at_level(old.dsn, level)
        taken = await take_backup(old.dsn, file, now, lambda _: None)
        assert taken.head is None
        await restore(today.dsn, file, ALL, now, None, lambda _: None)
        found = await verify(today.dsn, ALL, ZONE, Extent(readings=None), taken)
    assert [words for finding in found for words in finding.wrong] == []
    assert next(each.looked_at for each in found if each.check == "readings as sent") == 28


async def test_its_readings_are_what_the_devices_sent(former: Database) -> None:
    owner = await asyncpg.connect(former.dsn)
    try:
        rows = await owner.fetch("SELECT * FROM core.observation ORDER BY effective_at")
        windows = await CoreStore(owner, "test").windows({WANG: START - timedelta(days=1)})
    finally:
        await owner.close()
    assert len(rows) == 28
    assert sorted(windows[WANG], key=lambda p: p.order) == [point_of(row) for row in rows]
    for row in rows:
        assert observation_identity(observation_of(row)) == identity_text(row["identity"])
        assert row["hub"] == "hub-1"
    values = [
        value
        for row in rows
        for name, value in point_of(row).values.items()
        if name is QuantityName.GLUCOSE
    ]
    assert [value.censored for value in values] == [None, None, Bound.BELOW]
    assert values[0].value == Decimal("7.80")
    assert [row["beyond"] for row in rows if row["beyond"]] == ['{"glucose": "below"}']
    assert [row["number"] for row in rows if row["number"]] == [37.0]
    moved = next(row for row in rows if row["flags"])
    assert (moved["flags"], moved["valid"], moved["possible_repeat"]) == (
        "body_movement",
        False,
        True,
    )
    assert observation_of(moved).raw.hex() == "1ed20080009a00ea07070e0d2d00480001"
    slow = next(row for row in rows if row["user_slot"] == 1)
    assert slow["time_confidence"] == "corrected"
    assert slow["effective_at"] - slow["claimed_at"] == timedelta(minutes=20)
    assert point_of(slow).context == {"posture": "sitting"}


async def test_its_pages_and_open_alerts_are_there(former: Database) -> None:
    async with open_pool(former.dsn_as("hw_service"), size=2) as pool:
        store = Store(pool, ZONE)
        doctor = await store.credentials("family-b")
        assert doctor is not None
        now = CRISIS + timedelta(hours=1)
        work = await store.worklist(doctor.account, now)
        assert [item.rule_id for item in work].count("HW-02") == 2
        series = await store.series(doctor.account, WANG, START, now, now)
        assert series is not None
        assert len(series.points) == 28
        assert series.points[-1].systolic == 228
        assert any(point.beyond == {"glucose": "below"} for point in series.points)
        assert await pool.fetchval("SELECT count(*) FROM core.quarantine WHERE point IS NOT NULL")


_TOLD = "SELECT text_zh, text_en FROM care.patient_message"


async def test_its_messages_name_nobody_at_rest_and_everybody_on_the_page(former: Database) -> None:
    owner = await asyncpg.connect(former.dsn)
    try:
        kept = [row["text_zh"] + row["text_en"] for row in await owner.fetch(_TOLD)]
        names = [row["name"] for row in await owner.fetch("SELECT name FROM care.staff")]
    finally:
        await owner.close()
    assert len(kept) == 7
    assert [name for name in names for text in kept if name in text] == []
    async with open_pool(former.dsn_as("hw_service"), size=2) as pool:
        patient = await Store(pool, ZONE).credentials("wang")
        assert patient is not None
        told = await Store(pool, ZONE).patient_overview(patient.account, CRISIS)
    answered = [message.text_zh for message in told.messages if message.kind == "answered"]
    assert answered == [
        "您的医生已回应。",
        "关于您家里的那次测量：您的医生已看到测量结果。请不要等待。",
        "家医乙表示正在去您那里。请不要等待。",
    ]
    others = [message for message in told.messages if message.kind != "answered"]
    assert {message.text_zh.partition("目前")[0] for message in others} == {
        "我们已经通知：县值班、家医乙、村医乙。",
        "我们已经通知：家医乙、村医乙。",
        "我们又通知了：镇值班。",
    }
    assert "We have now also contacted: 镇值班. Nobody" in others[0].text_en


async def test_its_core_goes_on_where_it_was(former: Database) -> None:
    """What was stored is not stored again, nothing rings twice, and what is new is learned."""
    async with county_bench(former.dsn_as("hw_core"), former.dsn) as bench:
        rang = await bench.rang()
        assert len(rang) == 3
        bench.sent = 1000
        await bench.feed(
            pressure(START, 128, 84),
            sugar(START + timedelta(days=10, hours=3), "7.80"),
            pressure(CRISIS, 231, 132),
            pressure(CRISIS + timedelta(minutes=2), 228, 130),
            now=CRISIS + timedelta(minutes=3),
        )
        assert await bench.count("core.observation") == 28
        assert await bench.rang() == rang
        await bench.feed(pressure(CRISIS + timedelta(days=5), 133, 84))
        assert await bench.count("core.observation") == 29


async def test_an_applied_migration_that_was_edited_is_refused(former: Database) -> None:
    owner = await asyncpg.connect(former.dsn)
    try:
        await owner.execute("UPDATE migration.applied SET digest = 'x' WHERE name ~ '0001_core'")
    finally:
        await owner.close()
    with pytest.raises(MigrationError, match="edited after it had been applied"):
        await migrate(former.dsn, ALL)
