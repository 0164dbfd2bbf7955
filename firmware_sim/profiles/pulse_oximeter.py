"""PLX Spot-Check 0x2A5E, PLX Continuous 0x2A5F and PLX Features 0x2A60.

Pulse Oximeter Service 1.0.1, sections 3.1 to 3.3; GATT Specification Supplement of all three.
"""

import struct
from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag

from firmware_sim.profiles.fields import DeviceDateTime, Special, date_time, sfloat

_TIME, _STATUS, _DEVICE, _AMPLITUDE, _CLOCK_NOT_SET = 0x01, 0x02, 0x04, 0x08, 0x10
_FAST, _SLOW, _LIVE_STATUS, _LIVE_DEVICE, _LIVE_AMPLITUDE = 0x01, 0x02, 0x04, 0x08, 0x10


class OximeterFeature(IntFlag):
    """Bits of the Supported Features field of 0x2A60."""

    MEASUREMENT_STATUS = 0x0001
    DEVICE_STATUS = 0x0002
    STORES_SPOT_CHECKS = 0x0004
    TIME_STAMP = 0x0008
    FAST = 0x0010
    SLOW = 0x0020
    AMPLITUDE = 0x0040
    MULTIPLE_BONDS = 0x0080


class OximeterStatus(IntFlag):
    """Bits of the Measurement Status field; bits 0-4 are reserved."""

    ONGOING = 0x0020
    EARLY_ESTIMATE = 0x0040
    VALIDATED = 0x0080
    FULLY_QUALIFIED = 0x0100
    FROM_STORAGE = 0x0200
    DEMONSTRATION = 0x0400
    TESTING = 0x0800
    CALIBRATION_ONGOING = 0x1000
    UNAVAILABLE = 0x2000
    QUESTIONABLE = 0x4000
    INVALID = 0x8000


class SensorState(IntFlag):
    """Bits of the Device and Sensor Status field; bits 16-23 are reserved."""

    EXTENDED_DISPLAY_UPDATE = 0x0001
    EQUIPMENT_MALFUNCTION = 0x0002
    SIGNAL_PROCESSING_IRREGULARITY = 0x0004
    INADEQUATE_SIGNAL = 0x0008
    POOR_SIGNAL = 0x0010
    LOW_PERFUSION = 0x0020
    ERRATIC_SIGNAL = 0x0040
    NONPULSATILE_SIGNAL = 0x0080
    QUESTIONABLE_PULSE = 0x0100
    SIGNAL_ANALYSIS_ONGOING = 0x0200
    SENSOR_INTERFERENCE = 0x0400
    SENSOR_UNCONNECTED_TO_USER = 0x0800
    UNKNOWN_SENSOR = 0x1000
    SENSOR_DISPLACED = 0x2000
    SENSOR_MALFUNCTION = 0x4000
    SENSOR_DISCONNECTED = 0x8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """One pair of the wire: oxygen saturation and pulse rate.

    Attributes:
        spo2: Percent.
        pulse: Beats per minute.
    """

    spo2: float | Special
    pulse: float | Special

    @property
    def octets(self) -> bytes:
        """Two SFLOATs."""
        return sfloat(self.spo2) + sfloat(self.pulse)


def encode_spot_check(
    *,
    value: Saturation,
    at: datetime | DeviceDateTime | None = None,
    status: int | None = None,
    device: int | None = None,
    amplitude_percent: float | Special | None = None,
    clock_not_set: bool = False,
) -> bytes:
    """The value of 0x2A5E; optional fields appear only when given.

    Args:
        value: What was measured.
        at: The device's local time without a zone.
        status: `OximeterStatus` bits.
        device: `SensorState` bits.
        amplitude_percent: Pulse amplitude index.
        clock_not_set: Says of the time that nobody ever set the clock.
    """
    flags = (
        (_TIME if at is not None else 0)
        | (_STATUS if status is not None else 0)
        | (_DEVICE if device is not None else 0)
        | (_AMPLITUDE if amplitude_percent is not None else 0)
        | (_CLOCK_NOT_SET if clock_not_set else 0)
    )
    frame = bytes([flags]) + value.octets
    if at is not None:
        frame += date_time(at)
    return frame + _tail(status, device, amplitude_percent)


def encode_continuous(
    *,
    normal: Saturation,
    fast: Saturation | None = None,
    slow: Saturation | None = None,
    status: int | None = None,
    device: int | None = None,
    amplitude_percent: float | Special | None = None,
) -> bytes:
    """The value of 0x2A5F; optional fields appear only when given.

    Args:
        normal: Averaged as the device does by default.
        fast: Averaged over a shorter time.
        slow: Averaged over a longer time.
        status: `OximeterStatus` bits.
        device: `SensorState` bits.
        amplitude_percent: Pulse amplitude index.
    """
    flags = (
        (_FAST if fast is not None else 0)
        | (_SLOW if slow is not None else 0)
        | (_LIVE_STATUS if status is not None else 0)
        | (_LIVE_DEVICE if device is not None else 0)
        | (_LIVE_AMPLITUDE if amplitude_percent is not None else 0)
    )
    frame = bytes([flags]) + normal.octets
    for pair in (fast, slow):
        frame += b"" if pair is None else pair.octets
    return frame + _tail(status, device, amplitude_percent)


def _tail(
    status: int | None, device: int | None, amplitude_percent: float | Special | None
) -> bytes:
    """What ends both measurements: measurement status u16, device status u24, amplitude."""
    tail = b""
    if status is not None:
        tail += struct.pack("<H", status)
    if device is not None:
        tail += device.to_bytes(3, "little")
    if amplitude_percent is not None:
        tail += sfloat(amplitude_percent)
    return tail


def encode_oximeter_features(
    features: OximeterFeature,
    *,
    statuses: OximeterStatus | None = None,
    states: SensorState | None = None,
) -> bytes:
    """The value of 0x2A60: a support field follows for each of the two status fields offered.

    Args:
        features: What the oximeter can do.
        statuses: Bits of the measurement status it may set.
        states: Bits of the device and sensor status it may set.
    """
    frame = struct.pack("<H", features)
    if OximeterFeature.MEASUREMENT_STATUS in features:
        frame += struct.pack("<H", statuses or 0)
    if OximeterFeature.DEVICE_STATUS in features:
        frame += int(states or 0).to_bytes(3, "little")
    return frame
