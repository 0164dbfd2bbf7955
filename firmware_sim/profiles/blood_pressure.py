"""Blood Pressure Measurement 0x2A35 and Intermediate Cuff Pressure 0x2A36.

Blood Pressure Service 1.1.1, sections 3.1 and 3.2.
"""

import struct
from datetime import datetime
from enum import IntFlag

from firmware_sim.profiles.fields import DeviceDateTime, Special, date_time, sfloat

_KPA, _TIME, _PULSE, _USER, _STATUS = 0x01, 0x02, 0x04, 0x08, 0x10


class MeasurementStatus(IntFlag):
    """Bits of the Measurement Status field; bits 3-4 are the pulse rate's range."""

    BODY_MOVEMENT = 0x01
    CUFF_TOO_LOOSE = 0x02
    IRREGULAR_PULSE = 0x04
    PULSE_ABOVE_RANGE = 0x08
    PULSE_BELOW_RANGE = 0x10
    IMPROPER_POSITION = 0x20


def encode_blood_pressure(  # noqa: PLR0913 - the fields of the characteristic, one argument each
    *,
    systolic: float | Special,
    diastolic: float | Special,
    mean: float | Special,
    pulse: float | Special | None = None,
    at: datetime | DeviceDateTime | None = None,
    user_id: int | None = None,
    status: int | None = None,
    kpa: bool = False,
) -> bytes:
    """The characteristic's value; optional fields appear only when given.

    Args:
        systolic: mmHg, or kPa with `kpa`.
        diastolic: Same unit.
        mean: Mean arterial pressure, same unit.
        pulse: Beats per minute.
        at: The device's local time without a zone.
        user_id: 0-254, 255 for unknown.
        status: `MeasurementStatus` bits, 0-65535.
        kpa: Sets the unit flag; values are not converted.
    """
    flags = (
        (_KPA if kpa else 0)
        | (_TIME if at is not None else 0)
        | (_PULSE if pulse is not None else 0)
        | (_USER if user_id is not None else 0)
        | (_STATUS if status is not None else 0)
    )
    frame = bytes([flags]) + sfloat(systolic) + sfloat(diastolic) + sfloat(mean)
    if at is not None:
        frame += date_time(at)
    if pulse is not None:
        frame += sfloat(pulse)
    if user_id is not None:
        frame += bytes([user_id])
    if status is not None:
        frame += struct.pack("<H", status)
    return frame


def encode_cuff_pressure(
    *,
    pressure: float | Special,
    at: datetime | DeviceDateTime | None = None,
    user_id: int | None = None,
    kpa: bool = False,
) -> bytes:
    """Intermediate Cuff Pressure 0x2A36: the layout of 0x2A35 with one pressure.

    The two unused fields, diastolic and mean, hold NaN as section 3.2 demands.

    Args:
        pressure: What the manometer shows now, mmHg, or kPa with `kpa`.
        at: The device's local time without a zone.
        user_id: 0-254, 255 for unknown.
        kpa: Sets the unit flag; the value is not converted.
    """
    return encode_blood_pressure(
        systolic=pressure,
        diastolic=Special.NAN,
        mean=Special.NAN,
        at=at,
        user_id=user_id,
        kpa=kpa,
    )
