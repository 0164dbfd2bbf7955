"""A cluster in one township: four sources notice, the township verifies, the county responds."""

import asyncio
import io
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta

import docx
import pytest
from playwright.async_api import Browser, Page, expect

from device_adapters.mqtt.payloads.body import Arrival
from device_adapters.mqtt.registry import decoder_of
from firmware_sim.identity import Identity
from firmware_sim.institutions import Outbreak, simulate
from firmware_sim.publisher import Quantity as Temperature
from firmware_sim.publisher import Reading, encode_reading
from gateway.facts import BindingFact
from rules.vocabulary import HubStamp, Observation, Profile, SubjectRef
from service.people import Institution, NewAccount, Staff
from service.permissions import Role
from service.surveillance.indicators import SourceKind
from service.surveillance.source_store import NewSource, Sources
from tests.fixtures.database import Database
from tests.integration.county_bench import HUB, county_bench
from tests.integration.page_county import seed_passwords, serve
from tests.integration.service_county import HASH, PASSWORD, ZONE, County, account_id, open_county
from tests.integration.signal_county import seed_officers

pytestmark = [pytest.mark.peer, pytest.mark.slow]

TOWNSHIPS = ("t-dong", "t-qing")
LAST = date(2026, 9, 1)
DAYS = 45
DAYS_AT_HOME = 30
OUTBREAK = Outbreak(township="t-dong", first_day=date(2026, 8, 27), infected=900)
PEOPLE = 40
PATIENCE_MS = 60_000


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await seed_officers(opened)
        await seed_dong(opened)
        await measure_at_home(database)
        await seed_passwords(opened)
        yield opened


async def seed_dong(county: County) -> None:
    """The township's hospital with its desk."""
    await county.store.register_institution(
        Institution(
            institution_id="dong",
            level="township",
            name="东风镇卫生院",
            parent_id="hospital",
            area="t-dong",
        )
    )
    await county.store.register_staff(
        Staff(
            staff_id="dong",
            name="陈站长",
            role=Role.FAMILY_DOCTOR,
            institution_id="dong",
            duty_desk=True,
        )
    )
    await county.store.register_account(
        NewAccount(
            account_id=account_id("dong"),
            login="dong",
            password_hash=HASH,
            role=Role.FAMILY_DOCTOR,
            staff_id="dong",
        )
    )


async def measure_at_home(database: Database) -> None:
    """Forty people's thermometers send their documents; the core takes them in, day by day.

    As many of them have a fever as the simulator says of the outbreak; what a thermometer sends is
    the simulator's own document, and the way on is a hub's: decoder, uplink, a batch of the core.
    """
    days = sorted(LAST - timedelta(days=n) for n in range(DAYS_AT_HOME))
    ill = {
        one.day: one.value
        for one in simulate(["t-dong"], days, [OUTBREAK], seed=7)
        if one.source == "home"
    }
    devices = [Identity(manufacturer="Acme", model="T-1", serial=f"{n}") for n in range(PEOPLE)]
    begun = datetime.combine(days[0], time(0), tzinfo=ZONE)
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        people = [SubjectRef(f"dong-{number}") for number in range(PEOPLE)]
        await bench.tell(
            *(Profile(subject=one, household=one, area="t-dong") for one in people),
            *(
                BindingFact(device=f"Acme/T-1/{n}", subject=one, valid_from=begun)
                for n, one in enumerate(people)
            ),
            now=begun,
        )
        for day in days:
            at = datetime.combine(day, time(7, 30), tzinfo=ZONE)
            fevers = [38.2 if number < ill[day] else 36.5 for number in range(PEOPLE)]
            sent = [sent_by(one, at, value) for one, value in zip(devices, fevers, strict=True)]
            outcome = await bench.feed(*sent)
            assert outcome.done


def sent_by(device: Identity, at: datetime, celsius: float) -> Observation:
    """What the simulated thermometer publishes, as the product reads it."""
    document = encode_reading(
        device,
        Reading(
            kind="temperature",
            quantities=(("temperature", Temperature(value=celsius, unit="Cel")),),
            device_time=at.replace(tzinfo=None),
        ),
    )
    topic = f"dev/1/{device.key}/reading"
    decode = decoder_of(topic)
    assert decode is not None
    stamp = HubStamp(boot_id="b", monotonic_s=0, wall=at, wall_trusted=True)
    arrival = Arrival(
        topic=topic,
        retain=False,
        received=stamp,
        hub=HUB,
        session=f"s-{at.date()}",
        ordinal=0,
        zone=ZONE,
    )
    (observation,) = decode(document, arrival)
    return observation


