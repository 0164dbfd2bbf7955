"""What the witness sees of records that say no number, an extreme one, or broken octets."""

import struct
from collections.abc import Callable

from firmware_sim.faults.table import FAULTS
from tests.integration.faults.bench import Bench
from tests.integration.faults.octets import (
    BODY,
    BP,
    CGM,
    GLUCOSE,
    OTHER_UNIT,
    PATTERNS,
    PLX,
    THERMO,
    USUAL,
    VALUE,
)
from tests.integration.faults.pairing import Exercise


def usual(b: Bench, frame: bytes) -> bool:
    """Whether the main value is the unremarkable one."""
    return frame[VALUE[b.profile]].hex() == USUAL[b.profile]


async def one(b: Bench, name: str) -> bytes:
    await b.do(FAULTS[name])
    (frame,) = await b.told()
    return frame


async def unremarkable(b: Bench) -> bytes:
    """The octets of a good record, by way of one whose last octet is missing."""
    b.device.memory.clear()
    await b.do(FAULTS["overlong-frame"])
    (stored,) = b.device.unsent
    b.device.memory.clear()
    return stored[:-1]


def pattern(name: str) -> Exercise:
    async def exercise(b: Bench) -> None:
        frame = await one(b, name)
        short, long = PATTERNS[name]
        assert frame[VALUE[b.profile]].hex() == (long if b.profile is THERMO else short)
        assert len(frame) == len(await unremarkable(b))

    return exercise


def changed(name: str, change: Callable[[Bench, bytes], bytes]) -> Exercise:
    async def exercise(b: Bench) -> None:
        good = await unremarkable(b)
        assert usual(b, good)
        sent = await one(b, name)
        if b.profile is GLUCOSE:  # the measurement before took a number
            sent = sent[:1] + good[1:3] + sent[3:] if len(sent) > 3 else sent
        assert sent == change(b, good)

    return exercise


def _flip(frame: bytes, at: int, bits: int) -> bytes:
    return frame[:at] + bytes([frame[at] ^ bits]) + frame[at + 1 :]


def crc16(octets: bytes) -> bytes:
    """CRC-16/MCRF4XX bit by bit, as the CGM service defines its E2E-CRC."""
    crc = 0xFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = (crc >> 1) ^ 0x8408 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


def _reserved(b: Bench, frame: bytes) -> bytes:
    if b.profile is CGM:
        body = _flip(frame[:-2], 1, 0x10)
        return body + crc16(body)
    return _flip(frame, 1, 0x80) if b.profile is BODY else _flip(frame, 0, 0x80)


async def wrong_unit_flag(b: Bench) -> None:
    good = await unremarkable(b)
    sent = await one(b, "wrong-unit-flag")
    assert sent[0] ^ good[0] == OTHER_UNIT[b.profile][0]
    assert usual(b, sent)


async def other_unit(b: Bench) -> None:
    good = await unremarkable(b)
    sent = await one(b, "other-unit")
    bit, value = OTHER_UNIT[b.profile]
    assert sent[0] ^ good[0] == bit
    assert sent[VALUE[b.profile]].hex() == value


async def failed_as_2047(b: Bench) -> None:
    frame = await one(b, "failed-as-2047")
    assert frame[1:7] == frame[14:16] * 3
    assert frame[14:16].hex() == "ff07"
    assert frame[16:] == b"\0\0"


async def unsuccessful(b: Bench) -> None:
    assert (await one(b, "measurement-unsuccessful"))[VALUE[b.profile]] == b"\xff\xff"


def limit(name: str, bit: int) -> Exercise:
    async def exercise(b: Bench) -> None:
        frame = await one(b, name)
        assert not frame[0] & 0x02  # no concentration
        assert frame[-2:] == struct.pack("<H", bit)

    return exercise


async def missing_value(b: Bench) -> None:
    frame = await one(b, "missing-value")
    assert not frame[0] & 0x02
    assert len(frame) == len(await unremarkable(b)) - 3


def bits(name: str, expected: dict[object, bytes]) -> Exercise:
    async def exercise(b: Bench) -> None:
        octets = expected[b.profile]
        frame = await one(b, name)
        if b.profile is CGM:
            assert octets in frame[6:]
        else:
            assert frame.endswith(octets)
        assert usual(b, frame)

    return exercise


async def control_solution(b: Bench) -> None:
    frame = await one(b, "control-solution")
    assert frame[12] & 0x0F == 10
    assert usual(b, frame)


EXERCISES: dict[str, Exercise] = {
    **{name: pattern(name) for name in PATTERNS},
    "truncated-frame": changed("truncated-frame", lambda _b, good: good[:-1]),
    "overlong-frame": changed("overlong-frame", lambda _b, good: good + b"\x5a"),
    "empty-frame": changed("empty-frame", lambda _b, _good: b""),
    "wrong-crc": changed("wrong-crc", lambda _b, good: _flip(good, len(good) - 1, 0x01)),
    "reserved-flag": changed("reserved-flag", _reserved),
    "wrong-unit-flag": wrong_unit_flag,
    "other-unit": other_unit,
    "failed-as-2047": failed_as_2047,
    "measurement-unsuccessful": unsuccessful,
    "result-too-low": limit("result-too-low", 0x0040),
    "result-too-high": limit("result-too-high", 0x0020),
    "missing-value": missing_value,
    "movement": bits("movement", {BP: b"\x01\0"}),
    "cuff-too-loose": bits("cuff-too-loose", {BP: b"\x02\0"}),
    "irregular-pulse": bits("irregular-pulse", {BP: b"\x04\0"}),
    "strip-error": bits("strip-error", {GLUCOSE: b"\x08\0"}),
    "sensor-malfunction": bits(
        "sensor-malfunction", {GLUCOSE: b"\x02\0", CGM: b"\x08", PLX: b"\0\x40\0"}
    ),
    "control-solution": control_solution,
}
