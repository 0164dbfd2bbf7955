"""What anybody may post: counted by network, and small."""

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from service.enrol_api import network_of
from service.headers import SmallBodies


@pytest.mark.parametrize(
    ("host", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("unknown", "unknown"),
    ],
)
def test_a_home_is_counted_once_however_many_addresses_it_has(host: str, counted: str) -> None:
    assert network_of(host) == counted


async def _count(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def _client() -> httpx2.AsyncClient:
    small = SmallBodies(_count, most_bytes={"": 1000, "/enrol": 100})
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=small), base_url="http://x")


async def _in_parts(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 10
        await asyncio.sleep(0)


async def test_a_large_body_is_refused_whether_it_says_so_or_not() -> None:
    async with _client() as client:
        declared = await client.post("/enrol/device", content=b"x" * 101)
        grown = await client.post("/enrol/device", content=_in_parts(11))
        fits = await client.post("/enrol/device", content=_in_parts(10))
        elsewhere = await client.post("/api/import", content=b"x" * 101)
    for refused in (declared, grown):
        assert (refused.status_code, refused.json()["reason"]) == (413, "too_large")
    assert (fits.text, elsewhere.text) == ("100", "101")
