"""What comes in wrong, too much or with malice: a named refusal each, no word of ours inside."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from gateway.structured_log import configure_logs
from service.app import create_app
from service.auth import (
    MOST_FAILURES_PER_LOGIN,
    TooManyFailuresError,
    WeakPasswordError,
    hash_password,
    requires,
    sign_in,
)
from service.doors.doors import doors
from service.doors.limits import ADDRESS_TIMES, Bucket, RateLimit
from service.permissions import Permission
from tests.fixtures.database import Database
from tests.integration.service_county import PASSWORD, ZHANG, County, open_county, serving
from tests.security.matrix import bring, session

pytestmark = pytest.mark.peer

XML = {"Content-Type": "text/xml"}
ANY_ID = UUID(int=7)


@pytest.fixture
async def county(database: Database) -> AsyncIterator[County]:
    async with open_county(database) as opened:
        yield opened


async def test_a_short_password_is_none() -> None:
    with pytest.raises(WeakPasswordError):
        await hash_password("1234567")


async def test_hashing_leaves_the_event_loop_free() -> None:
    turns = 0
    hashing = asyncio.get_running_loop().create_task(hash_password("correct horse battery"))
    while not hashing.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > 20


def test_a_bucket_gives_a_minutes_worth_and_says_when_there_will_be_more() -> None:
    bucket = Bucket(60.0, at=0.0)
    assert [bucket.take(60, 0.0) for _ in range(60)] == [0.0] * 60
    assert bucket.take(60, 0.0) == 1.0
    assert bucket.take(60, 1.0) == 0.0


async def test_too_many_requests(county: County) -> None:
    settings = county.services.settings.model_copy(update={"requests_per_minute": 60})
    token = await session(county, "family-a")
    cookie = {"Cookie": f"hearthwatch={token}"}
    async with (
        serving(replace(county.services, settings=settings)) as address,
        httpx2.AsyncClient(base_url=address, timeout=60) as client,
    ):
        answers = [await client.get("/api/me", headers=cookie) for _ in range(200)]
        other = await client.get("/api/me")
    refused = [each for each in answers if each.status_code == 429]
    assert refused
    assert refused[0].headers["content-type"] == "application/problem+json"
    assert int(refused[0].headers["retry-after"]) >= 1
    assert other.status_code == 401, "one session's haste is its own"


async def test_a_cookie_made_up_for_each_request_does_not_help(county: County) -> None:
    settings = county.services.settings.model_copy(update={"requests_per_minute": 60})

    async def fine(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("fine")(scope, receive, send)

    limited = RateLimit(fine, services=replace(county.services, settings=settings))
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=limited), base_url="http://county"
    ) as client:
        answers = [
            (await client.get("/", headers={"Cookie": f"hearthwatch=made-up-{n}"})).status_code
            for n in range(ADDRESS_TIMES * 60 + 200)
        ]
    assert set(answers[:60]) == {200}, "a hospital's address has more than one session's worth"
    assert 429 in answers


async def test_guesses_at_the_same_time_are_counted_like_one_after_the_other(
    county: County,
) -> None:
    """Forty at once, the right one among the last: no more are judged than five."""
    await county.owner.execute(
        "UPDATE care.account SET password_hash = $1", await hash_password(PASSWORD)
    )
    words = [*(f"wrong {n}" for n in range(39)), PASSWORD]
    found = await asyncio.gather(
        *(
            sign_in(county.services, "family-a", word, f"192.0.2.{n}")
            for n, word in enumerate(words)
        ),
        return_exceptions=True,
    )
    assert sum(each is None for each in found) <= MOST_FAILURES_PER_LOGIN
    assert sum(isinstance(each, TooManyFailuresError) for each in found) >= 34
    assert await sign_in(county.services, "family-b", PASSWORD, "192.0.2.99") is not None
    kept = await county.owner.fetchval("SELECT count(*) FROM care.login_failure")
    assert kept <= MOST_FAILURES_PER_LOGIN, "neither the refused nor the right ones count"


async def test_every_door_refuses_a_wrong_type_and_a_large_body_with_a_problem(
    county: County,
) -> None:
    """415 before anything is read, 413 by what is declared and by what comes, 401 not asked yet."""
    app = create_app(county.services)
    found = [door for door in doors(app.routes) if door.method not in {"GET", "HEAD"}]
    wrong: list[str] = []
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://county") as client:
        for door in found:
            path = re.sub(r"{[^}]+}", str(ANY_ID), door.path)
            asked = {"Accept": "application/json"}
            xml = await client.request(door.method, path, content=b"<a/>", headers={**asked, **XML})
            lies = {**asked, "Content-Length": str(10**12)}
            declared = await client.request(door.method, path, content=b"", headers=lies)
            for answer, status, reason in (
                (xml, 415, "wrong_type"),
                (declared, 413, "too_large"),
            ):
                kind = answer.headers.get("content-type")
                seen = (answer.status_code, kind, f'"reason":"{reason}"' in answer.text)
                if seen != (status, "application/problem+json", True):
                    wrong.append(f"{door.method} {door.path}: {seen}")
    assert len(found) > 60
    assert wrong == []


async def test_every_door_says_when_to_come_again(county: County) -> None:
    settings = county.services.settings.model_copy(update={"requests_per_minute": 1})
    app = create_app(replace(county.services, settings=settings))
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    free: list[str] = []
    async with httpx2.AsyncClient(transport=transport, base_url="http://county") as client:
        await client.get("/login")
        for door in doors(app.routes):
            path = re.sub(r"{[^}]+}", str(ANY_ID), door.path)
            answer = await client.request(door.method, path)
            kind, wait_s = (answer.headers.get(name) for name in ("content-type", "retry-after"))
            is_refused = (answer.status_code, kind) == (429, "application/problem+json")
            free += [] if is_refused and int(wait_s or 0) >= 1 else [door.path]
    assert free == ["/healthz"], "what watches over the service is never told to wait"


async def test_large_bodies_and_faults_of_ours_are_problems(county: County) -> None:
    app = create_app(county.services)

    @app.get("/api/broken")
    async def broken() -> None:  # pyright: ignore[reportUnusedFunction] -- a route
        raise RuntimeError("s-zhang 138/90 in a message that nobody may see")

    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://county") as client:
        large = await client.post("/api/alerts/x/close", content=b"x" * (300 * 1024))
        broke = await client.get("/api/broken")
        deep = b'{"login":' + b"[" * 60_000
        nested = await client.post(
            "/api/login", content=deep, headers={"Content-Type": "application/json"}
        )
    assert (large.status_code, large.json()["reason"]) == (413, "too_large")
    assert (broke.status_code, broke.json()["reason"]) == (500, "fault")
    assert "zhang" not in broke.text
    assert "Traceback" not in broke.text
    assert (nested.status_code, nested.headers["content-type"]) in {
        (400, "application/problem+json"),
        (422, "application/problem+json"),
    }


async def test_a_program_that_asks_a_page_is_refused_with_a_problem(county: County) -> None:
    """Problem details for whoever reads JSON, words for whoever reads HTML; at every door."""
    cookie = {"Cookie": f"hearthwatch={await session(county, 'family-a')}"}
    json_please, html_please = {"Accept": "application/json"}, {"Accept": "text/html,*/*"}
    app = create_app(county.services)

    @app.get("/broken")
    async def broken() -> None:  # pyright: ignore[reportUnusedFunction] -- a route
        raise RuntimeError("s-zhang 138/90")

    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://county") as client:
        for path, status, signed in (
            ("/doctor", 401, {}),
            ("/admin", 403, cookie),
            ("/doctor/people/s-wang/usual", 404, cookie),
            ("/doctor/alerts/x", 422, cookie),
            ("/broken", 500, cookie),
        ):
            told = await client.get(path, headers={**signed, **json_please})
            kind = told.headers["content-type"]
            assert (told.status_code, kind) == (status, "application/problem+json"), path
            assert "zhang" not in told.text
            shown = await client.get(path, headers={**signed, **html_please})
            assert "problem" not in shown.headers.get("content-type", ""), path


async def test_no_get_changes_anything(county: County) -> None:
    """A link-preview robot with a doctor's cookie follows every address it can find."""
    alert_id = await county.raise_alert()
    await bring(county, alert_id, ZHANG, ("family-a",))
    cookie = {"Cookie": f"hearthwatch={await session(county, 'family-a')}"}
    async with (
        serving(county.services) as address,
        httpx2.AsyncClient(base_url=address, timeout=60) as client,
    ):
        for path in ("acknowledge", "close", ""):
            await client.get(f"/doctor/alerts/{alert_id}/{path}", headers=cookie)
            await client.get(f"/api/alerts/{alert_id}/{path}", headers=cookie)
        assert (await client.get("/api/me", headers=cookie)).status_code == 200
    assert await county.state(alert_id) == "unacknowledged"


async def test_no_line_of_the_log_can_be_forged(
    county: County, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs()
    app = create_app(county.services)

    @app.get("/api/broken/{word}")
    async def broken(word: str) -> None:  # pyright: ignore[reportUnusedFunction] -- a route
        raise RuntimeError(word)

    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://county") as client:
        await client.get("/api/broken/%0a%7b%22event%22%3a%22forged%22%7d")
    out = capsys.readouterr()
    lines = [line for line in (out.out + out.err).splitlines() if "request broke" in line]
    assert lines
    assert all(json.loads(line)["event"] == "request broke" for line in lines)
    # What stands in an address may be a key: the log names the door.
    assert {json.loads(line)["door"] for line in lines} == {"/api/broken/{word}"}
    assert not [line for line in lines if "forged" in line]
    assert not [
        line for line in (out.out + out.err).splitlines() if line.startswith('{"event":"forged')
    ]


def test_a_permission_is_asked_by_name() -> None:
    assert requires(Permission.READ_ALERT).permission is Permission.READ_ALERT
