"""The live bus: tells open pages that something of theirs changed. Nothing rests on it.

A message names what happened (`alert <id>`, `reading`, `pairing`, `message`) and carries no health
detail. It may be lost (a full queue drops the oldest, a page may be closed): pages read the store
again on every message and when they reconnect, so a loss costs freshness and never an alert.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

_QUEUE_SIZE = 64


class LiveBus:
    """Topics of one process; messages reach every subscriber of their topic in order."""

    def __init__(self) -> None:
        self._queues: defaultdict[str, set[asyncio.Queue[str]]] = defaultdict(set)

    def publish(self, topic: str, message: str) -> int:
        """Hands `message` to the open subscriptions of `topic` and returns how many there are."""
        queues = self._queues.get(topic, set())
        for queue in queues:
            if queue.full():
                queue.get_nowait()  # the newest state is what a page asks for
            queue.put_nowait(message)
        return len(queues)

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncGenerator[AsyncIterator[str]]:
        """Messages of `topics` from now on, without end; leaving the block ends it."""
        queue: asyncio.Queue[str] = asyncio.Queue(_QUEUE_SIZE)
        for topic in topics:
            self._queues[topic].add(queue)
        try:
            yield _Messages(queue)
        finally:
            for topic in topics:
                self._queues[topic].discard(queue)
                if not self._queues[topic]:
                    del self._queues[topic]


class _Messages:
    """The messages of one queue; unlike a generator it survives a cancelled wait."""

    def __init__(self, queue: asyncio.Queue[str]) -> None:
        self._queue = queue

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        return await self._queue.get()
