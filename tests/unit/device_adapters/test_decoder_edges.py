"""Edges of the decoders that no captured frame shows; octets written by hand from the layouts."""

from datetime import datetime
from decimal import Decimal

import pytest

from device_adapters.adapter import DecodeError
from device_adapters.ble.decoders.cgm import crc16
from device_adapters.ble.fields import float32, sfloat
from device_adapters.ble.registry import decode
from rules.vocabulary import Bound, NoValue, QualityFlag, Quantity, QuantityName, Vital


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (0x07FF, NoValue.NAN),
        (0x0800, NoValue.NRES),
        (0x07FE, Bound.ABOVE),
        (0x0802, Bound.BELOW),
        (0x0801, NoValue.RESERVED),
        (0xF7FF, Decimal("204.7")),  # the mantissa is special with exponent 0 only
        (0x0000, Decimal(0)),
        (0x0FFF, Decimal(-1)),
        (0xF014, Decimal("2.0")),
        (0x700C, Decimal("1.2E+8")),
        (0x8001, Decimal("1E-8")),
    ],
)
def test_sfloat(raw: int, said: Decimal | Bound | NoValue) -> None:
    assert sfloat(raw) == said
    assert str(sfloat(raw)) == str(said)  # trailing zeros are the device's resolution


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (0x007FFFFF, NoValue.NAN),
        (0x00800000, NoValue.NRES),
        (0x007FFFFE, Bound.ABOVE),
        (0x00800002, Bound.BELOW),
        (0x00800001, NoValue.RESERVED),
        (0xFF000172, Decimal("37.0")),
        (0xFFFFFFFF, Decimal("-0.1")),
    ],
)
def test_float(raw: int, said: Decimal | Bound | NoValue) -> None:
    assert str(float32(raw)) == str(said)


def test_a_float_beyond_any_measurement_is_refused_where_it_stands() -> None:
    with pytest.raises(DecodeError, match=r"^2A1C: byte 1: "):
        decode("2A1C", bytes.fromhex("000100007f"))


def _glucose(payload: str) -> Quantity | None:
    (record,) = decode("2A18", bytes.fromhex(payload))
    return record.quantities.get(QuantityName.GLUCOSE)


TIME = "ea070b151e1e00"  # 2026-11-21 30:30:00 is impossible, for the clock test
GOOD_TIME = "ea070b15071e00"  # 2026-11-21 07:30:00


@pytest.mark.row("P13")
def test_low_and_high_of_a_meter_are_censored_whichever_way_they_are_said() -> None:
    below = Quantity(unit="mol/L", censored=Bound.BELOW)
    assert _glucose(f"060100{GOOD_TIME}020811") == below  # -INF alone
    assert _glucose(f"0c0100{GOOD_TIME}4000") == below  # the bit alone, no concentration
    assert _glucose(f"0e0100{GOOD_TIME}ff07114000") == below  # NaN with the bit
    assert _glucose(f"0e0100{GOOD_TIME}0bc0114000") == below  # the bit beats the number
    above = Quantity(unit="kg/L", censored=Bound.ABOVE)
    assert _glucose(f"0a0100{GOOD_TIME}fe07112000") == above


def test_contradicting_bits_leave_a_number_alone_and_never_hide_a_low() -> None:
    assert _glucose(f"0e0100{GOOD_TIME}0bc0116000") == Quantity(
        value=Decimal("0.0011"), unit="mol/L"
    )
    assert _glucose(f"0e0100{GOOD_TIME}ff07116000") == Quantity(unit="mol/L", censored=Bound.BELOW)


def test_control_solution_is_flagged_by_type_and_by_location() -> None:
    for nibbles in ("1a", "41"):
        (record,) = decode("2A18", bytes.fromhex(f"020100{GOOD_TIME}1eb0{nibbles}"))
        assert record.flags == (QualityFlag.CONTROL_SOLUTION,)


@pytest.mark.parametrize(
    ("nibble", "kind"),
    [("11", Vital.GLUCOSE), ("12", Vital.GLUCOSE_PLASMA), ("19", Vital.GLUCOSE_CGM)],
)
def test_the_sample_names_the_vital(nibble: str, kind: Vital) -> None:
    (record,) = decode("2A18", bytes.fromhex(f"020100{GOOD_TIME}1eb0{nibble}"))
    assert record.kind is kind


def test_an_impossible_clock_costs_the_time_and_not_the_value() -> None:
    (record,) = decode("2A35", bytes.fromhex(f"02e60082009600{TIME}"))
    assert record.quantities[QuantityName.SYSTOLIC].value == 230
    assert record.device_time is None
    assert record.flags == (QualityFlag.TIME_FAULT,)


