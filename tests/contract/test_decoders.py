"""Every decoder against captured frames, against the simulator's encoders, and against noise."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NotRequired, TypedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_adapters.adapter import DecodeError, Record
from device_adapters.ble.quirks import MODELS
from device_adapters.ble.registry import DECODERS, decode, decode_number
from firmware_sim.profiles.blood_pressure import encode_blood_pressure
from firmware_sim.profiles.fields import Special
from firmware_sim.profiles.glucose import GlucoseUnit, encode_context, encode_glucose
from rules.vocabulary import Bound, NoValue, QualityFlag, Quantity, QuantityName, Vital
from service import cli

Plain = str | int | float | bool | None
Listed = Plain | list[int] | dict[str, Plain]
VECTORS = Path(__file__).parents[1] / "vectors" / "ble_frames.json"

_QUANTITIES = {
    "systolic": QuantityName.SYSTOLIC,
    "diastolic": QuantityName.DIASTOLIC,
    "map": QuantityName.MEAN,
    "pulse": QuantityName.PULSE,
    "concentration": QuantityName.GLUCOSE,
    "concentration_mgdl": QuantityName.GLUCOSE,
    "temperature": QuantityName.TEMPERATURE,
    "hr": QuantityName.PULSE,
    "energy_kj": QuantityName.ENERGY_EXPENDED,
    "weight": QuantityName.WEIGHT,
    "spo2": QuantityName.SPO2,
}
_UNITS = {"mmHg": "mm[Hg]", "kPa": "kPa", "kg/L": "kg/L", "C": "Cel", "kg": "kg"}
_FIELDS = {
    "user_id": "user_id",
    "sequence": "sequence",
    "time_offset_min": "time_offset_min",
}
_STATUS = {
    "body_movement": QualityFlag.BODY_MOVEMENT,
    "cuff_too_loose": QualityFlag.CUFF_TOO_LOOSE,
    "irregular_pulse": QualityFlag.IRREGULAR_PULSE,
    "improper_position": QualityFlag.IMPROPER_POSITION,
    "device_battery_low": QualityFlag.BATTERY_LOW,
    "sample_size_insufficient": QualityFlag.SAMPLE_INSUFFICIENT,
    "sensor_temp_too_low": QualityFlag.TEMPERATURE_TOO_LOW,
}
_PULSE_RANGE = {
    "in": set[QualityFlag](),
    "above": {QualityFlag.PULSE_RATE_ABOVE},
    "below": {QualityFlag.PULSE_RATE_BELOW},
}


@dataclass(frozen=True)
class Captured:
    characteristic: str
    payload: bytes
    model: str | None
    listed: dict[str, Listed]
    status: dict[str, Plain]


class _Row(TypedDict):
    characteristic: str
    hex: str
    decoded: dict[str, Listed]
    model: NotRequired[str]


def _captured() -> Iterator[Captured]:
    rows: list[_Row] = json.loads(VECTORS.read_text())
    for row in rows:
        listed = dict(row["decoded"])
        status = listed.pop("status", {})
        yield Captured(
            characteristic=row["characteristic"],
            payload=bytes.fromhex(row["hex"]),
            model=row.get("model"),
            listed=listed,
            status=status if isinstance(status, dict) else {},
        )


FRAMES = [frame for frame in _captured() if frame.characteristic != "SFLOAT"]
SFLOATS = [frame for frame in _captured() if frame.characteristic == "SFLOAT"]


def _name(frame: Captured) -> str:
    return f"{frame.characteristic}-{frame.payload.hex()}"


@pytest.mark.row("P13")
@pytest.mark.parametrize("frame", FRAMES, ids=_name)
def test_a_captured_frame_gives_its_listed_value_or_refusal(frame: Captured) -> None:
    if "error" in frame.listed:
        with pytest.raises(DecodeError, match=r"^2A35: byte 6: "):
            decode(frame.characteristic, frame.payload, frame.model)
        return
    (record,) = decode(frame.characteristic, frame.payload, frame.model)
    compared = sum(_compare(record, key, value) for key, value in frame.listed.items())
    assert compared >= 1
    _compare_status(record, {**frame.listed, **frame.status})


def _compare(record: Record, key: str, value: Listed) -> bool:
    if key in _QUANTITIES:
        _compare_quantity(record, _QUANTITIES[key], value)
    elif key in _FIELDS:
        assert getattr(record, _FIELDS[key]) == value
    elif key in {"timestamp", "corrected_time", "base_time"}:
        _compare_time(record, key, value)
    elif key == "unit":
        assert next(iter(record.quantities.values())).unit == _UNITS[str(value)]
    elif key == "rr_1024":
        assert isinstance(value, list)
        assert record.rr_intervals_ms == tuple(Decimal(n) * 1000 / 1024 for n in value)
    elif key == "type":
        word, code = str(value).rstrip(")").split("(")
        assert word.strip().replace(" ", "_") in record.context.values()
        assert code.isdigit()
    else:
        return False
    return True


def _compare_quantity(record: Record, name: QuantityName, value: Listed) -> None:
    quantity = record.quantities.get(name)
    if value is None:
        assert quantity is None
        return
    assert quantity is not None
    if value == "NaN":
        assert (quantity.value, quantity.no_value) == (None, NoValue.NAN)
    else:
        assert quantity.value == Decimal(str(value))


def _compare_time(record: Record, key: str, value: Listed) -> None:
    if value is None or "unknown" in str(value):
        assert record.device_time is None
    elif key != "base_time" or not record.time_offset_min:
        assert record.device_time == datetime.fromisoformat(str(value))


def _compare_status(record: Record, said: Mapping[str, Listed]) -> None:
    for word, flag in _STATUS.items():
        if word in said:
            assert (flag in record.flags) is said[word]
    if "pulse_rate_range" in said:
        outside = {QualityFlag.PULSE_RATE_ABOVE, QualityFlag.PULSE_RATE_BELOW}
        assert set(record.flags) & outside == _PULSE_RANGE[str(said["pulse_rate_range"])]


@pytest.mark.parametrize("frame", SFLOATS, ids=_name)
def test_a_captured_sfloat_gives_its_listed_value(frame: Captured) -> None:
    said = decode_number("SFLOAT", frame.payload)
    assert said == Quantity(value=Decimal(str(frame.listed["value"])), unit=None)


@pytest.mark.parametrize(
    ("form", "octets", "said"),
    [
        ("SFLOAT", "ff07", Quantity(no_value=NoValue.NAN, unit=None)),
        ("SFLOAT", "0008", Quantity(no_value=NoValue.NRES, unit=None)),
        ("SFLOAT", "0208", Quantity(censored=Bound.BELOW, unit=None)),
        ("FLOAT", "6c0100ff", Quantity(value=Decimal("36.4"), unit=None)),
        ("FLOAT", "feff7f00", Quantity(censored=Bound.ABOVE, unit=None)),
        ("FLOAT", "01008000", Quantity(no_value=NoValue.RESERVED, unit=None)),
    ],
)
def test_a_bare_number_is_a_quantity_without_a_unit(form: str, octets: str, said: Quantity) -> None:
    assert decode_number(form, bytes.fromhex(octets)) == said


@pytest.mark.parametrize(
    ("form", "octets", "refusal"),
    [
        ("SFLOAT", "01", "SFLOAT: byte 1: frame ends inside value, 1 more byte needed"),
        ("SFLOAT", "010203", "SFLOAT: byte 2: 1 byte too many"),
        ("FLOAT", "0102", "FLOAT: byte 2: frame ends inside value, 2 more bytes needed"),
        ("FLOAT", "0100007f", "FLOAT: byte 0: value is 1E+127, not a measurement"),
        ("DOUBLE", "0102", "DOUBLE: byte 0: no number format; known: FLOAT, SFLOAT"),
    ],
)
def test_a_bare_number_that_is_none_is_refused_by_its_byte(
    form: str, octets: str, refusal: str
) -> None:
    with pytest.raises(DecodeError) as refused:
        decode_number(form, bytes.fromhex(octets))
    assert str(refused.value) == refusal


@pytest.mark.row("P13")
@pytest.mark.parametrize("frame", FRAMES + SFLOATS, ids=_name)
def test_the_command_prints_what_a_captured_frame_is_listed_to_say(
    frame: Captured, capsys: pytest.CaptureFixture[str]
) -> None:
    model = [] if frame.model is None else ["--model", frame.model]
    status = cli.main(["decode", frame.characteristic, frame.payload.hex(), *model])
    printed = capsys.readouterr()
    if "error" in frame.listed:
        assert (status, printed.out) == (1, "")
        assert printed.err.startswith("2A35: byte 6: ")
        return
    assert (status, printed.err) == (0, "")
    if frame in SFLOATS:
        said = json.loads(printed.out, parse_float=Decimal)["quantities"]
        assert said == {"value": {"value": Decimal(str(frame.listed["value"])), "unit": None}}
        return
    record = _printed(printed.out)
    assert record.characteristic == frame.characteristic
    assert sum(_compare(record, key, value) for key, value in frame.listed.items()) >= 1
    _compare_status(record, {**frame.listed, **frame.status})


def _printed(line: str) -> Record:
    """What the command printed, as a record; the kind is not printed and not compared."""
    said = json.loads(line, parse_float=Decimal, parse_int=Decimal)
    intervals = said["quantities"].pop("rr_intervals", {"value": []})
    return Record(
        characteristic=said["characteristic"],
        kind=Vital.PULSE,
        quantities={
            QuantityName(name): Quantity(
                value=quantity["value"],
                unit=quantity["unit"],
                censored=Bound(quantity["censored"]) if "censored" in quantity else None,
                no_value=NoValue(quantity["no_value"]) if "no_value" in quantity else None,
            )
            for name, quantity in said["quantities"].items()
        },
        rr_intervals_ms=tuple(intervals["value"]),
        device_time=datetime.fromisoformat(said["device_time"]) if said["device_time"] else None,
        sequence=said["sequence"],
        time_offset_min=said["time_offset_min"],
        user_id=said["user_id"],
        flags=tuple(map(QualityFlag, said["flags"])),
        context=said.get("context", {}),
    )


@pytest.mark.parametrize("characteristic", sorted(DECODERS))
@settings(deadline=None)  # the machine may be busy
@given(payload=st.binary(max_size=40), model=st.sampled_from([None, *MODELS]))
def test_noise_raises_nothing_but_the_decoders_own_error(
    characteristic: str, payload: bytes, model: str | None
) -> None:
    try:
        records = decode(characteristic, payload, model)
    except DecodeError as error:
        refusal = error
    else:
        assert records
        return
    assert str(refusal).startswith(f"{characteristic}: byte {refusal.at_byte}: ")
    assert 0 <= refusal.at_byte <= len(payload)
    assert "\n" not in str(refusal)


@pytest.mark.parametrize("frame", [f for f in FRAMES if "error" not in f.listed], ids=_name)
def test_every_shorter_and_longer_frame_is_refused_at_its_end(frame: Captured) -> None:
    for length in range(len(frame.payload)):
        if frame.characteristic == "2A37" and length == len(frame.payload) - 2:
            continue  # an RR interval fewer is a complete frame too
        with pytest.raises(DecodeError) as short:
            decode(frame.characteristic, frame.payload[:length], frame.model)
        assert short.value.at_byte == length
    with pytest.raises(DecodeError) as over:
        decode(frame.characteristic, frame.payload + b"\0", frame.model)
    assert over.value.at_byte in {len(frame.payload), len(frame.payload) + 1}


DEVICE_TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=0)
)
SPECIALS = {
    Special.NAN: NoValue.NAN,
    Special.NRES: NoValue.NRES,
    Special.RESERVED: NoValue.RESERVED,
    Special.POSITIVE_INFINITY: Bound.ABOVE,
    Special.NEGATIVE_INFINITY: Bound.BELOW,
}


@pytest.mark.row("P13")
@settings(deadline=None)  # the machine may be busy
@given(
    systolic=st.integers(0, 300) | st.sampled_from(list(SPECIALS)),
    diastolic=st.integers(0, 200),
    pulse=st.none() | st.integers(0, 250),
    at=st.none() | DEVICE_TIMES,
    user_id=st.none() | st.integers(0, 255),
    status=st.none() | st.integers(0, 0x3F),
)
def test_a_blood_pressure_survives_the_simulators_encoder(
    *,
    systolic: int | Special,
    diastolic: int,
    pulse: int | None,
    at: datetime | None,
    user_id: int | None,
    status: int | None,
) -> None:
    (record,) = decode(
        "2A35",
        encode_blood_pressure(
            systolic=systolic,
            diastolic=diastolic,
            mean=diastolic,
            pulse=pulse,
            at=at,
            user_id=user_id,
            status=status,
        ),
    )
    said = record.quantities[QuantityName.SYSTOLIC]
    if isinstance(systolic, Special):
        assert said.value is None
        assert (said.censored or said.no_value) is SPECIALS[systolic]
    else:
        assert said.value == systolic
    assert record.quantities[QuantityName.DIASTOLIC].value == diastolic
    assert (QuantityName.PULSE in record.quantities) is (pulse is not None)
    assert record.device_time == at
    assert record.user_id == (None if user_id == 255 else user_id)


@settings(deadline=None)  # the machine may be busy
@given(
    sequence=st.integers(0, 65535),
    at=DEVICE_TIMES,
    tenths=st.integers(6, 333),
    unit=st.sampled_from(["mmol/L", "mg/dL"]),
    offset_min=st.none() | st.integers(-1439, 1439),
)
def test_a_glucose_survives_the_simulators_encoder_exactly(
    *, sequence: int, at: datetime, tenths: int, unit: GlucoseUnit, offset_min: int | None
) -> None:
    mol = unit == "mmol/L"
    value = tenths / 10 if mol else tenths
    frame = encode_glucose(sequence=sequence, at=at, value=value, unit=unit, offset_min=offset_min)
    (record,) = decode("2A18", frame)
    sent = record.quantities[QuantityName.GLUCOSE]
    exact = Decimal(tenths).scaleb(-4) if mol else Decimal(tenths).scaleb(-5)
    assert (sent.value, sent.unit) == (exact, "mol/L" if mol else "kg/L")
    assert record.sequence == sequence
    assert record.device_time is not None
    assert (record.device_time - at).total_seconds() == (offset_min or 0) * 60


@pytest.mark.parametrize(
    ("meal", "word"),
    [
        (1, "preprandial"),
        (2, "postprandial"),
        (3, "fasting"),
        (4, "casual"),
        (5, "bedtime"),
        (6, "reserved(6)"),
    ],
)
def test_a_context_says_its_meal_in_a_word(meal: int, word: str) -> None:
    (record,) = decode("2A34", encode_context(sequence=9, meal=meal, exercise=(600, 40)))
    assert record.sequence == 9
    assert record.context == {
        "meal": word,
        "exercise_duration_s": "600",
        "exercise_intensity_percent": "40",
    }
