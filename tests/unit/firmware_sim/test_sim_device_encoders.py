"""Encoders of thermometer, oximeter, scale, strap and sensor against octets worked out by hand."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.profiles.blood_pressure import encode_cuff_pressure
from firmware_sim.profiles.body_composition import (
    BodyCompositionFeature,
    Composition,
    encode_body_composition,
    encode_body_composition_feature,
)
from firmware_sim.profiles.cgm import (
    CgmFeature,
    CgmStatus,
    CgmZone,
    encode_cgm_feature,
    encode_cgm_record,
    encode_cgm_status,
    encode_run_time,
    encode_session_start,
)
from firmware_sim.profiles.fields import (
    DeviceDateTime,
    Special,
    crc16,
    float32,
    read_sfloat,
    sfloat,
    steps_of,
)
from firmware_sim.profiles.heart_rate import encode_heart_rate, rr_units
from firmware_sim.profiles.pulse_oximeter import (
    OximeterFeature,
    OximeterStatus,
    Saturation,
    SensorState,
    encode_continuous,
    encode_oximeter_features,
    encode_spot_check,
)
from firmware_sim.profiles.thermometer import Site, encode_temperature
from firmware_sim.profiles.weight_scale import (
    BodySize,
    WeightScaleFeature,
    encode_weight,
    encode_weight_feature,
)

AT = datetime(2026, 11, 21, 7, 30, 5)  # noqa: DTZ001 - no zone on the wire
STAMP = "ea070b15071e05"  # 2026 = 0x07EA


@pytest.mark.parametrize(
    ("value", "exponent", "octets"),
    [
        (37.6, -2, "b00e00fe"),  # 3760 = 0x0EB0, -2 = 0xFE
        (36.65, -1, "6e0100ff"),  # 366.5 to the even 366 = 0x16E
        (-1, 0, "ffffff00"),
        (8_388_605, 0, "fdff7f00"),
        (Special.NAN, None, "ffff7f00"),
        (Special.NRES, None, "00008000"),
        (Special.POSITIVE_INFINITY, None, "feff7f00"),
        (Special.NEGATIVE_INFINITY, None, "02008000"),
        (Special.RESERVED, None, "01008000"),
    ],
)
def test_float(value: float | Special, exponent: int | None, octets: str) -> None:
    assert float32(value, exponent=exponent).hex() == octets


def test_float_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(ValueError, match="FLOAT"):
        float32(8_388_606, exponent=0)
    with pytest.raises(ValueError, match="Special"):
        float32(float("nan"))


@given(st.integers(-2045, 2045), st.integers(-8, 7))
def test_an_sfloat_is_read_back(mantissa: int, exponent: int) -> None:
    value = float(f"{mantissa}e{exponent}")
    assert read_sfloat(sfloat(value, exponent=exponent)) == value


@pytest.mark.parametrize("special", Special)
def test_a_special_sfloat_is_no_number(special: Special) -> None:
    assert read_sfloat(sfloat(special)) is None


def test_crc_has_its_published_check_value() -> None:
    assert crc16(b"123456789").hex() == "916f"  # CRC-16/MCRF4XX: 0x6F91


def test_steps_refuse_what_does_not_fit() -> None:
    assert steps_of(70, "0.005").hex() == "b036"  # 14000 = 0x36B0
    for value in (-0.005, 400, float("nan")):
        with pytest.raises((ValueError, ArithmeticError)):
            steps_of(value, "0.005")


def test_cuff_pressure_has_one_pressure_and_two_nans() -> None:
    plain = encode_cuff_pressure(pressure=150)
    assert plain.hex() == "00" + "9600" + "ff07" + "ff07"
    full = encode_cuff_pressure(pressure=12.5, at=AT, user_id=2, kpa=True)
    assert full.hex() == "0b" + "7df0" + "ff07" + "ff07" + STAMP + "02"  # 125e-1


def test_temperature_flags() -> None:
    assert encode_temperature(temperature=36.6).hex() == "00" + "6e0100ff"
    full = encode_temperature(temperature=98.6, at=AT, site=Site.EAR, fahrenheit=True)
    assert full.hex() == "07" + "da0300ff" + STAMP + "03"  # 986 = 0x3DA
    below = encode_temperature(temperature=Special.NEGATIVE_INFINITY, at=DeviceDateTime())
    assert below.hex() == "02" + "02008000" + "00" * 7


def test_weight_flags() -> None:
    body = BodySize(bmi=24.2, height=1.7)  # 242 = 0xF2; 1700 = 0x6A4
    full = encode_weight(weight=70.005, at=AT, user_id=255, body=body)
    assert full.hex() == "0e" + "b136" + STAMP + "ff" + "f200" + "a406"
    imperial = encode_weight(weight=154.3, body=BodySize(bmi=24.2, height=66.9), imperial=True)
    assert imperial.hex() == "09" + "463c" + "f200" + "9d02"  # 15430 = 0x3C46; 669 = 0x29D
    assert encode_weight(weight=None).hex() == "00ffff"


def test_weight_feature_packs_its_resolutions() -> None:
    features = WeightScaleFeature.TIME_STAMP | WeightScaleFeature.BMI
    octets = encode_weight_feature(features, weight_step=7, height_step=3)
    assert octets.hex() == "bd010000"  # 0b101 | 7 << 3 | 3 << 7 = 0x1BD


def test_body_composition_fields_in_their_order() -> None:
    everything = Composition(
        basal_kj=6000,  # 0x1770
        muscle_percent=40.1,  # 0x191
        muscle_mass=28,  # 5600 = 0x15E0
        fat_free_mass=53,  # 10600 = 0x2968
        soft_lean_mass=50,  # 10000 = 0x2710
        body_water_mass=39,  # 7800 = 0x1E78
        impedance_ohm=512.3,  # 5123 = 0x1403
        weight=70,  # 14000 = 0x36B0
        height=1.7,
    )
    frame = encode_body_composition(fat_percent=24.2, at=AT, user_id=1, rest=everything)
    fields = "70179101e01568291027781e0314b036a406"
    assert frame.hex() == "fe0f" + "f200" + STAMP + "01" + fields
    failed = encode_body_composition(fat_percent=None, imperial=True, one_of_several=True)
    assert failed.hex() == "0110" + "ffff"
    masses = Composition(weight=154.3, height=66.9)
    imperial = encode_body_composition(fat_percent=24.2, rest=masses, imperial=True)
    assert imperial.hex() == "010c" + "f200" + "463c" + "9d02"


def test_body_composition_feature_packs_its_resolutions() -> None:
    features = BodyCompositionFeature.TIME_STAMP | BodyCompositionFeature.HEIGHT
    octets = encode_body_composition_feature(features, mass_step=7, height_step=3)
    assert octets.hex() == "01bc0100"  # 0x401 | 7 << 11 | 3 << 15 = 0x1BC01


def test_heart_rate_flags() -> None:
    assert encode_heart_rate(rate=72).hex() == "0048"
    assert encode_heart_rate(rate=300).hex() == "012c01"
    assert encode_heart_rate(rate=72, wide=True).hex() == "014800"
    loose = encode_heart_rate(rate=72, contact=False, energy_kj=258, rr=[1024, 512])
    assert loose.hex() == "1c" + "48" + "0201" + "0004" + "0002"
    assert rr_units(1000) == 1024
    assert rr_units(833.3) == 853  # 853.30


def test_spot_check_flags() -> None:
    value = Saturation(spo2=97.5, pulse=60)  # 975e-1
    assert encode_spot_check(value=value).hex() == "00" + "cff3" + "3c00"
    full = encode_spot_check(
        value=value,
        at=AT,
        status=OximeterStatus.FROM_STORAGE,
        device=SensorState.SENSOR_DISPLACED,
        amplitude_percent=1.2,
        clock_not_set=True,
    )
    assert full.hex() == "1f" + "cff3" + "3c00" + STAMP + "0002" + "002000" + "0cf0"


def test_continuous_oximetry_flags() -> None:
    normal, fast = Saturation(spo2=97, pulse=60), Saturation(spo2=96, pulse=Special.NAN)
    assert encode_continuous(normal=normal).hex() == "00" + "6100" + "3c00"
    full = encode_continuous(
        normal=normal, fast=fast, slow=normal, status=0x20, device=1, amplitude_percent=1.2
    )
    pairs = "61003c006000ff0761003c00"
    assert full.hex() == "1f" + pairs + "2000" + "010000" + "0cf0"


def test_oximeter_features_hold_what_they_announce() -> None:
    assert encode_oximeter_features(OximeterFeature.TIME_STAMP).hex() == "0800"
    both = encode_oximeter_features(
        OximeterFeature.MEASUREMENT_STATUS | OximeterFeature.DEVICE_STATUS,
        statuses=OximeterStatus.INVALID,
        states=SensorState.POOR_SIGNAL,
    )
    assert both.hex() == "0300" + "0080" + "100000"


def test_cgm_record_sends_only_the_octets_that_say_something() -> None:
    assert encode_cgm_record(glucose=120, offset_min=6).hex() == "06" + "00" + "7800" + "0600"
    warned = encode_cgm_record(
        glucose=53,
        offset_min=258,
        status=CgmStatus.BATTERY_LOW | CgmStatus.BELOW_HYPO,
        trend=-2.5,
        quality=98,
    )
    # -25e-1: mantissa 0xFE7, exponent 0xF; status octet 0x02, warning octet 0x04
    assert warned.hex() == "0c" + "a3" + "3500" + "0201" + "02" + "04" + "e7ff" + "6200"


def test_a_cgm_record_with_crc_counts_it_in_its_size() -> None:
    frame = encode_cgm_record(glucose=120, offset_min=6, crc=True)
    assert frame[0] == len(frame) == 8
    assert crc16(frame[:-2]) == frame[-2:]


def test_cgm_characteristics_that_are_read() -> None:
    assert encode_cgm_feature(CgmFeature.TREND).hex() == "008000" + "59" + "ffff"
    secured = encode_cgm_feature(CgmFeature.E2E_CRC)
    assert secured[:4].hex() == "001000" + "59"
    assert secured[4:] == crc16(secured[:4])
    status = encode_cgm_status(offset_min=258, status=CgmStatus.SESSION_STOPPED, crc=False)
    assert status.hex() == "0201" + "010000"
    start = encode_session_start(began=AT, zone=CgmZone(quarters=32, saving=0), crc=False)
    assert start.hex() == STAMP + "20" + "00"
    unknown = encode_session_start(began=DeviceDateTime(), zone=CgmZone(), crc=False)
    assert unknown.hex() == "00" * 7 + "80" + "ff"
    assert encode_run_time(hours=336, crc=False).hex() == "5001"
    assert encode_run_time(hours=336, crc=True) == b"\x50\x01" + crc16(b"\x50\x01")
