"""Log-in through an OpenID provider: the linked get in, and no lie of a provider lets one in."""

import argparse
import asyncio
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pydantic import SecretStr, ValidationError

from gateway.clock import WallClock
from service.openid_command import add_arguments, run
from service.settings import ServiceSettings
from tests.fakes.openid_provider import OpenIdProvider, provider_running
from tests.fixtures.database import Database
from tests.integration.service_county import County, open_county, serving

pytestmark = pytest.mark.peer

PUBLIC = "http://county.test"
BACK = f"{PUBLIC}/login/openid/back"
SECRET = "between the two of us, and long enough"


@dataclass(kw_only=True)
class Door:
    """A county that trusts one provider, and a browser that goes between them."""

    county: County
    provider: OpenIdProvider
    browser: httpx2.AsyncClient

    async def go(self) -> str:
        """From the log-in page to the provider; where the provider sends the browser back to."""
        begun = await self.browser.get("/login/openid")
        assert begun.status_code == 303, begun.text
        at_provider = await self.browser.get(begun.headers["location"])
        assert at_provider.status_code == 302, at_provider.text
        return at_provider.headers["location"].removeprefix(PUBLIC)

    async def whole(self) -> httpx2.Response:
        """There and back."""
        return await self.browser.get(await self.go())

    async def why(self) -> str:
        """Why the last log-in was refused, as the record has it."""
        return await self.county.owner.fetchval(
            "SELECT detail->>'why' FROM care.audit WHERE action = 'login refused'"
            " ORDER BY audit_id DESC LIMIT 1"
        )


@pytest.fixture
async def door(database: Database) -> AsyncIterator[Door]:
    async with open_county(database) as county:
        provider = OpenIdProvider(
            client_id="hearth watch",  # a space: what is sent in the header is quoted (RFC 6749)
            client_secret=SECRET,
            redirect_uri=BACK,
            now=county.clock.now,
        )
        async with provider_running(provider):
            settings = county.services.settings.model_copy(
                update={
                    "openid_issuer": provider.issuer,
                    "openid_client_id": provider.client_id,
                    "openid_client_secret": SecretStr(SECRET),
                    "public_url": PUBLIC,
                }
            )
            county.services = replace(county.services, settings=settings)
            async with (
                serving(county.services) as address,
                httpx2.AsyncClient(base_url=address, timeout=60) as browser,
            ):
                yield Door(county=county, provider=provider, browser=browser)


