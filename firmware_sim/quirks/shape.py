"""Frames bent the way a model bends them."""

import struct

from firmware_sim.quirks.quirk import ModelQuirk

_PULSE, _USER, _STATUS = 0x04, 0x08, 0x10
_NUMBER = slice(1, 3)


def cuff_frame(quirk: ModelQuirk, frame: bytes, user: int | None) -> bytes:
    """A value of 0x2A35 as this model sends it.

    Args:
        quirk: The model.
        frame: As specified, encoded without a user if the model sends it without its flag.
        user: Who that is.
    """
    flags, body = frame[0], frame[1:]
    if quirk.mean_zero:
        body = body[:4] + b"\0\0" + body[6:]
    body, status = _cut(body, flags & _STATUS)
    body, named = (body[:-1], body[-1:]) if flags & _USER else (body, b"")
    body, pulse = _cut(body, flags & _PULSE)
    if quirk.user_without_flag:
        named = bytes([user or 0])
    if quirk.tail_big_endian:
        pulse, status = pulse[::-1], status[::-1]
    return bytes([flags | quirk.flag_bits]) + body + pulse + named + status


def _cut(body: bytes, present: int) -> tuple[bytes, bytes]:
    """The body without its last two octets, and those; nothing is cut where they are absent."""
    return (body[:-2], body[-2:]) if present else (body, b"")


def renumbered(frame: bytes, number: int) -> bytes:
    """A value of 0x2A18 or 0x2A34 with another sequence number."""
    return frame[: _NUMBER.start] + struct.pack("<H", number) + frame[_NUMBER.stop :]
