"""The attack suite over the real store: an officer with every week, every filter and a solver."""

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import date, timedelta

import asyncpg
import pytest

from service.surveillance.daily import refresh
from service.surveillance.preview import preview
from service.surveillance.series import Indicator
from service.surveillance_release_command import preview_lines
from tests.fixtures.database import Database
from tests.integration.page_county import Reading, seed_townships, store_readings
from tests.integration.service_county import ZONE, County, open_county
from tests.unit.surveillance.attacker import WHOLE, Seen, recovered

pytestmark = [pytest.mark.peer, pytest.mark.row("C11")]

FLOOR = 5
PEOPLE = {"东风镇": 34, "青山乡": 12, "临河镇": 3, "白石乡": 15, "孤山乡": 8}


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_townships(opened, PEOPLE, 45)
        yield opened


async def seen_by_officer(county: County) -> dict[date, list[Seen]]:
    """Everything that a CDC officer's account gets, by week: there is no other filter."""
    officer = await county.account("cdc")
    weeks: dict[date, list[Seen]] = defaultdict(list)
    for indicator in Indicator:
        for cell in await county.store.township_counts(officer, indicator.value, 52, county.now):
            weeks[cell.week_start].append(
                Seen(
                    indicator=indicator.value,
                    area=WHOLE if cell.total else cell.area,
                    disclosure=cell.disclosure,
                    people=cell.people,
                    monitored_up_to=cell.monitored_up_to,
                )
            )
    return weeks


@pytest.mark.slow
async def test_an_officer_with_every_table_recovers_no_cell(county: County) -> None:
    await refresh(county.store.pool, county.now, ZONE)
    weeks = await seen_by_officer(county)
    assert len(weeks) >= 4
    hidden = [cell for cells in weeks.values() for cell in cells if cell.people is None]
    assert len(hidden) > 20, "there is something to recover"
    for cells in weeks.values():
        assert {cell.indicator for cell in cells} == {indicator.value for indicator in Indicator}
        assert recovered(cells, FLOOR) == []


@pytest.mark.slow
async def test_what_arrives_later_can_not_be_subtracted(county: County) -> None:
    """Somebody joins, late readings come: no number of a released week ever moves."""
    await refresh(county.store.pool, county.now, ZONE)
    before = await seen_by_officer(county)
    late = [
        Reading(at=county.now - timedelta(days=days), systolic=186, diastolic=104)
        for days in range(14, 44)
    ]
    for subject in ("t0-p0", "t1-p0", "t2-p1"):
        await store_readings(county, subject, late)
    county.clock.advance(timedelta(days=1))
    await refresh(county.store.pool, county.now, ZONE)
    after = await seen_by_officer(county)
    assert {week: after[week] for week in before} == before
    # inside it is known: the same days have a later revision
    revised = await county.owner.fetchval("SELECT count(*) FROM cdc.count_cell WHERE revision > 1")
    assert revised > 0


@pytest.mark.slow
async def test_a_township_cut_anew_is_in_one_geography_a_week(county: County) -> None:
    """No week is released both for a township and for its successors."""
    await refresh(county.store.pool, county.now, ZONE)
    # t0 ends; its people now belong to two new townships
    await county.owner.execute(
        "INSERT INTO care.area (area_id, parent_id, level, name, valid_from) VALUES"
        " ('t0a', 'county-area', 'township', '东一', '2026-09-02'),"
        " ('t0b', 'county-area', 'township', '东二', '2026-09-02')"
    )
    await county.owner.execute("UPDATE care.area SET valid_to = '2026-09-01' WHERE area_id = 't0'")
    await county.owner.execute(
        "UPDATE core.profile SET body = jsonb_set(body, '{area}',"
        " to_jsonb(CASE WHEN right(subject, 1) < '5' THEN 't0a' ELSE 't0b' END))"
        " WHERE body ->> 'area' = 't0'"
    )
    county.clock.advance(timedelta(days=7))
    await refresh(county.store.pool, county.now, ZONE)
    weeks = await seen_by_officer(county)
    areas = {week: {cell.area for cell in cells} for week, cells in weeks.items()}
    newest = max(areas)
    assert {"t0a", "t0b"} <= areas[newest]
    for held in areas.values():
        assert not ("t0" in held and held & {"t0a", "t0b"})
    assert recovered(weeks[newest], FLOOR) == []


async def test_only_released_cells_can_be_asked_for_at_all(county: County) -> None:
    """The store's reads for an officer have two filters, indicator and weeks; both are checked."""
    await refresh(county.store.pool, county.now, ZONE)
    officer = await county.account("cdc")
    for indicator in ("systolic_deviation", "cluster_verified", "' OR true --"):
        assert await county.store.township_counts(officer, indicator, 52, county.now) == []
    few = await county.store.township_counts(officer, "reporting", 1, county.now)
    many = await county.store.township_counts(officer, "reporting", 52, county.now)
    assert set(few) <= set(many)


async def test_the_dry_run_stores_nothing_says_no_count_and_proposes_the_county(
    county: County,
) -> None:
    async with county.store.pool.acquire() as connection:
        found = await preview(connection, county.now, ZONE, floor=FLOOR, week=date(2026, 8, 3))
    assert found is not None
    assert await county.owner.fetchval("SELECT count(*) FROM cdc.release_cell") == 0
    by_indicator = {one.indicator: one for one in found.indicators}
    reporting = by_indicator[Indicator.REPORTING]
    # of six townships the empty one and those of 34 and 15 are shown, unless one is a partner
    assert reporting.cells == 6
    assert (reporting.small, reporting.thin) == (1, 1)
    assert reporting.proposed == ("county" if reporting.share < 0.6 else None)
    lines = list(preview_lines(found))
    assert any("--declare" in line for line in lines)
    assert "nothing was stored" in lines[0]


async def test_a_declared_level_holds_from_its_week_on(county: County) -> None:
    await county.owner.execute(
        "INSERT INTO cdc.release_level (indicator, since, level, declared_at)"
        " VALUES ('controlled', '2026-08-03', 'county', $1)",
        county.now,
    )
    await refresh(county.store.pool, county.now, ZONE)
    rows = await county.owner.fetch(
        "SELECT week_start, count(*) AS cells FROM cdc.release_cell WHERE indicator = 'controlled'"
        " GROUP BY 1"
    )
    assert {row["week_start"]: row["cells"] for row in rows} == {
        date(2026, 7, 13): 7,
        date(2026, 7, 20): 7,
        date(2026, 7, 27): 7,
        date(2026, 8, 3): 1,
        date(2026, 8, 10): 1,
    }


async def test_another_floor_holds_for_every_cell(county: County) -> None:
    await refresh(county.store.pool, county.now, ZONE, floor=11)
    rows = await county.owner.fetch("SELECT people, floor FROM cdc.release_cell")
    assert {row["floor"] for row in rows} == {11}
    assert all(row["people"] in (None, 0) or row["people"] >= 11 for row in rows)


async def test_the_service_itself_cannot_rewrite_what_was_released(county: County) -> None:
    await refresh(county.store.pool, county.now, ZONE)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await county.store.pool.execute("UPDATE cdc.release_cell SET people = 1")
