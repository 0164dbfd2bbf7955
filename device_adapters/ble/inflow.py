"""What a device says in a session, in the order in which it came, with the hub's stamp."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from rules.vocabulary import HubStamp

QUEUE_LIMIT = 10_000
"""Values that may wait. Beyond it nothing is kept: the session ends and the device sends it again,
unless the device has deleted it by then."""

SLICES = 5
"""Parts a silence is counted in: a hub whose process was held up has not listened meanwhile, and
wakes up with its timer run out and the next value unread. Such a pause costs one part only."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One value of a characteristic."""

    characteristic: str
    payload: bytes
    received: HubStamp


class Inflow:
    """The queue between the radio's callbacks and a session.

    Attributes:
        unlimited: Whether the device deletes what it has sent: then nothing may be refused.
    """

    def __init__(self, stamps: Callable[[], HubStamp]) -> None:
        self._stamps = stamps
        self._arrivals: asyncio.Queue[Arrival | None] = asyncio.Queue()
        self._overflowed = False
        self.unlimited = False

    def lost(self) -> None:
        """The link broke: what has arrived is still given out, then None."""
        self._arrivals.put_nowait(None)

    def taker(self, characteristic: str) -> Callable[[bytes], None]:
        """What to call with each value of a characteristic."""

        def take(payload: bytes) -> None:
            full = self._arrivals.qsize() >= QUEUE_LIMIT
            self._overflowed = self._overflowed or (full and not self.unlimited)
            if not self._overflowed:
                self._arrivals.put_nowait(Arrival(characteristic, payload, self._stamps()))

        return take

    async def next(self, wait_s: float) -> Arrival | None:
        """The next value, None once the link is gone.

        Raises:
            TimeoutError: nothing came for `wait_s` seconds of listening.
        """
        for _ in range(SLICES - 1):
            try:
                return await self._within(wait_s / SLICES)
            except TimeoutError:
                continue
        return await self._within(wait_s / SLICES)

    async def _within(self, wait_s: float) -> Arrival | None:
        async with asyncio.timeout(wait_s):
            return await self._arrivals.get()

    def waiting(self) -> list[Arrival]:
        """What has arrived and nobody has asked for yet; it is given out by this."""
        arrivals: list[Arrival] = []
        while not self._arrivals.empty():
            arrival = self._arrivals.get_nowait()
            if arrival is not None:
                arrivals.append(arrival)
        return arrivals

    @property
    def overflowed(self) -> bool:
        """Whether values had to be refused and all that were kept have been given out."""
        return self._overflowed and self._arrivals.empty()
