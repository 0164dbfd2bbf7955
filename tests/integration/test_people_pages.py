"""A clinician's people, duty, coverage and the patient's pause, in a real Chromium."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from uuid import uuid5

import pytest
from playwright.async_api import Browser, Page, expect

from rules.vocabulary import PersonStatus, Priority, SubjectRef
from service.alerts.lifecycle import Outcome, WhyNot
from service.care.lines import Kind
from service.care.status import Said, Source
from service.notify.notifier import Channel
from tests.fixtures.database import Database
from tests.integration.page_county import seed_passwords, serve
from tests.integration.service_county import IDS, ZHANG, County, open_county
from tests.integration.test_pages import DESKTOP, PHONE, overflow, signed_in, violations

pytestmark = [pytest.mark.peer, pytest.mark.slow]

ZHANGS = f"/people/{ZHANG.person_id}"


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_passwords(opened)
        yield opened


@pytest.mark.row("D6")
async def test_a_note_is_new_to_each_clinician_until_read_and_a_look_leaves_its_stamp(
    browser: Browser, county: County
) -> None:
    async with serve(county) as address:
        async with signed_in(browser, address, "village-a") as page:
            await page.goto(f"{address}/people")
            await expect(page.locator("tbody tr")).to_have_count(1)
            await expect(page.locator("tbody")).to_contain_text("never")
            await page.click("tbody a")
            await page.fill("textarea[name=text]", "血压计袖带太小，已换大号")
            await page.click("text=Leave the note")
            await expect(page.locator("#notes")).to_contain_text("seen by 0")
        async with signed_in(browser, address, "family-a") as page:
            await page.goto(f"{address}/people")
            await expect(page.locator("tbody td").first).to_have_text("1")
            await page.click("tbody a")
            await expect(page.locator("#notes")).to_contain_text("new")
            await page.click("text=I have read them")
            await expect(page.locator("#notes")).to_contain_text("seen")
            await page.click("text=I have looked through the readings")
            await expect(page.locator("#reviewed li")).to_contain_text("家医甲")
            await page.goto(f"{address}/people")
            await expect(page.locator("tbody td").first).to_have_text("–")
            await expect(page.locator("tbody")).to_contain_text("0 min ago")
        async with signed_in(browser, address, "village-a") as page:
            await page.goto(f"{address}{ZHANGS}")
            await expect(page.locator("#notes")).to_contain_text("seen by 1")
            await expect(page.locator("#reviewed li")).to_contain_text("家医甲")
        async with signed_in(browser, address, "family-b") as page:
            answer = await page.goto(f"{address}{ZHANGS}")
            assert answer is not None
            assert answer.status == 404


@pytest.mark.row("P21")
async def test_the_patient_pauses_and_comes_back_and_the_doctor_reads_it(
    browser: Browser, county: County
) -> None:
    until = (county.now + timedelta(days=6)).date().isoformat()
    too_far = (county.now + timedelta(days=60)).date().isoformat()
    async with serve(county) as address:
        async with signed_in(browser, address, "zhang") as page:
            await page.goto(f"{address}/patient")
            await page.click("text=Away for a while")
            await page.fill("input[name=last_day]", too_far)
            await page.click("text=I am away")
            await expect(page.locator("[role=alert].card")).to_contain_text("needs an end")
            await page.fill("input[name=last_day]", until)
            await page.click("text=I am away")
            await expect(page.locator("main")).to_contain_text("away from home")
        async with signed_in(browser, address, "family-a") as page:
            await page.goto(f"{address}{ZHANGS}")
            await expect(page.locator("#status h2")).to_contain_text("away from home")
            await expect(page.locator("#status")).to_contain_text("the person")
        async with signed_in(browser, address, "zhang") as page:
            await page.goto(f"{address}/patient/pause")
            await page.click("text=I am at home")
            await expect(page.locator("main b")).to_have_text("at home")


async def test_the_doctor_writes_leave_and_the_administrator_checks_and_takes_a_table_in(
    browser: Browser, county: County, tmp_path: Path
) -> None:
    table = tmp_path / "shifts.csv"
    table.write_text(
        "机构,工号,开始时间,结束时间\n"
        "township,family-b,2026-09-02 08:00,2026-09-02 20:00\n"
        "township,nobody,2026-09-02 08:00,2026-09-02 20:00\n",
        encoding="utf-8",
    )
    async with serve(county) as address:
        async with signed_in(browser, address, "family-a") as page:
            await page.goto(f"{address}/duty")
            await page.fill("input[name=deputy]", "family-a")
            await page.click("button:has-text('I am on leave')")
            await expect(page.locator("[role=alert].card")).to_contain_text("themselves")
            await page.fill("input[name=deputy]", "village-b")
            await page.click("button:has-text('I am on leave')")
            await expect(page.locator("#leave")).to_contain_text("deputy 村医乙")
        async with signed_in(browser, address, "admin") as page:
            await page.goto(f"{address}/manage")
            await page.click("text=Check now")
            await expect(page.locator("#coverage")).to_contain_text("Nobody will be without")
            await page.select_option("select[name=kind]", "shifts")
            await page.set_input_files("input[name=file]", table)
            await page.click("text=Take it in")
            await expect(page.locator("#import li")).to_contain_text("Line 2: No member of staff")
            async with page.expect_download() as waiting:
                await page.click("#export a[href='/manage/export/shifts']")
            download = await waiting.value
            assert download.suggested_filename == "shifts.xlsx"
            answer = await page.context.request.get(f"{address}/manage/export/people")
            assert answer.status == 404
        async with signed_in(browser, address, "desk") as page:
            await page.goto(f"{address}/duty")
            await page.click("text=I take this over")
            await expect(page.locator("#shifts")).to_contain_text("镇值班")


async def test_the_pages_are_accessible_and_fit_a_phone_in_both_languages(
    browser: Browser, county: County
) -> None:
    store = county.store
    twin = replace(ZHANG, person_id=uuid5(IDS, "twin"), subject=SubjectRef("s-twin"))
    await store.register_person(twin, county.now)
    await store.add_note(await county.account("village-a"), ZHANG.person_id, "请复查", county.now)
    leave = [["staff", "first_day", "last_day"], ["family-b", "2026-09-01", "2026-09-05"]]
    await store.import_table(None, Kind.LEAVES, leave, county.now)
    await store.check_coverage(county.now)
    await rang_in_earnest(county)
    await store.set_contact("family-a", Channel.SMS, "13800000001", county.now)
    dead = Said(
        person_id=ZHANG.person_id,
        status=PersonStatus.DECEASED,
        starts_at=county.now,
        source=Source.FAMILY,
    )
    await store.say_status(None, dead, county.now)
    views = {
        "family-a": ("/people", ZHANGS, f"{ZHANGS}/route", "/duty"),
        "admin": ("/manage", "/duty", "/alarms"),
        "zhang": ("/patient/pause", "/patient/rest"),
    }
    faults: list[tuple[str, list[str], int]] = []
    async with serve(county) as address:
        for login, paths in views.items():
            async with signed_in(browser, address, login, language="zh", size=PHONE) as page:
                for path in paths:
                    await page.goto(f"{address}{path}")
                    faults.append((path, await violations(page), await overflow(page)))
                await page.click("button[name=language][value=en]")
                await page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})
                for path in paths:
                    await page.goto(f"{address}{path}")
                    faults.append((path, await violations(page), await overflow(page)))
    assert [fault for fault in faults if fault[1:] != ([], 0)] == []
    assert len(faults) == 18


async def rang_in_earnest(county: County) -> None:
    """One alert about a real person, answered, so that figures have something to say."""
    alert_id = await county.raise_alert(priority=Priority.URGENT)
    await county.owner.execute("ALTER TABLE core.alert DISABLE TRIGGER alert_is_immutable")
    await county.owner.execute("UPDATE core.alert SET synthetic = false")
    await county.worker().settle(county.now)
    doctor = await county.account("family-a")
    await county.store.close_alert(
        doctor, alert_id, outcome=Outcome.NOT_NEEDED, why_not=WhyNot.KNOWN, now=county.now
    )


@pytest.mark.row("A1", "A12", "A14", "D18")
async def test_the_administrator_reads_what_alarms_cost_and_who_cannot_be_reached(
    browser: Browser, county: County
) -> None:
    await rang_in_earnest(county)
    county.clock.advance(timedelta(minutes=1))
    async with serve(county) as address:
        async with signed_in(browser, address, "admin") as page:
            await figures_and_addresses(page, address)
        async with signed_in(browser, address, "family-a") as page:
            await own_hours_and_route(page, address)
        async with signed_in(browser, address, "family-b") as page:
            answer = await page.goto(f"{address}{ZHANGS}/route")
            assert answer is not None
            assert answer.status == 404
    mine = await county.store.duty_day((await county.account("family-a")).account_id)
    assert (mine.opens, mine.closes, mine.budget) == (time(6, 30), time(19, 0), 3)


async def test_a_death_review_is_closed_on_the_page_by_its_owner(
    browser: Browser, county: County
) -> None:
    dead = Said(
        person_id=ZHANG.person_id,
        status=PersonStatus.DECEASED,
        starts_at=county.now,
        source=Source.FAMILY,
    )
    await county.store.say_status(None, dead, county.now)
    async with serve(county) as address, signed_in(browser, address, "family-a") as page:
        await page.goto(f"{address}/people")
        await page.select_option("select[name=finding]", "expected")
        await page.click("text=Close the review")
        await expect(page.locator("section.fault")).to_have_count(0)
    found = await county.owner.fetchval("SELECT finding FROM care.death_review")
    assert found == "expected"


async def figures_and_addresses(page: Page, address: str) -> None:
    await page.goto(f"{address}/alarms?days=7")
    await expect(page.locator("#rules tbody tr")).to_contain_text("never acted on")
    await expect(page.locator("#doctors tbody")).to_contain_text("家医甲")
    await expect(page.locator("#reach")).to_contain_text("Nobody has an address")
    await page.fill("#reach input[name=login]", "zhang")
    await page.fill("#reach input[name=address]", "13800000000")
    await page.click("text=Set the address")
    await expect(page.locator("[role=alert].card")).to_contain_text("No member of staff")
    await page.fill("#reach input[name=login]", "family-a")
    await page.select_option("#reach select", "sms")
    await page.fill("#reach input[name=address]", "13800000000")
    await page.click("text=Set the address")
    await expect(page.locator("#reach tbody")).to_contain_text("not asked yet")
    assert "13800000000" not in await page.content(), "numbers are not shown again"
    await page.click("#reach tbody button")
    await expect(page.locator("#reach")).to_contain_text("Nobody has an address")


async def own_hours_and_route(page: Page, address: str) -> None:
    answer = await page.goto(f"{address}/alarms")
    assert answer is not None
    assert answer.status == 403
    await page.goto(f"{address}/duty")
    await page.fill("#day input[name=opens]", "09:00")
    await page.fill("#day input[name=closes]", "08:00")
    await page.click("text=These are my hours")
    await expect(page.locator("[role=alert].card")).to_contain_text("ends before")
    await page.fill("#day input[name=opens]", "06:30")
    await page.fill("#day input[name=closes]", "19:00")
    await page.fill("#day input[name=budget]", "3")
    await page.click("text=These are my hours")
    await expect(page.locator("#day input[name=budget]")).to_have_value("3")
    await page.goto(f"{address}/doctor")
    await expect(page.locator("#spend")).to_contain_text("1 / 3")
    await page.goto(f"{address}{ZHANGS}")
    await page.click("text=Who would be asked?")
    await expect(page.locator("#route li ul").first).to_contain_text("家医甲")
    await page.select_option("select[name=alert]", "soon")
    await page.fill("input[name=at]", "2026-09-02T02:00")
    await page.click("button:has-text('Look')")
    first = page.locator("#route li ul").first
    await expect(first).to_contain_text("村医甲")
    await expect(first).to_contain_text("waits for the beginning of the duty")
    await page.select_option("select[name=alert]", "HW-03")
    await page.click("button:has-text('Look')")
    await expect(page.locator("#route")).to_contain_text("by 2 different people")
    answer = await page.goto(f"{address}{ZHANGS}/route?alert=HW-999")
    assert answer is not None
    assert answer.status == 409
    await expect(page.locator("[role=alert].card")).to_contain_text("neither a rule")
