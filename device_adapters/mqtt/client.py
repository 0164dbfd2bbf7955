"""One MQTT 3.1.1 connection on asyncio: subscribe, publish, receive. The only user of paho.

`async with mqtt_session(settings) as session:` connects (clean session) and disconnects. A lost
connection is told once, as `MqttUnavailable` out of whatever is being awaited; reconnecting and
re-subscribing is the caller's loop, because only the caller knows what it has to send again.

Guarantees: QoS 1 both ways. A PUBACK says that the broker took the message, nothing more (law 1).
Messages arrive in the broker's order. Nothing received is dropped: when `incoming_limit` messages
wait unread the socket is not read until half of them are taken, so the broker holds the rest.
"""

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

_T = TypeVar("_T")

QOS = 1
READ_BURST = 200
MISC_EVERY_S = 1.0


class MqttUnavailable(ConnectionError):  # noqa: N818 - a state of the world, as the house says it
    """The broker cannot be reached, refused us, or the connection was lost; `reason` says which."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttWill:
    """What the broker publishes (QoS 1) when this connection ends without a goodbye."""

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttTls:
    """Files of the TLS side: the authority to trust, and the client's own certificate if any."""

    ca_file: str
    certificate_file: str | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """Where to connect and as whom.

    `client_id` must be unique at the broker: a second connection with the same id ends the first.
    `incoming_limit` and `outgoing_limit` bound the two queues, in messages.
    """

    host: str
    port: int
    client_id: str
    user: str | None = None
    password: str | None = None
    will: MqttWill | None = None
    tls: MqttTls | None = None
    keepalive_s: int = 30
    timeout_s: float = 10.0
    in_flight: int = 100
    incoming_limit: int = 10_000
    outgoing_limit: int = 10_000


@dataclass(frozen=True, slots=True)
class MqttMessage:
    """One received message; `retain` is True when it was stored before we subscribed."""

    topic: str
    payload: bytes
    retain: bool


class _Messages:
    # Takes one by one: an iterator that held a burst would lose it with itself.
    def __init__(self, session: "MqttSession") -> None:
        self._session = session

    def __aiter__(self) -> AsyncIterator[MqttMessage]:
        return self

    async def __anext__(self) -> MqttMessage:
        return (await self._session.take(1))[0]