@pytest.mark.parametrize("zeroed", ["0000", "year"])
def test_an_unknown_date_part_is_no_fault(zeroed: str) -> None:
    stamp = "00000b15071e00" if zeroed == "year" else "ea070b00071e00"
    (record,) = decode("2A35", bytes.fromhex(f"02e60082009600{stamp}"))
    assert (record.device_time, record.flags) == (None, ())


def test_a_time_offset_beyond_its_range_makes_the_time_unknown() -> None:
    for overrun in ("ff7f", "0080"):
        (record,) = decode("2A18", bytes.fromhex(f"030100{GOOD_TIME}{overrun}1eb011"))
        assert (record.device_time, record.time_offset_min) == (None, None)
    (record,) = decode("2A18", bytes.fromhex(f"030100{GOOD_TIME}c4ff1eb011"))
    assert (record.device_time, record.time_offset_min) == (datetime(2026, 11, 21, 6, 30), -60)  # noqa: DTZ001


def test_users_and_the_unknown_user() -> None:
    for octet, user in (("00", 0), ("02", 2), ("ff", None)):
        (record,) = decode("2A35", bytes.fromhex(f"088a0058007800{octet}"))
        assert record.user_id == user
        (record,) = decode("2A9D", bytes.fromhex(f"04b036{octet}"))
        assert record.user_id == user


def test_a_cuff_pressure_in_between_is_2a36() -> None:
    (record,) = decode("2A36", bytes.fromhex("007800ff07ff07"))
    assert record.characteristic == "2A36"
    assert record.quantities[QuantityName.SYSTOLIC].value == 120


def test_weight_in_pounds_with_height_in_inches_and_a_failed_one() -> None:
    (record,) = decode("2A9D", bytes.fromhex("09f03cf500a802"))
    assert record.quantities == {
        QuantityName.WEIGHT: Quantity(value=Decimal("156.00"), unit="[lb_av]"),
        QuantityName.BMI: Quantity(value=Decimal("24.5"), unit="kg/m2"),
        QuantityName.HEIGHT: Quantity(value=Decimal("68.0"), unit="[in_i]"),
    }
    (record,) = decode("2A9D", bytes.fromhex("00ffff"))
    assert record.quantities[QuantityName.WEIGHT].no_value is NoValue.NAN


def test_heart_rate_wide_with_two_intervals() -> None:
    (record,) = decode("2A37", bytes.fromhex("112c0100040002"))
    assert record.quantities[QuantityName.PULSE].value == 300
    assert record.rr_intervals_ms == (Decimal(1000), Decimal(500))
    with pytest.raises(DecodeError, match=r"^2A37: byte 5: "):
        decode("2A37", bytes.fromhex("102c000401"))


def test_oximeter_with_every_field() -> None:
    (record,) = decode("2A5E", bytes.fromhex(f"1f61004800{GOOD_TIME}2040" + "022000" + "0af0"))
    assert record.device_time is None
    assert record.flags == (
        QualityFlag.SENSOR_MALFUNCTION,
        QualityFlag.DEVICE_FAULT,
        QualityFlag.IMPROPER_POSITION,
        QualityFlag.CLOCK_NOT_SET,
    )
    assert record.context == {
        "measurement_status": "ongoing,questionable",
        "device_status": "equipment_malfunction,sensor_displaced",
        "pulse_amplitude_percent": "1.0",
    }


def test_crc_of_the_catalogue() -> None:
    assert crc16(b"123456789") == 0x6F91  # check value of CRC-16/MCRF4XX in the RevEng catalogue


def test_cgm_several_records_with_status_and_crc() -> None:
    plain = bytes.fromhex("06000c100600")
    # size 15, flags, 40 mg/dL, minute 7, battery low, no calibration, too low, trend, quality
    record = bytes.fromhex("0fe328000700" + "020040" + "0af0" + "5a00")
    record += crc16(record).to_bytes(2, "little")
    first, second = decode("2AA7", plain + record)
    assert first.quantities[QuantityName.GLUCOSE].value == 120
    assert second.time_offset_min == 7
    assert second.quantities == {QuantityName.GLUCOSE: Quantity(unit="mg/dL", censored=Bound.BELOW)}
    assert second.flags == (QualityFlag.BATTERY_LOW, QualityFlag.RESULT_TOO_LOW)
    assert second.context == {"trend_mg_dl_per_min": "1.0", "quality_percent": "90"}
    broken = bytearray(plain + record)
    broken[-1] ^= 1
    with pytest.raises(DecodeError, match=r"^2AA7: byte 19: E2E-CRC"):
        decode("2AA7", bytes(broken))
