"""The pages in a real Chromium over the real application and a real PostgreSQL."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypedDict, cast

import msgspec
import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from gateway.hub_status import Candidate, DeviceLabel, HubStatus, PairingReport, encode_status
from rules.vocabulary import AlertKind, Bound, Priority, Vital
from rules.window import Value
from service.surveillance.daily import refresh
from tests.fixtures.database import Database
from tests.integration.page_county import (
    Reading,
    pack,
    ring_crisis,
    ring_low_glucose,
    seed_history,
    seed_passwords,
    seed_townships,
    serve,
    store_number,
    store_readings,
)
from tests.integration.service_county import PASSWORD, ZHANG, ZONE, County, open_county

pytestmark = [pytest.mark.peer, pytest.mark.slow]

PHONE = (390, 844)
DESKTOP = (1280, 800)
AXE = Path(__file__).parents[1] / "vendor" / "axe.min.js"


class Violation(TypedDict):
    """What axe-core reports of one broken rule."""

    id: str
    impact: str


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_passwords(opened)
        await seed_history(opened)
        yield opened


@asynccontextmanager
async def signed_in(
    browser: Browser,
    address: str,
    login: str,
    *,
    language: str = "en",
    size: tuple[int, int] = DESKTOP,
) -> AsyncGenerator[Page]:
    """A page of its own session; whatever the browser complains of fails the test."""
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = await context.new_page()
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # a refusal's own status line is no fault of the page
        if message.type == "error" and "status of 40" not in message.text:
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(15_000)
    await page.goto(f"{address}/login")
    await page.fill("input[name=login]", login)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main button")
    await page.wait_for_selector("header .who")
    choose = page.locator(f"button[name=language][value={language}]")
    if await choose.count():
        await choose.click()
        await page.wait_for_selector(f"html[lang^={language}]")
    yield page
    await context.close()
    assert complaints == []


async def violations(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page as it stands."""
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = cast(
        "list[Violation]",
        await page.evaluate("axe.run().then(result => result.violations)"),
    )
    return [each["id"] for each in found if each["impact"] in {"serious", "critical"}]


async def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return await page.evaluate(
        "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"
    )


@pytest.mark.row("D1")
async def test_the_worklist_lists_by_severity_and_a_new_alert_appears_by_itself(
    browser: Browser, county: County
) -> None:
    async with serve(county) as address, signed_in(browser, address, "village-a") as page:
        await expect(page.locator("main")).to_contain_text("Nothing is waiting for you.")
        await county.raise_alert(priority=Priority.SOON, kind=AlertKind.TECHNICAL)
        await expect(page.locator(".worklist a")).to_have_count(1)
        county.clock.advance(timedelta(minutes=1))
        await ring_crisis(county)
        await expect(page.locator(".worklist a")).to_have_count(2)
        county.clock.advance(timedelta(minutes=1))
        await county.raise_alert(priority=Priority.EMERGENCY)
        await expect(page.locator(".worklist a")).to_have_count(3)
        words = await page.locator(".worklist .severity").all_inner_texts()
        assert words == ["Emergency", "Urgent", "Soon"]
        counts = await page.locator(".counts li").all_inner_texts()
        assert [re.sub(r"\s+", " ", count) for count in counts] == [
            "Emergency 1",
            "Urgent 1",
            "Soon 1",
            "Routine 0",
            "Unanswered 3",
        ]


@pytest.mark.row("D1")
async def test_the_worklist_is_walked_with_the_keyboard(browser: Browser, county: County) -> None:
    alert_id = await ring_crisis(county)
    await county.raise_alert(priority=Priority.SOON)
    await county.worker().settle(county.now)  # or a ring would draw the list anew meanwhile
    async with serve(county) as address, signed_in(browser, address, "family-a") as page:
        await expect(page.locator(".worklist a")).to_have_count(2)
        await page.locator(".worklist a").nth(1).focus()
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/doctor/alerts/{alert_id}")


