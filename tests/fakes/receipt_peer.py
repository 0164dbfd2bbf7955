"""A core reduced to its side of the uplink: keeps what came, gives receipts, may forget."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator

from device_adapters.mqtt.client import MqttSession, MqttSettings, mqtt_session
from rules.vocabulary import HubId
from rules.wire import (
    CORE_TOPIC,
    Lane,
    Receipt,
    command_topic,
    encode_receipt,
    parse_uplink_topic,
    receipt_topic,
)

Stream = tuple[HubId, str, Lane]


class ReceiptPeer:
    """Collects uplink messages by (hub, epoch, lane) and receipts every `every`-th new one.

    `arrivals` is everything in order of arrival with repeats; `kept` the last payload of each
    sequence; `highest_gap` the most that a message was ahead of the mark when it came.
    """

    def __init__(self, session: MqttSession, *, every: int = 1) -> None:
        self._session = session
        self.every = every
        self.silent = False
        self.arrivals: list[tuple[Lane, int]] = []
        self.kept: dict[Stream, dict[int, bytes]] = defaultdict(dict)
        self.marks: dict[Stream, int] = defaultdict(int)
        self.highest_gap = 0
        self._changed = asyncio.Event()

    @staticmethod
    @contextlib.asynccontextmanager
    async def connect(settings: MqttSettings, *, every: int = 1) -> AsyncGenerator["ReceiptPeer"]:
        """Subscribe to all hubs and follow them until the end of the block."""
        async with mqtt_session(settings) as session:
            await session.subscribe("hw/1/up/#")
            peer = ReceiptPeer(session, every=every)
            async with asyncio.TaskGroup() as group:
                following = group.create_task(peer._follow())
                yield peer
                following.cancel()

    def payloads(self, hub: str, lane: Lane) -> list[bytes]:
        """What is kept of a hub's lane, over all its epochs, by sequence."""
        return [
            kept[number]
            for (of, _, of_lane), kept in self.kept.items()
            if (of, of_lane) == (hub, lane)
            for number in sorted(kept)
        ]

    async def until(self, lane: Lane, count: int) -> None:
        """Return once `count` different messages of `lane` were kept."""
        async with asyncio.timeout(60):
            while sum(len(kept) for key, kept in self.kept.items() if key[2] is lane) < count:
                self._changed.clear()
                await self._changed.wait()

    async def receipt_all(self) -> None:
        """Receipt everything that is complete up to now."""
        for key in list(self.kept):
            await self._receipt(key)

    async def go_back(self, stream: Stream, through: int) -> None:
        """Become a core whose database was restored: only up to `through` is known of a stream."""
        self.kept[stream] = {n: b for n, b in self.kept[stream].items() if n <= through}
        self.marks[stream] = 0
        await self._receipt(stream)

    async def announce_core(self, epoch: int) -> None:
        """Publish the retained lease epoch, as an owning core does."""
        await self._session.publish(CORE_TOPIC, b'{"v":1,"epoch":%d}' % epoch, retain=True)

    async def command(self, hub: str, payload: bytes) -> None:
        """Publish a retained command."""
        await self._session.publish(command_topic(hub), payload, retain=True)

    async def _follow(self) -> None:
        async for message in self._session.messages:
            hub, epoch, lane, sequence = parse_uplink_topic(message.topic)
            key = (hub, epoch, lane)
            self.arrivals.append((lane, sequence))
            self.highest_gap = max(self.highest_gap, sequence - self.marks[key])
            self.kept[key][sequence] = message.payload
            if not self.silent and self._complete(key) >= self.marks[key] + self.every:
                await self._receipt(key)
            self._changed.set()

    def _complete(self, key: Stream) -> int:
        mark = self.marks[key]
        while mark + 1 in self.kept[key]:
            mark += 1
        return mark

    async def _receipt(self, key: Stream) -> None:
        hub, epoch, lane = key
        self.marks[key] = self._complete(key)
        receipt = Receipt(v=1, hub=hub, epoch=epoch, lane=lane, through=self.marks[key])
        await self._session.publish(
            receipt_topic(hub, epoch, lane), encode_receipt(receipt), retain=True
        )
