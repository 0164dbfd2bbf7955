"""A guided measurement: sit, then measure twice; nobody else sees or begins it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from service.store.rests import MEASURING, REST
from tests.fixtures.database import Database
from tests.integration.page_county import Reading, store_readings
from tests.integration.service_county import WANG, ZHANG, County, open_county
from tests.integration.test_signal_papers import signed_in

pytestmark = [pytest.mark.peer]


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


async def test_the_page_leads_from_the_chair_to_the_second_reading(county: County) -> None:
    begun = county.now  # 09:00 in the county
    async with signed_in(county, "zhang") as client:

        async def said() -> str:
            return (await client.get("/patient/rest")).text

        assert "我现在坐下" in await said()
        await client.post("/patient/rest")
        assert "安静坐到 09:05" in await said()
        county.clock.advance(timedelta(minutes=2))
        await client.post("/patient/rest")
        assert await begun_by(county) == [ZHANG.subject], "a second tap begins nothing anew"
        await store_readings(county, ZHANG.subject, [pressure(county)])
        county.clock.advance(timedelta(minutes=3))
        assert "已测 0 次" in await said(), "measured while sitting down"
        await store_readings(county, ZHANG.subject, [pressure(county)])
        assert "已测 1 次" in await said()
        county.clock.advance(timedelta(minutes=1))
        await store_readings(county, ZHANG.subject, [pressure(county)])
        assert "完成" in await said()
        county.clock.advance(REST + MEASURING)
        assert county.now > begun + REST + MEASURING
        assert "我现在坐下" in await said()
    assert await begun_by(county) == [ZHANG.subject]


async def test_the_database_keeps_anothers_rest_to_itself(county: County) -> None:
    await county.owner.execute(
        "INSERT INTO care.guided_rest VALUES ($1, $2)", ZHANG.subject, county.now
    )
    wang = await county.account("wang")
    async with county.owner.transaction():
        await county.owner.execute("SET LOCAL ROLE hw_service")
        for name, value in (
            ("viewer", str(wang.account_id)),
            ("today", "2026-09-01"),
            ("now", county.now.isoformat()),
        ):
            await county.owner.execute(
                "SELECT set_config($1, $2, true)", f"hearthwatch.{name}", value
            )
        assert await begun_by(county) == []
        await county.owner.execute(
            "INSERT INTO care.guided_rest VALUES ($1, $2)", WANG.subject, county.now
        )
        assert await begun_by(county) == [WANG.subject]


def pressure(county: County) -> Reading:
    return Reading(at=county.now, systolic=138, diastolic=82)


async def begun_by(county: County) -> list[str]:
    rows = await county.owner.fetch("SELECT subject FROM care.guided_rest")
    return [row["subject"] for row in rows]
