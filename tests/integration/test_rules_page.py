"""The page about rules: a doctor proposes, agrees and signs without a shell; nobody is on it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import msgspec
import pytest
from playwright.async_api import Browser, Page, expect

from gateway.pulse import Meter
from service.web.status_view import status_parts
from tests.fixtures.database import Database
from tests.integration.page_county import seed_history, seed_passwords, serve
from tests.integration.service_county import County, open_county
from tests.integration.test_packs_rolled_out import HIGHER, OURS, WITHOUT
from tests.integration.test_pages import PHONE, overflow, signed_in, violations
from tests.integration.test_rule_changes import closed, core_answers, live_version
from tests.unit.rules.readings import FIRST_TEXT

expect.set_options(timeout=60_000)  # a busy machine is no fault of the page

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.row("R13")]


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_passwords(opened)
        await seed_history(opened)
        yield opened


async def paste(page: Page, text: str) -> None:
    """A whole pack at once: typed line by line, as `fill` does, it takes Chromium half a minute."""
    box = page.locator("#propose textarea")
    await expect(box).to_be_editable()
    await box.evaluate("(box, text) => { box.value = text }", text)


async def test_four_people_bring_a_version_to_life_on_their_pages(
    browser: Browser, county: County
) -> None:
    async with serve(county) as address:
        async with signed_in(browser, address, "family-a") as page:
            await page.goto(f"{address}/rules")
            await page.locator("#propose summary").click()
            await paste(page, HIGHER.replace("wait: 15m", "wait: 16m"))
            await page.fill("#propose input[name=why]", "A clearer title")
            await page.click("#propose button")
            await expect(page.locator(".fault")).to_contain_text("16m has no source")
            await page.locator("#propose summary").click()
            await paste(page, HIGHER)
            await page.fill("#propose input[name=why]", "A clearer title")
            await page.click("#propose button")
            await expect(page.locator("#change-1")).to_contain_text("A clearer title")
            assert await page.locator("#change-1 form[action$=approve]").count() == 0, "its own"
            await core_answers(county)
        async with signed_in(browser, address, "family-b") as page:
            await page.goto(f"{address}/rules")
            await page.click("#change-1 form[action$=approve] button")
            await expect(page.locator("#change-1 form[action$=approve]")).to_have_count(0)
            await page.fill("#change-1 input[name=licence]", "110123")
            await page.click("#change-1 form[action$=sign] button")
            await expect(page.locator("#change-1")).to_contain_text("家医乙")
            assert await page.locator("#change-1 form[action$=roll-out]").count() == 0
        async with signed_in(browser, address, "county") as page:
            await page.goto(f"{address}/rules")
            await page.click("#change-1 form[action$=approve] button")
            await expect(page.locator("#change-1 form[action$=roll-out]")).to_have_count(1)
            await page.click("#change-1 form[action$=roll-out] button")
            await expect(page.locator("#change-1")).to_contain_text("told to the core")
            await core_answers(county)
            assert await live_version(county) == OURS + 1
            await page.goto(f"{address}/rules")
            await page.click("#pack-first form[action$=roll-back] button")
            await page.wait_for_url("**/rules?saved=true")
            await core_answers(county)
    assert await live_version(county) == OURS


@pytest.mark.row("O6")
async def test_what_a_version_takes_away_is_said_before_anybody_agrees(
    browser: Browser, county: County
) -> None:
    doctor = await county.account("family-a")
    await county.store.propose_pack(doctor, WITHOUT, "Nobody here takes insulin", county.now)
    await core_answers(county)
    async with (
        serve(county) as address,
        signed_in(browser, address, "family-b", language="en", size=PHONE) as page,
    ):
        await page.goto(f"{address}/rules")
        change = page.locator("#change-1")
        await expect(change).to_contain_text("These would ring for nobody any more:")
        await expect(change).to_contain_text("HW-05 Severe hypoglycaemia · Emergency")
        for licence in ("110", "111"):  # mistyped, then right
            await page.fill("#change-1 input[name=licence]", licence)
            await page.click("#change-1 form[action$=sign] button")
            await expect(change.locator("form[action$=sign] button")).to_contain_text("Sign again")
        assert await overflow(page) == 0
    (signed,) = await county.owner.fetch("SELECT DISTINCT licence FROM care.rule_signature")
    assert signed["licence"] == "111"


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_page_is_readable_and_names_nobody(
    browser: Browser, county: County, language: str
) -> None:
    await closed(county, "HW-10", 50, acted_on=9)
    await county.store.review(county.now)
    now = county.now
    await says(county, rules=18, unsigned_ring=True)
    await county.owner.execute(
        "INSERT INTO core.shadow VALUES ('shadow-1', '{\"first\": 2}', $1, $2, '{}', 0)",
        *(now - timedelta(days=70), now),
    )
    async with (
        serve(county) as address,
        signed_in(browser, address, "admin", language=language, size=PHONE) as page,
    ):
        await page.goto(f"{address}/rules")
        await page.locator("#pack-first > details.pack-rules > summary").click()
        line = page.locator("#rule-HW-10")
        await expect(line).to_contain_text("9 / 50")
        told = (
            "50 条报警中有 9 条带来了处理"
            if language == "zh"
            else "9 of 50 alerts led to something"
        )
        await expect(page.locator("#changes")).to_contain_text(told)
        demo = "仅供演示" if language == "zh" else "demonstration only"
        await expect(page.locator("#force")).to_contain_text(demo)
        await expect(line).to_contain_text(
            "守望" if language == "zh" else "Hearthwatch rule authors"
        )
        await expect(line).to_contain_text("2019中国家庭血压监测指南")
        rule = (await county.store.packs_now()).packs.first.rule("HW-10")
        for text in (rule.action, rule.patient):
            await expect(line).to_contain_text(text.in_language(language))
        unsigned = "未签名" if language == "zh" else "unsigned"
        await expect(page.locator("#pack-first > p")).to_contain_text(unsigned)
        assert await page.locator("#rule-HW-05 form").count() == 0, "an emergency never rests"
        told = await page.locator("main").inner_text()
        assert "张桂英" not in told
        assert "s-zhang" not in told
        assert await violations(page) == []
        assert await overflow(page) <= 0
        cut = "box => box.scrollWidth - box.clientWidth"
        assert await page.locator("#shadow .scroll").evaluate(cut) <= 0, "both columns are seen"


async def test_a_county_without_a_signed_rule_is_told_so_and_signs_what_ships(
    browser: Browser, county: County
) -> None:
    """Law 10 on the page: nothing rings, and the shipped pack is proposed as it stands."""
    await says(county, rules=0, unsigned_ring=False)
    async with (
        serve(county) as address,
        signed_in(browser, address, "family-a", language="en", size=PHONE) as page,
    ):
        await page.goto(f"{address}/rules")
        await expect(page.locator("#force")).to_contain_text("No rule rings for anybody")
        await expect(page.locator("#pack-first > p")).to_contain_text("rings for nobody until")
        shipped = page.locator("#pack-first form[action$=propose]")
        await page.locator("#pack-first > details").first.locator("summary").click()
        await shipped.locator("input[name=why]").fill("To be signed")
        await shipped.locator("button").click()
        await expect(page.locator("#change-1")).to_contain_text("27 rules unsigned")
        assert await violations(page) == []
        assert await overflow(page) <= 0
    await core_answers(county)
    figures = await county.store.figures(county.now)
    lines = {line.name: line for part in status_parts(figures, "en") for line in part.lines}
    ringing = lines["Rules that ring"]
    assert (ringing.text, ringing.wrong) == ("0 · only signed ones ring", True)
    (change,) = await county.store.rule_changes(county.now)
    assert change.refused is None
    assert change.text == FIRST_TEXT


async def says(county: County, *, rules: int, unsigned_ring: bool) -> None:
    """The core's report."""
    meter = Meter(county.now)
    pulse = meter.pulse(people=2, waiting=0, at_s=0.0, rules=rules, unsigned_ring=unsigned_ring)
    await county.core.execute(
        "INSERT INTO core.pulse (at, epoch, holder, body) VALUES ($1, 1, 'core', $2::text::jsonb)",
        *(county.now, msgspec.json.encode(pulse).decode()),
    )


async def test_who_may_not_is_refused_and_a_patient_sees_nothing_of_it(county: County) -> None:
    async with (
        serve(county) as address,
        httpx2.AsyncClient(base_url=address, headers={"origin": address}) as client,
    ):
        form = {"login": "village-a", "password": "correct horse battery"}
        await client.post("/login", data=form)
        assert (await client.get("/rules")).status_code == 200
        about = {"rule": "HW-10", "kind": "rest", "why": "too often"}
        assert (await client.post("/rules/rest", data=about)).status_code == 403
        assert (await client.post("/rules/packs/first/roll-back")).status_code == 403
        await client.post("/logout")
        await client.post("/login", data={**form, "login": "cdc"})
        assert (await client.get("/rules")).status_code == 403
    assert await county.store.rule_changes(county.now) == []
