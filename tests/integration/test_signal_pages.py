"""Pages about signals in a real Chromium: found, worked on, and silent where they must be."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from tests.fixtures.database import Database
from tests.integration.page_county import seed_passwords, serve
from tests.integration.service_county import County, open_county
from tests.integration.signal_county import DAY, evidence, finding, form, seed_officers
from tests.integration.test_pages import PHONE, overflow, signed_in, violations

pytestmark = [pytest.mark.peer, pytest.mark.slow]


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_officers(opened)
        await seed_passwords(opened)
        yield opened


SMALL = evidence("school", 4, expected=0.5, upperbound=2.0)


async def seed_signals(county: County) -> None:
    before = [
        evidence(source, 7 + n % 3, day=DAY - timedelta(days=n))
        for source in ("clinic", "pharmacy")
        for n in range(7, 28)
    ]
    three = finding("t-dong", (evidence("clinic"), evidence("pharmacy", 60), SMALL))
    three = replace(three, history=tuple(before))
    await form(county, three, finding("t-qing"), finding("t-lin", (SMALL,)))
    await form(county, finding("township-area", drill=True))


@pytest.mark.row("C8")
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_pages_about_signals_are_accessible_and_fit_a_phone(
    browser: Browser, county: County, language: str
) -> None:
    await seed_signals(county)
    async with (
        serve(county) as address,
        signed_in(browser, address, "duty", language=language, size=PHONE) as page,
    ):
        for path in ("/signals", "/signals/all", "/signals/places", "/signals/brief"):
            await page.goto(f"{address}{path}")
            assert await page.locator(".taps summary").count() == 0, "a tap, not a fold"
            for fold in await page.locator("main summary").all():
                await fold.click()
            assert await violations(page) == [], path
            assert await overflow(page) <= 0, path
        await page.goto(f"{address}/signals")
        await page.locator("#new a.name").first.click()
        await page.fill("input[name=purpose]", "decide whether a team goes out")
        await page.locator("form[action$=look] button").click()
        await expect(page.locator("svg.curve")).to_have_count(3)
        assert await violations(page) == []
        assert await overflow(page) <= 0
        await page.goto(f"{address}/signals")
        ask = page.locator("#new li:has(a.name:text-is('青山乡')) form > button").first
        await ask.focus()
        await page.keyboard.press("Enter")  # one tap, or one key
        await expect(page.locator("#asked li")).to_contain_text("青山乡")
        await each_in_one_tap(page)


async def each_in_one_tap(page: Page) -> None:
    """A known cause, a merge, a dismissal: one key each, and one takes back what was left."""
    for act in ("note", "dismiss", "reopen", "merge"):
        button = page.locator(f"li:has(a.name:text-is('东风镇')) form:has([value={act}]) > button")
        await button.focus()
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        where = "#left" if act in {"dismiss", "merge"} else "#waiting"
        await expect(page.locator(f"{where} a.name:text-is('东风镇')")).to_have_count(1)


@pytest.mark.row("C7")
@pytest.mark.row("C11")
async def test_an_officer_is_told_why_a_step_is_refused_and_never_sees_a_small_signal(
    browser: Browser, county: County
) -> None:
    until = county.now + timedelta(hours=9)
    (signal_id,) = await form(county, finding(arriving_until=until))
    await form(county, finding("t-lin", (SMALL,)))
    async with serve(county) as address:
        async with signed_in(browser, address, "cdc") as page:
            await page.goto(f"{address}/signals")
            assert "临河镇" not in await page.locator("main").inner_text()
            form_of = page.locator(f"#signal-{signal_id}")
            await expect(form_of).to_contain_text("until then nothing is dismissed")
            assert await form_of.locator("input[value=dismiss]").count() == 0
            refused = await page.request.post(
                f"{address}/signals/{signal_id}/act",
                form={"act": "dismiss", "cause": "chance", "back": "true"},
            )
            assert refused.status == 409
            assert "nothing is dismissed before it is in" in await refused.text()
            await form_of.get_by_role("button", name="Ask the township to verify").click()
            await expect(page.locator("#asked li")).to_have_count(1)
        async with signed_in(browser, address, "desk", size=PHONE) as page:
            await page.goto(f"{address}/verify")
            assert await violations(page) == []
            assert await overflow(page) <= 0


@pytest.mark.row("C16")
async def test_an_exercise_without_history_is_refused_in_words(
    browser: Browser, county: County
) -> None:
    async with serve(county) as address, signed_in(browser, address, "cdc") as page:
        await page.goto(f"{address}/signals")
        await page.get_by_text("Begin an exercise").first.click()
        await page.locator("#drill button").click()
        await expect(page.get_by_role("alert")).to_contain_text("would not notice that")
