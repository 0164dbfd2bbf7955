"""How much one session, or before log-in one address, may ask for: beyond it 429, Retry-After."""

import asyncio
from collections import OrderedDict
from hashlib import sha256
from math import ceil

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from service.problems import problem_response
from service.services import Services

_MOST_KEPT = 20_000
_FREE = ("/static/", "/healthz")


class Bucket:
    """Fills at an even rate up to one minute's worth; a request takes one."""

    __slots__ = ("_at", "_left")

    def __init__(self, full: float, at: float) -> None:
        self._left, self._at = full, at

    def take(self, per_minute: int, at: float) -> float:
        """Takes one: 0.0; or the seconds until there will be one."""
        rate = per_minute / 60
        self._left = min(float(per_minute), self._left + (at - self._at) * rate)
        self._at = at
        if self._left < 1:
            return (1 - self._left) / rate
        self._left -= 1
        return 0.0


ADDRESS_TIMES = 10
"""How many sessions' worth one address may ask for: a whole hospital sits behind one."""


class RateLimit:
    """Refuses what comes too fast, before anything else is asked (ASVS 2.4.1).

    Counted by the session's cookie, and by the address: whoever makes a cookie up for each request
    has one address all the same; without a cookie an address has one session's worth. Guessing is
    counted elsewhere: by login and address, over a quarter of an hour (`service.auth`).
    """

    def __init__(self, app: ASGIApp, *, services: Services) -> None:
        self._app = app
        self._services = services
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or says when to try again."""
        if scope["type"] != "http" or scope["path"].startswith(_FREE):
            await self._app(scope, receive, send)
            return
        settings = self._services.settings
        connection, rate = HTTPConnection(scope), settings.requests_per_minute
        address = connection.client.host if connection.client else "unknown"
        token = connection.cookies.get(settings.cookie_name)
        if token is None:
            wait_s = self._take(f"{address} without", rate)
        else:
            by_session = self._take(sha256(token.encode()).hexdigest(), rate)
            wait_s = by_session or self._take(address, ADDRESS_TIMES * rate)
        if wait_s:
            refusal = problem_response(429, "too_many_requests", "Too many requests; wait")
            refusal.headers["Retry-After"] = str(ceil(wait_s))
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _take(self, key: str, per_minute: int) -> float:
        at = asyncio.get_running_loop().time()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(float(per_minute), at)
            if len(self._buckets) > _MOST_KEPT:
                self._buckets.popitem(last=False)  # who has been silent longest is full again
        self._buckets.move_to_end(key)
        return bucket.take(per_minute, at)
