"""What a device says it can do: the feature characteristics of the health services.

Blood Pressure 0x2A49, Glucose 0x2A51, Pulse Oximeter 0x2A60, Weight Scale 0x2A9E, Body Composition
0x2A9B, CGM 0x2AA8. A capability that is absent explains a flag that never comes; none of them
changes how a measurement is read. Reserved bits are told by their number.
"""

from collections.abc import Mapping

from device_adapters.ble.decoders.cgm import check_crc16
from device_adapters.ble.decoders.glucose import location_word, sample_word
from device_adapters.ble.decoders.pulse_oximeter import DEVICE_WORDS, MEASUREMENT_WORDS
from device_adapters.ble.fields import Reader, words_in

_BLOOD_PRESSURE = (
    (0, "body_movement"),
    (1, "cuff_fit"),
    (2, "irregular_pulse"),
    (3, "pulse_rate_range"),
    (4, "position"),
    (5, "several_bonds"),
    (6, "e2e_crc"),
    (7, "user_data"),
    (8, "user_facing_time"),
)
_GLUCOSE = (
    (0, "low_battery"),
    (1, "sensor_malfunction"),
    (2, "sample_size"),
    (3, "strip_insertion_error"),
    (4, "strip_type_error"),
    (5, "result_high_low"),
    (6, "temperature_high_low"),
    (7, "read_interrupt"),
    (8, "general_fault"),
    (9, "time_fault"),
    (10, "several_bonds"),
)
_OXIMETER = (
    (0, "measurement_status"),
    (1, "device_status"),
    (2, "spot_check_storage"),
    (3, "spot_check_time"),
    (4, "fast_average"),
    (5, "slow_average"),
    (6, "pulse_amplitude"),
    (7, "several_bonds"),
)
_WEIGHT = ((0, "time"), (1, "several_users"), (2, "bmi"))
_BODY = (
    (0, "time"),
    (1, "several_users"),
    (2, "basal_metabolism"),
    (3, "muscle_percent"),
    (4, "muscle_mass"),
    (5, "fat_free_mass"),
    (6, "soft_lean_mass"),
    (7, "body_water_mass"),
    (8, "impedance"),
    (9, "weight"),
    (10, "height"),
)
_CGM = (
    (0, "calibration"),
    (1, "patient_high_low"),
    (2, "hypo_alerts"),
    (3, "hyper_alerts"),
    (4, "rate_alerts"),
    (5, "device_specific_alert"),
    (6, "sensor_malfunction"),
    (7, "temperature_high_low"),
    (8, "result_high_low"),
    (9, "low_battery"),
    (10, "sensor_type_error"),
    (11, "general_fault"),
    (12, "e2e_crc"),
    (13, "several_bonds"),
    (14, "several_sessions"),
    (15, "trend"),
    (16, "quality"),
)
_STATUS_SUPPORTED, _DEVICE_SUPPORTED = 0x01, 0x02
_E2E_CRC = 1 << 12
_NO_CRC = 0xFFFF

_WEIGHT_STEPS_KG = ("", "0.5", "0.2", "0.1", "0.05", "0.02", "0.01", "0.005")
_WEIGHT_STEPS_LB = ("", "1", "0.5", "0.2", "0.1", "0.05", "0.02", "0.01")
_HEIGHT_STEPS_M, _HEIGHT_STEPS_IN = ("", "0.01", "0.005", "0.001"), ("", "1", "0.5", "0.1")
_WEIGHT_STEP_MASK, _HEIGHT_STEP_MASK = 0b1111, 0b111

_Words = tuple[tuple[int, str], ...]


def blood_pressure(payload: bytes) -> dict[str, str]:
    """`features` of 0x2A49, 16 bits."""
    return _plain("2A49", payload, _BLOOD_PRESSURE)


def glucose(payload: bytes) -> dict[str, str]:
    """`features` of 0x2A51, 16 bits."""
    return _plain("2A51", payload, _GLUCOSE)


def pulse_oximeter(payload: bytes) -> dict[str, str]:
    """`features` of 0x2A60, and which status bits the device sets where it says so."""
    reader = Reader("2A60", payload)
    bits = reader.unsigned(2, "features")
    said = {"features": _named(bits, _OXIMETER)}
    if bits & _STATUS_SUPPORTED:
        status = reader.unsigned(2, "measurement status support")
        said["measurement_status"] = _named(status, MEASUREMENT_WORDS)
    if bits & _DEVICE_SUPPORTED:
        said["device_status"] = _named(reader.unsigned(3, "device status support"), DEVICE_WORDS)
    reader.finish()
    return said


def weight_scale(payload: bytes) -> dict[str, str]:
    """`features` of 0x2A9E and the steps of weight and height: bits 3-6 and 7-9."""
    return _scale("2A9E", payload, _WEIGHT)


def body_composition(payload: bytes) -> dict[str, str]:
    """`features` of 0x2A9B and the steps of weight and height: bits 11-14 and 15-17."""
    return _scale("2A9B", payload, _BODY)


def cgm(payload: bytes) -> dict[str, str]:
    """`features` of 0x2AA8 with sample type and location; an E2E-CRC is checked.

    Raises:
        DecodeError: not six octets, or the CRC is wrong (FFFF where the device has none).
    """
    reader = Reader("2AA8", payload)
    bits = reader.unsigned(3, "features")
    both = reader.unsigned(1, "type and location")
    if bits & _E2E_CRC:
        check_crc16(reader, payload)
    elif (sent := reader.unsigned(2, "E2E-CRC")) != _NO_CRC:
        raise reader.refuse(f"E2E-CRC is {sent:04X} without CRC support", at=reader.at - 2)
    reader.finish()
    return {
        "features": _named(bits, _CGM),
        "sample_type": sample_word(both),
        "sample_location": location_word(both),
    }


def _plain(characteristic: str, payload: bytes, words: _Words) -> dict[str, str]:
    reader = Reader(characteristic, payload)
    bits = reader.unsigned(2, "features")
    reader.finish()
    return {"features": _named(bits, words)}


def _scale(characteristic: str, payload: bytes, words: _Words) -> dict[str, str]:
    reader = Reader(characteristic, payload)
    bits = reader.unsigned(4, "features")
    reader.finish()
    weight_at = len(words)
    weight = bits >> weight_at & _WEIGHT_STEP_MASK
    height = bits >> (weight_at + 4) & _HEIGHT_STEP_MASK
    return {
        "features": _named(bits & ((1 << weight_at) - 1), words),
        "weight_step": _step(weight, {"kg": _WEIGHT_STEPS_KG, "lb": _WEIGHT_STEPS_LB}),
        "height_step": _step(height, {"m": _HEIGHT_STEPS_M, "in": _HEIGHT_STEPS_IN}),
    }


def _step(code: int, steps: Mapping[str, tuple[str, ...]]) -> str:
    if not code:
        return "not_said"
    if any(code >= len(sizes) for sizes in steps.values()):
        return f"reserved({code})"
    return " or ".join(f"{sizes[code]} {unit}" for unit, sizes in steps.items())


def _named(bits: int, words: _Words) -> str:
    known = sum(1 << bit for bit, _ in words)
    reserved = [f"reserved({bit})" for bit in range(bits.bit_length()) if bits & ~known & 1 << bit]
    return ",".join(filter(None, [words_in(bits, words), *reserved]))