@pytest.mark.row("D9")
async def test_the_why_card_says_what_later_readings_have_taken_back(
    browser: Browser, county: County
) -> None:
    alert_id = await ring_crisis(county)
    taken_back = "with them this alert would not have rung"
    async with serve(county) as address, signed_in(browser, address, "family-a") as page:
        await page.goto(f"{address}/doctor/alerts/{alert_id}")
        await expect(page.locator("#line-sure")).not_to_contain_text(taken_back)
        await county.core.execute(
            "INSERT INTO core.taken (alert_id, taken_at, is_lost) VALUES ($1, $2, true)",
            alert_id,
            county.now,
        )
        await page.reload()
        await expect(page.locator("#line-sure")).to_contain_text(taken_back)
        await expect(page.locator("#line-sure")).to_contain_text("confirmed by a second valid")


@pytest.mark.row("D9")
async def test_the_why_card_says_five_things_and_folds_the_rest(
    browser: Browser, county: County
) -> None:
    alert_id = await ring_crisis(county)
    async with serve(county) as address, signed_in(browser, address, "family-a") as page:
        await page.locator(".worklist a").click()
        await page.wait_for_url(f"**/doctor/alerts/{alert_id}")
        assert await page.locator(".five > div").count() == 5
        who = page.locator("#line-who")
        await expect(who).to_contain_text("张桂英, 76 years, woman")
        await expect(who).to_contain_text("Diagnoses: hypertension · Drugs: not recorded")
        assert await who.locator("a").get_attribute("href") == "tel:13800000000"
        what = await page.locator("#line-what").inner_text()
        assert "186/110" in what
        assert "188/112" in what
        assert "142 ± 6" in what
        assert "above the target of 140" in what
        await expect(page.locator("#line-sure")).to_contain_text("confirmed by a second valid")
        told = await page.locator("#line-told").inner_text()
        assert "家医甲 (Family doctor), 村医甲 (Village doctor)" in told
        assert "Patient was told" in told
        assert "nobody has answered" in told
        await expect(page.locator("#line-next")).to_contain_text("Call the patient")
        assert await page.locator(".acts summary").all_inner_texts() == ["Acknowledge", "Close"]
        await expect(page.get_by_text("HW-02 v")).to_be_hidden()
        await page.get_by_text("Why this rang").click()
        rule = page.locator("details.fold", has_text="Why this rang")
        version = pack().rule("HW-02").version
        await expect(rule).to_contain_text(f"HW-02, version {version}")
        await expect(rule).to_contain_text("unsigned")
        await expect(rule).to_contain_text("国家基本公共卫生服务规范")
        digest = await county.owner.fetchval(
            "SELECT rule_hash FROM core.alert WHERE alert_id = $1", alert_id
        )
        await expect(rule).to_contain_text(digest)


@pytest.mark.row("D9")
async def test_the_chart_shows_ninety_days_and_its_table_says_the_same(
    browser: Browser, county: County
) -> None:
    alert_id = await ring_crisis(county)
    async with serve(county) as address, signed_in(browser, address, "family-a") as page:
        await page.goto(f"{address}/doctor/alerts/{alert_id}")
        # 60 days twice a day, and the two readings of the alert.
        await page.wait_for_selector(".chart[data-drawn='122']")
        await page.get_by_text("The same readings as a table").click()
        rows = page.locator(".chart-table tbody tr")
        await expect(rows).to_have_count(122)
        await expect(rows.nth(0)).to_contain_text("186/110")
        await expect(page.locator(".chart-table tr.marked")).to_have_count(2)
        width = await page.locator(".chart canvas").evaluate("c => c.getBoundingClientRect().width")
        assert width > 600


