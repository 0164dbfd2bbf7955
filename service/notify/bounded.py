"""One POST to somebody else's server that ends: in time, and without reading more than is needed.

An HTTP client's own time limit counts from one byte to the next, so that a server which dribbles
would hold everybody up for ever; and an answer without an end would fill the memory.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from service.notify.notifier import Outcome, Result

LONGEST_S = 10.0
"""From the first byte to the last; well below `notifier.LEASE`."""

_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status and the beginning of the body, at most 64 KiB of it."""

    status: int
    body: bytes


async def post(
    client: httpx2.AsyncClient,
    url: str,
    *,
    content: bytes | str,
    headers: Mapping[str, str],
    longest_s: float = LONGEST_S,
) -> Answer | Outcome:
    """Posts once; what went wrong on the way is an outcome that is tried again later."""
    try:
        async with (
            asyncio.timeout(longest_s),
            client.stream(
                "POST",
                url,
                content=content,
                headers={**headers, "accept-encoding": "identity"},
                timeout=longest_s,
            ) as response,
        ):
            return Answer(status=response.status_code, body=await _beginning(response))
    except (TimeoutError, httpx2.TimeoutException):
        return Outcome(result=Result.RETRY_LATER, detail="timed out")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return Outcome(result=Result.RETRY_LATER, detail=type(error).__name__)


async def _beginning(response: httpx2.Response) -> bytes:
    read = bytearray()
    async for piece in response.aiter_raw():
        read += piece
        if len(read) >= _MOST_BYTES:
            break
    return bytes(read[:_MOST_BYTES])
