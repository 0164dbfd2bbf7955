"""From the spool to the core over MQTT, until the core's receipt (design D2).

Live lane first; at most 64 unreceipted messages a lane; sent again from the core's mark after 30 s
without progress, on every new connection, when a core connects or takes over and when a receipt
goes back. Guarantee: at least once and in order; the core stores repeats once.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from device_adapters.mqtt.client import (
    MqttMessage,
    MqttSession,
    MqttSettings,
    MqttUnavailable,
    mqtt_session,
)
from gateway.clock import ProcessClock
from gateway.reconnect import Line
from gateway.spool import Spool
from gateway.spool_rows import SpooledMessage
from gateway.sqlite_writer import SpoolDamagedError, SpoolError
from gateway.uplink_window import Window
from rules.vocabulary import HubId, HubStamp
from rules.wire import (
    CORE_TOPIC,
    TOPICS,
    Lane,
    WireError,
    command_topic,
    decode_receipt,
    enclose,
    received_stamp,
    status_topic,
    uplink_topic,
)

_log = structlog.get_logger()

STATUS_EVERY_S = 60.0
_CHUNK = 16  # a burst of backlog delays a new live message by no more than this
_RECEIVE_BURST = 256


class Uplink:
    """Sends what the spool holds for as long as `run` runs, whatever the broker does meanwhile."""

    def __init__(  # noqa: PLR0913 - the parts of one line, wired in one place
        self,
        *,
        hub: HubId,
        spool: Spool,
        clock: ProcessClock,
        broker: Callable[[], MqttSettings],
        on_command: Callable[[MqttMessage], Awaitable[None]],
        status: Callable[[], Awaitable[bytes]],
        age_s: Callable[[HubStamp], float | None],
    ) -> None:
        """An uplink; `age_s` as `Stamps.dating_age_s`: the age by which a stamp is to be dated."""
        self._hub = hub
        self._command_topic = command_topic(hub)
        self._receipts = f"{TOPICS}/receipt/{hub}/"
        self._spool = spool
        self._clock = clock
        self._broker = broker
        self._on_command = on_command
        self._status = status
        self._age_s = age_s
        self._windows = {lane: Window(lane) for lane in Lane}
        self._wake = asyncio.Event()
        self._status_changed = asyncio.Event()
        self._progress = asyncio.Event()
        self._core: bytes | None = None
        self._line = Line("uplink", hub)

    @property
    def connected(self) -> bool:
        """Whether the broker is there and has taken the subscriptions."""
        return self._line.up

    def wake(self) -> None:
        """Say that the spool has something new, decided or not."""
        self._wake.set()
        self._advance()

    def tell_status(self) -> None:
        """Publish the hub's status soon: something in it changed."""
        self._status_changed.set()

    async def at_rest(self) -> None:
        """Return once nothing is undecided and the core has receipted everything spooled."""
        while True:
            progress = self._progress
            if (await self._spool.waiting()).nothing:
                return
            await progress.wait()

    async def receipted(self, lane: Lane, sequence: int) -> None:
        """Return once the core has committed (or quarantined) that message of the spool."""
        while True:
            progress = self._progress
            if self._windows[lane].through >= sequence:
                return
            await progress.wait()

    async def run(self) -> None:
        """Connect, send, reconnect: for ever.

        Raises:
            SpoolError: the spool's file failed (in an exception group).
        """
        await self._line.keep(self._serve)

    async def _serve(self) -> None:
        async with mqtt_session(self._broker()) as session:
            await self._rewind_from_spool()
            await session.subscribe(
                f"{self._receipts}#",
                self._command_topic,
                CORE_TOPIC,
            )
            self._line.note_up()
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._receive(session), name="uplink receive")
                    group.create_task(self._send(session), name="uplink send")
                    group.create_task(self._resend(), name="uplink resend")
                    group.create_task(self._report(session), name="uplink status")
                    group.create_task(self._beat(), name="uplink heartbeat")
            finally:
                _say_goodbye(session, self._broker())

    async def _rewind_from_spool(self) -> None:
        for lane, place in (await self._spool.positions()).items():
            self._windows[lane] = Window(lane, place.through)
        self._wake.set()

    async def _send(self, session: MqttSession) -> None:
        while True:
            self._wake.clear()
            if not await self._send_some(session):
                await self._wake.wait()

    async def _send_some(self, session: MqttSession) -> bool:
        """One chunk of the first lane that has something to send; False when none has."""
        for lane in (Lane.LIVE, Lane.BACKLOG):
            window = self._windows[lane]
            after, room = window.sent, min(window.room(), _CHUNK)
            if room < 1:
                continue
            epoch = self._spool.epoch
            messages = await self._spool.unsent(lane, after, room)
            if (self._windows[lane], window.sent, self._spool.epoch) != (window, after, epoch):
                return True  # a receipt moved the window meanwhile: look again
            for message in messages:
                window.mark_sent(message.sequence, self._clock.monotonic())
                topic = uplink_topic(self._hub, epoch, lane, message.sequence)
                session.publish_nowait(topic, self._payload(epoch, lane, message))
            if messages:
                self._advance()
                return True
        return False

    def _payload(self, epoch: str, lane: Lane, message: SpooledMessage) -> bytes:
        if message.refused:
            return message.body
        stamp = received_stamp(message.body)
        return enclose(
            message.body,
            hub=self._hub,
            epoch=epoch,
            lane=lane,
            sequence=message.sequence,
            age_s=None if stamp is None else self._age_s(stamp),
        )

    async def _resend(self) -> None:
        while True:
            progress = self._progress
            due = [at for w in self._windows.values() if (at := w.resend_at_s()) is not None]
            if not due:
                await progress.wait()
                continue
            await self._clock.pause(max(0.0, min(due) - self._clock.monotonic()))
            for lane, window in self._windows.items():
                at = window.resend_at_s()
                if at is not None and at <= self._clock.monotonic():
                    _log.warning("no receipt, sending again", lane=lane.value, of=window.through)
                    window.rewind_in_vain()
                    self._wake.set()

    async def _report(self, session: MqttSession) -> None:
        while True:
            self._status_changed.clear()
            await session.publish(status_topic(self._hub), await self._status(), retain=True)
            await self._status_changed.wait()

    async def _beat(self) -> None:
        while True:
            await self._clock.pause(STATUS_EVERY_S)
            self._status_changed.set()

    async def _receive(self, session: MqttSession) -> None:
        while True:
            burst = await session.take(_RECEIVE_BURST)
            # Of a burst of receipts only the newest of each lane counts: each costs an fsync.
            newest = {message.topic: message for message in burst}
            for message in burst:
                if message is newest[message.topic] or message.topic == self._command_topic:
                    await self.take(message)

    async def take(self, message: MqttMessage) -> None:
        """Hand one received message to whom its topic names, before anything in it is read."""
        if message.topic == CORE_TOPIC:
            self._note_core(message)
        elif message.topic == self._command_topic:
            await self._on_command(message)
        elif message.topic.startswith(self._receipts):
            await self._note_receipt(message)
        else:  # a broker that does not keep to our subscriptions
            _log.warning("message nobody asked for", hub=self._hub, topic=message.topic)

    def _note_core(self, message: MqttMessage) -> None:
        """Send again when a core has connected: what went out while it was away is lost.

        A message that is not retained is published this instant, by a core that has just
        subscribed: another one, or the same one behind a broker that was started again.
        """
        another = self._core is not None and message.payload != self._core
        if another or not message.retain:
            _log.info("a core has connected, sending again", hub=self._hub, another=another)
            for window in self._windows.values():
                window.rewind()
            self._wake.set()
            self.tell_status()  # a restored core learns from it what it has forgotten
        self._core = message.payload

    async def _note_receipt(self, message: MqttMessage) -> None:
        try:
            receipt = decode_receipt(message.payload)
        except WireError as error:
            _log.warning("unreadable receipt", topic=message.topic, reason=str(error))
            return
        ours = (self._hub, self._spool.epoch)
        window = self._windows[receipt.lane]
        if (receipt.hub, receipt.epoch) != ours or receipt.through == window.through:
            return
        try:
            newest = await self._spool.receipt(receipt.lane, receipt.through, self._clock.now())
        except SpoolDamagedError:
            raise
        except SpoolError as error:  # a full disk: we send again, and the core says it again
            _log.warning("receipt not kept", hub=self._hub, reason=str(error))
            return
        if not newest:
            await self._rewind_from_spool()
        elif receipt.through < window.through:
            _log.warning("the core's mark went back", lane=receipt.lane.value, to=receipt.through)
        window.take_receipt(receipt.through, self._clock.monotonic())
        self._wake.set()
        self._advance()

    def _advance(self) -> None:
        progress, self._progress = self._progress, asyncio.Event()
        progress.set()


def _say_goodbye(session: MqttSession, settings: MqttSettings) -> None:
    """The will is for a broken line; an orderly end says itself that the hub is gone."""
    will = settings.will
    if will is not None:
        with contextlib.suppress(MqttUnavailable):
            session.publish_nowait(will.topic, will.payload, retain=will.retain)
