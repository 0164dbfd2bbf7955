"""CGM Specific Ops Control Point 0x2AAC: what a request asks for (CGM Service 1.0.2, section 3.7).

Pure: octets without their E2E-CRC in, octets without theirs out.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from firmware_sim.profiles.cgm import CgmStatus
from firmware_sim.profiles.fields import read_sfloat, sfloat


class SpecificOp(IntEnum):
    """Op codes that are not those of an alert level."""

    SET_INTERVAL = 1
    GET_INTERVAL = 2
    INTERVAL_RESPONSE = 3
    SET_CALIBRATION = 4
    GET_CALIBRATION = 5
    CALIBRATION_RESPONSE = 6
    RESET_DEVICE_ALERT = 25
    START_SESSION = 26
    STOP_SESSION = 27
    RESPONSE = 28


class AlertLevel(IntEnum):
    """The op code that sets a level; the next two get it and answer with it."""

    PATIENT_HIGH = 7
    PATIENT_LOW = 10
    HYPO = 13
    HYPER = 16
    RATE_OF_DECREASE = 19
    RATE_OF_INCREASE = 22


class SpecificResult(IntEnum):
    """Codes of the general response."""

    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_OPERAND = 3
    NOT_COMPLETED = 4
    OUT_OF_RANGE = 5


_LEVELS = frozenset(level.value for level in AlertLevel)
_CALIBRATION = struct.Struct("<HHBHHB")  # glucose, offset, type, next offset, number, status
_NEWEST_CALIBRATION = 0xFFFF
_DEFAULT_LEVELS = {  # mg/dL and mg/dL per minute; ours, each may be set by a central
    AlertLevel.PATIENT_HIGH: 250.0,
    AlertLevel.PATIENT_LOW: 70.0,
    AlertLevel.HYPO: 54.0,
    AlertLevel.HYPER: 300.0,
    AlertLevel.RATE_OF_DECREASE: 3.0,
    AlertLevel.RATE_OF_INCREASE: 3.0,
}


def operand_size(op_code: int) -> int | None:
    """Octets that follow an op code in a request; None for an unknown one."""
    sizes = {
        SpecificOp.SET_INTERVAL: 1,
        SpecificOp.SET_CALIBRATION: _CALIBRATION.size,
        SpecificOp.GET_CALIBRATION: 2,
    }
    no_operand = {
        SpecificOp.GET_INTERVAL,
        SpecificOp.RESET_DEVICE_ALERT,
        SpecificOp.START_SESSION,
        SpecificOp.STOP_SESSION,
    }
    if op_code in _LEVELS:
        return 2
    if op_code in no_operand or op_code - 1 in _LEVELS:
        return 0
    return sizes.get(SpecificOp(op_code)) if op_code in set(SpecificOp) else None


@dataclass(slots=True, kw_only=True)
class CgmSettings:
    """What a central can change in a sensor.

    Attributes:
        interval_min: Minutes between measurements; 0 for none, 255 for as often as it can.
        levels: Alert levels in mg/dL, rates in mg/dL per minute.
        calibrations: Operands of the calibrations it was given, oldest first, numbered from 1.
        device_alert: Whether a device-specific alert is raised.
    """

    interval_min: int = 5
    levels: dict[AlertLevel, float] = field(default_factory=lambda: dict(_DEFAULT_LEVELS))
    calibrations: list[bytes] = field(default_factory=list[bytes])
    device_alert: bool = False

    def warnings(self, glucose: float, trend: float | None) -> CgmStatus:
        """The bits that a value raises: glucose in mg/dL, trend in mg/dL per minute."""
        level, change = self.levels, trend or 0.0
        raised = (
            (glucose < level[AlertLevel.PATIENT_LOW], CgmStatus.BELOW_PATIENT_LOW),
            (glucose > level[AlertLevel.PATIENT_HIGH], CgmStatus.ABOVE_PATIENT_HIGH),
            (glucose < level[AlertLevel.HYPO], CgmStatus.BELOW_HYPO),
            (glucose > level[AlertLevel.HYPER], CgmStatus.ABOVE_HYPER),
            (-change > level[AlertLevel.RATE_OF_DECREASE], CgmStatus.FALLING_TOO_FAST),
            (change > level[AlertLevel.RATE_OF_INCREASE], CgmStatus.RISING_TOO_FAST),
        )
        bits = CgmStatus(0)
        for is_raised, bit in raised:
            bits |= bit if is_raised else CgmStatus(0)
        return bits


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionControl:
    """How a request begins and ends the sensor's session; both say whether they could."""

    start: Callable[[], bool]
    stop: Callable[[], bool]


