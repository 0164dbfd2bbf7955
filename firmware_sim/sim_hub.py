"""A hub of a home that does not exist: it speaks the uplink protocol as the county's hubs do.

Written from the protocol alone, so that the core meets a second implementation. It has two lanes
(live first), a spool with a random epoch, at most 64 unreceipted messages a lane under way, sends
again from the core's mark after 30 s without progress, on every connection and when a core connects
or another takes over, and follows a mark that goes back. Its spool is memory: `power_cut` leaves
it, as the SD card would, `new_card` does not.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from firmware_sim.hub_clock import HubClock
from firmware_sim.hub_lane import HubLane
from firmware_sim.identity import Identity
from firmware_sim.mqtt_line import UNCOUNTED_ID, LineError, Login, MqttLine, encode_publish
from firmware_sim.publisher import Reading
from firmware_sim.uplink_words import (
    CORE_TOPIC,
    VERSION,
    Lane,
    Record,
    decode_receipt,
    encode_envelope,
    encode_status,
    filters_of,
    uplink_topic,
)

Monotonic = Callable[[], float]
OnReceipt = Callable[[Lane, list[float]], None]
"""Called with a lane and when each record that a receipt has newly settled was spooled."""

KEEP_RECEIPTED = 4096
"""Receipted records kept in a lane, standing for the seven days of the protocol."""


class SimHub:
    """One simulated hub; it may be connected, cut off, and given another card or clock.

    Attributes:
        name: Its id and its user name at the broker, `hub-` and more.
        epoch: Names its spool.
        clock: What it believes the time is.
        lanes: Its two queues.
        line: The connection, None while there is none.
        sent: Messages published, repeats included.
        repeated: How many of those had been sent before.
        version: Of the uplink messages that it writes.
    """

    __slots__ = (
        "_core", "_highest", "_keep", "_monotonic", "_on_receipt", "_ordinal", "_session", "clock",
        "epoch", "lanes", "line", "name", "repeated", "sent", "version",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - what differs between hubs, all with a usual value
        self,
        name: str,
        clock: HubClock,
        *,
        monotonic: Monotonic,
        on_receipt: OnReceipt | None = None,
        epoch: str | None = None,
        keep_receipted: int = KEEP_RECEIPTED,
        version: int = VERSION,
    ) -> None:
        """A hub with an empty spool.

        Args:
            name: Its user name at the broker.
            clock: What it believes the time is.
            monotonic: Seconds for the 30 s without progress and for `on_receipt`.
            on_receipt: Who is told of every advance of the core's mark.
            epoch: Name of the spool; random when not given.
            keep_receipted: Receipted records kept in each lane.
            version: Of the uplink messages that it writes.
        """
        self.name, self.clock, self.version = name, clock, version
        self.line: MqttLine | None = None
        self.sent = self.repeated = 0
        self._monotonic, self._on_receipt = monotonic, on_receipt
        self._keep = keep_receipted
        self._core: bytes | None = None
        self.new_card(epoch)

    @property
    def waiting(self) -> tuple[int, int]:
        """Records that the core has not receipted: live and backlog."""
        return self.lanes[Lane.LIVE].waiting, self.lanes[Lane.BACKLOG].waiting

    async def connect(self, login: Login) -> None:
        """Connect, subscribe, and send everything above the core's marks.

        Raises:
            LineError: the broker cannot be reached or refuses the log-in or a subscription.
        """
        line = await MqttLine.dial(login, self._hear)
        if not all(await line.subscribe(*filters_of(self.name))):
            line.close()
            raise LineError(f"{self.name}: a subscription was refused")
        self.line = line
        self._rewind()
        self.pump()

    def disconnect(self) -> None:
        """Say goodbye to the broker; the spool stays."""
        if self.line is not None:
            self.line.close()
            self.line = None

    def measure(
        self,
        identity: Identity,
        reading: Reading,
        *,
        at: datetime,
        lane: Lane = Lane.LIVE,
        send: bool = True,
    ) -> Record:
        """Take a reading from a device at a true instant and spool it.

        With `send` everything that the windows have room for is sent too.
        """
        self._ordinal += 1
        record = Record(
            identity=identity,
            reading=reading,
            stamp=self.clock.stamp(at),
            session=self._session,
            ordinal=self._ordinal,
            lane=lane,
        )
        self.lanes[lane].add(record, self._monotonic())
        if send:
            self.pump()
        return record

    def new_session(self) -> None:
        """Begin another radio session: records are counted from 1 again."""
        self._session, self._ordinal = secrets.token_hex(6), 0

    def new_card(self, epoch: str | None = None) -> None:
        """Put in an empty SD card: everything spooled is gone, the epoch is new."""
        self.epoch = secrets.token_hex(8) if epoch is None else epoch
        self.lanes = {lane: HubLane(lane, keep=self._keep) for lane in Lane}
        self._highest = dict.fromkeys(Lane, 0)
        self.new_session()

    def power_cut(self) -> None:
        """Lose line and clock at once; the spool stays. `clock.boot` is the way back."""
        if self.line is not None:
            self.line.abort()
            self.line = None
        self.new_session()

    def learn_time(self) -> None:
        """The time is known from now on; what this boot has spooled since gets true stamps."""
        self.clock.learn()
        for lane in self.lanes.values():
            for entry in lane.unsettled():
                stamp = self.clock.anchored(entry.record.stamp)
                entry.record = replace(entry.record, stamp=stamp)

    def pump(self) -> None:
        """Send what the windows have room for, live first; nothing while there is no line."""
        line = self.line
        if line is None or line.lost is not None:
            return
        now_s = self._monotonic()
        for lane in self.lanes:
            for topic, payload in self.take_messages(lane, now_s):
                line.publish(topic, payload)

    def take_messages(self, lane: Lane, now_s: float | None = None) -> Iterator[tuple[str, bytes]]:
        """Topic and payload of what a lane may send now; each counts as sent once it is taken."""
        spool = self.lanes[lane]
        for sequence, record in spool.take_unsent(self._monotonic() if now_s is None else now_s):
            self.sent += 1
            if sequence <= self._highest[lane]:
                self.repeated += 1
            else:
                self._highest[lane] = sequence
            topic = uplink_topic(self.name, self.epoch, lane, sequence)
            payload = encode_envelope(self.name, self.epoch, sequence, record, version=self.version)
            yield topic, payload

    def mind(self) -> None:
        """Look whether a lane stands still and send it again; call it every second or so."""
        now_s = self._monotonic()
        stuck = [lane for lane in self.lanes.values() if lane.is_stuck(now_s)]
        for lane in stuck:
            lane.rewind_in_vain()
        if stuck:
            self.pump()

    def report(self, at: datetime) -> None:
        """Publish the hub's status, retained.

        Raises:
            LineError: there is no line.
        """
        if self.line is None:
            raise LineError("not connected")
        status = encode_status(
            self.name,
            self.clock.stamp(at).wall,
            waiting=self.waiting,
            epoch=self.epoch,
            through=(self.lanes[Lane.LIVE].through, self.lanes[Lane.BACKLOG].through),
        )
        topic = f"hw/1/status/{self.name}"
        self.line.send(encode_publish(topic, status, packet_id=UNCOUNTED_ID, retain=True))

    def _hear(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - Hear
        if topic == CORE_TOPIC:
            # Not retained: a core has connected this instant; what was sent before it may be lost.
            if not retained or (self._core is not None and payload != self._core):
                self._rewind()
                self.pump()
            self._core = payload
            return
        receipt = decode_receipt(payload)
        if receipt is None or receipt[:2] != (self.name, self.epoch):
            return
        _, _, lane, through = receipt
        spooled_s = self.lanes[lane].take_receipt(through, self._monotonic())
        if spooled_s and self._on_receipt is not None:
            self._on_receipt(lane, spooled_s)
        self.pump()

    def _rewind(self) -> None:
        for lane in self.lanes.values():
            lane.rewind()


def at_rest(hubs: Iterable[SimHub]) -> bool:
    """Whether the core has receipted everything that these hubs have spooled."""
    return not any(live or backlog for live, backlog in (hub.waiting for hub in hubs))