@pytest.mark.row("D9")
async def test_answering_names_an_owner_and_a_next_check_and_closing_needs_an_outcome(
    browser: Browser, county: County
) -> None:
    alert_id = await ring_crisis(county)
    async with serve(county) as address, signed_in(browser, address, "family-a") as page:
        await page.goto(f"{address}/doctor/alerts/{alert_id}")
        assert await county.state(alert_id) == "unacknowledged"  # looking changes nothing (H10)
        await page.get_by_text("Acknowledge").first.click()
        await page.get_by_label("I have spoken to the patient").check()
        await page.fill("input[name=next_check]", "2026-09-01T12:30")
        await page.locator("form[action$=acknowledge] button").click()
        await expect(page.locator("#line-told")).to_contain_text("家医甲 has spoken to the patient")
        row = await county.owner.fetchrow(
            "SELECT state, next_check_at FROM care.alert_life WHERE alert_id = $1", alert_id
        )
        assert row is not None
        assert row["state"] == "acknowledged"
        assert row["next_check_at"].astimezone(ZONE).isoformat() == "2026-09-01T12:30:00+08:00"
        await page.goto(f"{address}/doctor")
        await expect(page.locator(".worklist a")).to_contain_text("next check 1 Sep 12:30")
        await page.goto(f"{address}/doctor/alerts/{alert_id}")
        await page.get_by_text("Close").first.click()
        await page.get_by_label("Medication changed").check()
        await page.locator("form[action$=close] button").click()
        await page.wait_for_url("**/doctor")
        assert await county.state(alert_id) == "closed"
        await expect(page.locator("main")).to_contain_text("Nothing is waiting for you.")


async def test_an_emergency_offers_three_answers_and_unreadable_evidence_hides_nothing(
    browser: Browser, county: County
) -> None:
    alert_id = await county.raise_alert(priority=Priority.EMERGENCY)
    async with serve(county) as address, signed_in(browser, address, "village-a") as page:
        await page.locator(".worklist a").click()
        await expect(page.locator("h1")).to_contain_text("its evidence cannot be shown")
        await page.get_by_text("Acknowledge").first.click()
        values = await page.locator("input[name=answer]").evaluate_all(
            "all => all.map(i => i.value)"
        )
        assert values == ["contacted", "going", "cannot"]
        await page.get_by_label("I cannot, ask the next one").check()
        await page.locator("form[action$=acknowledge] button").click()
        await expect(page.locator("#line-told")).to_contain_text("nobody has answered")
        assert await county.state(alert_id) == "unacknowledged"
        await page.get_by_text("Close").first.click()
        await page.get_by_label("Advice given").check()
        await page.locator("form[action$=close] button").click()
        await expect(page.get_by_role("alert")).to_contain_text("answer the emergency before")
        assert await county.state(alert_id) == "unacknowledged"


async def test_another_doctor_and_another_role_get_a_friendly_refusal(
    browser: Browser, county: County
) -> None:
    alert_id = await ring_crisis(county)
    async with serve(county) as address:
        async with signed_in(browser, address, "family-b") as page:
            await expect(page.locator("main")).to_contain_text("Nothing is waiting for you.")
            answer = await page.goto(f"{address}/doctor/alerts/{alert_id}")
            assert answer is not None
            assert answer.status == 404
            await expect(page.locator("main")).to_contain_text("Nothing is here")
            assert "张桂英" not in await page.content()
        async with signed_in(browser, address, "cdc") as page:
            for path in (f"/doctor/alerts/{alert_id}", "/doctor", "/patient", "/admin"):
                answer = await page.goto(f"{address}{path}")
                assert answer is not None
                assert answer.status == 403
            await page.get_by_text("Back to my first page").click()
            await page.wait_for_url("**/signals")


async def _hub_says(county: County, session: str, state: str, **facts: object) -> None:
    report = PairingReport(
        session=session,
        state=state,
        cause=cast("str | None", facts.get("cause")),
        candidates=cast("tuple[Candidate, ...]", facts.get("candidates", ())),
        device=cast("DeviceLabel | None", facts.get("device")),
        address=cast("str | None", facts.get("address")),
    )
    status = HubStatus(
        v=1, hub="hub-home", at=county.now, online=True, command_version=1, pairing=report
    )
    await county.core.execute(
        "INSERT INTO core.hub_status (hub, reported_at, body) VALUES ('hub-home', $1, $2::jsonb)"
        " ON CONFLICT (hub) DO UPDATE SET body = excluded.body, reported_at = excluded.reported_at",
        county.now,
        encode_status(status).decode(),
    )
    await county.core.execute("SELECT pg_notify('hearthwatch_hub', 'hub-home')")


