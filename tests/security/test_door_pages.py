"""The doors' own pages, on a phone and a desk, in both languages, read by axe and the browser."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from playwright.async_api import Browser, BrowserContext
from pydantic import SecretStr

from service.store.consent import Purpose, Wanted
from service.store.sessions import Step
from tests.fixtures.database import Database
from tests.integration.service_county import ZHANG, County, open_county, serving
from tests.integration.test_pages import DESKTOP, PHONE, overflow, violations
from tests.security.matrix import session
from tests.security.test_second_step import SEED

pytestmark = [pytest.mark.peer, pytest.mark.slow]

PAGES = (
    (None, "/login"),
    (None, "/login/openid"),  # the provider is away: the log-in page says so
    ("waiting", "/login/second"),
    ("family-a", "/account/security"),
    ("family-b", "/doctor/glass"),
    ("county", "/doctor/glass"),
    ("zhang", "/patient/privacy"),
)


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    """Everything is there that the pages can show: a glass, readers, a withdrawal, an offer."""
    async with open_county(database) as opened:
        reader, stranger = await opened.account("family-a"), await opened.account("family-b")
        await opened.store.usual(reader, ZHANG.subject, opened.now)
        wanted = Wanted(name=ZHANG.name, birth_year=1950)
        why = "昏迷送入急诊，家人不在" * 8
        await opened.store.break_glass(stranger, wanted, why, timedelta(hours=2), opened.now)
        zhang = await opened.account("zhang")
        await opened.store.withdraw(zhang, Purpose.COUNTS, opened.now)
        await opened.store.offer_app(reader, SEED, opened.now)
        settings = opened.services.settings.model_copy(
            update={
                "openid_issuer": "http://127.0.0.1:9",
                "openid_client_id": "hearthwatch",
                "openid_client_secret": SecretStr("between the two of us"),
                "public_url": "http://localhost:8080",
            }
        )
        opened.services = replace(opened.services, settings=settings)
        yield opened


async def complaints_of(context: BrowserContext, address: str, path: str) -> list[str]:
    """What axe, the console and a narrow window have to say of a page."""
    page = await context.new_page()
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on(
        "console",
        lambda message: (
            found.append(message.text)
            if message.type == "error" and "status of" not in message.text
            else None
        ),
    )
    await page.goto(f"{address}{path}")
    assert page.url.endswith(path), page.url
    found += await violations(page)
    if wider := await overflow(page):
        found.append(f"{wider} pixels wider than the window")
    await page.close()
    return found


async def test_the_doors_pages_can_be_read_by_everybody_and_break_no_rule_of_the_browser(
    county: County, browser: Browser
) -> None:
    tokens = {who: await session(county, who) for who in {w for w, _ in PAGES if w} - {"waiting"}}
    tokens["waiting"] = await session(county, "village-a", Step.SECOND)
    found: dict[str, list[str]] = {}
    async with serving(county.services) as address:
        for language, (width, height) in (("zh", PHONE), ("en", DESKTOP)):
            await county.owner.execute("UPDATE care.account SET language = $1", language)
            for who, path in PAGES:
                context = await browser.new_context(viewport={"width": width, "height": height})
                cookies = {"hearthwatch_language": language}
                cookies |= {"hearthwatch": tokens[who]} if who else {}
                await context.add_cookies(
                    [{"name": n, "value": v, "url": address} for n, v in cookies.items()]
                )
                said = await complaints_of(context, address, path)
                found |= {f"{who} {path} {language}": said} if said else {}
                await context.close()
    assert found == {}
