"""PLX Spot-Check 0x2A5E and Continuous 0x2A5F Measurement (Pulse Oximeter Service 1.0, section 3).

Spot-check: flags (0 time, 1 measurement status, 2 device and sensor status, 3 pulse amplitude
index, 4 device clock not set), SpO2 and pulse rate SFLOAT, [time 7], [status u16], [device u24],
[index SFLOAT].
"""

from functools import lru_cache

from device_adapters.adapter import Record
from device_adapters.ble.fields import (
    Quantities,
    clock_flags,
    date_time,
    flags_in,
    known_time,
    sfloat,
    words_in,
)
from device_adapters.ble.layout import DATE_TIME, Shapes, octets, u8, u16
from device_adapters.ble.origin import FETCHED
from device_adapters.ble.quirks import Quirk
from rules.codes import PER_MINUTE, PERCENT
from rules.vocabulary import QualityFlag, QuantityName, Vital

_TIME, _STATUS, _DEVICE, _AMPLITUDE, _CLOCK_NOT_SET = 0x01, 0x02, 0x04, 0x08, 0x10

MEASUREMENT_WORDS = (
    (5, "ongoing"),
    (6, "early_estimate"),
    (7, "validated"),
    (8, "fully_qualified"),
    (9, "from_storage"),
    (10, "demonstration"),
    (11, "testing"),
    (12, "calibration_ongoing"),
    (13, "unavailable"),
    (14, "questionable"),
    (15, "invalid"),
)
DEVICE_WORDS = (
    (0, "extended_display_update"),
    (1, "equipment_malfunction"),
    (2, "signal_processing_irregularity"),
    (3, "inadequate_signal"),
    (4, "poor_signal"),
    (5, "low_perfusion"),
    (6, "erratic_signal"),
    (7, "nonpulsatile_signal"),
    (8, "questionable_pulse"),
    (9, "signal_analysis_ongoing"),
    (10, "sensor_interference"),
    (11, "sensor_unconnected_to_user"),
    (12, "unknown_sensor"),
    (13, "sensor_displaced"),
    (14, "sensor_malfunction"),
    (15, "sensor_disconnected"),
)
# What makes a reading start the clock without confirming anything (hazard 0.5): the device itself
# calls the measurement invalid, questionable or unavailable, its signal poor, inadequate, erratic
# or without a pulse, or its sensor is not where it belongs. Numbers for demonstration, for testing
# and of a calibration are, like those of control solution, of nobody's body: no rule looks at them.
_MEASUREMENT_FLAGS = (
    (10, QualityFlag.CONTROL_SOLUTION),
    (11, QualityFlag.CONTROL_SOLUTION),
    (12, QualityFlag.CONTROL_SOLUTION),
    (13, QualityFlag.DEVICE_FAULT),
    (14, QualityFlag.SENSOR_MALFUNCTION),
    (15, QualityFlag.DEVICE_FAULT),
)
_FROM_STORAGE = 1 << 9
_DEVICE_FLAGS = (
    (1, QualityFlag.DEVICE_FAULT),
    (3, QualityFlag.SENSOR_MALFUNCTION),
    (4, QualityFlag.SENSOR_MALFUNCTION),
    (6, QualityFlag.SENSOR_MALFUNCTION),
    (7, QualityFlag.SENSOR_MALFUNCTION),
    (11, QualityFlag.IMPROPER_POSITION),
    (13, QualityFlag.IMPROPER_POSITION),
    (14, QualityFlag.SENSOR_MALFUNCTION),
    (15, QualityFlag.SENSOR_MALFUNCTION),
)