async def _last_order(county: County) -> dict[str, str | None]:
    body = await county.owner.fetchval(
        "SELECT body::text FROM core.inbox WHERE kind = 'pairing' ORDER BY inbox_id DESC LIMIT 1"
    )
    return msgspec.json.decode(body, type=dict[str, str | None])


async def _until_order(county: County, action: str) -> None:
    async with asyncio.timeout(10):
        while (await _last_order(county))["action"] != action:  # noqa: ASYNC110 -- a table, no event
            await asyncio.sleep(0.05)


@pytest.mark.row("P1")
async def test_a_patient_pairs_a_cuff_with_two_taps_and_the_first_reading_appears_by_itself(
    browser: Browser, county: County
) -> None:
    async with serve(county) as address, signed_in(browser, address, "zhang", size=PHONE) as page:
        state = page.locator("#pairing-state")
        await page.get_by_role("button", name="Start").click()
        await expect(state).to_have_attribute("data-state", "requested")
        session = (await _last_order(county))["session"]
        assert session is not None
        await _hub_says(county, session, "searching")
        await expect(state).to_contain_text("Looking for your device")
        cuff = Candidate(address="C4:D3:6A:00:11:22", name="Omron HEM-7361T", kind="blood_pressure")
        await _hub_says(county, session, "found", candidates=(cuff,))
        await expect(page.locator(".candidate")).to_contain_text("Omron HEM-7361T")
        await page.get_by_role("button", name="Yes, this is my device").click()
        await _until_order(county, "confirm")
        order = await _last_order(county)
        assert (order["action"], order["address"]) == ("confirm", "C4:D3:6A:00:11:22")
        label = DeviceLabel(manufacturer="Omron", model="HEM-7361T", serial="001")
        await _hub_says(county, session, "paired", device=label, address=cuff.address)
        await expect(state).to_contain_text("Measure now")
        county.clock.advance(timedelta(minutes=2))
        await store_readings(
            county, ZHANG.subject, [Reading(at=county.now, systolic=131, diastolic=79)]
        )
        await county.core.execute("SELECT pg_notify('hearthwatch_reading', $1)", ZHANG.subject)
        await expect(page.locator(".now li").first).to_contain_text("131/79")
        await page.wait_for_selector(".chart[data-drawn='121']")


async def test_a_failed_pairing_says_why_and_the_one_next_step(
    browser: Browser, county: County
) -> None:
    async with (
        serve(county) as address,
        signed_in(browser, address, "zhang", size=PHONE, language="zh") as page,
    ):
        await page.get_by_role("button", name="开始").click()
        await expect(page.locator("#pairing-state")).to_have_attribute("data-state", "requested")
        session = (await _last_order(county))["session"]
        assert session is not None
        await _hub_says(
            county, session, "pairing", cause="passkey_wanted", address="C4:D3:6A:00:11:22"
        )
        await page.get_by_label("血压计屏幕上的数字").fill("123456")
        await page.get_by_role("button", name="继续").click()
        await _until_order(county, "confirm")
        assert (await _last_order(county))["passkey"] == "123456"
        await _hub_says(county, session, "failed", cause="bond_refused")
        await expect(page.locator("#pairing-state")).to_contain_text("设备拒绝了配对")
        await expect(page.locator("#pairing .note")).to_contain_text("请在手机上删除这台设备")
        await expect(page.get_by_role("button", name="再试一次")).to_be_visible()


