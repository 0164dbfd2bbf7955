"""Packets of MQTT 3.1.1, as much of it as one subscriber at QoS 1 needs. Pure.

Layouts are those of the OASIS standard MQTT Version 3.1.1; sections are named where they are used.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
PINGREQ = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"
LARGEST_ID = 0xFFFF

_LEVEL_3_1_1 = 4
_CLEAN, _WILL, _WILL_QOS_1, _WILL_RETAIN, _PASSWORD, _USER = 0x02, 0x04, 0x08, 0x20, 0x40, 0x80
_REFUSALS = (
    "Success",
    "Unsupported protocol version",
    "Client identifier not valid",
    "Server unavailable",
    "Bad user name or password",
    "Not authorized",
)


class PacketError(ValueError):
    """What the other side sent is no packet of MQTT 3.1.1."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: its kind, the four flags of its first byte, and where its body stands."""

    kind: int
    flags: int
    begin: int
    end: int


def packets(data: bytes) -> Iterator[Packet]:
    """The whole packets at the beginning of `data`; what is left over is the next one's beginning.

    Raises:
        PacketError: a length of more than four bytes (§2.2.3).
    """
    position, size = 0, len(data)
    while size - position >= 2:  # noqa: PLR2004 - the shortest packet
        first, length, begin = data[position], data[position + 1], position + 2
        if length & 0x80:
            long = _long_length(data, position + 1)
            if long is None:
                return
            length, begin = long
        if begin + length > size:
            return
        position = begin + length
        yield Packet(first >> 4, first & 0x0F, begin, position)


def _long_length(data: bytes, position: int) -> tuple[int, int] | None:
    length = 0
    for place in range(4):
        if position + place >= len(data):
            return None
        byte = data[position + place]
        length |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - no more to follow
            return length, position + place + 1
    raise PacketError("a remaining length of more than four bytes")


def read_publish(data: bytes, packet: Packet) -> tuple[str, bytes, int]:
    """Topic, payload and packet id (0 at QoS 0) of a PUBLISH (§3.3).

    Raises:
        PacketError: it ends too soon, its topic is not UTF-8, or it has QoS 2, never asked for.
    """
    quality = packet.flags >> 1 & 3
    try:
        after = packet.begin + 2 + int.from_bytes(data[packet.begin : packet.begin + 2], "big")
        topic = data[packet.begin + 2 : after].decode()
    except UnicodeDecodeError as error:
        raise PacketError("a topic that is not UTF-8") from error
    begin = after + 2 if quality else after
    if quality > 1 or begin > packet.end:
        raise PacketError(f"a PUBLISH of QoS {quality} and {packet.end - packet.begin} bytes")
    number = int.from_bytes(data[after:begin], "big")
    return topic, data[begin : packet.end], number


def refusal(code: int) -> str:
    """Why a CONNACK says no (§3.2.2.3)."""
    return _REFUSALS[code] if code < len(_REFUSALS) else f"code {code}"


def connect(
    client_id: str,
    *,
    keepalive_s: int,
    user: str | None,
    password: str | None,
    will: tuple[str, bytes, bool] | None = None,
) -> bytes:
    """A CONNECT for a clean session (§3.1); `will` is topic, payload and whether it is retained."""
    flags, fields = _CLEAN, [text(client_id)]
    if will is not None:
        topic, payload, retain = will
        flags |= _WILL | _WILL_QOS_1 | (_WILL_RETAIN if retain else 0)
        fields += [text(topic), struct.pack("!H", len(payload)) + payload]
    if user is not None:
        flags |= _USER
        fields.append(text(user))
        if password is not None:
            flags |= _PASSWORD
            fields.append(text(password))
    head = text("MQTT") + struct.pack("!BBH", _LEVEL_3_1_1, flags, keepalive_s)
    return _packet(0x10, head + b"".join(fields))


def subscribe(topics: Iterable[str], number: int) -> bytes:
    """A SUBSCRIBE at QoS 1 (§3.8)."""
    wanted = b"".join(text(topic) + b"\x01" for topic in topics)
    return _packet(0x82, struct.pack("!H", number) + wanted)


def publish(topic: str, payload: bytes, number: int, *, retain: bool) -> bytes:
    """A PUBLISH at QoS 1 (§3.3)."""
    return _packet(0x33 if retain else 0x32, text(topic) + struct.pack("!H", number) + payload)


def puback(number: int) -> bytes:
    """A PUBACK (§3.4)."""
    return b"\x40\x02" + number.to_bytes(2, "big")


def text(value: str) -> bytes:
    """A string with its length before it (§1.5.3)."""
    encoded = value.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _packet(first: int, body: bytes) -> bytes:
    length = len(body)
    if length < 0x80:  # noqa: PLR2004 - one byte
        return bytes((first, length)) + body
    head = bytearray((first,))
    while length:
        length, low = length >> 7, length & 0x7F
        head.append(low | 0x80 if length else low)
    return bytes(head) + body