def answer(request: bytes, settings: CgmSettings, session: SessionControl) -> bytes:
    """The value to indicate for a request, op code first; settings and session change."""
    op_code, operand = request[0], request[1:]
    size = operand_size(op_code)
    if size is None:
        return _response(op_code, SpecificResult.OP_CODE_NOT_SUPPORTED)
    if len(operand) != size:
        return _response(op_code, SpecificResult.INVALID_OPERAND)
    return _read(op_code, operand, settings) or _response(
        op_code, _act(op_code, operand, settings, session)
    )


def _read(op_code: int, operand: bytes, settings: CgmSettings) -> bytes | None:
    """The answer to a request that only asks; None for one that changes something."""
    if op_code - 1 in _LEVELS:
        return bytes([op_code + 1]) + sfloat(settings.levels[AlertLevel(op_code - 1)])
    if op_code == SpecificOp.GET_INTERVAL:
        return bytes([SpecificOp.INTERVAL_RESPONSE, settings.interval_min])
    if op_code == SpecificOp.GET_CALIBRATION:
        return _calibration(settings, int.from_bytes(operand, "little"))
    return None


def _act(
    op_code: int, operand: bytes, settings: CgmSettings, session: SessionControl
) -> SpecificResult:
    if op_code in _LEVELS:
        return _set_level(settings, AlertLevel(op_code), operand)
    if op_code == SpecificOp.SET_CALIBRATION:
        return _calibrate(settings, operand)
    done = True
    if op_code == SpecificOp.SET_INTERVAL:
        settings.interval_min = operand[0]
    elif op_code == SpecificOp.RESET_DEVICE_ALERT:
        settings.device_alert = False
    elif op_code == SpecificOp.START_SESSION:
        done = session.start()
    else:
        done = session.stop()
    return SpecificResult.SUCCESS if done else SpecificResult.NOT_COMPLETED


def _set_level(settings: CgmSettings, level: AlertLevel, operand: bytes) -> SpecificResult:
    value = read_sfloat(operand)
    if value is None or value < 0:
        return SpecificResult.OUT_OF_RANGE
    settings.levels[level] = value
    return SpecificResult.SUCCESS


def _calibrate(settings: CgmSettings, operand: bytes) -> SpecificResult:
    """Keep a calibration under the next number: the one in the request means nothing."""
    if not read_sfloat(operand[:2]):
        return SpecificResult.OUT_OF_RANGE
    glucose, offset, kind, following, _number, _status = _CALIBRATION.unpack(operand)
    number = len(settings.calibrations) + 1
    settings.calibrations.append(_CALIBRATION.pack(glucose, offset, kind, following, number, 0))
    return SpecificResult.SUCCESS


def _calibration(settings: CgmSettings, number: int) -> bytes:
    kept = settings.calibrations
    index = len(kept) if number == _NEWEST_CALIBRATION else number
    if not 1 <= index <= len(kept):
        return _response(SpecificOp.GET_CALIBRATION, SpecificResult.OUT_OF_RANGE)
    return bytes([SpecificOp.CALIBRATION_RESPONSE]) + kept[index - 1]


def _response(op_code: int, result: SpecificResult) -> bytes:
    return bytes([SpecificOp.RESPONSE, op_code, result])