async def test_the_cdc_page_shows_no_number_that_is_hidden(
    browser: Browser, county: County
) -> None:
    await seed_townships(county, {"东风镇": 14, "青山乡": 7, "临河镇": 3}, 45)
    await refresh(county.store.pool, county.now, ZONE)
    async with serve(county) as address, signed_in(browser, address, "cdc") as page:
        await page.goto(f"{address}/cdc")
        rows = page.locator(".county tbody tr")
        cells = {
            await row.locator("th").inner_text(): await row.locator("td").all_inner_texts()
            for row in await rows.all()
        }
        by_name = {name.split("\n")[0]: texts for name, texts in cells.items()}
        # the county's own readings of Zhang and Wang have no profile the core applied
        assert by_name["临河镇"][0].strip() == "1–4"
        assert by_name["青山乡"][0].strip() == "—"  # fewer than ten report
        assert by_name["东风镇"][0].startswith("14")
        # Gates tell nearly how many report in 青山乡: from 24 one could tell 临河镇.
        assert by_name["All townships"][0].strip() == "not shown"
        assert {name for name in by_name if "村" in name} == set()
        pictures = page.locator(".pictures figure")
        heights = {
            await bar.get_attribute("height")
            for figure in await pictures.all()
            if "东风镇" not in await figure.inner_text()
            for bar in await figure.locator("rect.unknown").all()
        }
        assert heights == {"10"}
        assert "title" not in await pictures.first.inner_html()


async def test_the_cdc_page_shows_the_newest_week_first_and_when_the_next_is_released(
    browser: Browser, county: County
) -> None:
    await seed_townships(county, {"东风镇": 17, "青山乡": 12}, 45)
    await refresh(county.store.pool, county.now, ZONE)
    newest = cast(
        "date", await county.owner.fetchval("SELECT max(week_start) FROM cdc.release_cell")
    )
    closes = newest + timedelta(days=7 + 7 + 10)
    async with (
        serve(county) as address,
        signed_in(browser, address, "cdc", language="zh", size=PHONE) as page,
    ):
        await page.goto(f"{address}/cdc")
        heads = page.locator(".county thead th")
        await expect(heads.nth(1)).to_contain_text(f"{newest.month}月{newest.day}日")
        await expect(heads.nth(1)).to_contain_text("最新一周")
        place = await page.locator(".county tbody td").first.bounding_box()
        assert place is not None
        assert place["x"] + place["width"] <= PHONE[0]
        closing = page.locator(".closing")
        await expect(closing).to_contain_text("最后一天之后满10天关账")
        await expect(closing).to_contain_text(f"下次公布：{closes.month}月{closes.day}日")


@pytest.mark.parametrize("login", ["family-a", "village-b", "zhang", "cdc", "admin"])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_pages_are_accessible_and_fit_a_phone(
    browser: Browser, county: County, login: str, language: str
) -> None:
    await ring_crisis(county)
    await ring_low_glucose(county)
    await seed_townships(county, {"东风镇": 8, "临河镇": 3}, 30)
    await refresh(county.store.pool, county.now, ZONE)
    async with (
        serve(county) as address,
        signed_in(browser, address, login, language=language, size=PHONE) as page,
    ):
        assert await violations(page) == []
        assert await overflow(page) <= 0
        if login == "cdc":
            await page.goto(f"{address}/cdc")
            assert await violations(page) == []
            assert await overflow(page) <= 0
        if await page.locator(".worklist a").count():
            await page.locator(".worklist a").first.click()
            await page.wait_for_selector(".chart[data-drawn]")
            for fold in await page.locator("summary").all():
                await fold.click()
            assert await violations(page) == []
            assert await overflow(page) <= 0


async def test_a_planted_fault_is_found_by_the_checker(browser: Browser, county: County) -> None:
    async with serve(county) as address, signed_in(browser, address, "family-a") as page:
        await page.evaluate(
            "document.querySelector('main').append(document.createElement('button'))"
        )
        assert await violations(page) == ["button-name"]


