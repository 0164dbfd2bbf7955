"""Features, clocks, battery, record access, body composition; octets by hand from the layouts."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import pytest

from device_adapters.adapter import DecodeError, Frame
from device_adapters.ble.current_time import CLOCKS, decode_date_time
from device_adapters.ble.decoders.cgm import crc16
from device_adapters.ble.registry import decode, decode_facts
from device_adapters.ble.scale_parts import ScaleParts
from rules.vocabulary import (
    Bound,
    DeviceRef,
    HubStamp,
    NoValue,
    QualityFlag,
    Quantity,
    QuantityName,
)

CGM_FEATURE = bytes.fromhex("001000" + "19")


@pytest.mark.parametrize(
    ("characteristic", "octets", "said"),
    [
        ("2A19", "00", {"battery_percent": "0"}),
        ("2A19", "64", {"battery_percent": "100"}),
        ("2A08", "ea070b15071e00", {"local_time": "2026-11-21T07:30:00"}),
        ("2A08", "00000b15071e00", {"local_time": "unknown"}),
        ("2A2B", "ea070b15071e0f068002", {"local_time": "2026-11-21T07:30:15.500000"}),
        ("2A24", "424d383500", {"model": "BM85"}),
        ("2A29", "4126440d0a", {"manufacturer": "A&D"}),
        (
            "2A23",
            "0102030405aabbcc",
            {"manufacturer_id": "0504030201", "organisation_id": "CCBBAA"},
        ),
        (
            "2A50",
            "01 0600 3412 0001",
            {"vendor_source": "bluetooth", "vendor": "0006", "product": "1234", "version": "0100"},
        ),
        ("2A50", "03 0600 3412 0001", {"vendor_source": "reserved(3)"}),
        ("2A2A", "00000000000000000000000000000000", {}),  # an Omron: omblepy issue 58
        (
            "2A2A",
            "0002 0012 0201 0008 0201 0001 0002 8007 0202 0002 8000",
            {
                "certification_0": "continua 2.1, certified as 8007",
                "certification_1": "continua unregulated",
            },
        ),
        ("2A49", "2100", {"features": "body_movement,several_bonds"}),
        ("2A49", "0080", {"features": "reserved(15)"}),
        ("2A51", "ff07", {"features": None}),
        ("2A60", "0000", {"features": ""}),
        (
            "2A60",
            "0300 0080 010000",
            {"measurement_status": "invalid", "device_status": "extended_display_update"},
        ),
        (
            "2A9E",
            "bf010000",  # time, users, BMI; weight code 7; height code 3
            {
                "features": "time,several_users,bmi",
                "weight_step": "0.005 kg or 0.01 lb",
                "height_step": "0.001 m or 0.1 in",
            },
        ),
        (
            "2A9B",
            "01380000",
            {"features": "time", "weight_step": "0.005 kg or 0.01 lb", "height_step": "not_said"},
        ),
        ("2A9B", "00780000", {"weight_step": "reserved(15)"}),
        ("2AA8", "000000 19 ffff", {"sample_type": "interstitial_fluid"}),
        (
            "2AA8",
            (CGM_FEATURE + crc16(CGM_FEATURE).to_bytes(2, "little")).hex(),
            {"features": "e2e_crc", "sample_location": "finger"},
        ),
        ("2AA9", "0700 020840", {"status": "battery_low,result_too_low,calibration_required"}),
        (
            "2AAA",
            "ea070b15071e00 20 00",
            {
                "session_start": "2026-11-21T07:30:00",
                "zone_min": "480",
                "daylight_saving_min": "0",
            },
        ),
        ("2AAA", "ea070b15071e00 80 ff", {"zone_min": "unknown", "daylight_saving_min": "unknown"}),
        ("2A52", "0101", {"op_code": "report", "operator": "all"}),
        ("2A52", "0103010501", {"operator": "at_least", "filter": "sequence", "operands": "261"}),
        ("2A52", "0104010100 0900", {"operator": "range", "operands": "1,9"}),
        (
            "2A52",
            "0102 02 ea070b15071e00",
            {"filter": "time", "operands": "2026-11-21T07:30:00"},
        ),
        ("2A52", "05000c00", {"op_code": "count_response", "count": "12"}),
        ("2A52", "06000106", {"request": "report", "result": "no_records"}),
        ("2A52", "0600010a", {"result": "reserved(10)"}),
        ("2A52", "0600070a", {"request": "reserved(7)"}),
        ("2A52", "090001", {"op_code": "reserved(9)", "octets": "01"}),
        ("2A52", "0107", {"op_code": "report", "operator": "reserved(7)"}),
    ],
)
def test_what_a_device_says_about_itself(
    characteristic: str, octets: str, said: Mapping[str, str | None]
) -> None:
    facts = decode_facts(characteristic, bytes.fromhex(octets))
    for name, words in said.items():
        if words is not None:
            assert facts[name] == words
    if characteristic == "2A51":
        assert len(facts["features"].split(",")) == 11
    if not said:
        assert facts == {}


@pytest.mark.parametrize(
    ("characteristic", "octets", "at_byte"),
    [
        ("2A19", "", 0),
        ("2A19", "65", 0),  # 101 %
        ("2A19", "6464", 1),
        ("2A08", "ea070b15071e", 6),
        ("2A08", "ea070b15071e0000", 7),
        ("2A2B", "ea070b15071e0f080002", 7),  # an eighth day of the week
        ("2A23", "01020304050607", 7),
        ("2A49", "21", 1),
        ("2A49", "210000", 2),
        ("2A60", "0100", 2),
        ("2A9E", "000000", 3),
        ("2AA8", "000000190000", 4),  # a CRC that is not announced
        ("2AA8", "001000190000", 4),  # a wrong one
        ("2A2A", "0001 0009 02", 2),
        ("2A2A", "0001 0004 0201 0008", 8),
        ("2AAA", "ea070b15071e0020", 8),
        ("2A52", "01", 1),
        ("2A52", "0101ff", 2),
        ("2A52", "010301", 3),
        ("2A52", "0600010600", 4),
        ("2A52", "05000c", 3),
    ],
)
def test_short_long_and_impossible_values_are_refused_at_their_byte(
    characteristic: str, octets: str, at_byte: int
) -> None:
    with pytest.raises(DecodeError) as refused:
        decode_facts(characteristic, bytes.fromhex(octets))
    assert refused.value.at_byte == at_byte


def test_a_characteristic_that_holds_no_facts_is_refused() -> None:
    with pytest.raises(DecodeError, match=r"^2A35: byte 0: no facts; known: 2A08, "):
        decode_facts("2A35", b"\0")


def test_a_count_and_its_answer_are_told_apart_in_words() -> None:
    assert decode_facts("2A52", bytes.fromhex("0401")) == {"op_code": "count", "operator": "all"}
    answer = {"op_code": "count_response", "count": "1000"}
    assert decode_facts("2A52", bytes.fromhex("0500e803")) == answer


def test_both_clocks_show_what_was_set() -> None:
    local = datetime(2026, 11, 21, 7, 30, 15)  # noqa: DTZ001 - device-local
    for clock in CLOCKS.values():
        assert clock.decode(clock.encode(local)) == local
    assert decode_date_time(bytes(7)) is None


@pytest.mark.row("P12")
def test_a_stream_of_an_oximeter_keeps_its_averages_and_its_quality() -> None:
    (record,) = decode("2A5F", bytes.fromhex("1f 6100 4800 6200 4700 6300 4600 2040 022000 0af0"))
    assert record.quantities == {
        QuantityName.SPO2: Quantity(value=Decimal(97), unit="%"),
        QuantityName.PULSE: Quantity(value=Decimal(72), unit="/min"),
    }
    assert record.flags == (
        QualityFlag.SENSOR_MALFUNCTION,
        QualityFlag.DEVICE_FAULT,
        QualityFlag.IMPROPER_POSITION,
    )
    assert record.context == {
        "spo2_fast_percent": "98",
        "pulse_fast_per_min": "71",
        "spo2_slow_percent": "99",
        "pulse_slow_per_min": "70",
        "measurement_status": "ongoing,questionable",
        "device_status": "equipment_malfunction,sensor_displaced",
        "pulse_amplitude_percent": "1.0",
    }


@pytest.mark.row("P12")
@pytest.mark.parametrize(
    ("status", "device", "flags"),
    [
        (1 << 13, 0, {QualityFlag.DEVICE_FAULT}),  # unavailable
        (1 << 15, 1 << 1, {QualityFlag.DEVICE_FAULT}),  # invalid, equipment malfunction
        (1 << 14, 0, {QualityFlag.SENSOR_MALFUNCTION}),  # questionable
        (1 << 10, 0, {QualityFlag.CONTROL_SOLUTION}),  # for demonstration
        (1 << 11, 0, {QualityFlag.CONTROL_SOLUTION}),  # for testing
        (1 << 12, 0, {QualityFlag.CONTROL_SOLUTION}),  # while it calibrates itself
        (0b11 << 6 | 0b11 << 8, 0, set[QualityFlag]()),  # early, validated, qualified, stored
        (0, 1 << 3, {QualityFlag.SENSOR_MALFUNCTION}),  # inadequate signal
        (0, 1 << 4, {QualityFlag.SENSOR_MALFUNCTION}),  # poor signal
        (0, 1 << 6 | 1 << 7, {QualityFlag.SENSOR_MALFUNCTION}),  # erratic, no pulse in it
        (0, 1 << 5, set[QualityFlag]()),  # low perfusion: a cold hand
        (0, 1 << 11, {QualityFlag.IMPROPER_POSITION}),  # not on a finger
        (0, 1 << 15, {QualityFlag.SENSOR_MALFUNCTION}),  # disconnected
    ],
)
def test_what_an_oximeter_says_against_its_own_number_stays_with_it(
    status: int, device: int, flags: set[QualityFlag]
) -> None:
    words = status.to_bytes(2, "little") + device.to_bytes(3, "little")
    for characteristic, announced in (("2A5E", "06"), ("2A5F", "0c")):
        (record,) = decode(characteristic, bytes.fromhex(announced + "55004800") + words)
        assert set(record.flags) == flags
        assert len(record.flags) == len(flags)
        assert record.quantities[QuantityName.SPO2].value == 85


def test_body_composition_with_every_field_in_both_units() -> None:
    fields = "c500" + "ea070b15071e00" + "03" + "a01b" + "7c01" + "1027" * 4 + "5212"
    (record,) = decode("2A9C", bytes.fromhex("fe0f" + fields + "b036" + "a406"))
    assert record.user_id == 3
    assert record.device_time == datetime(2026, 11, 21, 7, 30)  # noqa: DTZ001
    assert record.quantities == {
        QuantityName.WEIGHT: Quantity(value=Decimal("70.000"), unit="kg"),
        QuantityName.HEIGHT: Quantity(value=Decimal("1.700"), unit="m"),
    }
    assert record.context == {
        "body_fat_percent": "19.7",
        "basal_metabolism_kj": "7072",
        "muscle_percent": "38.0",
        "muscle_mass_kg": "50.000",
        "fat_free_mass_kg": "50.000",
        "soft_lean_mass_kg": "50.000",
        "body_water_mass_kg": "50.000",
        "impedance_ohm": "469.0",
    }
    (record,) = decode("2A9C", bytes.fromhex("210cc500" + "1027" + "f03c" + "a802"))
    assert record.context["muscle_mass_lb"] == "100.00"
    assert record.quantities[QuantityName.WEIGHT].unit == "[lb_av]"
    assert record.quantities[QuantityName.HEIGHT] == Quantity(value=Decimal("68.0"), unit="[in_i]")


@pytest.mark.row("P13")
def test_failed_body_composition_gives_no_estimate() -> None:
    (record,) = decode("2A9C", bytes.fromhex("0600ffff" + "ea070b15071e00" + "ff"))
    assert (record.quantities, dict(record.context), record.user_id) == ({}, {}, None)
    assert record.flags == (QualityFlag.SENSOR_MALFUNCTION,)


def _packet(octets: str) -> Frame:
    stamp = HubStamp(boot_id="b", monotonic_s=0.0, wall=datetime(2026, 11, 21), wall_trusted=True)  # noqa: DTZ001
    return Frame(
        device=DeviceRef(manufacturer="A", model="B", serial="C"),
        characteristic="2A9C",
        payload=bytes.fromhex(octets),
        received=stamp,
        session="s",
        ordinal=0,
    )


def test_two_packets_of_a_body_composition_are_one_measurement() -> None:
    halves = [_packet("0210c500ea070b15071e00"), _packet("0014c500b036")]
    parts = ScaleParts()
    records = [decode("2A9C", half.payload)[0] for half in halves]
    assert parts.take(halves[0], records[0]) == []
    (whole,) = parts.take(halves[1], records[1])
    assert whole.record.device_time == datetime(2026, 11, 21, 7, 30)  # noqa: DTZ001
    assert whole.record.quantities[QuantityName.WEIGHT].value == 70
    assert whole.record.context == {"body_fat_percent": "19.7"}
    assert parts.rest() == []
    parts.take(halves[0], records[0])
    assert [left.record for left in parts.rest()] == [records[0]]


def test_a_whole_body_composition_does_not_wait() -> None:
    parts, half, whole = ScaleParts(), _packet("0010c500"), _packet("0004c500b036")
    parts.take(half, decode("2A9C", half.payload)[0])
    ready = parts.take(whole, decode("2A9C", whole.payload)[0])
    assert [joined.frame for joined in ready] == [half, whole]


def test_an_energy_counter_that_is_full_is_censored() -> None:
    (record,) = decode("2A37", bytes.fromhex("0855ffff"))
    said = record.quantities[QuantityName.ENERGY_EXPENDED]
    assert said == Quantity(unit="kJ", censored=Bound.ABOVE)


def test_a_year_that_the_format_excludes_is_a_clock_fault() -> None:
    (record,) = decode("2A35", bytes.fromhex("02e600820096002d060b15071e00"))  # 1581
    assert record.flags == (QualityFlag.TIME_FAULT,)
    assert record.device_time is None


@pytest.mark.row("P12")
@pytest.mark.parametrize(
    ("bit", "flag"),
    [
        (0x01, QualityFlag.BODY_MOVEMENT),
        (0x02, QualityFlag.CUFF_TOO_LOOSE),
        (0x04, QualityFlag.IRREGULAR_PULSE),
        (0x08, QualityFlag.PULSE_RATE_ABOVE),
        (0x10, QualityFlag.PULSE_RATE_BELOW),
        (0x20, QualityFlag.IMPROPER_POSITION),
        (0x18, None),  # a reserved range
        (0x8000, None),
    ],
)
def test_a_cuffs_word_about_a_measurement_stays_with_its_value(
    bit: int, flag: QualityFlag | None
) -> None:
    octets = bytes.fromhex("108a0058007800") + bit.to_bytes(2, "little")
    (record,) = decode("2A35", octets)
    assert record.flags == (() if flag is None else (flag,))
    assert record.quantities[QuantityName.SYSTOLIC].value == 138


@pytest.mark.row("P12")
def test_every_status_bit_of_a_meter_has_a_flag() -> None:
    flags = set[QualityFlag]()
    for bit in range(16):
        octets = bytes.fromhex("0a0100ea070b15071e006fb011") + (1 << bit).to_bytes(2, "little")
        (record,) = decode("2A18", octets)
        assert len(record.flags) == (bit < 12)
        flags.update(record.flags)
        said = record.quantities[QuantityName.GLUCOSE]
        assert (said.value is None) == (bit in {5, 6})
    assert len(flags) == 12


@pytest.mark.row("P13")
@pytest.mark.parametrize("special", ["ff07", "0008", "0108", "fe07", "0208"])
@pytest.mark.parametrize(
    ("characteristic", "before", "after"),
    [
        ("2A35", "00", "ff07ff07"),
        ("2A36", "00", "ff07ff07"),
        ("2A18", "020100ea070b15071e00", "11"),
        ("2A5E", "00", "4800"),
        ("2A5F", "00", "4800"),
        ("2AA7", "0600", "0700"),
    ],
)
def test_no_special_value_of_any_characteristic_becomes_a_number(
    characteristic: str, before: str, special: str, after: str
) -> None:
    (record,) = decode(characteristic, bytes.fromhex(before + special + after))
    first = next(iter(record.quantities.values()))
    assert first.value is None
    assert (first.censored is None) != (first.no_value is None)
    assert first.no_value in {None, NoValue.NAN, NoValue.NRES, NoValue.RESERVED}
