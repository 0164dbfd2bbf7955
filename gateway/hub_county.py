"""What a hub asks its county over HTTPS before it has a certificate: RFC 8628 in spirit.

Needs nothing but the standard library: the hub is a small machine and asks once a month.
"""

import asyncio
import http.client
import ssl
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from gateway.hub_identity import Enrolled, Renewed

_T = TypeVar("_T")

_PATIENCE_S = 20.0
_LARGEST_ANSWER = 65536


class CountyUnreachableError(Exception):
    """The county does not answer, or not as one; trying again is right."""


class CountyRefusedError(Exception):
    """The county said no; `reason` is its word for why."""

    def __init__(self, reason: str, title: str) -> None:
        super().__init__(f"{title} ({reason})")
        self.reason = reason


class Codes(msgspec.Struct, frozen=True, kw_only=True):
    """The county's answer to an application; times in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: float
    interval: float


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457."""

    reason: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyLine:
    """The county's pages at `url` (`https://…`); plain `http` only on this machine."""

    url: str
    ca_file: str | None = None

    def __post_init__(self) -> None:
        """Refuse an address over which anybody could answer."""
        parts = urlsplit(self.url)
        here = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if not parts.hostname or not (parts.scheme == "https" or here):
            raise ValueError(f"{self.url}: must begin with https://")

    async def apply(self, request: str, software: str) -> Codes:
        """Apply with a certificate request.

        Raises:
            CountyUnreachableError: no usable answer.
            CountyRefusedError: not taken.
        """
        return await self._ask("/enrol/device", {"request": request, "software": software}, Codes)

    async def poll(self, device_code: str) -> Enrolled:
        """Ask whether this hub is in.

        Raises:
            CountyUnreachableError: no usable answer.
            CountyRefusedError: not (yet); `authorization_pending` and `slow_down` mean ask again.
        """
        return await self._ask("/enrol/token", {"device_code": device_code}, Enrolled)

    async def renew(self, request: str) -> Renewed:
        """Ask for the next certificate of the same key.

        Raises:
            CountyUnreachableError: no usable answer.
            CountyRefusedError: this hub has to enrol again.
        """
        return await self._ask("/enrol/renew", {"request": request}, Renewed)

    async def _ask(self, path: str, body: dict[str, str], kind: type[_T]) -> _T:
        try:
            status, answer = await asyncio.to_thread(self._post, path, msgspec.json.encode(body))
        except (OSError, http.client.HTTPException) as error:
            raise CountyUnreachableError(f"{self.url}: {error}") from error
        try:
            if status == http.client.OK:
                return msgspec.json.decode(answer, type=kind)
            problem = msgspec.json.decode(answer, type=_Problem)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CountyUnreachableError(f"{self.url}: status {status}, {error}") from error
        if status >= http.client.INTERNAL_SERVER_ERROR:
            raise CountyUnreachableError(f"{self.url}: {problem.title}")
        raise CountyRefusedError(problem.reason, problem.title)

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            trusted = ssl.create_default_context(cafile=self.ca_file)
            line = http.client.HTTPSConnection(
                host, parts.port, timeout=_PATIENCE_S, context=trusted
            )
        else:
            line = http.client.HTTPConnection(host, parts.port, timeout=_PATIENCE_S)
        try:
            line.request(
                "POST",
                parts.path.rstrip("/") + path,
                body,
                {"Content-Type": "application/json", "Accept": "application/json"},
            )
            answer = line.getresponse()
            return answer.status, answer.read(_LARGEST_ANSWER)
        finally:
            line.close()
