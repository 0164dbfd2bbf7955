"""The core's connection to its broker: ten thousand messages a second on one asyncio loop.

The library of `client.py` takes some 30 microseconds a message in Python, as much as everything
else that the core does with a calm reading; here it is a few, because packets are parsed as they
lie in the socket's buffer and acknowledged together. Same guarantees as there: QoS 1 both ways,
clean session, a lost connection is told once as `MqttUnavailable`, nothing received is dropped:
when `incoming_limit` messages wait unread, the socket is not read until half of them are taken.
"""

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from typing import TypeVar

from device_adapters.mqtt import packets
from device_adapters.mqtt.client import MqttMessage, MqttSettings, MqttUnavailable

_T = TypeVar("_T")
_GOODBYE_S = 1.0


class MqttStream(asyncio.Protocol):
    """An open connection; made by `mqtt_stream`, one reader of messages at a time."""

    def __init__(self, settings: MqttSettings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._lost: MqttUnavailable | None = None
        self._rest = b""
        self._incoming: deque[MqttMessage] = deque()
        self._arrived = asyncio.Event()
        self._paused = False
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._granted: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting: deque[tuple[str, bytes, bool]] = deque()
        self._unacknowledged: set[int] = set()
        self._next_id = 1
        self._heard_at = self._loop.time()
        self._pinging: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()

    async def open(self) -> None:
        """Say CONNECT and wait for the broker's word.

        Raises:
            MqttUnavailable: refused, or no answer in time.
        """
        settings = self._settings
        will = settings.will
        self._write(
            packets.connect(
                settings.client_id,
                keepalive_s=settings.keepalive_s,
                user=settings.user,
                password=settings.password,
                will=None if will is None else (will.topic, will.payload, will.retain),
            )
        )
        await self._within(self._connected, "no CONNACK")
        self._ping()

    async def subscribe(self, *topics: str) -> None:
        """Subscribe to topic filters at QoS 1 and wait for the broker's word.

        Raises:
            MqttUnavailable: connection lost, no answer in time, or a filter was refused (ACL).
        """
        self._check_open()
        self._granted = self._loop.create_future()
        self._write(packets.subscribe(topics, packets.LARGEST_ID))
        codes = await self._within(self._granted, "no answer to a subscription")
        if any(code > 2 for code in codes):  # noqa: PLR2004 - 0x80 is a refusal (§3.9.3)
            raise MqttUnavailable(f"subscription refused: {', '.join(topics)}")

    async def take(self, limit: int) -> list[MqttMessage]:
        """At least one and at most `limit` received messages: waits for the first, never for more.

        Raises:
            MqttUnavailable: the connection is lost and everything received was taken.
        """
        while not self._incoming:
            self._check_open()
            self._arrived.clear()
            await self._arrived.wait()
        taken = [self._incoming.popleft() for _ in range(min(limit, len(self._incoming)))]
        if self._paused and len(self._incoming) <= self._settings.incoming_limit // 2:
            self._paused = False
            if self._transport is not None:
                self._transport.resume_reading()
        return taken

    def publish_nowait(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand a QoS 1 message over without waiting; at most `in_flight` are under way at a time.

        Raises:
            MqttUnavailable: connection lost, or `outgoing_limit` messages wait already.
        """
        self.publish_all_nowait([(topic, payload)], retain=retain)

    def publish_all_nowait(
        self, messages: Iterable[tuple[str, bytes]], *, retain: bool = False
    ) -> None:
        """The same of many, with one call of the system for all that may go at once.

        Raises:
            MqttUnavailable: as above; the messages before the first that had no room are sent.
        """
        self._check_open()
        try:
            for topic, payload in messages:
                waiting = len(self._waiting) + len(self._unacknowledged)
                if waiting >= self._settings.outgoing_limit:
                    raise MqttUnavailable(f"{waiting} messages wait for the broker")
                self._waiting.append((topic, payload, retain))
        finally:
            self._send_waiting()

    async def close(self) -> None:
        """Say goodbye (the will is not published) and close the socket; never raises."""
        self._lose("closed")
        if self._transport is None:
            return
        self._transport.write(packets.DISCONNECT)
        self._transport.close()
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await self._closed.wait()
        except TimeoutError:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open (asyncio)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes from the broker (asyncio)."""
        self._heard_at = self._loop.time()
        if self._rest:
            data = self._rest + data
        position = 0
        answers: list[bytes] = []
        try:
            for packet in packets.packets(data):
                position = packet.end
                if packet.kind == packets.PUBLISH:
                    topic, payload, number = packets.read_publish(data, packet)
                    self._incoming.append(MqttMessage(topic, payload, bool(packet.flags & 1)))
                    if number:
                        answers.append(packets.puback(number))
                else:
                    self._take_answer(packet.kind, data[packet.begin : packet.end])
        except packets.PacketError as error:
            self._lose(f"connection lost: {error}")
            return
        self._rest = data[position:]
        if answers:
            self._write(b"".join(answers))
        if self._incoming:
            self._arrived.set()
            self._hold()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone (asyncio)."""
        self._lose(f"connection lost: {exc or 'closed by the broker'}")
        self._closed.set()

    def _hold(self) -> None:
        full = len(self._incoming) >= self._settings.incoming_limit
        if full and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _take_answer(self, kind: int, body: bytes) -> None:
        if kind == packets.PUBACK:
            self._unacknowledged.discard(int.from_bytes(body[:2], "big"))
            self._send_waiting()
        elif kind == packets.SUBACK and not self._granted.done():
            self._granted.set_result(body[2:])
        elif kind == packets.CONNACK and not self._connected.done():
            if body[1:2] == b"\x00":
                self._connected.set_result(None)
            else:
                self._lose(f"refused by the broker: {packets.refusal(body[1])}")

    def _send_waiting(self) -> None:
        room = self._settings.in_flight - len(self._unacknowledged)
        ready: list[bytes] = []
        while self._waiting and len(ready) < room:
            topic, payload, retain = self._waiting.popleft()
            while self._next_id in self._unacknowledged:
                self._next_id = self._next_id % (packets.LARGEST_ID - 1) + 1
            self._unacknowledged.add(self._next_id)
            ready.append(packets.publish(topic, payload, self._next_id, retain=retain))
        if ready:
            self._write(b"".join(ready))

    def _ping(self) -> None:
        """Half way through the keep-alive say something; twice without an answer is a loss."""
        keepalive_s = self._settings.keepalive_s
        if self._lost is not None:
            return
        if self._loop.time() - self._heard_at > 2 * keepalive_s and not self._paused:
            self._lose("connection lost: no answer within two keep-alives")
            if self._transport is not None:
                self._transport.abort()
            return
        self._write(packets.PINGREQ)
        self._pinging = self._loop.call_later(keepalive_s / 2, self._ping)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _check_open(self) -> None:
        if self._lost is not None:
            raise MqttUnavailable(self._lost.reason)

    def _lose(self, reason: str) -> None:
        if self._lost is None:
            self._lost = MqttUnavailable(reason)
        if self._pinging is not None:
            self._pinging.cancel()
        for future in (self._connected, self._granted):
            if not future.done():
                future.set_exception(MqttUnavailable(self._lost.reason))
                future.exception()  # nobody may be waiting for it any more
        self._arrived.set()

    async def _within(self, future: "asyncio.Future[_T]", complaint: str) -> _T:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await future
        except TimeoutError as error:
            raise MqttUnavailable(f"{complaint} within {self._settings.timeout_s:g} s") from error


@contextlib.asynccontextmanager
async def mqtt_stream(settings: MqttSettings) -> AsyncGenerator[MqttStream]:
    """Connect, give the open connection, disconnect.

    Raises:
        MqttUnavailable: cannot connect: address, refused credentials, TLS, or no answer in time.
    """
    stream = MqttStream(settings)
    where = f"{settings.host}:{settings.port}"
    try:
        async with asyncio.timeout(settings.timeout_s):
            await asyncio.get_running_loop().create_connection(
                lambda: stream, settings.host, settings.port, ssl=_context(settings)
            )
    except (OSError, ValueError, TimeoutError) as error:
        raise MqttUnavailable(f"{where}: {error}") from error
    try:
        await stream.open()
        yield stream
    finally:
        await stream.close()


def _context(settings: MqttSettings) -> ssl.SSLContext | None:
    if settings.tls is None:
        return None
    context = ssl.create_default_context(cafile=settings.tls.ca_file)
    if settings.tls.certificate_file is not None:
        context.load_cert_chain(settings.tls.certificate_file, settings.tls.key_file)
    return context
