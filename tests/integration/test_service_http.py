"""Sign-in, refusals, headers, the JSON API and the event stream, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest

from rules.vocabulary import Priority
from service.auth import MOST_FAILURES_PER_ADDRESS, MOST_FAILURES_PER_LOGIN
from service.people import NewAccount
from service.permissions import Role
from tests.fixtures.database import Database
from tests.integration.service_county import (
    PASSWORD,
    PASSWORD_HASH,
    STAFF,
    ZHANG,
    County,
    account_id,
    open_county,
    serving,
)
from tests.security.matrix import session


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        for name, staff in STAFF.items():
            await opened.store.register_account(
                NewAccount(
                    account_id=account_id(name),
                    login=name,
                    password_hash=PASSWORD_HASH,
                    role=staff.role,
                    staff_id=name,
                )
            )
        await opened.store.register_account(
            NewAccount(
                account_id=account_id("zhang"),
                login="zhang",
                password_hash=PASSWORD_HASH,
                role=Role.PATIENT,
                person_id=ZHANG.person_id,
            )
        )
        yield opened


@pytest.fixture
async def browser(county: County) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        serving(county.services) as address,
        httpx2.AsyncClient(base_url=address, timeout=60) as client,
    ):
        yield client


async def sign_in(client: httpx2.AsyncClient, login: str, password: str = PASSWORD) -> int:
    answer = await client.post("/api/login", json={"login": login, "password": password})
    return answer.status_code


async def until(condition: Callable[[], bool]) -> None:
    """Returns when `condition` holds; fails after ten seconds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - lines of a stream set no event
            await asyncio.sleep(0.02)


async def test_without_a_session_programs_get_a_problem_and_pages_the_log_in(
    browser: httpx2.AsyncClient,
) -> None:
    answer = await browser.get("/api/alerts")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["reason"] == "not_signed_in"
    assert (await browser.get("/events")).status_code == 401
    assert (await browser.get("/healthz")).json() == {"status": "ok"}


async def test_a_wrong_password_an_unknown_login_and_a_right_one(
    browser: httpx2.AsyncClient,
) -> None:
    assert await sign_in(browser, "family-a", "wrong") == 401
    assert await sign_in(browser, "nobody", PASSWORD) == 401
    assert await sign_in(browser, "family-a") == 200
    assert (await browser.get("/api/me")).json()["role"] == "family_doctor"
    cookie = next(iter(browser.cookies.jar))
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert (await browser.post("/api/logout")).status_code == 204
    browser.cookies.set("hearthwatch", cookie.value or "")
    assert (await browser.get("/api/me")).status_code == 401, "the session outlived its end"


@pytest.mark.parametrize("path", ["/logout", "/api/logout"])
async def test_signing_out_takes_the_cookie_from_a_browser_over_https(
    county: County, path: str
) -> None:
    """A browser ignores a Set-Cookie with the prefix `__Host-` that is not Secure."""
    settings = county.services.settings.model_copy(update={"secure_cookie": True})
    token = await session(county, "family-a")
    async with (
        serving(replace(county.services, settings=settings)) as address,
        httpx2.AsyncClient(base_url=address) as client,
    ):
        cookie = {"Cookie": f"__Host-hearthwatch={token}"}
        told = (await client.post(path, headers=cookie)).headers["set-cookie"]
    assert told.startswith("__Host-hearthwatch=")
    assert {"Secure", "Path=/", "Max-Age=0"} <= {part.strip() for part in told.split(";")}


async def test_guessing_is_stopped_even_with_the_right_password_at_last(
    browser: httpx2.AsyncClient, county: County
) -> None:
    for _ in range(MOST_FAILURES_PER_LOGIN):
        assert await sign_in(browser, "family-a", "wrong") == 401
    assert await sign_in(browser, "family-a") == 429
    assert await sign_in(browser, "family-b") == 200
    county.clock.advance(timedelta(minutes=16))
    assert await sign_in(browser, "family-a") == 200


