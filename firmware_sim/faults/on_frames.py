"""Frames whose octets are wrong, whatever they were to say."""

from firmware_sim.faults.frames import stores_octets
from firmware_sim.faults.groups import (
    BLE,
    BODY,
    BP,
    CGM,
    GLUCOSE,
    HR,
    NO_FRAMES,
    PLX,
    THERMO,
    WEIGHT,
)
from firmware_sim.faults.kind import FaultKind, Layer, every
from firmware_sim.profiles.fields import crc16
from firmware_sim.profiles.names import Profile

_RESERVED = {BODY: (1, 0x80), CGM: (1, 0x10)}  # the others have an 8-bit flags field in front
_CRC_OCTETS = 2
_UNIT_BIT = {BP: 0x01, GLUCOSE: 0x04, THERMO: 0x01, WEIGHT: 0x01, BODY: 0x01}


def _truncate(_profile: Profile, frame: bytes) -> bytes:
    return frame[:-1]


def _lengthen(_profile: Profile, frame: bytes) -> bytes:
    return frame + b"\x5a"


def _empty(_profile: Profile, _frame: bytes) -> bytes:
    return b""


def _flip(frame: bytes, at: int, bits: int) -> bytes:
    return frame[:at] + bytes([frame[at] ^ bits]) + frame[at + 1 :]


def _reserve(profile: Profile, frame: bytes) -> bytes:
    at, bits = _RESERVED.get(profile, (0, 0x80))
    if profile is CGM:  # a correct checksum over what is wrong
        body = _flip(frame[:-_CRC_OCTETS], at, bits)
        return body + crc16(body)
    return _flip(frame, at, bits)


def _wrong_crc(_profile: Profile, frame: bytes) -> bytes:
    return _flip(frame, len(frame) - 1, 0x01)


def _other_unit(profile: Profile, frame: bytes) -> bytes:
    return _flip(frame, 0, _UNIT_BIT[profile])


_NO_CRC = every((BP, GLUCOSE, THERMO, PLX, WEIGHT, BODY, HR), "its frames have no checksum")
_MALFORMED = "quarantined:malformed_frame"
_ONE_UNIT = {
    CGM: "its concentration is always in mg/dL",
    PLX: "its values are always in % and 1/min",
    HR: "its value is always in 1/min",
}

KINDS = (
    FaultKind(
        name="truncated-frame",
        says="the frame ends one octet early, inside its last field",
        layer=Layer.FRAME,
        injected="an unremarkable frame without its last octet is put into the memory",
        expects=every(BLE, _MALFORMED),
        absent=NO_FRAMES,
        inject=stores_octets(_truncate),
    ),
    FaultKind(
        name="overlong-frame",
        says="the frame goes on for one octet after its last field",
        layer=Layer.FRAME,
        injected="an unremarkable frame with 0x5A behind it is put into the memory",
        expects=every(BLE, _MALFORMED),
        absent=NO_FRAMES,
        inject=stores_octets(_lengthen),
    ),
    FaultKind(
        name="empty-frame",
        says="an announcement without a single octet",
        layer=Layer.FRAME,
        injected="a value of length 0 is put into the memory",
        expects=every(BLE, _MALFORMED),
        absent=NO_FRAMES,
        inject=stores_octets(_empty),
    ),
    FaultKind(
        name="wrong-crc",
        says="the frame's own checksum (E2E-CRC) does not fit its octets",
        layer=Layer.FRAME,
        injected="the last bit of the checksum of an unremarkable frame is inverted",
        expects={CGM: _MALFORMED},
        absent=_NO_CRC | NO_FRAMES,
        inject=stores_octets(_wrong_crc),
    ),
    FaultKind(
        name="reserved-flag",
        says="a flag bit that the specification reserves is set, and no field follows for it",
        layer=Layer.FRAME,
        injected="the highest reserved bit of the flags of an unremarkable frame is set",
        expects=every(BLE, "stored"),
        absent=NO_FRAMES,
        inject=stores_octets(_reserve),
    ),
    FaultKind(
        name="wrong-unit-flag",
        says="the flag names the other unit while the number is in the usual one",
        layer=Layer.FRAME,
        injected="the unit bit of an unremarkable frame is inverted",
        expects={
            BP: "quarantined:not_measurable",
            GLUCOSE: "stored",
            THERMO: "quarantined:not_measurable",
            WEIGHT: "stored",
            BODY: "stored",
        },
        absent=NO_FRAMES | _ONE_UNIT,
        inject=stores_octets(_other_unit),
    ),
)
