"""Three counties and a prefecture: through postgres_fdw only released counts cross."""

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from gateway.store.embedded import EmbeddedPostgres
from service.store.database import open_pool
from service.surveillance.daily import refresh
from service.surveillance.federation import CountyServer, Prefecture
from tests.fixtures.database import Database
from tests.integration.page_county import seed_townships
from tests.integration.service_county import ZONE, County, open_county

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.row("X9")]

LONG_AGO = date(2026, 1, 1)
WEEK = date(2026, 8, 3)
COUNTIES = {
    "east": {"东风镇": 14, "青山乡": 12},
    "south": {"临河镇": 28, "清溪镇": 16, "白石乡": 3},
    "west": {"孤山乡": 3},  # its total is below the floor
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The counties' databases, and the prefecture's."""

    counties: dict[str, County]
    databases: dict[str, Database]
    prefecture: Prefecture
    dsn: str


@pytest.fixture(scope="module")
async def region(postgres: EmbeddedPostgres, migrated_template: str) -> AsyncIterator[Region]:
    names = {one: f"t_{one}_{uuid.uuid4().hex[:8]}" for one in (*COUNTIES, "prefecture")}
    owner = await asyncpg.connect(postgres.dsn)
    for one, name in names.items():
        template = "template0" if one == "prefecture" else migrated_template
        await owner.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    databases = {one: Database(name=names[one], server=postgres) for one in COUNTIES}
    try:
        async with AsyncExitStack() as stack:
            counties: dict[str, County] = {}
            for one, database in databases.items():
                counties[one] = await stack.enter_async_context(open_county(database))
                await seed_townships(counties[one], COUNTIES[one], 32)
                await refresh(counties[one].store.pool, counties[one].now, ZONE)
            dsn = postgres.dsn_of(names["prefecture"])
            pool = await stack.enter_async_context(open_pool(dsn, size=2))
            prefecture = Prefecture(pool, ZONE)
            await prefecture.prepare()
            for one, database in databases.items():
                await prefecture.join(server_of(one, database), counties[one].now)
            yield Region(counties=counties, databases=databases, prefecture=prefecture, dsn=dsn)
    finally:
        for name in names.values():
            await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await owner.close()


def server_of(county: str, database: Database) -> CountyServer:
    parts = urlsplit(database.dsn)
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    return CountyServer(
        county=county, name=county, host=host, port=parts.port or 5432, database=database.name
    )


async def test_the_prefecture_adds_what_counties_have_shown(region: Region) -> None:
    weeks = await region.prefecture.weeks(LONG_AGO)
    (week,) = [one for one in weeks if (one.week_start, one.indicator) == (WEEK, "reporting")]
    assert (week.people, week.counties_shown, week.counties) == (26 + 47, 2, 3)
    cells = {
        one.area_name: one
        for one in await region.prefecture.cells("south", WEEK)
        if one.indicator == "reporting" and one.week_start == WEEK
    }
    assert (cells["白石乡"].disclosure, cells["白石乡"].people) == ("small", None)
    assert (cells["临河镇"].disclosure, cells["临河镇"].people) == ("withheld", None)
    assert cells["清溪镇"].people == 16


async def test_what_a_county_hides_is_in_no_number_above(region: Region) -> None:
    """Asking the foreign table for anything at all gives what the county's officers see."""
    for one, county in region.counties.items():
        released = await county.owner.fetch(
            "SELECT week_start, indicator, area, people FROM cdc.release_cell"
            " ORDER BY week_start, indicator, area"
        )
        above = await region.prefecture.cells(one, LONG_AGO)
        assert [(c.week_start, c.indicator, c.area, c.people) for c in above] == [
            tuple(row) for row in released
        ]
        assert all(c.people is None for c in above if c.disclosure != "shown")
        assert all(c.people == 0 or c.people >= c.floor for c in above if c.people is not None)


async def test_the_reader_of_the_level_above_can_read_one_view_and_nothing_else(
    region: Region,
) -> None:
    for database in region.databases.values():
        reader = await asyncpg.connect(database.dsn_as("hw_above"))
        try:
            readable = await reader.fetch(
                "SELECT c.oid::regclass::text AS name FROM pg_class c"
                " JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
                " AND c.relkind IN ('r', 'v', 'm', 'p', 'f', 'S')"
                " AND has_schema_privilege(n.oid, 'USAGE')"
                " AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'USAGE')"
                " ELSE has_any_column_privilege(c.oid, 'SELECT') END"
            )
            assert [row["name"] for row in readable] == ["cdc.rollup"]
            writable = await reader.fetchval(
                "SELECT has_any_column_privilege('cdc.rollup', 'INSERT')"
                " OR has_any_column_privilege('cdc.rollup', 'UPDATE')"
                " OR has_table_privilege('cdc.rollup', 'DELETE')"
            )
            assert writable is False
            callable_as_owner = await reader.fetchval(
                "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
                " WHERE n.nspname IN ('core', 'care', 'cdc') AND p.prosecdef"
                " AND has_function_privilege(p.oid, 'EXECUTE')"
                " AND has_schema_privilege(n.oid, 'USAGE')"
            )
            assert callable_as_owner == 0
            columns = await reader.fetch(
                "SELECT attname FROM pg_attribute WHERE attrelid = 'cdc.rollup'::regclass"
                " AND attnum > 0"
            )
            assert {row["attname"] for row in columns} == {
                *("week_start", "indicator", "area", "area_name", "level", "disclosure"),
                *("people", "monitored_up_to", "floor", "decided_at"),
            }
            for table in ("core.observation", "care.person", "cdc.count_cell", "cdc.release_cell"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await reader.fetch(f"SELECT * FROM {table} LIMIT 1")  # noqa: S608
        finally:
            await reader.close()


async def test_the_view_names_townships_and_above_only(region: Region) -> None:
    for county in region.counties.values():
        levels = await county.owner.fetch("SELECT DISTINCT level FROM cdc.rollup")
        assert {row["level"] for row in levels} <= {"township", "county"}


async def test_the_counties_group_and_only_sums_travel(region: Region) -> None:
    plan = await explain(
        region,
        "SELECT week_start, indicator, sum(people) FROM county_east.rollup"
        " WHERE level = 'county' GROUP BY week_start, indicator",
    )
    (remote,) = [line for line in plan if "Remote SQL" in line]
    assert "GROUP BY" in remote
    assert "cdc.rollup" in remote


async def explain(region: Region, statement: str) -> list[str]:
    connection = await asyncpg.connect(region.dsn)
    try:
        rows = await connection.fetch(f"EXPLAIN (VERBOSE, COSTS OFF) {statement}")
        return [row[0] for row in rows]
    finally:
        await connection.close()


async def test_nothing_can_be_written_down_from_above(region: Region) -> None:
    connection = await asyncpg.connect(region.dsn)
    try:
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute("UPDATE county_east.rollup SET people = 1")
    finally:
        await connection.close()


async def test_a_county_that_leaves_is_read_no_longer(region: Region) -> None:
    assert await region.prefecture.leave("east")
    assert not await region.prefecture.leave("east")
    assert await region.prefecture.counties() == ["south", "west"]
    assert {one.counties for one in await region.prefecture.weeks(LONG_AGO)} == {2}
    again = server_of("east", region.databases["east"])
    await region.prefecture.join(again, region.counties["east"].now)
    assert {one.counties for one in await region.prefecture.weeks(LONG_AGO)} == {3}
