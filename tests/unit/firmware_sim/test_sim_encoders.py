"""The simulator's encoders against captured frames and bytes worked out by hand."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.profiles.blood_pressure import MeasurementStatus, encode_blood_pressure
from firmware_sim.profiles.fields import DeviceDateTime, Special, date_time, sfloat
from firmware_sim.profiles.glucose import Dose, Meal, SensorStatus, encode_context, encode_glucose


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        (138, "8a00"),  # 0x08A, exponent 0
        (18.9, "bdf0"),  # 189 = 0x0BD, exponent -1 = 0xF
        (-1, "ff0f"),  # two's complement in 12 bits
        (2045, "fd07"),
        (-2045, "0308"),
        (20450, "fd17"),  # 2045e1
        (0.01, "01e0"),
        (0, "0000"),
        (Special.NAN, "ff07"),
        (Special.NRES, "0008"),
        (Special.POSITIVE_INFINITY, "fe07"),
        (Special.NEGATIVE_INFINITY, "0208"),
        (Special.RESERVED, "0108"),
    ],
)
def test_sfloat(value: float | Special, octets: str) -> None:
    assert sfloat(value).hex() == octets


@pytest.mark.parametrize("value", [2046, 123.45, float("nan"), float("inf"), 1e12])
def test_sfloat_refuses_what_it_cannot_hold_exactly(value: float) -> None:
    with pytest.raises(ValueError, match=r"SFLOAT|Special"):
        sfloat(value)


def test_a_given_exponent_fixes_the_resolution() -> None:
    assert sfloat(0.0067, exponent=-4).hex() == "43c0"  # 67 = 0x043, -4 = 0xC
    with pytest.raises(ValueError, match="does not fit"):
        sfloat(1, exponent=-4)  # 10000 > 2045


@given(st.integers(-2045, 2045), st.integers(-8, 7))
def test_sfloat_holds_every_number_of_its_grid(mantissa: int, exponent: int) -> None:
    octets = sfloat(float(f"{mantissa}e{exponent}"), exponent=exponent)
    raw = int.from_bytes(octets, "little")
    low, high = raw & 0xFFF, raw >> 12
    assert (low - 4096 if low & 0x800 else low) == mantissa
    assert (high - 16 if high & 8 else high) == exponent


def test_date_time_has_no_zone() -> None:
    assert date_time(datetime(2024, 6, 15, 17, 17, 27)).hex() == "e807060f11111b"  # noqa: DTZ001
    assert date_time(DeviceDateTime()) == bytes(7)
    with pytest.raises(ValueError, match="zone"):
        date_time(datetime(2024, 6, 15, tzinfo=UTC))


def test_blood_pressure_equals_captured_frames() -> None:
    # Nordic Android-BLE-Common-Library, BloodPressureMeasurementDataCallbackTest "full"
    assert (
        encode_blood_pressure(
            systolic=138,
            diastolic=88,
            mean=120,
            at=DeviceDateTime(month=4, day=17, hour=20, minute=41, second=59),
            pulse=60,
            user_id=1,
            status=MeasurementStatus.BODY_MOVEMENT
            | MeasurementStatus.CUFF_TOO_LOOSE
            | MeasurementStatus.IRREGULAR_PULSE
            | MeasurementStatus.IMPROPER_POSITION,
        ).hex()
        == "1e8a00580078000000041114293b3c00012700"
    )
    # the same test, "some": kPa, no time, pulse and status
    status = MeasurementStatus.CUFF_TOO_LOOSE | MeasurementStatus.PULSE_BELOW_RANGE
    assert (
        encode_blood_pressure(
            systolic=18.9, diastolic=11.0, mean=15.9, pulse=60, status=status, kpa=True
        ).hex()
        == "15bdf00b009ff03c001200"
    )
    # blood-pressure-monitor-fl issue 80: a failed measurement is all NaN
    at = datetime(2024, 6, 23, 14, 35, 10)  # noqa: DTZ001
    nan = Special.NAN
    assert (
        encode_blood_pressure(
            systolic=nan, diastolic=nan, mean=nan, at=at, pulse=nan, status=0
        ).hex()
        == "16ff07ff07ff07e80706170e230aff070000"
    )


def test_glucose_in_both_units() -> None:
    at = datetime(2019, 2, 27, 11, 10, 30)  # noqa: DTZ001
    # 120 mg/dL = 120e-5 kg/L: mantissa 0x078, exponent -5 = 0xB; finger, capillary whole blood
    mg = encode_glucose(sequence=1, at=at, value=120, unit="mg/dL", offset_min=-5, status=0x105)
    assert mg.hex() == "0b0100e307021b0b0a1efbff78b0110501"
    # 6.7 mmol/L = 67e-4 mol/L: mantissa 0x043, exponent -4 = 0xC
    mmol = encode_glucose(sequence=258, at=at, value=6.7, unit="mmol/L", context_follows=True)
    assert mmol.hex() == "160201e307021b0b0a1e43c011"


def test_glucose_without_a_number() -> None:
    nothing = DeviceDateTime()
    low = encode_glucose(
        sequence=0,
        at=nothing,
        value=None,
        unit="mmol/L",
        status=SensorStatus.RESULT_TOO_LOW,
    )
    assert low.hex() == "0c0000000000000000004000"
    infinite = encode_glucose(
        sequence=0, at=nothing, value=Special.NEGATIVE_INFINITY, unit="mmol/L"
    )
    assert infinite.hex() == "06000000000000000000020811"


def test_context_fields_in_their_order() -> None:
    assert encode_context(sequence=3, meal=Meal.FASTING).hex() == "02030003"
    full = encode_context(
        sequence=1,
        carbohydrate=(1, 50),
        meal=Meal.PREPRANDIAL,
        tester=1,
        health=5,
        exercise=(1800, 40),
        dose=Dose(medication=1, milligrams=2),
        hba1c=7.1,
    )
    # 50 g = 50e-3 kg (0x032, -3 = 0xD); health high nibble; 1800 s = 0x0708;
    # 2 mg = 2e-6 kg (-6 = 0xA); 7.1 % = 71e-1 (0x047, -1 = 0xF)
    assert full.hex() == "5f0100" + "0132d0" + "01" + "51" + "080728" + "0102a0" + "47f0"
    extended = encode_context(sequence=3, meal=Meal.FASTING, extended=0x5A)
    assert extended.hex() == "8203005a03"  # the octet comes before every other field
    insulin = encode_context(sequence=0, dose=Dose(medication=1, millilitres=0.1))
    assert insulin.hex() == "300000" + "010ab0"  # 0.1 mL = 10e-5 L, -5 = 0xB
