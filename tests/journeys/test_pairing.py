"""Unbox to first chart: the patient presses one button, confirms once, and types nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from firmware_sim.peripheral import BloodPressureCuff
from gateway.broker import LocalBroker
from tests.fixtures.database import Database
from tests.journeys.test_crisis import open_page
from tests.journeys.town import CUFF, WANG, small_town

pytestmark = [pytest.mark.peer, pytest.mark.slow]


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a test's own wall


@pytest.mark.row("P1")
async def test_patient_pairs_a_cuff_and_sees_the_first_reading_appear(
    database: Database, broker: LocalBroker, browser: Browser, tmp_path: Path
) -> None:
    async with (
        small_town(database, broker, tmp_path) as town,
        BloodPressureCuff(town.link, CUFF) as cuff,
    ):
        page = await open_page(browser, town, "wang")
        await expect(page.locator("#pairing-state")).to_be_visible()
        await page.click("#pairing-start")
        await cuff.pairing_mode(at=now())
        found = page.locator("form.candidate button")
        await expect(found).to_have_count(1, timeout=20_000)
        await found.click()
        await town.wait_for("SELECT count(*) FROM core.binding WHERE subject = $1", WANG)
        await expect(page.locator("#pairing")).to_contain_text("SIM-BP", timeout=20_000)

        await cuff.measure(systolic=136, diastolic=84, pulse=71, at=now())
        await cuff.transferred()
        await expect(page.locator("main")).to_contain_text("136/84", timeout=20_000)
        await expect(page.locator("canvas").first).to_be_visible()
