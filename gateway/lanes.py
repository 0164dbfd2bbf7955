"""The core's two bounded queues: what arrived live, and the backlog behind it."""

import asyncio
from collections import deque
from collections.abc import Sequence

from gateway.arrivals import Arrival
from gateway.store.core_store import Mark
from rules.wire import Lane

ROOM = 20_000
"""Messages that may wait. When full, the connection is not read: the broker, and behind it the
hubs' windows of 64, hold the rest. Nothing received is dropped."""

BATCH_S = 0.08
"""A live reading waits for the batch under way and then for its own: both within a quarter second,
with room for one that takes twice as long as expected."""

LIVE_BATCH_S = 1.0
"""So long a batch of live readings alone may take. The lease is held for eight seconds, and its row
is the batch's own: a longer one would be ended by a standby, and begun again by that one."""

FIRST_READING_S, NEWEST, FEWEST = 0.01, 0.3, 10


class Lanes:
    """Live before backlog; filled by the reader of the broker, emptied by the batches."""

    def __init__(self) -> None:
        self._live: deque[Arrival] = deque()
        self._backlog: dict[Mark, deque[Arrival]] = {}
        self._behind = 0
        self._has_room = asyncio.Event()
        self._has_room.set()

    def __len__(self) -> int:
        return len(self._live) + self._behind

    def put(self, arrival: Arrival) -> None:
        """Queue one message; call `room` before reading more."""
        if arrival.mark.lane is Lane.LIVE:
            self._live.append(arrival)
        else:
            self._backlog.setdefault(arrival.mark, deque()).append(arrival)
            self._behind += 1
        if len(self) >= ROOM:
            self._has_room.clear()

    async def room(self) -> None:
        """Return when there is room for another reading burst."""
        await self._has_room.wait()

    def take(self, limit: int, backlog: int | None = None) -> list[Arrival]:
        """At most `limit` messages, live ones first, each lane in the order of arrival.

        Of the backlog no more than `backlog` are taken, so that what arrives live meanwhile does
        not wait for a long batch; and hub by hub: a late reading has the later ones of its person
        judged again, which is done once for all that a batch brings.
        """
        taken = [self._live.popleft() for _ in range(min(limit, len(self._live)))]
        most = limit if backlog is None else min(limit, max(0, backlog))
        while self._backlog and len(taken) < most:
            mark, waiting = next(iter(self._backlog.items()))
            count = min(most - len(taken), len(waiting))
            taken += [waiting.popleft() for _ in range(count)]
            self._behind -= count
            if not waiting:
                del self._backlog[mark]
        if len(self) < ROOM // 2:
            self._has_room.set()
        return taken

    def put_back(self, arrivals: Sequence[Arrival]) -> None:
        """Queue again, in front, what could not be committed and was given by `take`."""
        for arrival in reversed(arrivals):
            if arrival.mark.lane is Lane.LIVE:
                self._live.appendleft(arrival)
            else:
                waiting = self._backlog.pop(arrival.mark, deque())
                waiting.appendleft(arrival)
                self._backlog = {arrival.mark: waiting, **self._backlog}
                self._behind += 1

    def forget(self) -> None:
        """Drop what waits, after the connection was lost: the hubs send it again."""
        self._live.clear()
        self._backlog.clear()
        self._behind = 0
        self._has_room.set()


class Pace:
    """How long batches take, and so how much backlog one may carry beside what is live."""

    def __init__(self) -> None:
        self._reading_s = FIRST_READING_S

    def backlog(self) -> int:
        """So many readings in all may stand in a batch with backlog in it."""
        return max(FEWEST, int(BATCH_S / self._reading_s))

    def live(self) -> int:
        """So many readings at most may stand in any batch."""
        return max(FEWEST, int(LIVE_BATCH_S / self._reading_s))

    def note(self, readings: int, seconds: float) -> None:
        """A batch of so many readings has taken so long."""
        if readings >= FEWEST:
            self._reading_s += NEWEST * (seconds / readings - self._reading_s)
