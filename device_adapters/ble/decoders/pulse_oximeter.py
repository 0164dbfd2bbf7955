"""PLX Spot-Check Measurement 0x2A5E (Pulse Oximeter Service 1.0, section 3.1).

Flags (0 time, 1 measurement status, 2 device and sensor status, 3 pulse amplitude index, 4 device
clock not set), SpO2 and pulse rate SFLOAT, [time 7], [status u16], [device u24], [index SFLOAT].
"""

from device_adapters.adapter import Record
from device_adapters.ble.fields import (
    Reader,
    clock_flags,
    flags_in,
    known_time,
    quantity_of,
    words_in,
)
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
_DEVICE_FLAGS = (
    (1, QualityFlag.DEVICE_FAULT),
    (13, QualityFlag.IMPROPER_POSITION),
    (14, QualityFlag.SENSOR_MALFUNCTION),
)


def decode(payload: bytes, quirk: Quirk) -> list[Record]:
    """The one record of a 2A5E frame: spo2 in %, pulse in /min.

    A time stamp of a device that says its clock was never set is no device time.
    """
    del quirk  # no known model departs in this characteristic
    reader = Reader("2A5E", payload)
    flags = reader.unsigned(1, "flags")
    quantities = {
        QuantityName.SPO2: quantity_of(reader.sfloat("SpO2"), PERCENT),
        QuantityName.PULSE: quantity_of(reader.sfloat("pulse"), PER_MINUTE),
    }
    stamp = reader.date_time() if flags & _TIME else None
    status = reader.unsigned(2, "measurement status") if flags & _STATUS else 0
    device = reader.unsigned(3, "device and sensor status") if flags & _DEVICE else 0
    amplitude = reader.sfloat("pulse amplitude index") if flags & _AMPLITUDE else None
    reader.finish()
    not_set = bool(flags & _CLOCK_NOT_SET)
    words = {
        "measurement_status": words_in(status, MEASUREMENT_WORDS),
        "device_status": words_in(device, DEVICE_WORDS),
        "pulse_amplitude_percent": "" if amplitude is None else str(amplitude),
    }
    return [
        Record(
            characteristic="2A5E",
            kind=Vital.SPO2,
            quantities=quantities,
            device_time=None if not_set else known_time(stamp),
            flags=flags_in(device, _DEVICE_FLAGS)
            + ((QualityFlag.CLOCK_NOT_SET,) if not_set else clock_flags(stamp)),
            context={key: word for key, word in words.items() if word},
        )
    ]
