"""Body Composition Measurement 0x2A9C and Feature 0x2A9B.

Body Composition Service 1.0.1, sections 3.1 and 3.2; GATT Specification Supplement of both.
"""

import struct
from dataclasses import dataclass, fields
from datetime import datetime
from enum import IntFlag

from firmware_sim.profiles.fields import DeviceDateTime, date_time, steps_of
from firmware_sim.profiles.weight_scale import height, mass

_IMPERIAL, _TIME, _USER, _MULTIPLE_PACKETS = 0x0001, 0x0002, 0x0004, 0x1000
_UNSUCCESSFUL = b"\xff\xff"


class BodyCompositionFeature(IntFlag):
    """Bits of 0x2A9B; bits 11-14 and 15-17 hold the resolution of mass and height."""

    TIME_STAMP = 0x0001
    MULTIPLE_USERS = 0x0002
    BASAL_METABOLISM = 0x0004
    MUSCLE_PERCENTAGE = 0x0008
    MUSCLE_MASS = 0x0010
    FAT_FREE_MASS = 0x0020
    SOFT_LEAN_MASS = 0x0040
    BODY_WATER_MASS = 0x0080
    IMPEDANCE = 0x0100
    WEIGHT = 0x0200
    HEIGHT = 0x0400


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """What a scale finds out besides the fat; a field is sent only when it is given.

    The order is that of the wire; masses in kg (steps of 0.005) or lb (0.01), as the flag says.

    Attributes:
        basal_kj: Basal metabolism, kilojoules.
        muscle_percent: Steps of 0.1.
        muscle_mass: Mass.
        fat_free_mass: Mass.
        soft_lean_mass: Mass.
        body_water_mass: Mass.
        impedance_ohm: Steps of 0.1.
        weight: Mass.
        height: Metres in steps of 0.001, or inches in steps of 0.1.
    """

    basal_kj: int | None = None
    muscle_percent: float | None = None
    muscle_mass: float | None = None
    fat_free_mass: float | None = None
    soft_lean_mass: float | None = None
    body_water_mass: float | None = None
    impedance_ohm: float | None = None
    weight: float | None = None
    height: float | None = None


_FIRST_FIELD_BIT = 3
_STEPS = {"basal_kj": "1", "muscle_percent": "0.1", "impedance_ohm": "0.1"}


def encode_body_composition(
    *,
    fat_percent: float | None,
    at: datetime | DeviceDateTime | None = None,
    user_id: int | None = None,
    rest: Composition | None = None,
    imperial: bool = False,
    one_of_several: bool = False,
) -> bytes:
    """The characteristic's value; optional fields appear only when given.

    Args:
        fat_percent: Steps of 0.1; None for a measurement that failed (0xFFFF).
        at: The device's local time without a zone.
        user_id: 0-254, 255 for unknown.
        rest: Everything else.
        imperial: Sets the unit flag; values are not converted.
        one_of_several: Sets the flag of a measurement that needs more than one packet; each packet
            has flags and a fat percentage of its own.

    Raises:
        ValueError: A value does not fit its field.
    """
    bits, body = _optional(rest or Composition(), imperial=imperial)
    flags = (
        bits
        | (_IMPERIAL if imperial else 0)
        | (_TIME if at is not None else 0)
        | (_USER if user_id is not None else 0)
        | (_MULTIPLE_PACKETS if one_of_several else 0)
    )
    fat = _UNSUCCESSFUL if fat_percent is None else steps_of(fat_percent, "0.1")
    frame = struct.pack("<H", flags) + fat
    if at is not None:
        frame += date_time(at)
    if user_id is not None:
        frame += bytes([user_id])
    return frame + body


def _optional(rest: Composition, *, imperial: bool) -> tuple[int, bytes]:
    flags, body = 0, b""
    for bit, item in enumerate(fields(rest), start=_FIRST_FIELD_BIT):
        value: float | None = getattr(rest, item.name)
        if value is None:
            continue
        flags |= 1 << bit
        if item.name in _STEPS:
            body += steps_of(value, _STEPS[item.name])
        elif item.name == "height":
            body += height(value, imperial=imperial)
        else:
            body += mass(value, imperial=imperial)
    return flags, body


def encode_body_composition_feature(
    features: BodyCompositionFeature, *, mass_step: int = 0, height_step: int = 0
) -> bytes:
    """The value of 0x2A9B.

    Args:
        features: What the scale can measure.
        mass_step: 0 not specified, 1 (0.5 kg or 1 lb) to 7 (0.005 kg or 0.01 lb).
        height_step: 0 not specified, 1 (0.01 m or 1 in) to 3 (0.001 m or 0.1 in).
    """
    return struct.pack("<I", int(features) | mass_step << 11 | height_step << 15)
