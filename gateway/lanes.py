"""The core's two bounded queues: what arrived live, and the backlog behind it."""

import asyncio
from collections import deque
from collections.abc import Sequence

from gateway.arrivals import Arrival
from rules.wire import Lane

ROOM = 20_000
"""Messages that may wait. When full, the connection is not read: the broker, and behind it the
hubs' windows of 64, hold the rest. Nothing received is dropped."""


class Lanes:
    """Live before backlog; filled by the reader of the broker, emptied by the batches."""

    def __init__(self) -> None:
        self._live: deque[Arrival] = deque()
        self._backlog: deque[Arrival] = deque()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def __len__(self) -> int:
        return len(self._live) + len(self._backlog)

    def put(self, arrival: Arrival) -> None:
        """Queue one message; call `room` before reading more."""
        lane = self._live if arrival.mark.lane is Lane.LIVE else self._backlog
        lane.append(arrival)
        if len(self) >= ROOM:
            self._has_room.clear()

    async def room(self) -> None:
        """Return when there is room for another reading burst."""
        await self._has_room.wait()

    def take(self, limit: int) -> list[Arrival]:
        """At most `limit` messages, live ones first, each lane in the order of arrival."""
        taken: list[Arrival] = []
        for lane in (self._live, self._backlog):
            while lane and len(taken) < limit:
                taken.append(lane.popleft())
        if len(self) < ROOM // 2:
            self._has_room.set()
        return taken

    def put_back(self, arrivals: Sequence[Arrival]) -> None:
        """Queue again, in front, what could not be committed and was given by `take`."""
        for arrival in reversed(arrivals):
            lane = self._live if arrival.mark.lane is Lane.LIVE else self._backlog
            lane.appendleft(arrival)

    def forget(self) -> None:
        """Drop what waits, after the connection was lost: the hubs send it again."""
        self._live.clear()
        self._backlog.clear()
        self._has_room.set()
