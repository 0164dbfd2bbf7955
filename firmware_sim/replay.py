"""A load of ready-made messages: many hubs, everything encoded before the clock starts.

What `firmware_sim.load` does while it goes (making readings and envelopes) is done beforehand here,
so that the publisher takes as little as possible of a machine on which something else is measured.
Each hub has a connection of its own and keeps the protocol's window of 64 unreceipted messages a
lane; what the core does not receipt within 30 s is sent again. Latencies run from the instant at
which a message was due (live: whether or not there was room to send it) or sent (backlog) to its
receipt at the hub.
"""

import asyncio
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import ceil
from operator import itemgetter

from firmware_sim.hub_lane import RESEND_AFTER_S, WINDOW
from firmware_sim.mqtt_line import Login, MqttLine
from firmware_sim.uplink_words import Lane, decode_receipt

_DIALLING = 32
_TURN_S = 0.005
_MIND_S = 1.0
_PING_IDLE_S = 20.0
_MOST = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneFigures:
    """What became of one lane's messages.

    Attributes:
        sent: Messages sent, each counted once.
        receipted: Of those the core said that it has them, until the end.
        per_s: Receipted a second, from the beginning until all but the last hundredth were: one
            message that was lost and sent again does not stretch the time.
        p50_ms: Median from due (live) or sent (backlog) to the receipt, after the warm-up; a
            message never receipted counts with the time it had waited at the end.
        p99_ms: Likewise.
        max_ms: Likewise.
    """

    sent: int
    receipted: int
    per_s: float
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(slots=True)
class ReplayLane:
    """Ready-made packets of one lane in order of sequence, and how far they have come.

    `due_s` says when each may be sent, in seconds after the beginning; None for at once.
    """

    packets: list[bytes]
    due_s: Sequence[float] | None = None
    sent: int = 0
    through: int = 0
    moved_s: float = 0.0
    sent_s: "array[float]" = field(default_factory=lambda: array("d"))
    receipted_s: "array[float]" = field(default_factory=lambda: array("d"))

    def may_send(self, elapsed_s: float) -> int:
        """How many messages are due and have room."""
        room = min(self.through + WINDOW, len(self.packets)) - self.sent
        if self.due_s is None:
            return room
        count = 0
        while count < room and self.due_s[self.sent + count] <= elapsed_s:
            count += 1
        return count


@dataclass(slots=True)
class ReplayHub:
    """A hub, its connection, the epoch of its spool and what it has to say."""

    login: Login
    epoch: str
    lanes: dict[Lane, ReplayLane]
    line: MqttLine | None = None