async def test_a_wrong_password_is_said_plainly_and_nobody_gets_past_the_door(
    browser: Browser, county: County
) -> None:
    async with serve(county) as address:
        page = await browser.new_page()
        for path in ("/", "/doctor", "/patient", "/cdc", "/admin"):
            await page.goto(f"{address}{path}")
            assert page.url == f"{address}/login"
        assert await violations(page) == []
        await page.fill("input[name=login]", "family-a")
        await page.fill("input[name=password]", "not it")
        await page.click("main button")
        await expect(page.get_by_role("alert")).to_have_text("账号或密码不正确。")
        await page.get_by_role("button", name="English").click()
        await expect(page.locator("h1")).to_have_text("Sign in")
        await page.close()


async def test_the_demo_says_that_it_is_one(browser: Browser, county: County) -> None:
    async with serve(county) as address, signed_in(browser, address, "admin") as page:
        await expect(page.locator(".demo")).to_contain_text("demo thresholds, unsigned")


@pytest.mark.row("O13")
async def test_the_operator_sees_every_hub_with_its_devices_the_worst_first(
    browser: Browser, county: County
) -> None:
    now = county.clock.now()
    label = {"manufacturer": "Acme", "model": "BP-1"}
    devices = [
        {"device": {**label, "serial": "A1"}, "address": "C0:01", "heard_at": now.isoformat(),
         "overdue_at": (now + timedelta(days=3)).isoformat(), "reason": "hung_up",
         "battery_percent": 80, "clock_ahead_s": -42.0, "rssi": -61,
         "missing": [[17, 17], [40, 42]], "firmware": "1.4.2", "user_slots": [1, 2]},
        {"device": {**label, "serial": "B2"}, "address": "C0:02", "reason": "bond_lost",
         "cause": "paired_elsewhere"},
        {"device": {**label, "serial": "C3"}, "address": "C0:03",
         "heard_at": (now - timedelta(days=9)).isoformat(),
         "overdue_at": (now - timedelta(days=6)).isoformat(), "battery_percent": 50},
    ]  # fmt: skip
    body = {
        "v": 1, "hub": "hub-a", "at": now.isoformat(), "online": True, "command_version": 2,
        "software": "0.1.0", "spool_fault": "disk is full", "spool_moved_aside": True,
        "voiceless": True, "devices": devices, "radio": {"fault": None, "open_links": 3},
    }  # fmt: skip
    await county.owner.execute(
        "INSERT INTO core.hub_status VALUES ((SELECT min(hub) FROM core.hub), $1, $2::text::jsonb)"
        " ON CONFLICT (hub) DO UPDATE SET body = excluded.body",
        now,
        json.dumps(body),
    )
    async with serve(county) as address, signed_in(browser, address, "admin") as page:
        fleet = page.get_by_role("region", name="Devices").locator("tbody tr")
        await expect(fleet).to_have_count(3)
        await expect(fleet.nth(0)).to_contain_text("must be paired again")
        await expect(fleet.nth(0)).to_contain_text("This device keeps one partner only")
        await expect(fleet.nth(1)).to_contain_text("silent for longer than usual")
        for words in (
            "Acme BP-1 · A1",
            "in order",
            "80 %",
            "-42 s",
            "-61 dBm",
            "17, 40–42",
            "1.4.2",
        ):
            await expect(fleet.nth(2)).to_contain_text(words)
        for column, words in enumerate(("Acme BP-1 · A1", *[""] * 5, "-61 dBm", "1.4.2", "1, 2")):
            await expect(fleet.nth(2).locator("th, td").nth(column)).to_contain_text(words)
        hubs = page.get_by_role("region", name="Hubs")
        await expect(hubs.locator("td").last).to_have_text("3")
        full = "its disk takes nothing disk is full"
        for words in ("0.1.0", full, "storage was damaged", "has no voice"):
            await expect(hubs).to_contain_text(words)
        assert await violations(page) == []


async def test_a_silent_box_is_said_to_be_silent(browser: Browser, county: County) -> None:
    async with serve(county) as address, signed_in(browser, address, "zhang", size=PHONE) as page:
        await page.get_by_role("button", name="Start").click()
        await expect(page.locator("#pairing-state")).to_have_attribute("data-state", "requested")
        county.clock.advance(timedelta(minutes=6))
        silent = page.locator("#pairing-state[data-state=silent]")
        await expect(silent).to_be_visible(timeout=15_000)
        await expect(page.locator("#pairing .note")).to_contain_text("power and network")


