"""One MQTT 3.1.1 connection of a simulated home, small enough for ten thousand in one process.

Only what a home needs: QoS 1 both ways, clean sessions, user and password, no TLS. And what a
library refuses to do: set DUP, reuse a packet id, let octets trickle. Layouts are those of the
OASIS standard MQTT 3.1.1; sections are named where they are used.
"""

import asyncio
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

_CONNECT, _PUBLISH, _PUBACK = 0x10, 0x30, 0x40
_SUBSCRIBE, _PINGREQ, _DISCONNECT = 0x82, b"\xc0\x00", b"\xe0\x00"
_CONNACK_KIND, _PUBLISH_KIND, _PUBACK_KIND, _SUBACK_KIND = 2, 3, 4, 9
_QOS_1, _RETAIN, _DUP = 0x02, 0x01, 0x08
_LEVEL_3_1_1 = 4
_CLEAN, _PASSWORD, _USER = 0x02, 0x40, 0x80
_LARGEST_ID = 0xFFFE

UNCOUNTED_ID = 0xFFFF
"""A packet id for what the caller sends by itself and whose PUBACK is not to be counted."""
_LONGEST_TEXT = 0xFFFF
_TOO_LONG = 1 << 28
_LONGEST_LENGTH = 4  # §2.2.3: the remaining length takes at most four octets
_REFUSED = 0x80
_ANSWER_S = 30.0

Hear = Callable[[str, bytes, bool], None]
"""Called with topic, payload and whether the message was retained, in the broker's order."""


class LineError(ConnectionError):
    """The broker refused us, did not answer, or is gone; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Where a broker is and as whom to enter; without a user the connection is anonymous."""

    host: str
    port: int
    client_id: str
    user: str = ""
    password: str = ""
    keepalive_s: int = 60


def encode_publish(
    topic: str,
    payload: bytes,
    *,
    packet_id: int,
    retain: bool = False,
    duplicate: bool = False,
) -> bytes:
    """A PUBLISH at QoS 1 (§3.3); `packet_id` is 1 to 65535.

    Raises:
        ValueError: the topic is longer than 65,535 octets, or the packet than 268,435,455 (§2.2.3).
    """
    flags = _QOS_1 | (_RETAIN if retain else 0) | (_DUP if duplicate else 0)
    return _packet(_PUBLISH | flags, _text(topic) + struct.pack("!H", packet_id) + payload)


