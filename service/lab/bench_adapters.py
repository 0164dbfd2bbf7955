"""`hearthwatch bench adapters`: what the adapters cost on this machine.

Part one is the decode rate: frames of each characteristic, all different, through the same call as
in a session, on one core. The peer in the same run is the least that Python can do: one
`struct.unpack_from` a frame and each SFLOAT to a binary float; no units, no exactness, no flags, no
refusals.
"""

import random
import struct
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from device_adapters.ble.registry import decode

AIM_PER_S = 300_000
"""Frames of 0x2A35 a second on one core (issue 4)."""

_FRAMES = 2_000
_BLOCK_S = 0.02
_SEED = 20261122


class DecodeRate(msgspec.Struct, frozen=True, kw_only=True):
    """Frames a second of processor time, best of several blocks, of ours and of the peer."""

    characteristic: str
    frames_per_s: int
    struct_only_per_s: int
    ratio: float


class AdaptersReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one run measured."""

    decode: list[DecodeRate]
    aim_2a35_per_s: int


Peer = tuple[struct.Struct, tuple[int, ...]]
"""The layout of the generated frames and which of its values are SFLOATs."""


def bench_adapters(seconds: float) -> AdaptersReport:
    """Measure for about `seconds` in all; nothing else may want the core."""
    chance = random.Random(_SEED)  # noqa: S311 - frames, not secrets
    share_s = seconds / len(_KINDS) / 2
    return AdaptersReport(
        decode=[
            _rate(number, [make(chance) for _ in range(_FRAMES)], peer, share_s)
            for number, (make, peer) in _KINDS.items()
        ],
        aim_2a35_per_s=AIM_PER_S,
    )


def table(report: AdaptersReport) -> str:
    """The report as lines for a terminal."""
    lines = ["decode, one core            frames/s   struct only   ratio"]
    lines += [
        f"  {rate.characteristic}                  {rate.frames_per_s:>10,}"
        f"   {rate.struct_only_per_s:>11,}   {rate.ratio:>5.2f}"
        for rate in report.decode
    ]
    return "\n".join([*lines, f"  aim for 2A35          {report.aim_2a35_per_s:>10,}"])


def _rate(characteristic: str, frames: Sequence[bytes], peer: Peer, seconds: float) -> DecodeRate:
    def ours() -> None:
        for frame in frames:
            decode(characteristic, frame)

    def theirs() -> None:
        for frame in frames:
            _struct_only(frame, peer)

    ours_per_s = _best(ours, len(frames), seconds)
    theirs_per_s = _best(theirs, len(frames), seconds)
    return DecodeRate(
        characteristic=characteristic,
        frames_per_s=round(ours_per_s),
        struct_only_per_s=round(theirs_per_s),
        ratio=round(ours_per_s / theirs_per_s, 2),
    )


def _best(once: Callable[[], None], count: int, seconds: float) -> float:
    """Runs a second of processor time, the best block: the rest is what others took away."""
    once()  # what is prepared once is prepared
    best = 0.0
    until_s = time.perf_counter() + seconds
    while True:
        began_s, rounds = time.process_time(), 0
        while time.process_time() - began_s < _BLOCK_S:
            once()
            rounds += 1
        best = max(best, rounds * count / (time.process_time() - began_s))
        if time.perf_counter() >= until_s:
            return best


def _struct_only(frame: bytes, peer: Peer) -> list[float]:
    layout, sfloats = peer
    values = layout.unpack_from(frame)
    return [_sfloat(values[place]) for place in sfloats]


def _sfloat(raw: int) -> float:
    mantissa, exponent = raw & 0x0FFF, raw >> 12
    if mantissa >= 0x0800:  # noqa: PLR2004 - the sign bit of 12
        mantissa -= 0x1000
    return mantissa * 10.0 ** (exponent - 16 if exponent >= 8 else exponent)  # noqa: PLR2004


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


_KINDS: Mapping[str, tuple[Callable[[random.Random], bytes], Peer]] = {
    "2A35": (_blood_pressure, (struct.Struct("<BHHHHBBBBBHBH"), (1, 2, 3, 10))),
    "2A18": (_glucose, (struct.Struct("<BHHBBBBBhHBH"), (9,))),
    "2A34": (_context, (struct.Struct("<BHBB"), ())),
    "2A1C": (_temperature, (struct.Struct("<BIHBBBBBB"), ())),
    "2A37": (_heart_rate, (struct.Struct("<BBH"), ())),
    "2A5E": (_spot_check, (struct.Struct("<BHHHBBBBB"), (1, 2))),
    "2A5F": (_continuous, (struct.Struct("<BHHHH"), (1, 2, 3, 4))),
    "2A9C": (_body, (struct.Struct("<HHHHHH"), ())),
    "2A9D": (_weight, (struct.Struct("<BHHBBBBBB"), ())),
    "2AA7": (_cgm, (struct.Struct("<BBHH"), (2,))),
}