async def openid(*words: str) -> int:
    """The command as an operator calls it."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return await asyncio.to_thread(run, parser.parse_args(words))


@pytest.mark.row("X3")
async def test_who_is_linked_gets_in_and_nobody_else_and_no_account_is_made(
    door: Door, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    county, at = door.county, ("--issuer", door.provider.issuer, "--dsn", database.dsn)
    accounts = await county.owner.fetchval("SELECT count(*) FROM care.account")
    assert "/login/openid" in (await door.browser.get("/login")).text
    stranger = await door.whole()
    assert (stranger.status_code, await door.why()) == (403, "unknown account")
    assert "hearthwatch" not in stranger.cookies
    assert await openid("link", "nobody", "p-0001", *at) == 1
    assert await openid("link", "family-a", "p-0001", *at) == 0
    assert await openid("link", "family-b", "p-0001", *at) == 1, "one name, one account"
    assert await openid("list", "--dsn", database.dsn) == 0
    assert "family-a" in capsys.readouterr().out
    done = await door.whole()
    assert (done.status_code, done.headers["location"]) == (303, "/doctor")
    assert door.provider.refused == []
    assert (await door.browser.get("/api/me")).json()["login"] == "family-a"
    assert door.provider.issuer in (await door.browser.get("/account/security")).text
    assert await openid("unlink", "family-a", "--dsn", database.dsn) == 0
    assert (await door.whole()).status_code == 403
    assert await county.owner.fetchval("SELECT count(*) FROM care.account") == accounts
    said = await county.owner.fetch("SELECT action, detail->>'by' AS by FROM care.audit")
    told = {(row["action"], row["by"]) for row in said}
    assert {("signed in", "openid"), ("linked to openid", None)} <= told


LIES = {
    "document": None,  # refused before the browser is sent anywhere
    "denied": "denied",
    "mixed up": "issuer",
    "issuer": "issuer",
    "audience": "claims",
    "two audiences": "claims",
    "another's": "claims",
    "no aud": "claims",
    "no exp": "claims",
    "no sub": "claims",
    "no iss": "issuer",
    "no nonce": "nonce",
    "nonce": "nonce",
    "expired": "expired",
    "signature": "signature",
    "shared secret": "signature",
}


@pytest.mark.row("X3")
async def test_no_lie_of_a_provider_lets_anybody_in_and_each_is_on_record(
    door: Door, database: Database
) -> None:
    at = ("--issuer", door.provider.issuer, "--dsn", database.dsn)
    assert await openid("link", "family-a", "p-0001", *at) == 0
    for lie, why in LIES.items():
        door.provider.lie = lie
        if why is None:
            assert (await door.browser.get("/login/openid")).status_code == 401, lie
            continue
        refused = await door.whole()
        assert (refused.status_code, await door.why()) == (401, why), lie
        assert "hearthwatch" not in door.browser.cookies, lie
    door.provider.lie = ""
    assert (await door.whole()).status_code == 303, "and the truth does"


@pytest.mark.row("X3")
async def test_an_answer_is_for_the_browser_that_began_and_for_once(
    door: Door, database: Database
) -> None:
    """A thief's link, a copied code, a forgotten tab: state, verifier and code are one log-in's."""
    at = ("--issuer", door.provider.issuer, "--dsn", database.dsn)
    assert await openid("link", "family-a", "p-0001", *at) == 0
    thiefs = await door.go()
    door.browser.cookies.clear()
    assert (await door.browser.get(thiefs)).status_code == 401, "log-in into the thief's account"
    assert await door.why() == "state"
    code = parse_qs(urlsplit(await door.go()).query)["code"][0]
    door.browser.cookies.clear()
    own = parse_qs(urlsplit(await door.go()).query)["state"][0]
    swapped = await door.browser.get("/login/openid/back", params={"state": own, "code": code})
    assert (swapped.status_code, await door.why()) == (401, "code")
    assert door.provider.refused[-1] == "verifier", "the provider saw that PKCE does not fit"
    good = await door.go()
    attempt = dict(door.browser.cookies)
    assert (await door.browser.get(good)).status_code == 303
    door.browser.cookies.clear()
    again = {"Cookie": "; ".join(f"{k}={v}" for k, v in attempt.items())}
    assert (await door.browser.get(good, headers=again)).status_code == 401, "a code is used once"


@pytest.mark.row("X3")
async def test_the_provider_replaces_the_password_and_not_the_second_proof(
    door: Door, database: Database
) -> None:
    at = ("--issuer", door.provider.issuer, "--dsn", database.dsn)
    assert await openid("link", "family-a", "p-0001", *at) == 0
    settings = door.county.services.settings.model_copy(update={"second_factor": "required"})
    services = replace(door.county.services, settings=settings)
    async with (
        serving(services) as address,
        httpx2.AsyncClient(base_url=address, timeout=60) as browser,
    ):
        door.browser = browser
        assert (await door.whole()).headers["location"] == "/account/security"
        assert (await browser.get("/doctor")).headers["location"] == "/account/security"
    account = await door.county.account("family-a")
    await door.county.store.disable_account(account.account_id, disabled=True)
    async with (
        serving(services) as address,
        httpx2.AsyncClient(base_url=address, timeout=60) as browser,
    ):
        door.browser = browser
        assert (await door.whole()).status_code == 403, "who has left is unknown"


async def test_a_provider_that_is_away_is_said_and_passwords_go_on(door: Door) -> None:
    settings = door.county.services.settings.model_copy(
        update={"openid_issuer": "http://127.0.0.1:9"}
    )
    async with (
        serving(replace(door.county.services, settings=settings)) as address,
        httpx2.AsyncClient(base_url=address, timeout=60) as browser,
    ):
        away = await browser.get("/login/openid")
        assert (away.status_code, 'name="password"' in away.text) == (503, True)
        assert (await browser.get("/login")).status_code == 200


async def test_without_a_provider_there_is_no_such_door(database: Database) -> None:
    async with (
        open_county(database) as county,
        serving(county.services) as address,
        httpx2.AsyncClient(base_url=address, timeout=60) as browser,
    ):
        assert (await browser.get("/login/openid")).status_code == 404
        assert (await browser.get("/login/openid/back?code=x&state=y")).status_code == 404
        assert "openid" not in (await browser.get("/login")).text


@pytest.mark.parametrize(
    "wrong",
    [
        {"openid_issuer": "https://id.example"},
        {"openid_client_id": "x", "openid_client_secret": "y"},
        {
            "openid_issuer": "http://id.example",
            "openid_client_id": "x",
            "openid_client_secret": "y",
        },
    ],
)
def test_half_a_provider_and_one_without_tls_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ServiceSettings.model_validate({"dsn": "postgresql:///x", **wrong})


@asynccontextmanager
async def independent_provider() -> AsyncGenerator[str]:
    """The process of another's provider (PyPI `oidc-provider-mock`, on Authlib's server)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)),
        *("--require-nonce", "true", "--user", "p-0001"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    issuer = f"http://127.0.0.1:{port}"
    try:
        async with httpx2.AsyncClient() as client, asyncio.timeout(60):
            while True:
                with suppress(httpx2.HTTPError):
                    await client.get(f"{issuer}/.well-known/openid-configuration")
                    break
                await asyncio.sleep(0.1)
        yield issuer
    finally:
        running.terminate()
        await running.wait()


@pytest.mark.slow
@pytest.mark.row("X3")
async def test_a_provider_that_others_wrote_lets_the_linked_in(
    door: Door, database: Database
) -> None:
    async with independent_provider() as issuer:
        settings = door.county.services.settings.model_copy(update={"openid_issuer": issuer})
        services = replace(door.county.services, settings=settings, clock=WallClock())
        async with (
            serving(services) as address,
            httpx2.AsyncClient(base_url=address, timeout=60) as browser,
        ):
            for linked in (False, True):
                if linked:
                    at = ("--issuer", issuer, "--dsn", database.dsn)
                    assert await openid("link", "family-a", "p-0001", *at) == 0
                begun = await browser.get("/login/openid")
                back = await browser.post(begun.headers["location"], data={"sub": "p-0001"})
                done = await browser.get(back.headers["location"].removeprefix(PUBLIC))
                assert done.status_code == (303 if linked else 403), await door.why()
            assert (await browser.get("/api/me")).json()["login"] == "family-a"
