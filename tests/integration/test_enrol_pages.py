"""The page that lets hubs and devices in, in a real Chromium: both languages, on a phone."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from gateway.hub_county import CountyLine
from gateway.hub_identity import IdentityFolder, in_groups
from service.credentials.authority import HomeAuthority
from service.enrolment.desk import Brokers, EnrolmentDesk
from service.store.enrolments import Enrolments
from tests.fixtures.database import Database
from tests.integration.page_county import seed_passwords, serve
from tests.integration.service_county import ZONE, County, open_county
from tests.integration.test_pages import PHONE, overflow, signed_in, violations

pytestmark = [pytest.mark.peer, pytest.mark.slow]


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_passwords(opened)
        yield opened


@pytest.fixture
async def enrolling(county: County, tmp_path: Path) -> County:
    """The county with enrolment switched on; its broker is away, so it follows nothing."""
    authority = HomeAuthority.open(tmp_path / "homes", county.now)
    brokers = Brokers(host="mqtt.example.cn", hub_port=8883, device_port=8884, authority="")
    desk = EnrolmentDesk(Enrolments(county.store.pool, ZONE), authority, brokers)
    county.services = replace(county.services, enrolment=desk)
    return county


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_administrator_scans_compares_and_lets_in(
    browser: Browser, enrolling: County, tmp_path: Path, language: str
) -> None:
    async with (
        serve(enrolling) as address,
        signed_in(browser, address, "admin", language=language, size=PHONE) as page,
    ):
        folder = IdentityFolder(tmp_path / "hub")
        request, fingerprint = folder.request()
        codes = await CountyLine(url=address).apply(request, "0.1.0")
        await page.goto(f"{address}/enrol?code={codes.user_code}")
        await expect(page.locator("input[name=code]")).to_have_value(codes.user_code)
        assert await violations(page) == []
        await page.locator("form[action='/enrol/look'] button").click()
        await expect(page.locator(".fingerprint")).to_have_text(in_groups(fingerprint))
        assert await violations(page) == []
        assert await overflow(page) <= 0
        await page.fill("input[name=household]", "no such home")
        await page.locator("form[action='/enrol/approve'] button").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.fill("input[name=household]", "home-1")
        await page.locator("form[action='/enrol/approve'] button").click()
        await expect(page.locator(".place")).to_have_text("甲村 · 1 号")
        assert await violations(page) == []
        await page.goto(f"{address}/enrol?code={codes.user_code}")
        await page.locator("form[action='/enrol/look'] button").click()
        await page.locator("select[name=clinic]").select_option("clinic-a")
        await page.locator("form[action='/enrol/approve'] button").click()
        await expect(page.locator(".place")).to_have_text("clinic-a")
        await page.locator("form[action='/enrol/approve'] button").click()
        await page.wait_for_url("**/enrol")
        enrolled = await CountyLine(url=address).poll(codes.device_code)
        await page.reload()
        row = page.locator("tbody tr").first
        await expect(row).to_contain_text(enrolled.hub)
        await expect(row).to_contain_text("clinic-a")
        await page.fill("input[name=device]", "Acme~M1~0042")
        await page.locator("form[action='/enrol/login'] button").click()
        await expect(page.locator("svg.qr")).to_be_visible()
        assert await violations(page) == []
        assert await overflow(page) <= 0
        await page.locator("form[action='/enrol/revoke'] button").click()
        await expect(row).to_contain_text("已停用" if language == "zh" else "shut out")


async def test_an_unknown_code_and_an_odd_device_are_said_plainly(
    browser: Browser, enrolling: County
) -> None:
    async with (
        serve(enrolling) as address,
        signed_in(browser, address, "admin") as page,
    ):
        await page.goto(f"{address}/enrol")
        await page.fill("input[name=code]", "BCDF-GHJK")
        await page.locator("form[action='/enrol/look'] button").click()
        await expect(page.get_by_role("alert")).to_contain_text("Nothing waits under this code")
        await page.fill("input[name=device]", "hub-a")
        await page.locator("form[action='/enrol/login'] button").click()
        await expect(page.get_by_role("alert")).to_contain_text("joined by ~")


async def test_without_enrolment_the_page_says_so_and_programs_hear_it(
    browser: Browser, county: County, tmp_path: Path
) -> None:
    async with serve(county) as address, signed_in(browser, address, "admin") as page:
        await page.get_by_role("link", name="Let in").click()
        await expect(page.get_by_role("note").last).to_contain_text("switched off")
        assert await violations(page) == []
        request, _ = IdentityFolder(tmp_path / "hub").request()
        answer = await page.request.post(f"{address}/enrol/device", data={"request": request})
        assert answer.status == 503


async def test_a_doctor_has_no_such_page(browser: Browser, enrolling: County) -> None:
    async with (
        serve(enrolling) as address,
        signed_in(browser, address, "family-a") as page,
    ):
        answer = await page.goto(f"{address}/enrol")
        assert answer is not None
        assert answer.status == 403
