"""The operator sees of every device which program it runs and whose records it sends."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from firmware_sim.peripheral import BloodPressureCuff
from gateway.broker import LocalBroker
from tests.fixtures.database import Database
from tests.journeys.test_crisis import open_page
from tests.journeys.town import CUFF, small_town

pytestmark = [pytest.mark.peer, pytest.mark.slow]

PATIENCE_MS = 60_000


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a test's own wall


@pytest.mark.row("O13")
async def test_firmware_slots_and_strength_go_from_the_cuff_to_the_operators_page(
    database: Database, broker: LocalBroker, browser: Browser, tmp_path: Path
) -> None:
    plate = replace(CUFF, firmware="2.07 b3")
    async with (
        small_town(database, broker, tmp_path) as town,
        BloodPressureCuff(town.link, plate) as cuff,
    ):
        await town.pair(cuff)
        for systolic, user in ((138, 2), (121, 1)):
            await cuff.measure(systolic=systolic, diastolic=80, user_id=user, at=now())
            await cuff.transferred()
        # What the hub publishes is what the core keeps, whichever report comes last.
        await town.wait_for(
            "SELECT body #> '{devices,0,user_slots}' = '[1, 2]' FROM core.hub_status"
            " WHERE body #>> '{devices,0,firmware}' = $1",
            plate.firmware,
        )
        page = await open_page(browser, town, "admin")
        await page.goto(f"{town.url}/admin")
        fleet = page.locator("tbody tr", has_text=plate.serial)
        await expect(fleet).to_contain_text(plate.firmware, timeout=PATIENCE_MS)
        cells = fleet.locator("td")
        await expect(cells.nth(6)).to_have_text(plate.firmware)
        await expect(cells.nth(7)).to_have_text("1, 2")
        await expect(cells.nth(5)).to_contain_text("dBm")
        await page.context.close()