class Replay:
    """`replay = Replay(hubs); await replay.connect(); await replay.run(seconds)`."""

    def __init__(self, hubs: Sequence[ReplayHub], *, warm_s: float = 0.0) -> None:
        """Hubs that are not connected yet; the first `warm_s` seconds count in no percentile."""
        self._hubs = hubs
        self._warm_s = warm_s
        self._monotonic = asyncio.get_running_loop().time
        self._began_s = self._ended_s = 0.0
        self._stopped = True
        self._left = 0
        self.repeated = 0

    async def connect(self) -> None:
        """Open one connection a hub and subscribe to its receipts.

        Raises:
            LineError: a hub cannot connect (in an exception group).
        """
        waiting = iter(self._hubs)
        async with asyncio.TaskGroup() as group:
            for number in range(_DIALLING):
                group.create_task(self._dial(waiting), name=f"dial {number}")

    async def run(self, seconds: float, *, patience_s: float) -> None:
        """Send for so long, then wait for the receipts of what is under way, so long at most."""
        self._began_s, self._stopped = self._monotonic(), False
        lanes = [lane for hub in self._hubs for lane in hub.lanes.values()]
        self._left = sum(len(lane.packets) for lane in lanes)
        for hub in self._hubs:
            for lane in hub.lanes.values():
                lane.moved_s = self._began_s
            self._pump(hub, 0.0)
        waiting, minded_s, place, elapsed_s = self._schedule(), self._began_s, 0, 0.0
        while self._left and elapsed_s < seconds:
            await asyncio.sleep(_TURN_S)
            # Looked at before the end is: what fell due while we slept leaves still.
            elapsed_s = self._monotonic() - self._began_s
            while place < len(waiting) and waiting[place][0] <= min(elapsed_s, seconds):
                self._pump(waiting[place][1], elapsed_s)
                place += 1
            if elapsed_s + self._began_s - minded_s >= _MIND_S:
                minded_s = elapsed_s + self._began_s
                self._mind(minded_s)
        self._ended_s, self._stopped = self._monotonic(), True
        await self._settled(patience_s)

    def close(self) -> None:
        """Hang up everywhere."""
        for hub in self._hubs:
            if hub.line is not None:
                hub.line.close()

    def figures(self, which: Lane) -> LaneFigures:
        """The figures of one lane over all hubs."""
        now_s = self._monotonic()
        lanes = [hub.lanes[which] for hub in self._hubs if which in hub.lanes]
        waited = sorted(wait for lane in lanes for wait in self._waits(lane, now_s))
        got = sorted(at_s for lane in lanes for at_s in lane.receipted_s)
        most = ceil(_MOST * len(got))
        took_s = got[most - 1] - self._began_s if most else 1.0
        return LaneFigures(
            sent=sum(lane.sent for lane in lanes),
            receipted=len(got),
            per_s=round(most / max(1e-9, took_s), 1),
            p50_ms=_percentile_ms(waited, 0.50),
            p99_ms=_percentile_ms(waited, 0.99),
            max_ms=_percentile_ms(waited, 1.0),
        )

    def _schedule(self) -> list[tuple[float, ReplayHub]]:
        """When which hub has something due; what then finds no room leaves with a receipt."""
        due = [
            (at_s, hub)
            for hub in self._hubs
            for lane in hub.lanes.values()
            for at_s in lane.due_s or ()
        ]
        return sorted(due, key=itemgetter(0))

    def _waits(self, lane: ReplayLane, now_s: float) -> Iterable[float]:
        for index in range(self._counted(lane)):
            since_s = self._since(lane, index)
            if since_s - self._began_s >= self._warm_s:
                got = lane.receipted_s[index] if index < len(lane.receipted_s) else now_s
                yield got - since_s

    def _counted(self, lane: ReplayLane) -> int:
        """Messages that were sent, or were due while we were sending and found no room."""
        if lane.due_s is None:
            return lane.sent
        elapsed_s = self._ended_s - self._began_s
        held = islice(lane.due_s, lane.sent, None)
        return lane.sent + sum(1 for due_s in held if due_s <= elapsed_s)

    def _since(self, lane: ReplayLane, index: int) -> float:
        return lane.sent_s[index] if lane.due_s is None else self._began_s + lane.due_s[index]

    async def _dial(self, waiting: Iterable[ReplayHub]) -> None:
        for hub in waiting:
            name = hub.login.user
            hub.line = await MqttLine.dial(hub.login, self._hear_for(hub))
            await hub.line.subscribe(f"hw/1/receipt/{name}/#")

    def _hear_for(self, hub: ReplayHub) -> Callable[[str, bytes, bool], None]:
        def hear(_topic: str, payload: bytes, _retained: bool) -> None:  # noqa: FBT001 - Hear
            receipt = decode_receipt(payload)
            if receipt is not None and receipt[2] in hub.lanes:
                self._take(hub, hub.lanes[receipt[2]], receipt[1], receipt[3])

        return hear

    def _take(self, hub: ReplayHub, lane: ReplayLane, epoch: str, through: int) -> None:
        if epoch != hub.epoch or not lane.through < through <= len(lane.packets):
            return
        now_s = self._monotonic()
        self._left -= through - lane.through
        lane.receipted_s.extend([now_s] * (through - lane.through))
        lane.through, lane.moved_s = through, now_s
        lane.sent = max(lane.sent, through)
        if not self._stopped:
            self._pump(hub, now_s - self._began_s)

    def _pump(self, hub: ReplayHub, elapsed_s: float) -> None:
        line = hub.line
        if line is None or line.lost is not None:
            return
        for lane in hub.lanes.values():
            count = lane.may_send(elapsed_s)
            if self._stopped:  # only what was sent before
                count = min(count, len(lane.sent_s) - lane.sent)
            if count > 0:
                if lane.sent == lane.through:
                    lane.moved_s = self._began_s + elapsed_s
                line.send(b"".join(lane.packets[lane.sent : lane.sent + count]))
                fresh = lane.sent + count - len(lane.sent_s)
                lane.sent_s.extend([self._began_s + elapsed_s] * fresh)
                lane.sent += count

    def _mind(self, now_s: float) -> None:
        for hub in self._hubs:
            if hub.line is not None and hub.line.lost is None:
                hub.line.beat(_PING_IDLE_S)
            for lane in hub.lanes.values():
                if lane.sent > lane.through and now_s - lane.moved_s >= RESEND_AFTER_S:
                    self.repeated += lane.sent - lane.through
                    lane.sent = lane.through
                    self._pump(hub, now_s - self._began_s)

    async def _settled(self, patience_s: float) -> None:
        minded_s, until_s = self._ended_s, self._ended_s + patience_s
        while (now_s := self._monotonic()) < until_s and self._under_way():
            if now_s - minded_s >= _MIND_S:
                minded_s = now_s
                self._mind(now_s)
            await asyncio.sleep(_TURN_S)

    def _under_way(self) -> bool:
        lanes = (lane for hub in self._hubs for lane in hub.lanes.values())
        return any(len(lane.sent_s) > lane.through for lane in lanes)


def _percentile_ms(ordered: list[float], share: float) -> float | None:
    """The nearest-rank percentile in milliseconds; None of nothing."""
    if not ordered:
        return None
    return round(1000 * ordered[max(0, ceil(share * len(ordered)) - 1)], 1)
