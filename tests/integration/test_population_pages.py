"""What the models over many people say, on the administrator's page and the why-card."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from tests.fixtures.database import Database
from tests.integration.page_county import seed_history, seed_passwords, serve
from tests.integration.service_county import ZHANG, County, open_county
from tests.integration.test_pages import overflow, signed_in, violations

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.row("R10")]


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_passwords(opened)
        await seed_history(opened)
        yield opened


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_administrator_reads_of_a_model_and_of_nobody(
    browser: Browser, county: County, language: str
) -> None:
    today = county.now.date()
    await county.owner.execute(
        "INSERT INTO core.population_finding VALUES"
        " ('model', 'Acme/BP-2', 'systolic', $1, $2, 8.04, 14, 40, $3)",
        today - timedelta(days=9),
        today - timedelta(days=3),
        county.now,
    )
    async with (
        serve(county) as address,
        signed_in(browser, address, "admin", language=language) as page,
    ):
        await page.goto(f"{address}/admin")
        told = page.locator("#findings li")
        await expect(told).to_have_count(1)
        await expect(told).to_contain_text("Acme/BP-2")
        await expect(told).to_contain_text("+8.0 mmHg")
        moved = "40户中的14户" if language == "zh" else "14 of 40 homes"
        await expect(told).to_contain_text(moved)
        assert await violations(page) == []
        assert await overflow(page) <= 0


async def test_a_why_card_says_how_unusual_and_that_it_decides_nothing(
    browser: Browser, county: County
) -> None:
    alert_id = await county.raise_alert(ZHANG.subject)
    await county.owner.execute(
        "INSERT INTO core.alert_rank VALUES ($1, 97.2, 'bp/female/60-74', 12340, $2)",
        alert_id,
        county.now,
    )
    async with serve(county) as address, signed_in(browser, address, "family-a") as page:
        await page.goto(f"{address}/doctor/alerts/{alert_id}")
        line = page.locator("#unusual")
        await expect(line).to_contain_text("percentile 97 of 12,340")
        await expect(line).to_contain_text("This decides nothing")
        assert await violations(page) == []
    stranger = await county.account("family-b")
    assert await county.store.alert_rank(stranger, alert_id, county.now) is None