_STATES = (
    (_STATUS, u16("measurement status")),
    (_DEVICE, octets(3, "device and sensor status")),
    (_AMPLITUDE, u16("pulse amplitude index")),
)
_SPOT = Shapes("2A5E", (u8("flags"), u16("SpO2"), u16("pulse")), ((_TIME, DATE_TIME), *_STATES))
_FAST, _SLOW = 0x01, 0x02
_C_STATUS, _C_DEVICE, _C_AMPLITUDE = 0x04, 0x08, 0x10
_CONTINUOUS = Shapes(
    "2A5F",
    (u8("flags"), u16("SpO2"), u16("pulse")),
    (
        (_FAST, u16("fast SpO2")),
        (_FAST, u16("fast pulse")),
        (_SLOW, u16("slow SpO2")),
        (_SLOW, u16("slow pulse")),
        (_C_STATUS, u16("measurement status")),
        (_C_DEVICE, octets(3, "device and sensor status")),
        (_C_AMPLITUDE, u16("pulse amplitude index")),
    ),
)
_AVERAGES = (
    "spo2_fast_percent",
    "pulse_fast_per_min",
    "spo2_slow_percent",
    "pulse_slow_per_min",
)
"""The words for the four averages of a 2A5F frame, in their order."""

_PERCENT, _PER_MINUTE = Quantities(PERCENT), Quantities(PER_MINUTE)
_KIND, _SPO2, _PULSE = Vital.SPO2, QuantityName.SPO2, QuantityName.PULSE
_NOT_SET = (QualityFlag.CLOCK_NOT_SET,)


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A5E frame: spo2 in %, pulse in /min.

    A time stamp of a device that says its clock was never set is no device time.
    """
    del quirk  # no known model departs in this characteristic
    flags, spo2, pulse, time, status, device, amplitude = _SPOT.read(payload)
    stamp = None if time is None else date_time(time)
    words = _words(status, device)
    if amplitude is not None:
        words["pulse_amplitude_percent"] = str(sfloat(amplitude))
    not_set = flags & _CLOCK_NOT_SET
    return [
        Record(
            characteristic="2A5E",
            kind=_KIND,
            quantities={_SPO2: _PERCENT[spo2], _PULSE: _PER_MINUTE[pulse]},
            device_time=None if not_set else known_time(stamp),
            flags=_flags_of(status, device) + (_NOT_SET if not_set else clock_flags(stamp)),
            context=words,
        )
    ]


def decode_continuous(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A5F frame; the fast and slow averages are words beside the normal one.

    A stream has no time stamps; flags are 0 fast, 1 slow, 2 measurement status, 3 device and
    sensor status, 4 pulse amplitude index (Pulse Oximeter Service 1.0, section 3.2).
    """
    del quirk  # no known model departs in this characteristic
    _, spo2, pulse, *averages, status, device, amplitude = _CONTINUOUS.read(payload)
    words = _words(status, device)
    for name, raw in zip(_AVERAGES, averages, strict=True):
        if raw is not None:
            words[name] = _average(raw)
    if amplitude is not None:
        words["pulse_amplitude_percent"] = str(sfloat(amplitude))
    return [
        Record(
            characteristic="2A5F",
            kind=_KIND,
            quantities={_SPO2: _PERCENT[spo2], _PULSE: _PER_MINUTE[pulse]},
            flags=_flags_of(status, device),
            context=words,
        )
    ]


def _words(status: int | None, device: bytes | None) -> dict[str, str]:
    words: dict[str, str] = {}
    if status and (said := words_in(status, MEASUREMENT_WORDS)):
        words["measurement_status"] = said
        if status & _FROM_STORAGE:
            words[FETCHED] = "true"  # not measured now, whoever began to speak
    if device and (said := words_in(int.from_bytes(device, "little"), DEVICE_WORDS)):
        words["device_status"] = said
    return words


@lru_cache(maxsize=1024)
def _average(raw: int) -> str:
    return str(sfloat(raw))


@lru_cache(maxsize=256)
def _flags_of(status: int | None, device: bytes | None) -> tuple[QualityFlag, ...]:
    sensor = int.from_bytes(device or b"", "little")
    said = flags_in(status or 0, _MEASUREMENT_FLAGS) + flags_in(sensor, _DEVICE_FLAGS)
    return tuple(dict.fromkeys(said))