async def test_the_pages_work_without_scripts(browser: Browser, county: County) -> None:
    alert_id = await ring_crisis(county)
    async with serve(county) as address:
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(f"{address}/login")
        await page.fill("input[name=login]", "family-a")
        await page.fill("input[name=password]", PASSWORD)
        await page.click("main button")
        await page.goto(f"{address}/doctor/alerts/{alert_id}")
        await expect(page.locator("#line-what")).to_contain_text("186/110")
        await page.get_by_text("接手处理").first.click()
        await page.get_by_label("我来处理").check()
        await page.locator("form[action$=acknowledge] button").click()
        await expect(page.locator("#line-told")).to_contain_text("家医甲 已接手")
        await context.close()


@pytest.mark.row("P2")
@pytest.mark.row("P6")
async def test_a_patient_chooses_the_model_and_is_told_its_button_and_its_own_trouble(
    browser: Browser, county: County
) -> None:
    async with (
        serve(county) as address,
        signed_in(browser, address, "zhang", size=PHONE, language="zh") as page,
    ):
        await page.get_by_label("是哪一款设备？").select_option("HEM-7322T")
        await page.get_by_role("button", name="开始").click()
        await expect(page.locator("#pairing-state")).to_have_attribute("data-state", "requested")
        order = await _last_order(county)
        assert order["model"] == "HEM-7322T"
        assert order["session"] is not None
        await expect(page.locator("#pairing-guide")).to_contain_text("-P-")
        await _hub_says(county, order["session"], "failed", cause="bond_refused")
        await expect(page.locator("#pairing-state")).to_contain_text("只能与一个主机配对")
        await expect(page.locator("#pairing .note")).to_contain_text("请在那部手机上删除")
        await expect(page.locator("#pairing-model")).to_have_value("HEM-7322T")
        assert await violations(page) == []


@pytest.mark.row("P1")
@pytest.mark.parametrize(
    ("language", "oxygen", "weight", "temperature"),
    [
        ("en", "Oxygen saturation", "Weight", "Temperature"),
        ("zh", "血氧饱和度", "体重", "体温"),
    ],
)
async def test_a_patient_sees_weight_oxygen_and_temperature_as_value_chart_and_table(
    browser: Browser, county: County, language: str, oxygen: str, weight: str, temperature: str
) -> None:
    for kind, value in (
        (Vital.SPO2, Value(value=Decimal(94))),
        (Vital.WEIGHT, Value(value=Decimal("61.40"))),
        (Vital.TEMPERATURE, Value(censored=Bound.ABOVE)),
        (Vital.RESPIRATORY_RATE, Value(value=Decimal(16))),
        (Vital.KETONE, Value(value=Decimal("0.6"))),
    ):
        await store_number(county, ZHANG.subject, kind, value)
    async with (
        serve(county) as address,
        signed_in(browser, address, "zhang", language=language, size=PHONE) as page,
    ):
        for name, text, unit in (
            (oxygen, "94", "%"),
            (weight, "61.4", "kg"),
            (temperature, "HI", "°C"),
        ):
            last = page.locator(".now li").filter(has_text=name)
            await expect(last.locator("b")).to_have_text(text)
            await expect(last).to_contain_text(unit)
            section = page.get_by_role("region", name=name, exact=True)
            await expect(section.locator(".chart")).to_have_attribute("data-drawn", "1")
            await expect(section).not_to_contain_text(re.compile("ystolic|收缩压"))
            await section.locator("summary").click()
            heads = section.locator("thead th")
            await expect(heads).to_have_count(3)  # no empty column of pulses
            await expect(heads.nth(1)).to_have_text(unit)
            await expect(section.locator("tbody td").first).to_have_text(text)
        assert await page.locator(".chart[data-drawn]").count() == 6
        assert await violations(page) == []
        assert await overflow(page) <= 0
