"""At most one message of this process is between its receiver and our log at any instant.

A killed process cannot know of a message that was sent and not yet noted whether it arrived, so it
must be sent again; with one such message at a time a kill repeats at most one (design law 1).
Claiming, sending and noting happen inside `turn()`. A receiver that takes its time keeps the turn
only while nothing more urgent waits: then its attempt is given up, noted as failed like any other
that had no answer in time, and tried again later under the same id whether we are killed or not.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from rules.vocabulary import Priority
from service.notify.notifier import Channel, Outcome, Result

SHORTEST_S = 1.0
"""An attempt always has this long, however urgent the next message is."""

_MOST_TURNS = 3
_LOOK_EVERY_S = 0.25

GAVE_WAY = Outcome(result=Result.RETRY_LATER, detail="gave way")
"""The receiver had not answered when something more urgent had to leave."""

Waits = Callable[[], Awaitable[bool]]
"""Whether something more urgent has to leave now; raises nothing."""


class UnderWay:
    """The turn, one for everything in a process that leaves the house."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Waits for the turn and keeps it: claim, `attempt` and note within, nothing else."""
        async with self._lock:
            yield

    async def attempt(
        self, send: Callable[[], Awaitable[Outcome]], waits: Waits, *, number: int = 1
    ) -> Outcome:
        """Sends once; `GAVE_WAY` where something more urgent waits before there is an answer.

        Attempt `number` (from 1) has as many seconds for itself, three at most, so that a receiver
        that is only slow hears of a message more than once but answers for it in the end. `send`
        raises nothing.
        """
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(_run(send), name="send")
            await asyncio.wait({sending}, timeout=SHORTEST_S * min(number, _MOST_TURNS))
            while not sending.done() and not await waits():
                await asyncio.wait({sending}, timeout=_LOOK_EVERY_S)
            sending.cancel()  # nothing happens to what is done
        return GAVE_WAY if sending.cancelled() else sending.result()


class Aside:
    """The turn as whatever is no alert takes it: a drill, a notice, a push of counts."""

    def __init__(self, under_way: UnderWay, waits: Waits) -> None:
        self._under_way = under_way
        self._waits = waits

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Waits for the turn and keeps it."""
        return self._under_way.turn()

    async def attempt(self, send: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Sends once; gives way to what asks about an alert."""
        return await self._under_way.attempt(send, self._waits)


def by_itself() -> Aside:
    """The turn of a program in which nothing else leaves the house."""
    return Aside(UnderWay(), _nothing_waits)


class Turns:
    """Whose turn it is among the ways out: emergencies first, then who has used the least time.

    A receiver that hangs pays for it with its own next turns: the other ways go first until they
    have used as much time (start-time fair queueing, Goyal, Vin and Cheng 1996). Among equals the
    one that was quickest last goes first, and before anything is known the order given.
    """

    def __init__(self, order: Sequence[Channel]) -> None:
        self._order = {channel: place for place, channel in enumerate(order)}
        self._used = dict.fromkeys(order, 0.0)
        self._last = dict.fromkeys(order, 0.0)
        self._due = frozenset[Channel]()
        self._now = 0.0

    def choose(self, due: Mapping[Channel, Priority]) -> Channel:
        """One of the ways on which something is due, by the most urgent of each.

        Raises:
            ValueError: nothing is due.
        """
        for channel in due.keys() - self._due:  # time in which it had nothing is not saved up
            self._used[channel] = max(self._used[channel], self._now)
        self._due = frozenset(due)
        chosen = min(due, key=lambda channel: self._rank(channel, due[channel]))
        self._now = max(self._now, self._used[chosen])
        return chosen

    def note(self, channel: Channel, seconds: float) -> None:
        """A message of `channel` was under way for so long."""
        self._used[channel] += seconds
        self._last[channel] = seconds

    def _rank(self, channel: Channel, priority: Priority) -> tuple[bool, float, int]:
        ends = self._used[channel] + self._last[channel]
        return priority is not Priority.EMERGENCY, ends, self._order[channel]


async def _run(send: Callable[[], Awaitable[Outcome]]) -> Outcome:
    return await send()


async def _nothing_waits() -> bool:
    return False
