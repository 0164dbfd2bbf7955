"""Weight Measurement 0x2A9D and Weight Scale Feature 0x2A9E.

Weight Scale Service 1.0.1, sections 3.1 and 3.2; GATT Specification Supplement of both.
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag

from firmware_sim.profiles.fields import DeviceDateTime, date_time, steps_of

_IMPERIAL, _TIME, _USER, _BODY = 0x01, 0x02, 0x04, 0x08
_UNSUCCESSFUL = b"\xff\xff"


class WeightScaleFeature(IntFlag):
    """Bits of 0x2A9E; bits 3-6 and 7-9 hold the resolution of weight and height."""

    TIME_STAMP = 0x01
    MULTIPLE_USERS = 0x02
    BMI = 0x04


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySize:
    """What travels with a weight when the scale knows the person.

    Attributes:
        bmi: kg/m2, sent in steps of 0.1.
        height: Metres in steps of 0.001, or inches in steps of 0.1 with the imperial flag.
    """

    bmi: float
    height: float


def encode_weight(
    *,
    weight: float | None,
    at: datetime | DeviceDateTime | None = None,
    user_id: int | None = None,
    body: BodySize | None = None,
    imperial: bool = False,
) -> bytes:
    """The characteristic's value; optional fields appear only when given.

    Args:
        weight: Kilograms in steps of 0.005, or pounds in steps of 0.01 with `imperial`; None for a
            measurement that failed (0xFFFF).
        at: The device's local time without a zone.
        user_id: 0-254, 255 for unknown.
        body: Body mass index and height, always together.
        imperial: Sets the unit flag; values are not converted.

    Raises:
        ValueError: A value does not fit its field.
    """
    flags = (
        (_IMPERIAL if imperial else 0)
        | (_TIME if at is not None else 0)
        | (_USER if user_id is not None else 0)
        | (_BODY if body is not None else 0)
    )
    frame = bytes([flags]) + mass(weight, imperial=imperial)
    if at is not None:
        frame += date_time(at)
    if user_id is not None:
        frame += bytes([user_id])
    if body is not None:
        frame += steps_of(body.bmi, "0.1") + height(body.height, imperial=imperial)
    return frame


def encode_weight_feature(
    features: WeightScaleFeature, *, weight_step: int = 0, height_step: int = 0
) -> bytes:
    """The value of 0x2A9E.

    Args:
        features: What the scale can do.
        weight_step: 0 not specified, 1 (0.5 kg or 1 lb) to 7 (0.005 kg or 0.01 lb).
        height_step: 0 not specified, 1 (0.01 m or 1 in) to 3 (0.001 m or 0.1 in).
    """
    return struct.pack("<I", int(features) | weight_step << 3 | height_step << 7)


def mass(value: float | None, *, imperial: bool) -> bytes:
    """A mass field: steps of 0.005 kg or 0.01 lb, 0xFFFF for none."""
    return _UNSUCCESSFUL if value is None else steps_of(value, "0.01" if imperial else "0.005")


def height(value: float, *, imperial: bool) -> bytes:
    """A height field: steps of 0.001 m or 0.1 in."""
    return steps_of(value, "0.1" if imperial else "0.001")