class MqttLine(asyncio.Protocol):
    """An open connection; made by `dial`.

    A PUBACK says that the broker has the message and nothing more. Nothing is sent again by itself.

    Attributes:
        acknowledged: PUBACKs received for what was published.
        lost: Why the connection is over, None while it is open.
        hear: Who gets messages; may be replaced at any time.
    """

    __slots__ = (
        "_answers", "_buffer", "_drained", "_held", "_next_id", "_sent_s", "_transport",
        "_unacknowledged", "acknowledged", "hear", "lost",
    )  # fmt: skip

    def __init__(self, hear: Hear) -> None:
        self.hear = hear
        self.acknowledged = 0
        self.lost: str | None = None
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._next_id = 0
        self._sent_s = 0.0
        self._unacknowledged: set[int] = set()
        self._held: bytes | None = None
        self._answers: asyncio.Future[bytes] | None = None
        self._drained: asyncio.Future[None] | None = None

    @classmethod
    async def dial(cls, login: Login, hear: Hear) -> Self:
        """Connect and log in.

        Raises:
            LineError: nobody listens, the broker refuses, or does not answer within 30 s.
        """
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_connection(lambda: cls(hear), login.host, login.port)
        except OSError as error:
            raise LineError(f"{login.host}:{login.port}: {error}") from error
        await line.log_in(login)
        return line

    async def log_in(self, login: Login) -> None:
        """Send CONNECT and wait for the broker's word; `dial` does this.

        Raises:
            LineError: the broker refuses, hangs up, or does not answer within 30 s.
        """
        answer = await self._ask(_connect(login), "log-in")
        if answer[1] != 0:
            self.abort()
            raise LineError(f"{login.user} refused by the broker with code {answer[1]}")

    async def subscribe(self, *filters: str) -> Sequence[bool]:
        """Subscribe at QoS 1; tells for each filter whether the broker granted it.

        Raises:
            LineError: the connection is lost, or no answer within 30 s.
        """
        packet_id = self._take_id()
        body = struct.pack("!H", packet_id)
        body += b"".join(_text(one) + bytes([_QOS_1 >> 1]) for one in filters)
        answer = await self._ask(_packet(_SUBSCRIBE, body), "subscription")
        return [code != _REFUSED for code in answer[2:]]

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, duplicate: bool = False
    ) -> int:
        """Send a message now; returns its packet id, which `again` and `drain` know.

        Raises:
            LineError: the connection is lost.
        """
        packet_id = self._take_id()
        self._unacknowledged.add(packet_id)
        packet = encode_publish(
            topic, payload, packet_id=packet_id, retain=retain, duplicate=duplicate
        )
        self.send(packet)
        return packet_id

    def send(self, octets: bytes) -> None:
        """Send octets as they are: whole packets, parts of one, or nonsense.

        Raises:
            LineError: the connection is lost.
        """
        if self._transport is None or self.lost is not None:
            raise LineError(self.lost or "not connected")
        self._sent_s = asyncio.get_running_loop().time()
        self._write(octets)

    async def trickle(self, octets: bytes, *, pieces: int, pause_s: float) -> None:
        """Send octets in so many pieces with pauses between: a slow modem.

        Raises:
            LineError: the connection is lost meanwhile.
        """
        if self._transport is None or self.lost is not None:
            raise LineError(self.lost or "not connected")
        size = max(1, -(-len(octets) // pieces))
        self._held = b""  # an acknowledgement must not land inside the packet
        try:
            for begin in range(0, len(octets), size):
                self._transport.write(octets[begin : begin + size])
                await asyncio.sleep(pause_s)
        finally:
            held, self._held = self._held, None
            self._write(held)

    async def drain(self) -> None:
        """Return once every message has its PUBACK.

        Raises:
            LineError: the connection is lost before.
        """
        if self.lost is not None:
            raise LineError(self.lost)
        if self._unacknowledged:
            if self._drained is None:
                self._drained = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._drained)

    def beat(self, idle_s: float) -> None:
        """Ping when nothing was sent for so long; one timer may serve many lines."""
        if self.lost is None and asyncio.get_running_loop().time() - self._sent_s >= idle_s:
            self.send(_PINGREQ)

    def close(self) -> None:
        """Say goodbye and hang up; the last will is not published."""
        if self._transport is not None and self.lost is None:
            self._transport.write(_DISCONNECT)
            self._transport.close()
        self._over("closed")

    def abort(self) -> None:
        """Hang up without a word, as a power cut does."""
        if self._transport is not None:
            self._transport.abort()
        self._over("aborted")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._over(f"connection lost: {exc or 'the broker hung up'}")

    def data_received(self, data: bytes) -> None:
        """Called by asyncio: takes whole packets, keeps the rest (§2.2)."""
        buffer = self._buffer + data if self._buffer else data
        begin = 0
        while (ends := _ends(buffer, begin)) is not None:
            body, end = ends
            self._take(buffer[begin], buffer[body:end])
            begin = end
        self._buffer = buffer[begin:]

    def _take(self, first: int, body: bytes) -> None:
        kind = first >> 4
        if kind == _PUBACK_KIND:
            self._note_acknowledged(int.from_bytes(body[:2], "big"))
        elif kind == _PUBLISH_KIND:
            self._take_message(first, body)
        elif kind in (_CONNACK_KIND, _SUBACK_KIND) and self._answers is not None:
            answers, self._answers = self._answers, None
            if not answers.done():
                answers.set_result(body)

    def _take_message(self, first: int, body: bytes) -> None:
        length = 2 + int.from_bytes(body[:2], "big")
        topic, payload = body[2:length].decode(), body[length:]
        if first & (_QOS_1 | _QOS_1 << 1):
            if self._transport is not None:
                self._write(_packet(_PUBACK, payload[:2]))
            payload = payload[2:]
        self.hear(topic, payload, bool(first & _RETAIN))

    def _write(self, octets: bytes) -> None:
        if self._held is not None:
            self._held += octets
        elif self._transport is not None and octets:
            self._transport.write(octets)

    def _note_acknowledged(self, packet_id: int) -> None:
        if packet_id not in self._unacknowledged:
            return
        self.acknowledged += 1
        self._unacknowledged.discard(packet_id)
        if not self._unacknowledged and self._drained is not None:
            drained, self._drained = self._drained, None
            drained.set_result(None)

    async def _ask(self, packet: bytes, what: str) -> bytes:
        answers: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answers = answers
        self.send(packet)
        try:
            async with asyncio.timeout(_ANSWER_S):
                return await answers
        except TimeoutError:
            raise LineError(f"no answer to the {what} within {_ANSWER_S:.0f} s") from None

    def _take_id(self) -> int:
        self._next_id = self._next_id % _LARGEST_ID + 1
        return self._next_id

    def _over(self, why: str) -> None:
        if self.lost is not None:
            return
        self.lost = why
        for future in (self._answers, self._drained):
            if future is not None and not future.done():
                future.set_exception(LineError(why))
        self._answers = self._drained = None


def _connect(login: Login) -> bytes:
    """CONNECT (§3.1): protocol name and level, flags, keep-alive, then the fields in order."""
    flags = _CLEAN | (_USER | _PASSWORD if login.user else 0)
    fields = [login.client_id, *([login.user, login.password] if login.user else [])]
    head = _text("MQTT") + struct.pack("!BBH", _LEVEL_3_1_1, flags, login.keepalive_s)
    return _packet(_CONNECT, head + b"".join(map(_text, fields)))


def _packet(first: int, body: bytes) -> bytes:
    if len(body) >= _TOO_LONG:
        raise ValueError(f"{len(body)} octets do not fit into a packet")
    length, octets = len(body), bytearray([first])
    while True:
        length, low = divmod(length, 128)
        octets.append(low | (0x80 if length else 0))
        if not length:
            return bytes(octets) + body


def _text(text: str) -> bytes:
    octets = text.encode()
    if len(octets) > _LONGEST_TEXT:
        raise ValueError(f"{len(octets)} octets do not fit into a text")
    return struct.pack("!H", len(octets)) + octets


def _ends(buffer: bytes, begin: int) -> tuple[int, int] | None:
    """Where the body of the packet at `begin` begins and ends; None while it is incomplete."""
    length = 0
    for place in range(_LONGEST_LENGTH):
        at = begin + 1 + place
        if at >= len(buffer):
            return None
        length |= (buffer[at] & 0x7F) << (7 * place)
        if not buffer[at] & 0x80:
            end = at + 1 + length
            return (at + 1, end) if end <= len(buffer) else None
    raise LineError("a packet of impossible length")
