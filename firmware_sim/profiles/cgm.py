"""CGM Measurement 0x2AA7, Feature 0x2AA8, Status 0x2AA9, Session Start 0x2AAA and Run Time 0x2AAB.

Continuous Glucose Monitoring Service 1.0.2, sections 3.1 to 3.5; GATT Specification Supplement of
all five. With `crc` a value ends with its E2E-CRC.
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag

from firmware_sim.profiles.fields import DeviceDateTime, Special, crc16, date_time, sfloat

_TREND, _QUALITY, _WARNING, _CALIBRATION, _STATUS = 0x01, 0x02, 0x20, 0x40, 0x80
_CRC_SIZE, _NO_CRC = 2, b"\xff\xff"
UNKNOWN_ZONE, UNKNOWN_SAVING = -128, 255


class CgmStatus(IntFlag):
    """The Sensor Status Annunciation as one number: status, calibration and warning octets."""

    SESSION_STOPPED = 1 << 0
    BATTERY_LOW = 1 << 1
    SENSOR_TYPE_INCORRECT = 1 << 2
    SENSOR_MALFUNCTION = 1 << 3
    DEVICE_SPECIFIC_ALERT = 1 << 4
    GENERAL_FAULT = 1 << 5
    TIME_SYNCHRONISATION_REQUIRED = 1 << 8
    CALIBRATION_NOT_ALLOWED = 1 << 9
    CALIBRATION_RECOMMENDED = 1 << 10
    CALIBRATION_REQUIRED = 1 << 11
    TEMPERATURE_TOO_HIGH = 1 << 12
    TEMPERATURE_TOO_LOW = 1 << 13
    BELOW_PATIENT_LOW = 1 << 16
    ABOVE_PATIENT_HIGH = 1 << 17
    BELOW_HYPO = 1 << 18
    ABOVE_HYPER = 1 << 19
    FALLING_TOO_FAST = 1 << 20
    RISING_TOO_FAST = 1 << 21
    RESULT_TOO_LOW = 1 << 22
    RESULT_TOO_HIGH = 1 << 23


class CgmFeature(IntFlag):
    """Bits of 0x2AA8."""

    CALIBRATION = 1 << 0
    PATIENT_ALERTS = 1 << 1
    HYPO_ALERTS = 1 << 2
    HYPER_ALERTS = 1 << 3
    RATE_ALERTS = 1 << 4
    DEVICE_SPECIFIC_ALERT = 1 << 5
    SENSOR_MALFUNCTION = 1 << 6
    TEMPERATURE = 1 << 7
    RESULT_RANGE = 1 << 8
    BATTERY_LOW = 1 << 9
    SENSOR_TYPE = 1 << 10
    GENERAL_FAULT = 1 << 11
    E2E_CRC = 1 << 12
    MULTIPLE_BONDS = 1 << 13
    MULTIPLE_SESSIONS = 1 << 14
    TREND = 1 << 15
    QUALITY = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CgmZone:
    """Zone and daylight saving beside a session's start.

    Attributes:
        quarters: Quarters of an hour east of UTC, -48..56; -128 unknown.
        saving: 0 standard time, 2 half an hour, 4 an hour, 8 two hours; 255 unknown.
    """

    quarters: int = UNKNOWN_ZONE
    saving: int = UNKNOWN_SAVING


def encode_cgm_record(  # noqa: PLR0913 - the fields of the characteristic, one argument each
    *,
    glucose: float | Special,
    offset_min: int,
    status: int = 0,
    trend: float | Special | None = None,
    quality: float | Special | None = None,
    crc: bool = False,
    exponent: int = 0,
) -> bytes:
    """One record of 0x2AA7; a packet may hold several, one after the other.

    Args:
        glucose: mg/dL.
        offset_min: Minutes since the session began, 0-65535.
        status: `CgmStatus` bits; each of the three octets is sent only if one of its bits is set.
        trend: mg/dL per minute, one decimal.
        quality: Percent.
        crc: Ends with an E2E-CRC.
        exponent: Power of ten of the glucose's SFLOAT.
    """
    octets = status.to_bytes(3, "little")
    flags = (
        (_TREND if trend is not None else 0)
        | (_QUALITY if quality is not None else 0)
        | (_STATUS if octets[0] else 0)
        | (_CALIBRATION if octets[1] else 0)
        | (_WARNING if octets[2] else 0)
    )
    body = bytes([flags]) + sfloat(glucose, exponent=exponent) + struct.pack("<H", offset_min)
    body += bytes(octet for octet in octets if octet)
    if trend is not None:
        body += sfloat(trend, exponent=-1)
    if quality is not None:
        body += sfloat(quality)
    size = 1 + len(body) + (_CRC_SIZE if crc else 0)
    return _closed(bytes([size]) + body, crc=crc)


def encode_cgm_feature(features: CgmFeature, *, sample_type: int = 9, location: int = 5) -> bytes:
    """The value of 0x2AA8; its CRC field is always there, 0xFFFF without E2E-CRC.

    Args:
        features: What the sensor can do.
        sample_type: 9 interstitial fluid.
        location: 5 subcutaneous tissue.
    """
    frame = int(features).to_bytes(3, "little") + bytes([location << 4 | sample_type])
    return frame + (crc16(frame) if CgmFeature.E2E_CRC in features else _NO_CRC)


def encode_cgm_status(*, offset_min: int, status: int, crc: bool) -> bytes:
    """The value of 0x2AA9: minutes since the session began and all three octets."""
    return _closed(struct.pack("<H", offset_min) + status.to_bytes(3, "little"), crc=crc)


def encode_session_start(*, began: datetime | DeviceDateTime, zone: CgmZone, crc: bool) -> bytes:
    """The value of 0x2AAA: local time without a zone, then zone and daylight saving."""
    tail = struct.pack("<bB", zone.quarters, zone.saving)
    return _closed(date_time(began) + tail, crc=crc)


def encode_run_time(*, hours: int, crc: bool) -> bytes:
    """The value of 0x2AAB: how long the sensor is meant to be worn, 0-65535 hours."""
    return _closed(struct.pack("<H", hours), crc=crc)


def _closed(frame: bytes, *, crc: bool) -> bytes:
    return frame + crc16(frame) if crc else frame
