"""Answering from a message and putting aside, on a phone, in both languages, looked at by axe."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import Browser, expect

from rules.vocabulary import Priority
from service.notify.carrier import CarriedNotifier
from service.notify.notifier import Channel
from tests.fakes.postbox import Postbox
from tests.fixtures.database import Database
from tests.integration.page_county import seed_passwords, serve
from tests.integration.service_county import ZHANG, County, open_county
from tests.integration.test_pages import PHONE, overflow, signed_in, violations

pytestmark = [pytest.mark.peer, pytest.mark.slow]


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_passwords(opened)
        yield opened


@pytest.mark.row("D22")
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_an_emergency_is_answered_on_a_phone_without_signing_in(
    browser: Browser, county: County, language: str
) -> None:
    box = Postbox()
    county.notifiers[Channel.EMAIL] = CarriedNotifier(
        box, county.store, public_url="https://county.example"
    )
    await county.store.set_contact("family-a", Channel.EMAIL, "a@x.example", county.now)
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    async with serve(county) as address:
        context = await browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]})
        page = await context.new_page()
        await page.context.add_cookies(
            [{"name": "hearthwatch_language", "value": language, "url": address}]
        )
        await page.goto(f"{address}/answer/{box.letters[0].key}")
        await expect(page.locator("input[name=answer]")).to_have_count(3)
        assert await violations(page) == []
        assert await overflow(page) == 0
        await expect(page.locator("body")).not_to_contain_text(ZHANG.name)
        await page.check("input[value=going]")
        await page.click("main form button")
        await expect(page.locator("[role=status]")).to_be_visible()
        await page.goto(f"{address}/answer/nothing")
        assert await violations(page) == []
        await context.close()
    assert await county.state(alert_id) == "acknowledged"


@pytest.mark.row("A4")
async def test_a_doctor_puts_a_soon_alert_aside_with_a_reason_and_an_end(
    browser: Browser, county: County
) -> None:
    alert_id = await county.raise_alert(priority=Priority.SOON)
    urgent = await county.raise_alert(priority=Priority.URGENT)
    await county.worker().settle(county.now)
    county.clock.advance(timedelta(minutes=1))
    async with (
        serve(county) as address,
        signed_in(browser, address, "village-a", size=PHONE) as page,
    ):
        await expect(page.locator("#spend")).to_contain_text("/ 5")
        await page.goto(f"{address}/doctor/alerts/{urgent}")
        await expect(page.get_by_text("Put aside")).to_have_count(0)
        await page.goto(f"{address}/doctor/alerts/{alert_id}")
        await page.locator("summary", has_text="Put aside").click()
        assert await violations(page) == []
        assert await overflow(page) == 0
        await page.check("input[value=device_in_repair]")
        await page.locator("form[action$=shelve] button").click()
        await expect(page.locator("#line-told")).to_contain_text("Put aside for a while")
        await page.locator("summary", has_text="What has happened since").click()
        await expect(page.locator("table")).to_contain_text("by the contract")
    assert await county.state(alert_id) == "shelved"
