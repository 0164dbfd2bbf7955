"""ASVS items that no other test answers for: a session's end, what a row and a log line hold."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest

from gateway.structured_log import configure_logs
from service.app import create_app
from tests.fixtures.database import Database
from tests.integration.service_county import PASSWORD, PASSWORD_HASH, ZHANG, County, open_county
from tests.security.matrix import bring, session

pytestmark = pytest.mark.peer

WRONG = "correct horse buttery"
MADE_UP = "a-made-up-session-of-somebody"


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        await opened.owner.execute("UPDATE care.account SET password_hash = $1", PASSWORD_HASH)
        yield opened


@pytest.fixture
async def client(county: County) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_app(county.services)

    @app.get("/api/broken/{word}")
    async def broken(word: str) -> None:  # pyright: ignore[reportUnusedFunction] -- a route
        raise RuntimeError(f"{word} {ZHANG.name} {ZHANG.phone}")

    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://county") as opened:
        yield opened


async def test_who_signs_out_or_is_disabled_ends_the_session_on_the_server(
    county: County, client: httpx2.AsyncClient
) -> None:
    """7.4.1: what a thief copied before is worth nothing afterwards."""
    for door in ("/logout", "/api/logout"):
        cookie = {"Cookie": f"hearthwatch={await session(county, 'family-a')}"}
        assert (await client.get("/api/me", headers=cookie)).status_code == 200
        assert (await client.post(door, headers=cookie)).status_code < 400
        assert (await client.get("/api/me", headers=cookie)).status_code == 401, door
    cookie = {"Cookie": f"hearthwatch={await session(county, 'family-a')}"}
    account = await county.account("family-a")
    await county.store.disable_account(account.account_id, disabled=True)
    assert (await client.get("/api/me", headers=cookie)).status_code == 401


async def test_a_row_of_the_record_says_when_where_who_and_what(
    county: County, client: httpx2.AsyncClient
) -> None:
    """16.2.1: enough to tell what happened without asking anybody."""
    alert_id = await county.raise_alert()
    await bring(county, alert_id, ZHANG, ("family-a",))
    cookie = {"Cookie": f"hearthwatch={await session(county, 'family-a')}"}
    county.clock.advance(timedelta(seconds=5))
    answer = await client.get(f"/api/alerts/{alert_id}", headers=cookie)
    assert answer.status_code == 200
    account = await county.account("family-a")
    (row,) = await county.owner.fetch(
        "SELECT at, account_id, action, subject, door, because, request FROM care.audit"
        " WHERE action LIKE 'read%'"
    )
    assert tuple(row)[:5] == (
        county.now,
        account.account_id,
        "read alert",
        ZHANG.subject,
        "GET /api/alerts/{alert_id}",
    )
    assert row["because"] == "contract"
    assert row["request"] is not None


async def test_no_password_session_code_or_name_is_in_a_log_or_in_the_record(
    county: County, client: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """16.2.5: whatever goes wrong with them."""
    configure_logs()
    alert_id = await county.raise_alert()
    await bring(county, alert_id, ZHANG, ("family-a",))
    for word in (WRONG, PASSWORD):
        await client.post("/api/login", json={"login": "family-a", "password": word})
        await client.post("/login", data={"login": "family-a", "password": word})
    token = await session(county, "family-a")
    for value in (MADE_UP, token):
        client.cookies.set("hearthwatch", value)
        await client.get(f"/doctor/alerts/{alert_id}")
        await client.get(f"/api/broken/{MADE_UP}")
        await client.post("/doctor/glass", data={"name": ZHANG.name, "reason": WRONG})
        await client.post("/login/second", data={"code": "271828"})
    for path in (f"/answer/{MADE_UP}", f"/login/openid/back?code={MADE_UP}&state={MADE_UP}"):
        await client.get(path)
    for door in ("/metrics", "/api/surveillance/counts"):
        headers = {"Authorization": f"Bearer {MADE_UP}"}
        await client.request("GET" if door == "/metrics" else "POST", door, headers=headers)
    await client.post("/enrol/claim", json={"code": MADE_UP.upper()})
    out = capsys.readouterr()
    record = await county.owner.fetchval("SELECT string_agg(a::text, ' ') FROM care.audit a")
    assert "request broke" in out.out + out.err, "or nothing was logged"
    assert "login refused" in record, "or nothing was written"
    for place, said in (("log", out.out + out.err), ("record", record)):
        kept = (WRONG, PASSWORD, MADE_UP, MADE_UP.upper(), token, "271828", ZHANG.name)
        found = [word for word in (*kept, str(ZHANG.phone)) if word in said]
        assert found == [], place
