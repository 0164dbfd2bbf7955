"""Frames for `bench adapters`: of each characteristic, drawn by lot, and how they are laid out."""

import random
import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType

Peer = tuple[struct.Struct, tuple[int, ...]]
"""The layout of the generated frames and which of its values are SFLOATs."""


def _time(chance: random.Random) -> bytes:
    day, hour, minute = chance.randint(1, 28), chance.randrange(24), chance.randrange(60)
    month, second = chance.randint(1, 12), chance.randrange(60)
    return struct.pack("<HBBBBB", 2026, month, day, hour, minute, second)


def _blood_pressure(chance: random.Random) -> bytes:
    pressures = (chance.randint(90, 220), chance.randint(50, 130), chance.randint(60, 150))
    rest = struct.pack("<HBH", chance.randint(45, 130), chance.randrange(3), chance.randrange(64))
    return struct.pack("<BHHH", 0x1E, *pressures) + _time(chance) + rest


def _glucose(chance: random.Random) -> bytes:
    head = struct.pack("<BH", 0x0B, chance.randrange(65536)) + _time(chance)
    raw = 0xB000 | chance.randint(40, 400)
    return head + struct.pack("<hHBH", chance.randint(-720, 720), raw, 0x11, 0)


def _context(chance: random.Random) -> bytes:
    return struct.pack("<BHBB", 0x06, chance.randrange(65536), chance.randint(1, 5), 0x51)


def _temperature(chance: random.Random) -> bytes:
    raw = 0xFF000000 | chance.randint(350, 410)
    return struct.pack("<BI", 0x06, raw) + _time(chance) + b"\x02"


def _heart_rate(chance: random.Random) -> bytes:
    return struct.pack("<BBH", 0x16, chance.randint(45, 180), chance.randint(400, 1300))


def _spot_check(chance: random.Random) -> bytes:
    return struct.pack("<BHH", 0x01, chance.randint(85, 100), chance.randint(45, 130)) + _time(
        chance
    )


def _continuous(chance: random.Random) -> bytes:
    numbers = [chance.randint(85, 100), chance.randint(45, 130)] * 2
    return struct.pack("<BHHHH", 0x01, *numbers)


def _body(chance: random.Random) -> bytes:
    numbers = [chance.randint(100, 400), *(chance.randint(5_000, 20_000) for _ in range(4))]
    return struct.pack("<HHHHHH", 0x0588, *numbers)


def _weight(chance: random.Random) -> bytes:
    return struct.pack("<BH", 0x06, chance.randint(8_000, 24_000)) + _time(chance) + b"\x01"


def _cgm(chance: random.Random) -> bytes:
    return struct.pack("<BBHH", 6, 0, chance.randint(40, 400), chance.randrange(20_160))


def _feature(chance: random.Random) -> bytes:
    return struct.pack("<H", chance.randrange(1 << 9))


def _answer(chance: random.Random) -> bytes:
    return struct.pack("<BBH", 0x05, 0, chance.randrange(1 << 16))


def _percent(chance: random.Random) -> bytes:
    return struct.pack("<B", chance.randint(0, 100))


def _current_time(chance: random.Random) -> bytes:
    return _time(chance) + struct.pack("<BBB", chance.randint(1, 7), chance.randrange(256), 0)


def _text(chance: random.Random) -> bytes:
    return f"Model {chance.randrange(1_000_000):06d}".encode()


_PRESSURE = struct.Struct("<BHHHHBBBBBHBH")
_SHOWN = struct.Struct("<HBBBBB")
_WORD, _LABEL = struct.Struct("<H"), struct.Struct("<12s")

KINDS: Mapping[str, tuple[Callable[[random.Random], bytes], Peer]] = MappingProxyType(
    {
        "2A35": (_blood_pressure, (_PRESSURE, (1, 2, 3, 10))),
        "2A36": (_blood_pressure, (_PRESSURE, (1, 2, 3, 10))),
        "2A49": (_feature, (_WORD, ())),
        "2A18": (_glucose, (struct.Struct("<BHHBBBBBhHBH"), (9,))),
        "2A34": (_context, (struct.Struct("<BHBB"), ())),
        "2A51": (_feature, (_WORD, ())),
        "2A52": (_answer, (struct.Struct("<BBH"), ())),
        "2AA7": (_cgm, (struct.Struct("<BBHH"), (2,))),
        "2A1C": (_temperature, (struct.Struct("<BIHBBBBBB"), ())),
        "2A5E": (_spot_check, (struct.Struct("<BHHHBBBBB"), (1, 2))),
        "2A5F": (_continuous, (struct.Struct("<BHHHH"), (1, 2, 3, 4))),
        "2A9D": (_weight, (struct.Struct("<BHHBBBBBB"), ())),
        "2A9C": (_body, (struct.Struct("<HHHHHH"), ())),
        "2A37": (_heart_rate, (struct.Struct("<BBH"), ())),
        "2A19": (_percent, (struct.Struct("<B"), ())),
        "2A2B": (_current_time, (struct.Struct("<HBBBBBBBB"), ())),
        "2A08": (_time, (_SHOWN, ())),
        "2A24": (_text, (_LABEL, ())),
        "2A25": (_text, (_LABEL, ())),
        "2A26": (_text, (_LABEL, ())),
        "2A29": (_text, (_LABEL, ())),
    }
)
"""What makes a frame of a characteristic, and how its peer reads it; 2A24 to 2A29 are texts of
Device Information."""
