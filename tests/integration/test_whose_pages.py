"""Whose is this? The pages in a real Chromium: by scanner, on a phone, without scripts."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid5

import msgspec
import pytest
from playwright.async_api import Browser, expect

from gateway.facts import AssignFact, BindingFact, PairingFact, TurnFact
from gateway.hub_status import (
    STATUS_VERSION,
    Candidate,
    HubStatus,
    PairingReport,
    encode_status,
)
from gateway.intake import attributed
from gateway.store.core_store import CoreStore
from rules.vocabulary import DeviceRef, SubjectRef
from tests.fixtures.database import Database
from tests.integration.county_bench import ZONE, pressure
from tests.integration.page_county import seed_history, seed_passwords, serve
from tests.integration.service_county import IDS, PASSWORD, ZHANG, County, open_county
from tests.integration.test_pages import PHONE, overflow, signed_in, violations
from tests.integration.unknown_people import at_clinic, at_home, know_hubs

pytestmark = [pytest.mark.peer, pytest.mark.slow]

LI = replace(ZHANG, person_id=uuid5(IDS, "li"), subject=SubjectRef("s-li"), name="李大山")


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_passwords(opened)
        await seed_history(opened)
        await opened.store.register_person(LI, opened.now)
        await know_hubs(opened)
        yield opened


async def last_body(county: County, kind: str) -> bytes:
    found = await county.owner.fetchval(
        "SELECT body::text FROM core.inbox WHERE kind = $1 ORDER BY inbox_id DESC LIMIT 1", kind
    )
    assert found is not None, f"no {kind} was appended"
    return found.encode()


@pytest.mark.row("P8")
async def test_the_doctor_gives_a_crisis_to_its_person(browser: Browser, county: County) -> None:
    first = await at_home(county, 231, 134, slot=2, minutes_ago=9)
    await at_home(county, 228, 131, slot=2, minutes_ago=3)
    async with serve(county) as address, signed_in(browser, address, "family-a") as page:
        await page.get_by_role("link", name="Whose is this?").click()
        card = page.locator("article.whose")
        await expect(card).to_have_count(1)  # one question for both
        await expect(card).to_contain_text("231/134")
        await expect(card).to_contain_text("228/131")
        await expect(card).to_contain_text("1 号 · Acme BP-2 · 7 · user 2")
        assert await violations(page) == []
        await card.get_by_label("Whose is this?").select_option(label="李大山 (1950)")
        await card.get_by_label("From then on, user 2 of this device is this person").check()
        await card.get_by_role("button", name="Save").click()
        await expect(page.locator("p[role=status]")).to_contain_text("Saved")
        await expect(page.locator("article.whose")).to_have_count(0)
    row = await county.owner.fetchrow(
        "SELECT body::text AS body FROM core.inbox WHERE kind = 'assign' ORDER BY inbox_id LIMIT 1"
    )
    assert row is not None
    fact = msgspec.json.decode(row["body"], type=AssignFact)
    assert (fact.quarantine_id, fact.subject, fact.keep) == (first, "s-li", True)


@pytest.mark.row("P8")
async def test_two_doctors_at_once_the_second_is_told(browser: Browser, county: County) -> None:
    kept = await at_home(county, 186, 112, slot=2)
    async with serve(county) as address, signed_in(browser, address, "village-a") as page:
        await page.goto(f"{address}/whose")
        await county.owner.execute(
            "UPDATE core.quarantine SET assigned_to = 's-li', settled_by = 'x', settled_at = $2"
            " WHERE quarantine_id = $1",
            kept,
            county.now,
        )
        card = page.locator("article.whose")
        await card.get_by_label("Whose is this?").select_option(label="Nobody of them")
        await card.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("alert")).to_contain_text("Nothing was changed")
    dismissals = "SELECT count(*) FROM core.inbox WHERE kind = 'dismiss'"
    assert await county.owner.fetchval(dismissals) == 0


async def test_the_users_of_a_shared_cuff_are_named_on_a_phone(
    browser: Browser, county: County
) -> None:
    await at_home(county, 141, 88, slot=2)
    async with (
        serve(county) as address,
        signed_in(browser, address, "family-a", language="zh", size=PHONE) as page,
    ):
        await page.goto(f"{address}/whose")
        assert await overflow(page) <= 0
        assert await violations(page) == []
        choose = page.get_by_label("Acme BP-2 · 7用户2对应的人员")
        await choose.select_option(label="李大山 (1950)")
        await page.locator("form.inline button").click()
        await expect(page.locator("p[role=status]")).to_contain_text("已保存")
    fact = msgspec.json.decode(await last_body(county, "binding"), type=BindingFact)
    assert (fact.device, fact.user_slot, fact.subject) == ("Acme/BP-2/7", 2, "s-li")


@pytest.mark.row("P8")
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_patient_says_that_was_me(
    browser: Browser, county: County, language: str
) -> None:
    kept = await at_home(county, 141, 88, slot=2)
    mine, not_me = ("是我量的", "不是我") if language == "zh" else ("That was me", "Not me")
    async with (
        serve(county) as address,
        signed_in(browser, address, "zhang", language=language, size=PHONE) as page,
    ):
        asked = page.locator("#was-it-you")
        await expect(asked).to_contain_text("141/88")
        assert await overflow(page) <= 0
        assert await violations(page) == []
        await asked.get_by_role("button", name=not_me if language == "en" else mine).click()
        await expect(page.locator("#own")).to_be_visible()
        await expect(asked).to_have_count(0)
    if language == "zh":
        fact = msgspec.json.decode(await last_body(county, "assign"), type=AssignFact)
        assert (fact.quarantine_id, fact.subject) == (kept, ZHANG.subject)
    else:
        assert await county.owner.fetchval("SELECT count(*) FROM care.not_me") == 1


@pytest.mark.row("P8")
async def test_a_scanned_code_opens_the_turn_and_its_reading_appears_by_itself(
    browser: Browser, county: County
) -> None:
    """The patient's QR says what the field takes; a hand scanner types it and presses Enter."""
    async with serve(county) as address:
        async with signed_in(browser, address, "zhang") as page:
            await page.get_by_text("My code for the clinic").click()
            await expect(page.locator("svg.qr").first).to_be_visible()
            assert await violations(page) == []
            letters = await page.locator(".letters").inner_text()
        async with signed_in(browser, address, "village-a") as page:
            await page.get_by_role("link", name="Clinic").click()
            assert await violations(page) == []
            await expect(page.get_by_label("Scan the resident's code")).to_be_focused()
            await page.keyboard.type("4006381333931\n")
            await expect(page.get_by_role("alert")).to_contain_text("not a resident's code")
            await expect(page.get_by_label("Scan the resident's code")).to_be_focused()
            await page.keyboard.type(letters + "\n")
            await expect(page.locator("#turn-1")).to_contain_text("张桂英's turn until 09:05")
            fact = msgspec.json.decode(await last_body(county, "turn"), type=TurnFact)
            assert (fact.hub, fact.subject) == ("hub-clinic", ZHANG.subject)
            await core_takes_a_reading(county, fact)
            await expect(page.locator("#turn-1")).to_contain_text("149/93", timeout=15_000)
            await page.get_by_role("button", name="End the turn").click()
            await expect(page.locator("#turn-1")).to_contain_text("It is nobody's turn")
            assert msgspec.json.decode(await last_body(county, "turn"))["subject"] is None


