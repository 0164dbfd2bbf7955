"""The simulator's encoders give every captured frame back from the values listed beside it."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import pytest

from firmware_sim.profiles.blood_pressure import MeasurementStatus, encode_blood_pressure
from firmware_sim.profiles.cgm import encode_cgm_record
from firmware_sim.profiles.fields import DeviceDateTime, Special, sfloat
from firmware_sim.profiles.glucose import encode_glucose
from firmware_sim.profiles.heart_rate import encode_heart_rate
from firmware_sim.profiles.pulse_oximeter import Saturation, encode_spot_check
from firmware_sim.profiles.thermometer import Site, encode_temperature
from firmware_sim.profiles.weight_scale import encode_weight

VECTORS = Path(__file__).parents[2] / "vectors" / "ble_frames.json"

Listed = Mapping[str, object]


class _Row(TypedDict):
    characteristic: str
    hex: str
    decoded: dict[str, object]
    model: NotRequired[str]


ROWS: list[_Row] = json.loads(VECTORS.read_text("utf-8"))
NOT_ENCODED = {"010203040506", "566a0047000000ea07080b121f00003f000000"}
"""A frame that is too short, and the one model whose layout departs from the specification."""


def _number(listed: Listed, name: str) -> float | Special:
    value = listed[name]
    assert isinstance(value, int | float | str)
    return Special.NAN if value == "NaN" else float(value)


def _whole(listed: Listed, name: str) -> int | None:
    value = listed.get(name)
    assert value is None or isinstance(value, int)
    return value


def _time(listed: Listed, name: str = "timestamp") -> DeviceDateTime | None:
    text = listed.get(name)
    if text is None:
        return None
    assert isinstance(text, str)
    day, clock = text.replace("year unknown(0)", "0").split("T")
    year, month, date = (int(part) for part in day.split("-"))
    hour, minute, second = (int(part) for part in clock.split(":"))
    return DeviceDateTime(year=year, month=month, day=date, hour=hour, minute=minute, second=second)


def _status(listed: Listed) -> int:
    said = cast("dict[str, object]", listed["status"])
    words = {
        "body_movement": MeasurementStatus.BODY_MOVEMENT,
        "cuff_too_loose": MeasurementStatus.CUFF_TOO_LOOSE,
        "irregular_pulse": MeasurementStatus.IRREGULAR_PULSE,
        "improper_position": MeasurementStatus.IMPROPER_POSITION,
    }
    bits = sum(bit for word, bit in words.items() if said[word])
    below = said["pulse_rate_range"] == "below"
    return bits | (MeasurementStatus.PULSE_BELOW_RANGE if below else 0)


def _blood_pressure(listed: Listed) -> bytes:
    return encode_blood_pressure(
        systolic=_number(listed, "systolic"),
        diastolic=_number(listed, "diastolic"),
        mean=_number(listed, "map"),
        pulse=_number(listed, "pulse"),
        at=_time(listed),
        user_id=_whole(listed, "user_id"),
        status=_status(listed),
        kpa=listed["unit"] == "kPa",
    )


def _glucose(listed: Listed) -> bytes:
    value, at = listed["concentration"], _time(listed, "base_time")
    assert at is not None
    assert value is None or isinstance(value, float)
    return encode_glucose(
        sequence=_whole(listed, "sequence") or 0,
        at=at,
        value=None if value is None else value * 100_000,  # kg/L as listed, mg/dL here
        unit="mg/dL",
        offset_min=_whole(listed, "time_offset_min"),
        sample_type=2,
        status=_whole(listed, "status"),
        context_follows=bool(listed.get("context_follows")),
        exponent=0,
    )


def _temperature(listed: Listed) -> bytes:
    assert listed["type"] == "finger(4)"
    return encode_temperature(
        temperature=_number(listed, "temperature"),
        at=_time(listed),
        site=Site.FINGER,
        decimals=2,
    )


def _heart_rate(listed: Listed) -> bytes:
    contact = listed["contact"]
    assert contact is None or isinstance(contact, bool)
    return encode_heart_rate(
        rate=_whole(listed, "hr") or 0,
        contact=contact,
        energy_kj=_whole(listed, "energy_kj"),
        rr=cast("list[int]", listed["rr_1024"]),
    )


def _cgm(listed: Listed) -> bytes:
    return encode_cgm_record(
        glucose=_number(listed, "concentration_mgdl"),
        offset_min=_whole(listed, "time_offset_min") or 0,
        exponent=1,
    )


def _weight(listed: Listed) -> bytes:
    weight = _number(listed, "weight")
    assert not isinstance(weight, Special)
    return encode_weight(weight=weight, at=_time(listed))


def _spot_check(listed: Listed) -> bytes:
    value = Saturation(spo2=_number(listed, "spo2"), pulse=_number(listed, "pulse"))
    return encode_spot_check(value=value, at=_time(listed))


ENCODERS: Mapping[str, Callable[[Listed], bytes]] = {
    "2A35": _blood_pressure,
    "2A18": _glucose,
    "2A1C": _temperature,
    "2A37": _heart_rate,
    "2AA7": _cgm,
    "2A9D": _weight,
    "2A5E": _spot_check,
    "SFLOAT": lambda listed: sfloat(_number(listed, "value")),
}


@pytest.mark.row("S4")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['characteristic']}-{row['hex']}")
def test_the_values_of_a_captured_frame_give_the_frame(row: _Row) -> None:
    if row["hex"] in NOT_ENCODED:
        assert "error" in row["decoded"] or row.get("model") == "BM85"
        return
    assert ENCODERS[row["characteristic"]](row["decoded"]).hex() == row["hex"]
