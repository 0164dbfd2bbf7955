"""Counting and releasing over real rows: synthetic people left out, every week decided once."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import asyncpg
import pytest

from service.surveillance.daily import refresh
from tests.fixtures.database import Database
from tests.integration.page_county import Reading, seed_townships, store_readings
from tests.integration.service_county import ZONE, County, open_county

pytestmark = [pytest.mark.peer]

PEOPLE = {"东风镇": 14, "青山乡": 7, "临河镇": 3}


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_townships(opened, PEOPLE, 45)
        yield opened


async def released(county: County) -> list[asyncpg.Record]:
    return await county.owner.fetch(
        "SELECT c.*, r.name FROM cdc.release_cell c JOIN care.area r ON r.area_id = c.area"
        " ORDER BY week_start, indicator, area"
    )


async def test_each_closed_week_is_released_once_and_late_readings_change_nothing(
    county: County,
) -> None:
    next_due = await refresh(county.store.pool, county.now, ZONE)
    assert next_due.astimezone(ZONE).isoformat() == "2026-09-02T01:00:00+08:00"
    first = await released(county)
    # Readings begin on 18 July; 10 days after its Sunday the week of 17 August is still open.
    assert {row["week_start"] for row in first} == {
        date(2026, 7, 13) + timedelta(weeks=n) for n in range(5)
    }
    await store_readings(
        county,
        "t0-p0",
        [Reading(at=county.now - timedelta(days=30), systolic=190, diastolic=100)],
    )
    await refresh(county.store.pool, county.now, ZONE)
    assert await released(county) == first
    county.clock.advance(timedelta(days=7))
    await refresh(county.store.pool, county.now, ZONE)
    later = await released(county)
    assert later[: len(first)] == first
    assert max(row["week_start"] for row in later) == date(2026, 8, 17)


async def test_small_cells_leave_without_their_number_and_with_a_partner(county: County) -> None:
    await refresh(county.store.pool, county.now, ZONE)
    week = [
        row
        for row in await released(county)
        if row["week_start"] == date(2026, 8, 3) and row["indicator"] == "reporting"
    ]
    marks = {row["name"]: (row["disclosure"], row["people"]) for row in week}
    assert marks["临河镇"] == ("small", None)
    assert marks["青山乡"] == ("thin", None)  # fewer than ten report
    assert marks["东风镇"] == ("shown", 14)
    assert marks["镇"] == ("shown", 0)  # the seeded county's own township, where nobody measures
    # 24 less 14 would be 10: 3 and 7, or 2 and 8; the township is shown and the total is not
    assert marks["县"] == ("withheld", None)
    judged = {row["name"]: row["judgement"] for row in week}
    assert judged["临河镇"] == judged["青山乡"] == "not_shown"
    assert judged["东风镇"] in {"usual", "flagged"}


async def test_synthetic_people_and_doubtful_times_are_not_counted(county: County) -> None:
    await county.owner.execute(
        "UPDATE core.profile SET body = body || '{\"synthetic\": true}' WHERE subject LIKE 't%-p1%'"
    )
    await county.owner.execute(
        "UPDATE core.observation SET time_confidence = 'unknown' WHERE subject = 't0-p0'"
    )
    await refresh(county.store.pool, county.now, ZONE)
    most = await county.owner.fetchval("SELECT max(people) FROM cdc.count_cell WHERE area = 't0'")
    # 14 people of t0, less p0 and the five named p1, p10, p11, p12, p13.
    assert most <= 8
    week = [row for row in await released(county) if row["week_start"] == date(2026, 8, 3)]
    shown = {(row["indicator"], row["area"]): row["people"] for row in week}
    assert shown["reporting", "t0"] in {8, None}


async def test_a_released_cell_can_neither_be_changed_nor_removed(county: County) -> None:
    await refresh(county.store.pool, county.now, ZONE)
    for statement in (
        "UPDATE cdc.release_cell SET people = 4 WHERE people IS NOT NULL",
        "DELETE FROM cdc.release_cell",
    ):
        with pytest.raises(asyncpg.RaiseError, match="never recomputed"):
            await county.owner.execute(statement)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await county.store.pool.execute(statement)


async def test_the_core_cannot_read_counts(county: County) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await county.core.fetch("SELECT * FROM cdc.release_cell")


async def test_a_county_without_readings_waits_for_tomorrow(database: Database) -> None:
    async with open_county(database) as empty:
        await refresh(empty.store.pool, empty.now, ZONE)
        assert await released(empty) == []


async def test_only_a_cdc_officer_of_the_county_gets_cells(county: County) -> None:
    await refresh(county.store.pool, county.now, ZONE)
    officer = await county.account("cdc")
    cells = await county.store.township_counts(officer, "reporting", 3, county.now)
    assert {cell.week_start for cell in cells} == {
        date(2026, 7, 27),
        date(2026, 8, 3),
        date(2026, 8, 10),
    }
    doctor = await county.account("family-a")
    assert await county.store.township_counts(doctor, "reporting", 3, county.now) == []
    actions = await county.owner.fetch("SELECT action FROM care.audit WHERE action LIKE '%counts'")
    assert len(actions) == 2