async def core_takes_a_reading(county: County, fact: TurnFact) -> None:
    """What the core writes for a turn and the first reading of a device in it."""
    owner = county.owner
    await owner.execute(
        "INSERT INTO core.turn (hub, begins_at, subject) VALUES ($1, $2, $3)",
        fact.hub,
        fact.begins_at,
        fact.subject,
    )
    at = fact.begins_at + timedelta(minutes=1)
    device = DeviceRef(manufacturer="Acme", model="BP-9", serial="clinic")
    observation = pressure(at, 149, 93, device=device)
    item = attributed(observation, fact.subject or ZHANG.subject, ZONE, at)
    await owner.execute(
        "INSERT INTO core.turn_reading VALUES ($1, $2, $3, $4)",
        fact.hub,
        fact.begins_at,
        device.key,
        item.point.identity,
    )
    await CoreStore(owner, "test").keep([item], at)


@pytest.mark.row("P8")
async def test_without_a_script_a_name_is_tapped_and_nobodys_reading_is_settled(
    browser: Browser, county: County
) -> None:
    await at_clinic(county, 171, 99)
    async with serve(county) as address:
        context = await browser.new_context(
            java_script_enabled=False, viewport={"width": PHONE[0], "height": PHONE[1]}
        )
        page = await context.new_page()
        await page.goto(f"{address}/login")
        await page.fill("input[name=login]", "village-a")
        await page.fill("input[name=password]", PASSWORD)
        await page.click("main button")
        await page.goto(f"{address}/clinic?name=桂")
        await page.locator(".names button").click()
        assert "张桂英" in await page.locator("#turn-1").inner_text()
        await page.goto(f"{address}/whose")
        assert "171/99" in await page.locator("article.whose").inner_text()
        assert await page.locator("article.whose input[name=keep]").count() == 0
        await page.locator("select[name=verdict]").select_option(value="test")
        await page.locator("article.whose button").click()
        assert await page.locator("article.whose").count() == 0
        await context.close()
    assert await last_body(county, "dismiss")


