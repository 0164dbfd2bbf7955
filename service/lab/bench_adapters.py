"""`hearthwatch bench adapters`: what the adapters cost on this machine.

Part one is the decode rate: frames of each characteristic (`bench_frames.py`) through the call that
the registry names for it, on one core. The peer in the same run is the least that Python can do:
one `struct.unpack_from` a frame and each SFLOAT to a binary float; no units, no exactness, no
flags, no refusals, no words.
"""

import random
import time
from collections.abc import Callable, Sequence

import msgspec

from device_adapters.ble.registry import DECODERS, decode, decode_facts
from service.lab.bench_frames import KINDS, Peer

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


def bench_adapters(seconds: float) -> AdaptersReport:
    """Measure for about `seconds` in all; nothing else may want the core."""
    chance = random.Random(_SEED)  # noqa: S311 - frames, not secrets
    share_s = seconds / len(KINDS) / 2
    return AdaptersReport(
        decode=[
            _rate(number, [make(chance) for _ in range(_FRAMES)], peer, share_s)
            for number, (make, peer) in KINDS.items()
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
    read = decode if characteristic in DECODERS else decode_facts

    def ours() -> None:
        for frame in frames:
            read(characteristic, frame)

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
