"""From nineteen bytes on a virtual Bluetooth link to the doctor's open page."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from firmware_sim.peripheral import BloodPressureCuff, DeviceClock, Special
from firmware_sim.profiles.blood_pressure import encode_blood_pressure
from gateway.broker import LocalBroker
from rules.explain import replay
from tests.fixtures.database import Database
from tests.journeys.town import CUFF, PASSWORD, WANG, ZONE, Town, paired_cuff, small_town

pytestmark = [pytest.mark.peer, pytest.mark.slow]


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a test's own wall


async def open_page(browser: Browser, town: Town, login: str) -> Page:
    """The page that person sees after signing in, at desktop size."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    page.set_default_timeout(20_000)
    await page.goto(f"{town.url}/login")
    await page.fill("input[name=login]", login)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main button")
    await page.wait_for_url(lambda url: not url.endswith("/login"))
    return page


async def hub_knows_that_a_person_was_told(town: Town) -> None:
    """By the signed command that it follows; otherwise it would tell the patient to call 120."""
    alert_id = await town.owner.fetchval("SELECT alert_id::text FROM core.alert")
    command = "SELECT body -> 'told' -> 0 ->> 'alert_id' = $1 FROM core.hub_command"
    assert await town.wait_for(command, alert_id)
    sent = "SELECT body -> 'rules' ->> 'pack' FROM core.hub_command"
    assert await town.owner.fetchval(sent) == "first"  # the same message carries the hub's rules
    assert town.hub is not None
    async with asyncio.timeout(10):
        while True:
            texts = town.hub.red_path.instructions(now() + timedelta(minutes=10))
            assert texts
            if "Nobody" not in texts[0]["en"]:
                return
            await asyncio.sleep(0.05)


@pytest.mark.row("D1", "D9", "A9")
async def test_confirmed_crisis_on_the_cuff_appears_on_the_doctors_open_page(
    database: Database, broker: LocalBroker, browser: Browser, tmp_path: Path
) -> None:
    async with small_town(database, broker, tmp_path) as town, paired_cuff(town) as cuff:
        page = await open_page(browser, town, "zhao")
        await expect(page.locator(".worklist li")).to_have_count(0)

        # Two readings at crisis level, the first still in the memory from six minutes ago.
        earlier = now() - timedelta(minutes=6)
        cuff.inject(
            encode_blood_pressure(
                systolic=188,
                diastolic=112,
                mean=137,
                pulse=76,
                at=earlier.astimezone(ZONE).replace(tzinfo=None),
                status=0,
            )
        )
        await cuff.measure(systolic=192, diastolic=114, pulse=74, at=now())
        await cuff.transferred()
        line = page.locator(".worklist a")
        await expect(line).to_have_count(1, timeout=20_000)  # by itself: nobody reloads
        await expect(line).to_contain_text("王秀兰")
        await line.click()

        card = page.locator("#why-card")
        await expect(card.locator("#line-who")).to_contain_text("王秀兰")
        await expect(card.locator("#line-who")).to_contain_text("13800000000")
        await expect(card.locator("#line-who")).to_contain_text("insulin")
        await expect(card.locator("#line-what")).to_contain_text("192/114")
        await expect(card.locator("#line-what")).to_contain_text("188/112")
        await expect(card.locator("#line-what")).to_contain_text("140")  # the target
        await expect(card.locator("#line-sure")).not_to_be_empty()
        await expect(card.locator("#line-told")).not_to_be_empty()
        await expect(page.locator("main")).to_contain_text("HW-02")
        await expect(page.locator("canvas").first).to_be_visible()

        await page.get_by_role("button", name="Acknowledge").first.click()
        form = page.locator("form[action$=acknowledge]")
        await form.locator("input[value=contacted]").check()
        await form.get_by_role("button").click()
        await expect(page.locator("main")).to_contain_text("赵医生")
        owner = await town.owner.fetchrow("SELECT state, next_check_at FROM care.alert_life")
        assert owner is not None
        assert owner["state"] == "acknowledged"
        assert owner["next_check_at"] > now()

        await hub_knows_that_a_person_was_told(town)

        evidence = await town.owner.fetchval("SELECT evidence FROM core.alert")
        assert replay(evidence).rule_id == "HW-02"
        told = await town.owner.fetch(
            "SELECT channel, state, delivered_at FROM care.delivery WHERE channel = 'page'"
        )
        assert told
        assert {row["state"] for row in told} == {"delivered"}
        reads = await town.owner.fetchval(
            "SELECT count(*) FROM care.audit WHERE subject = $1", WANG
        )
        assert reads > 0


async def test_battery_changed_then_230_130_rings(
    database: Database, broker: LocalBroker, tmp_path: Path
) -> None:
    """Hazard 0.1: a clock set back to 2000-01-01 does not silence a live 230/130."""
    async with (
        small_town(database, broker, tmp_path) as town,
        paired_cuff(town, DeviceClock.reset(since=now())) as cuff,
    ):
        started = now()
        await cuff.measure(systolic=230, diastolic=130, pulse=90, at=now())
        await cuff.transferred()
        await town.wait_for("SELECT count(*) FROM core.alert WHERE rule_id = 'HW-02'")
        row = await town.owner.fetchrow(
            "SELECT dated, stage, raised_at, effective_at FROM core.alert"
        )
        assert row is not None
        assert not row["dated"]
        assert row["stage"] == "immediate"
        assert row["effective_at"] >= started - timedelta(minutes=1)
        await town.wait_for("SELECT count(*) FROM care.delivery WHERE state = 'delivered'")


@pytest.mark.row("P13")
async def test_what_a_cuff_gets_wrong_is_kept_with_a_reason_and_the_stream_goes_on(
    database: Database, broker: LocalBroker, tmp_path: Path
) -> None:
    async with small_town(database, broker, tmp_path) as town, paired_cuff(town) as cuff:
        await cuff.measure(systolic=Special.NAN, diastolic=Special.NAN, at=now())
        await cuff.transferred()
        await cuff.measure(systolic=2050, diastolic=80, at=now())  # 205 x 10: SFLOAT has no 2047
        await cuff.transferred()
        cuff.inject(bytes.fromhex("1e8a0058"))
        await cuff.measure(systolic=131, diastolic=79, at=now())
        await cuff.transferred()
        await town.wait_for("SELECT count(*) = 1 FROM core.observation")
        await town.wait_for("SELECT count(*) >= 3 FROM core.quarantine")
        reasons = await town.owner.fetch("SELECT reason, detail FROM core.quarantine ORDER BY 1")
        assert [row["reason"] for row in reasons] == [
            "malformed_frame",
            "no_value",
            "not_measurable",
        ]
        systolic = await town.owner.fetchval("SELECT systolic FROM core.observation")
        assert systolic == 131


@pytest.mark.row("P10")
async def test_a_cuff_that_sends_everything_again_adds_nothing(
    database: Database, broker: LocalBroker, tmp_path: Path
) -> None:
    async with (
        small_town(database, broker, tmp_path) as town,
        BloodPressureCuff(town.link, CUFF, keeps_records=True) as cuff,
    ):
        await town.pair(cuff)
        for turn in range(4):
            await cuff.measure(systolic=130 + turn, diastolic=80, at=now())
            await cuff.transferred()
        await town.wait_for("SELECT count(*) = 4 FROM core.observation")
        await town.wait_for(
            "SELECT sum(through) >= 10 FROM core.receipt"  # 1 + 2 + 3 + 4 records were sent
        )
        assert await town.count("core.observation") == 4