async def report(county: County, address: str) -> None:
    """The institutions' programs send what they counted, each with its own credential."""
    store = Sources(county.store.pool, ZONE)
    words: list[str] = []
    for kind in (SourceKind.CLINIC, SourceKind.PHARMACY, SourceKind.SCHOOL):
        weekdays = frozenset(range(1, 6 if kind is SourceKind.SCHOOL else 8))
        new = NewSource(
            source_id=kind.value, kind=kind, name=kind.value, area=None, weekdays=weekdays
        )
        words += ["--token", f"{kind.value}={await store.register_source(new, county.now)}"]
    outbreak = f"{OUTBREAK.township}:{OUTBREAK.first_day}:{OUTBREAK.infected}"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "service.cli", "sim", "institutions", "--url", address, "--seed", "7"),
        *("--until", str(LAST), "--days", str(DAYS), "--outbreak", outbreak),
        *(word for township in TOWNSHIPS for word in ("--township", township)),
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


@asynccontextmanager
async def at(browser: Browser, address: str, login: str) -> AsyncGenerator[Page]:
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(f"{address}/login")
    await page.fill("input[name=login]", login)
    await page.fill("input[name=password]", PASSWORD)
    await page.click("main button")
    await page.wait_for_selector("header .who")
    yield page
    await context.close()


async def act(page: Page, name: str, **fields: str) -> None:
    """Opens one act of the signal's page, fills it in, does it."""
    form = page.locator(f"form:has(input[name=act][value={name}])")
    await page.locator(f".taps details:has(input[name=act][value={name}]) > summary").click()
    for field, value in fields.items():
        where = form.locator(f"[name={field}]")
        if await where.evaluate("e => e.tagName") == "SELECT":
            await where.select_option(value)
        else:
            await where.fill(value)
    await form.locator("button").click()
    await page.wait_for_load_state()


async def notice(officer: Page, address: str) -> None:
    """One signal at eight o'clock, its four sources named; one tap asks the township."""
    signal = officer.locator("#new li.orange")
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while not await signal.count():
            await officer.goto(f"{address}/signals")
    await expect(officer.locator("#new li")).to_have_count(1)  # the quiet neighbour has none
    for words in ("东风镇", "橙色", "家庭设备", "门诊就诊", "药店", "学校缺课"):
        await expect(signal).to_contain_text(words)
    await signal.get_by_role("button", name="请乡镇核实").click()
    await expect(officer.locator("#asked li")).to_contain_text("东风镇")


async def verify(township: Page, address: str) -> None:
    """The township's station answers; a telephone number is not taken."""
    await township.goto(f"{address}/verify")
    await expect(township.locator("main")).to_contain_text("门诊就诊")
    for account in ("联系 13800000000", "中心小学两个班发热"):
        await township.get_by_label("有，确有事件").check()
        await township.get_by_label("学校和幼儿园").check()
        await township.fill("input[name=cases]", "4")
        await township.fill("textarea[name=account]", account)
        await township.get_by_role("button", name="答复疾控中心").click()
        said = "已保存" if "小学" in account else "不要写电话"
        await expect(township.locator("main > .card").first).to_contain_text(said)


async def respond(officer: Page, address: str) -> None:
    """From the township's answer to the closed signal."""
    await officer.goto(f"{address}/signals")
    await officer.locator("#waiting a.name").click()
    await expect(officer.locator("main")).to_contain_text("中心小学两个班发热")
    await expect(officer.locator(".ask")).to_contain_text("病例: 1–4")
    await act(officer, "confirm", reason="乡镇核实属实")
    await act(officer, "assess", risk="moderate", reason="限于一所学校")
    await act(officer, "escalate", reason="报市疾控")
    await act(officer, "respond", reason="停课消毒")
    await act(officer, "close", reason="一周无新发")
    await expect(officer.locator(".five")).to_contain_text("结案")


async def check_papers(officer: Page, address: str) -> None:
    """The report says what was found, and the record holds all four phases."""
    path = officer.url.removeprefix(address)
    word = await officer.request.get(f"{address}{path}/brief.docx")
    brief = await officer.request.get(f"{address}/signals/brief")
    record = await officer.request.get(f"{address}/signals/record.csv")
    text = "\n".join(one.text for one in docx.Document(io.BytesIO(await word.body())).paragraphs)
    assert "东风镇" in text
    assert "中心小学两个班发热" in text
    assert "东风镇" in await brief.text()
    phases = [line.split(",")[3] for line in (await record.text()).splitlines()[1:]]
    assert phases[0] == "formation"
    assert set(phases) == {"formation", "transmission", "response", "feedback"}


@pytest.mark.row("C8")
@pytest.mark.row("C9")
@pytest.mark.row("C14")
@pytest.mark.row("C17")
async def test_a_cluster_is_noticed_verified_answered_and_closed(
    browser: Browser, county: County
) -> None:
    early = datetime(2026, 9, 2, 6, 0, tzinfo=ZONE)
    county.clock.advance(early - county.now)
    async with serve(county) as address:
        await report(county, address)
        county.clock.advance(timedelta(hours=1, minutes=31))
        async with at(browser, address, "duty") as officer:
            await notice(officer, address)
            county.clock.advance(timedelta(hours=2))
            async with at(browser, address, "dong") as township:
                await verify(township, address)
            await respond(officer, address)
            await check_papers(officer, address)