@pytest.mark.parametrize(
    ("proxies", "last_answer"),
    [
        pytest.param("127.0.0.1", 401, id="our_proxy"),
        pytest.param("127.0.0.0/8, ::1", 401, id="our_proxies"),
        pytest.param("192.0.2.1", 429, id="somebody_who_only_says_so"),
    ],
)
async def test_guessing_is_counted_by_the_address_that_our_own_proxy_saw(
    county: County, proxies: str, last_answer: int
) -> None:
    settings = county.services.settings.model_copy(update={"forwarded_allow_ips": proxies})
    services = replace(county.services, settings=settings)
    async with (
        serving(services) as address,
        httpx2.AsyncClient(base_url=address, timeout=60) as client,
    ):
        # what a guesser writes into the header himself stands before what the proxy appends
        client.headers["X-Forwarded-For"] = "203.0.113.9, 198.51.100.7"
        assert await sign_in(client, "nobody-0", "wrong") == 401
        await county.owner.execute(  # as often again from where that came, and all but one more
            "INSERT INTO care.login_failure (try_id, at, login, address)"
            " SELECT gen_random_uuid(), at, 'nobody-' || n, address"
            " FROM care.login_failure, generate_series(1, $1) AS n",
            MOST_FAILURES_PER_ADDRESS - 2,
        )
        assert await sign_in(client, "somebody", "wrong") == 401
        client.headers["X-Forwarded-For"] = "203.0.113.9, 198.51.100.8"
        assert await sign_in(client, "nobody", "wrong") == last_answer
        client.headers["X-Forwarded-For"] = "203.0.113.10, 198.51.100.7"
        assert await sign_in(client, "nobody", "wrong") == 429


async def test_a_session_ends_by_idleness_and_by_age(
    browser: httpx2.AsyncClient, county: County
) -> None:
    settings = county.services.settings
    await sign_in(browser, "family-a")
    county.clock.advance(timedelta(minutes=settings.session_idle_minutes + 1))
    assert (await browser.get("/api/me")).status_code == 401
    await sign_in(browser, "family-a")
    for _ in range(settings.session_hours):
        assert (await browser.get("/api/me")).status_code == 200
        county.clock.advance(timedelta(hours=1))
    assert (await browser.get("/api/me")).status_code == 401


@pytest.mark.parametrize(
    ("login", "allowed"),
    [
        ("village-a", {"/api/alerts"}),
        ("family-a", {"/api/alerts"}),
        ("county", {"/api/alerts"}),
        ("zhang", set[str]()),
        ("cdc", set[str]()),
        ("admin", set[str]()),
    ],
)
async def test_only_clinicians_reach_the_worklist(
    browser: httpx2.AsyncClient, login: str, allowed: set[str]
) -> None:
    await sign_in(browser, login)
    expected = 200 if "/api/alerts" in allowed else 403
    assert (await browser.get("/api/alerts")).status_code == expected


