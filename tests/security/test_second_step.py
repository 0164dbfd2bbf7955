"""Staff prove themselves twice: an app's digits, a passkey in a real browser, no way around."""

import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx2
import pytest
from playwright.async_api import CDPSession, async_playwright, expect
from pyotp.totp import TOTP

from service.auth import MOST_FAILURES_PER_LOGIN
from service.security.keyring import new_keyring
from service.security.second_step import step_of_code
from tests.fixtures.database import Database
from tests.integration.service_county import PASSWORD, PASSWORD_HASH, County, open_county, serving

pytestmark = pytest.mark.peer

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890", RFC 6238 appendix B


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await opened.owner.execute("UPDATE care.account SET password_hash = $1", PASSWORD_HASH)
        settings = opened.services.settings.model_copy(
            update={"second_factor": "required", "public_url": "http://localhost:8080"}
        )
        opened.services = replace(opened.services, settings=settings)
        yield opened


@pytest.fixture
async def browser(county: County) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        serving(county.services) as address,
        httpx2.AsyncClient(base_url=address, timeout=60) as client,
    ):
        yield client


async def log_in(client: httpx2.AsyncClient, login: str = "family-a") -> str:
    client.cookies.clear()
    form = {"login": login, "password": PASSWORD}
    answer = await client.post("/login", data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def set_up_app(client: httpx2.AsyncClient, county: County) -> TOTP:
    """As a person does: read the key from the page, type the first code."""
    assert await log_in(client) == "/account/security"
    await client.post("/account/app")
    page = (await client.get("/account/security")).text
    app = TOTP(page.split("<code>")[1].split("</code>")[0])
    wrong = await client.post("/account/app/confirm", data={"code": "000000"})
    assert wrong.status_code == 409
    right = await client.post("/account/app/confirm", data={"code": app.at(county.now)})
    assert (right.status_code, right.headers["location"]) == (303, "/doctor")
    return app


@pytest.mark.parametrize(
    ("at", "code"),
    # RFC 6238 appendix B, SHA-1, the last six of eight digits
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_rfc_6238(at: int, code: str) -> None:
    now = datetime.fromtimestamp(at, UTC)
    assert step_of_code(SEED, code, now, None) == at // 30
    assert step_of_code(SEED, code, now, at // 30) is None, "a used step is used"
    assert step_of_code(SEED, code, now + timedelta(seconds=30), None) == at // 30
    assert step_of_code(SEED, code, now + timedelta(seconds=90), None) is None


@pytest.mark.row("X3")
async def test_staff_without_a_second_proof_reach_nothing_before_they_have_one(
    browser: httpx2.AsyncClient, county: County
) -> None:
    """ASVS 6.3.3."""
    assert await log_in(browser) == "/account/security"
    for path in ("/doctor", "/", "/rules", "/doctor/glass"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account/security")
    assert (await browser.get("/api/alerts")).status_code == 401
    api = await browser.post("/api/login", json={"login": "family-a", "password": PASSWORD})
    assert (api.status_code, api.json()["reason"]) == (401, "second_factor_enrol")
    app = await set_up_app(browser, county)
    assert (await browser.get("/doctor")).status_code == 200
    assert await log_in(browser, "zhang") == "/patient", "patients need none"
    secret = await county.owner.fetchval("SELECT secret FROM care.second_factor")
    assert secret == app.secret, "without a key file, as in the demo, nothing is sealed"


@pytest.mark.row("X3")
async def test_a_log_in_wants_the_code_and_each_step_makes_a_new_session(
    browser: httpx2.AsyncClient, county: County
) -> None:
    """ASVS 7.2.4: what an unfinished session's cookie knew is worth nothing afterwards."""
    app = await set_up_app(browser, county)
    county.clock.advance(timedelta(seconds=30))
    assert await log_in(browser) == "/login/second"
    unfinished = browser.cookies["hearthwatch"]
    for path in ("/doctor", "/account/security"):
        assert (await browser.get(path)).headers["location"] == "/login/second"
    code = app.at(county.now)
    done = await browser.post("/login/second", data={"code": code})
    assert (done.status_code, done.headers["location"]) == (303, "/doctor")
    assert browser.cookies["hearthwatch"] != unfinished
    browser.cookies.clear()
    stale = await browser.get("/doctor", headers={"Cookie": f"hearthwatch={unfinished}"})
    assert stale.headers["location"] == "/login"
    assert await log_in(browser) == "/login/second"
    again = await browser.post("/login/second", data={"code": code})
    assert again.status_code == 401, "a code is used once"
    api = {"login": "family-a", "password": PASSWORD}
    bare = await browser.post("/api/login", json=api)
    assert (bare.status_code, bare.json()["reason"]) == (401, "second_factor_second")
    county.clock.advance(timedelta(seconds=30))
    full = await browser.post("/api/login", json={**api, "code": app.at(county.now)})
    assert full.status_code == 200
    removal = {
        "factor": str(await county.owner.fetchval("SELECT factor_id FROM care.second_factor"))
    }
    kept = await browser.post("/account/factor/remove", data=removal)
    assert kept.status_code == 409, "the last proof stays where one is needed"


async def test_a_lost_key_makes_a_code_wrong_and_nothing_break(
    browser: httpx2.AsyncClient, county: County
) -> None:
    app = await set_up_app(browser, county)
    for lost in ("\N{LOCK}", new_keyring().seal(app.secret)):
        await county.owner.execute("UPDATE care.second_factor SET secret = $1", lost)
        county.clock.advance(timedelta(minutes=16))
        assert await log_in(browser) == "/login/second"
        refused = await browser.post("/login/second", data={"code": app.at(county.now)})
        assert refused.status_code == 401


async def test_guessing_codes_is_stopped_and_an_unfinished_session_ends_soon(
    browser: httpx2.AsyncClient, county: County
) -> None:
    app = await set_up_app(browser, county)
    county.clock.advance(timedelta(minutes=16))
    assert await log_in(browser) == "/login/second"
    for _ in range(MOST_FAILURES_PER_LOGIN):
        assert (await browser.post("/login/second", data={"code": "000000"})).status_code == 401
    late = await browser.post("/login/second", data={"code": app.at(county.now)})
    assert (late.status_code, late.headers["retry-after"]) == (429, "900")
    county.clock.advance(timedelta(minutes=11))
    assert (await browser.get("/login/second")).headers["location"] == "/login"


async def give_security_key(devtools: CDPSession) -> None:
    """Chromium's own authenticator, an independent witness of the protocol."""
    kind = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
    }
    await devtools.send("WebAuthn.enable")  # pyright: ignore[reportUnknownMemberType] -- untyped
    await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": kind})  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.slow
@pytest.mark.row("X3")
async def test_a_passkey_is_made_and_used_in_a_real_browser(chromium: str, county: County) -> None:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        # the port is known once it listens, and a passkey is bound to the origin with it
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            origin = f"http://localhost:{free.getsockname()[1]}"
        settings = county.services.settings.model_copy(update={"public_url": origin})
        services = replace(county.services, settings=settings)
        async with serving(services, port=urlsplit(origin).port or 0):
            page = await opened.new_page()
            page.set_default_timeout(30_000)
            await give_security_key(await page.context.new_cdp_session(page))
            for first in (True, False):
                await page.goto(f"{origin}/login")
                await page.fill("input[name=login]", "family-a")
                await page.fill("input[name=password]", PASSWORD)
                await page.click("main button")
                kind = "create" if first else "get"
                await page.click(f"button[data-passkey={kind}]")
                await expect(page).to_have_url(f"{origin}/doctor")
                await page.click("form[action='/logout'] button")
                await page.wait_for_url(f"{origin}/login")
            await opened.close()
    used = await county.owner.fetchrow("SELECT kind, sign_count FROM care.second_factor")
    assert used is not None
    assert (used["kind"], used["sign_count"] > 1) == ("passkey", True)