class MqttSession:
    """An open connection; made by `mqtt_session`, one reader of messages at a time."""

    def __init__(self, settings: MqttSettings) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._lost: MqttUnavailable | None = None
        self._closing = False
        self._socket_fd = -1
        self._reading = False
        self._misc: asyncio.TimerHandle | None = None
        self._incoming: deque[MqttMessage] = deque()
        self._arrived = asyncio.Event()
        self._pending: dict[int, asyncio.Future[None] | None] = {}
        self._subscribing: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._drained = asyncio.Event()
        self._drained.set()
        self._client = _make_client(settings)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe

    @property
    def messages(self) -> AsyncIterator[MqttMessage]:
        """Received messages in order, without end; raises MqttUnavailable when the line is lost.

        Messages that had arrived before the loss are delivered first.
        """
        return _Messages(self)

    async def subscribe(self, *topics: str) -> None:
        """Subscribe to topic filters at QoS 1 and wait for the broker's word.

        Raises:
            MqttUnavailable: connection lost, no answer in time, or a filter was refused (ACL).
        """
        self._check_open()
        code, mid = self._client.subscribe([(topic, QOS) for topic in topics])
        self._check_code(code, "subscribe")
        answer: asyncio.Future[list[ReasonCode]] = self._loop.create_future()
        self._subscribing[mid or 0] = answer
        granted = await self._within(answer, "no answer to a subscription")
        if any(code.is_failure for code in granted):
            raise MqttUnavailable(f"subscription refused: {', '.join(topics)}")

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1 and wait until the broker has acknowledged.

        Raises:
            MqttUnavailable: connection lost, outgoing queue full, or no PUBACK in `timeout_s`;
                the message may or may not have arrived.
        """
        confirmed: asyncio.Future[None] = self._loop.create_future()
        self._send(topic, payload, retain=retain, confirmed=confirmed)
        await self._within(confirmed, "no PUBACK")

    def publish_nowait(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand a QoS 1 message over without waiting; `drain` waits for all PUBACKs.

        Raises:
            MqttUnavailable: connection lost, or `outgoing_limit` messages wait already.
        """
        self._send(topic, payload, retain=retain, confirmed=None)

    async def drain(self) -> None:
        """Wait until every published message has its PUBACK; raises MqttUnavailable on loss."""
        await self._drained.wait()
        self._check_open()

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
        if not self._reading and len(self._incoming) <= self._settings.incoming_limit // 2:
            self._resume_reading()
        return taken

    async def __aenter__(self) -> Self:
        """Connect and wait for the broker's CONNACK."""
        settings = self._settings
        try:
            # Name resolution and the TCP (and TLS) handshake of paho block, hence the thread.
            await asyncio.to_thread(
                self._client.connect, settings.host, settings.port, settings.keepalive_s
            )
        except (OSError, ValueError) as error:
            raise MqttUnavailable(f"{settings.host}:{settings.port}: {error}") from error
        self._attach()
        try:
            await self._within(self._connected, "no CONNACK")
        except BaseException:
            self._detach()
            self._client.disconnect()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Say goodbye (the will is not published) and close the socket; never raises."""
        self._closing = True
        self._detach()
        # Without the write callback paho writes what still waits and the goodbye at once.
        self._client.disconnect()

    def _send(
        self, topic: str, payload: bytes, *, retain: bool, confirmed: asyncio.Future[None] | None
    ) -> None:
        self._check_open()
        if len(self._pending) >= self._settings.outgoing_limit:
            raise MqttUnavailable(f"{len(self._pending)} messages wait for the broker")
        info = self._client.publish(topic, payload, QOS, retain)
        self._check_code(info.rc, "publish")
        self._pending[info.mid] = confirmed
        self._drained.clear()

    async def _within(self, future: "asyncio.Future[_T]", complaint: str) -> _T:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await future
        except TimeoutError as error:
            raise MqttUnavailable(f"{complaint} within {self._settings.timeout_s:g} s") from error

    def _check_open(self) -> None:
        if self._lost is not None:
            raise MqttUnavailable(self._lost.reason)

    def _check_code(self, code: MQTTErrorCode, action: str) -> None:
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise MqttUnavailable(f"{action}: {paho.error_string(code)}")

    def _attach(self) -> None:
        connection = self._client.socket()
        if connection is None:
            self._lose("connection closed while it was opened")
            return
        # Otherwise an acknowledgement and the next message wait 40 ms for each other (RFC 896).
        if isinstance(connection, socket.socket):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket_fd = connection.fileno()
        self._resume_reading()
        self._client.on_socket_register_write = self._on_register_write
        self._client.on_socket_unregister_write = self._on_unregister_write
        if self._client.want_write():
            self._loop.add_writer(self._socket_fd, self._on_writable)
        self._misc = self._loop.call_later(MISC_EVERY_S, self._on_misc)

    def _detach(self) -> None:
        if self._misc is not None:
            self._misc.cancel()
        if self._socket_fd >= 0:
            self._loop.remove_reader(self._socket_fd)
            self._loop.remove_writer(self._socket_fd)
        self._socket_fd = -1
        self._reading = False
        self._client.on_socket_register_write = None
        self._client.on_socket_unregister_write = None

    def _resume_reading(self) -> None:
        if self._socket_fd >= 0 and not self._reading:
            self._loop.add_reader(self._socket_fd, self._on_readable)
            self._reading = True

    def _on_readable(self) -> None:
        # loop_read takes one packet when nothing is in flight; a burst saves a turn of the loop
        # for each message, and TLS may hold decrypted packets that no selector will announce.
        for _ in range(READ_BURST):
            before = len(self._incoming)
            self._client.loop_read()
            if self._lost is not None or len(self._incoming) == before:
                break
        if len(self._incoming) >= self._settings.incoming_limit and self._reading:
            self._loop.remove_reader(self._socket_fd)
            self._reading = False

    def _on_writable(self) -> None:
        self._client.loop_write()

    def _on_misc(self) -> None:
        self._misc = self._loop.call_later(MISC_EVERY_S, self._on_misc)
        self._client.loop_misc()

    def _on_register_write(self, *_: object) -> None:
        if self._socket_fd >= 0:
            self._loop.add_writer(self._socket_fd, self._on_writable)

    def _on_unregister_write(self, *_: object) -> None:
        if self._socket_fd >= 0:
            self._loop.remove_writer(self._socket_fd)

    def _on_connect(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: object,
        reason: ReasonCode,
        *_: object,
    ) -> None:
        if self._connected.done():
            return
        if reason.is_failure:
            self._lose(f"refused by the broker: {reason}")
        else:
            self._connected.set_result(None)

    def _on_disconnect(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: object,
        reason: ReasonCode,
        *_: object,
    ) -> None:
        if not self._closing:
            self._lose(f"connection lost: {reason}")

    def _lose(self, reason: str) -> None:
        if self._lost is None:
            self._lost = MqttUnavailable(reason)
        self._detach()
        waiting = [self._connected, *self._pending.values(), *self._subscribing.values()]
        self._pending.clear()
        self._subscribing.clear()
        for future in waiting:
            if future is not None and not future.done():
                future.set_exception(MqttUnavailable(self._lost.reason))
        self._arrived.set()
        self._drained.set()

    def _on_message(
        self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage
    ) -> None:
        self._incoming.append(MqttMessage(message.topic, bytes(message.payload), message.retain))
        self._arrived.set()

    def _on_publish(self, _client: paho.Client, _userdata: object, mid: int, *_: object) -> None:
        confirmed = self._pending.pop(mid, None)
        if confirmed is not None and not confirmed.done():
            confirmed.set_result(None)
        if not self._pending:
            self._drained.set()

    def _on_subscribe(
        self,
        _client: paho.Client,
        _userdata: object,
        mid: int,
        reasons: list[ReasonCode],
        *_: object,
    ) -> None:
        answer = self._subscribing.pop(mid, None)
        if answer is not None and not answer.done():
            answer.set_result(reasons)


@contextlib.asynccontextmanager
async def mqtt_session(settings: MqttSettings) -> AsyncGenerator[MqttSession]:
    """Connect, give the open session, disconnect.

    Raises:
        MqttUnavailable: cannot connect: address, refused credentials, TLS, or no answer in time.
    """
    async with MqttSession(settings) as session:
        yield session


def connect(
    host: str,
    port: int,
    *,
    client_id: str,
    user: str | None = None,
    password: str | None = None,
    will: MqttWill | None = None,
) -> contextlib.AbstractAsyncContextManager[MqttSession]:
    """`mqtt_session` for a plain TCP connection with everything else at its default."""
    return mqtt_session(
        MqttSettings(
            host=host, port=port, client_id=client_id, user=user, password=password, will=will
        )
    )


def _make_client(settings: MqttSettings) -> paho.Client:
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        clean_session=True,
        protocol=paho.MQTTv311,
        reconnect_on_failure=False,
    )
    client.connect_timeout = settings.timeout_s
    client.max_inflight_messages_set(settings.in_flight)
    if settings.user is not None:
        client.username_pw_set(settings.user, settings.password)
    if settings.will is not None:
        client.will_set(settings.will.topic, settings.will.payload, QOS, settings.will.retain)
    if settings.tls is not None:
        context = ssl.create_default_context(cafile=settings.tls.ca_file)
        if settings.tls.certificate_file is not None:
            context.load_cert_chain(settings.tls.certificate_file, settings.tls.key_file)
        client.tls_set_context(context)  # pyright: ignore[reportUnknownMemberType] - paho leaves it bare
    return client