async def test_another_site_cannot_make_the_browser_act(
    browser: httpx2.AsyncClient, county: County
) -> None:
    alert_id = await county.raise_alert(priority=Priority.SOON)
    await county.worker().settle(county.now)
    await sign_in(browser, "family-a")
    path = f"/api/alerts/{alert_id}/acknowledge"
    for foreign in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        answer = await browser.post(path, json={}, headers=foreign)
        assert (answer.status_code, answer.json()["reason"]) == (403, "cross_site")
    assert await county.state(alert_id) == "unacknowledged"
    answer = await browser.post(path, json={}, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 200
    assert await county.state(alert_id) == "acknowledged"


async def test_every_answer_carries_the_security_headers(browser: httpx2.AsyncClient) -> None:
    for path in ("/healthz", "/api/alerts", "/nowhere", "/static/none.js"):
        headers = (await browser.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_reading_an_alert_again_and_again_answers_nothing(
    browser: httpx2.AsyncClient, county: County
) -> None:
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    await sign_in(browser, "family-a")
    for _ in range(3):
        for path in (f"/api/alerts/{alert_id}", f"/api/alerts/{alert_id}/acknowledge"):
            await browser.get(path)
    assert await county.state(alert_id) == "unacknowledged"


async def test_an_emergency_wants_a_real_answer_and_an_end_in_time(
    browser: httpx2.AsyncClient, county: County
) -> None:
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    await sign_in(browser, "family-a")
    path = f"/api/alerts/{alert_id}/acknowledge"
    seen = await browser.post(path, json={"answer": "seen"})
    assert (seen.status_code, seen.json()["reason"]) == (409, "answer_required")
    late = (county.now + timedelta(hours=2)).isoformat()
    too_late = await browser.post(path, json={"answer": "going", "next_check_at": late})
    assert (too_late.status_code, too_late.json()["reason"]) == (409, "next_check")
    assert (await browser.post(path, json={"answer": "going"})).status_code == 200
    closed = await browser.post(f"/api/alerts/{alert_id}/close", json={"outcome": "visit"})
    assert closed.json()["state"] == "closed"
    again = await browser.post(f"/api/alerts/{alert_id}/close", json={"outcome": "visit"})
    assert (again.status_code, again.json()["reason"]) == (409, "closed")


async def test_closing_leads_a_duty_desk_to_its_worklist_and_so_does_a_card_that_stayed_open(
    browser: httpx2.AsyncClient, county: County
) -> None:
    alert_id = await county.raise_alert()
    await county.worker().settle(county.now)
    card, close = f"/doctor/alerts/{alert_id}", f"/doctor/alerts/{alert_id}/close"
    await sign_in(browser, "county")
    assert ZHANG.name in (await browser.get(card)).text
    answered = {"answer": "contacted", "next_check": "2026-09-01T09:30"}
    answer = await browser.post(f"{card}/acknowledge", data=answered, follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, card)
    answer = await browser.post(close, data={"outcome": "advice"}, follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/doctor")
    assert "该报警已被结案" not in answer.text
    for late in (
        await browser.get(card, follow_redirects=True),
        await browser.post(close, data={"outcome": "advice"}, follow_redirects=True),
        await browser.post(f"{card}/acknowledge", data=answered, follow_redirects=True),
    ):
        assert (late.status_code, late.url.path) == (200, "/doctor")
        assert "该报警已被结案" in late.text
        assert ZHANG.name not in late.text
    late = await browser.post(f"/api/alerts/{alert_id}/close", json={"outcome": "advice"})
    assert (late.status_code, late.json()["reason"]) == (409, "closed")
    assert (await browser.get(f"/api/alerts/{alert_id}")).status_code == 404
    await sign_in(browser, "family-b")
    assert (await browser.get(card)).status_code == 404
    assert (await browser.post(close, data={"outcome": "advice"})).status_code == 404
    await sign_in(browser, "family-a")
    assert ZHANG.name in (await browser.get(card)).text


async def test_another_doctors_alert_does_not_exist(
    browser: httpx2.AsyncClient, county: County
) -> None:
    alert_id = await county.raise_alert(priority=Priority.SOON)
    await county.worker().settle(county.now)
    await sign_in(browser, "family-b")
    for answer in (
        await browser.get(f"/api/alerts/{alert_id}"),
        await browser.post(f"/api/alerts/{alert_id}/acknowledge", json={}),
        await browser.post(f"/api/alerts/{alert_id}/close", json={"outcome": "advice"}),
    ):
        assert (answer.status_code, answer.json()["reason"]) == (404, "no_such_alert")


async def test_what_was_typed_wrongly_is_not_repeated_back(browser: httpx2.AsyncClient) -> None:
    answer = await browser.post("/api/login", json={"login": "x", "pasword": "my-secret"})
    assert answer.status_code == 422
    assert "my-secret" not in answer.text
    assert "body.pasword" in answer.json()["detail"]


async def test_an_open_page_hears_of_its_own_alert_only(
    browser: httpx2.AsyncClient, county: County
) -> None:
    heard: dict[str, list[str]] = {"family-a": [], "family-b": [], "zhang": []}

    async def listen(login: str, ready: asyncio.Event) -> None:
        async with httpx2.AsyncClient(base_url=browser.base_url, timeout=60) as page:
            assert await sign_in(page, login) == 200
            async with page.stream("GET", "/events") as stream:
                assert stream.headers["content-type"].startswith("text/event-stream")
                async for line in stream.aiter_lines():
                    heard[login].append(line)
                    if line == "data: ready":
                        ready.set()

    async with asyncio.TaskGroup() as group:
        readies = [asyncio.Event() for _ in heard]
        pages = [group.create_task(listen(*each)) for each in zip(heard, readies, strict=True)]
        working = group.create_task(county.worker().run())
        for ready in readies:
            await ready.wait()
        alert_id = await county.raise_alert()
        await until(lambda: f"data: {alert_id}" in heard["family-a"])
        await until(lambda: "event: message" in heard["zhang"])
        for task in (*pages, working):
            task.cancel()
    assert "event: alert" in heard["family-a"]
    assert str(alert_id) not in " ".join(heard["family-b"])
    assert "event: alert" not in heard["zhang"]


async def test_a_lost_database_is_said_plainly_and_forgiven_when_it_is_back(
    browser: httpx2.AsyncClient, county: County
) -> None:
    await sign_in(browser, "family-a")
    await county.owner.execute("ALTER ROLE hw_service NOLOGIN")
    try:
        await county.owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'hw_service' AND datname = current_database()"
        )
        answers = [await browser.get("/api/alerts") for _ in range(3)]
        page = await browser.get("/doctor")
    finally:
        await county.owner.execute("ALTER ROLE hw_service LOGIN")
    assert {answer.status_code for answer in answers} == {503}
    assert answers[-1].json()["reason"] == "unavailable"
    assert page.status_code == 503
    assert "请稍后再试" in page.text
    assert (await browser.get("/api/alerts")).status_code == 200