async def test_the_alert_of_a_home_says_what_was_said_since(
    browser: Browser, county: County
) -> None:
    kept = await at_home(county, 231, 134, slot=2)
    alert_id = await county.raise_alert("home:home-1")
    await county.owner.execute("ALTER TABLE core.alert DISABLE TRIGGER alert_is_immutable")
    await county.owner.execute(
        "UPDATE core.alert SET evidence = $2 WHERE alert_id = $1",
        alert_id,
        f'{{"points": [{{"identity": "home-{kept}"}}]}}',
    )
    async with serve(county) as address, signed_in(browser, address, "family-a") as page:
        await expect(page.locator(".worklist a")).to_have_count(1)
        await page.goto(f"{address}/doctor/alerts/{alert_id}")
        await page.get_by_role("link", name="Say whose measurement it was").click()
        await page.wait_for_url("**/whose")
        await county.owner.execute(
            "UPDATE core.quarantine SET assigned_to = 's-li', settled_by = 'x', settled_at = $2"
            " WHERE quarantine_id = $1",
            kept,
            county.now,
        )
        await page.goto(f"{address}/doctor/alerts/{alert_id}")
        await expect(page.locator("#line-sure")).to_contain_text("this was 李大山's measurement")


@pytest.mark.row("P8")
async def test_staff_pair_the_clinics_own_cuff(browser: Browser, county: County) -> None:
    async with serve(county) as address, signed_in(browser, address, "village-a") as page:
        await page.goto(f"{address}/clinic")
        panel = page.locator("#pairing")
        await expect(panel).to_contain_text("The clinic's devices")
        await panel.get_by_role("button", name="Start").click()
        await expect(page.locator("#pairing-state")).to_have_attribute("data-state", "requested")
        opened = msgspec.json.decode(await last_body(county, "pairing"), type=PairingFact)
        assert (opened.hub, opened.subject) == ("hub-clinic", "home:clinic-a")
        found = Candidate(address="C0:00", name="BP-9", kind="blood_pressure")
        report = PairingReport(session=opened.session, state="found", candidates=(found,))
        status = HubStatus(
            v=STATUS_VERSION,
            hub="hub-clinic",
            at=county.now,
            online=True,
            command_version=1,
            pairing=report,
        )
        await county.owner.execute(
            "INSERT INTO core.hub_status (hub, reported_at, body) VALUES ('hub-clinic', $1, $2)",
            county.now,
            encode_status(status).decode(),
        )
        async with page.expect_response("**/confirm"):
            await panel.get_by_role("button", name="Yes, this is my device").click()
        confirmed = msgspec.json.decode(await last_body(county, "pairing"), type=PairingFact)
        assert (confirmed.action, confirmed.address) == ("confirm", "C0:00")
        assert await violations(page) == []
