"""What the simulator encodes, our decoders read back: two implementations, one specification."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_adapters.adapter import Record
from device_adapters.ble.registry import decode, decode_facts
from firmware_sim.profiles.blood_pressure import encode_blood_pressure, encode_cuff_pressure
from firmware_sim.profiles.body_composition import Composition, encode_body_composition
from firmware_sim.profiles.cgm import (
    CgmZone,
    encode_cgm_record,
    encode_cgm_status,
    encode_session_start,
)
from firmware_sim.profiles.fields import DeviceDateTime, Special
from firmware_sim.profiles.glucose import Dose, GlucoseUnit, encode_context, encode_glucose
from firmware_sim.profiles.heart_rate import encode_heart_rate
from firmware_sim.profiles.pulse_oximeter import (
    OximeterFeature,
    Saturation,
    encode_continuous,
    encode_oximeter_features,
    encode_spot_check,
)
from firmware_sim.profiles.thermometer import encode_temperature
from firmware_sim.profiles.weight_scale import (
    BodySize,
    WeightScaleFeature,
    encode_weight,
    encode_weight_feature,
)
from rules.vocabulary import Bound, NoValue, QualityFlag, Quantity, QuantityName

pytestmark = pytest.mark.row("S4")

_NO_VALUES = {
    Special.NAN: NoValue.NAN,
    Special.NRES: NoValue.NRES,
    Special.RESERVED: NoValue.RESERVED,
}
_BOUNDS = {Special.POSITIVE_INFINITY: Bound.ABOVE, Special.NEGATIVE_INFINITY: Bound.BELOW}


def _decimal(mantissa: int, exponent: int) -> float:
    return float(Decimal(mantissa).scaleb(exponent))


numbers = st.builds(_decimal, st.integers(-2045, 2045), st.integers(-3, 3))
values = numbers | st.sampled_from(Special)
stamps = st.none() | st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - no zone on the wire
    max_value=datetime(2099, 12, 31),  # noqa: DTZ001
).map(lambda moment: moment.replace(microsecond=0))
users = st.none() | st.integers(0, 254)
words16 = st.integers(0, 0xFFFF)


def steps(size: str, most: int = 0xFFFE) -> st.SearchStrategy[float]:
    """Numbers that are whole steps of a size."""
    return st.integers(0, most).map(lambda count: float(count * Decimal(size)))


def assert_same(quantity: Quantity, value: float | Special, unit: str) -> None:
    assert quantity.unit == unit
    if not isinstance(value, Special):
        assert quantity.value == Decimal(repr(value))
    elif value in _BOUNDS:
        assert (quantity.value, quantity.censored) == (None, _BOUNDS[value])
    else:
        assert (quantity.value, quantity.no_value) == (None, _NO_VALUES[value])


def only(characteristic: str, frame: bytes) -> Record:
    (record,) = decode(characteristic, frame)
    return record


def exact(text: str) -> Decimal | Special:
    """A word that the decoders made of an SFLOAT."""
    for special, bound in _BOUNDS.items():
        if text == str(bound):
            return special
    for special, kind in _NO_VALUES.items():
        if text == str(kind):
            return special
    return Decimal(text)


def as_word(value: float | Special) -> Decimal | Special:
    return value if isinstance(value, Special) else Decimal(repr(value))


@given(
    systolic=values,
    diastolic=values,
    mean=values,
    pulse=st.none() | values,
    at=stamps,
    user_id=users,
    status=st.none() | words16,
    kpa=st.booleans(),
)
def test_blood_pressure(  # noqa: PLR0913 - the fields of the characteristic
    *,
    systolic: float | Special,
    diastolic: float | Special,
    mean: float | Special,
    pulse: float | Special | None,
    at: datetime | None,
    user_id: int | None,
    status: int | None,
    kpa: bool,
) -> None:
    frame = encode_blood_pressure(
        systolic=systolic,
        diastolic=diastolic,
        mean=mean,
        pulse=pulse,
        at=at,
        user_id=user_id,
        status=status,
        kpa=kpa,
    )
    record, unit = only("2A35", frame), "kPa" if kpa else "mm[Hg]"
    assert_same(record.quantities[QuantityName.SYSTOLIC], systolic, unit)
    assert_same(record.quantities[QuantityName.DIASTOLIC], diastolic, unit)
    assert_same(record.quantities[QuantityName.MEAN], mean, unit)
    assert (QuantityName.PULSE in record.quantities) == (pulse is not None)
    if pulse is not None:
        assert_same(record.quantities[QuantityName.PULSE], pulse, "/min")
    assert (record.device_time, record.user_id) == (at, user_id)
    assert (QualityFlag.IRREGULAR_PULSE in record.flags) == bool((status or 0) & 4)


@given(pressure=numbers, at=stamps, user_id=users, kpa=st.booleans())
def test_cuff_pressure(
    *, pressure: float, at: datetime | None, user_id: int | None, kpa: bool
) -> None:
    frame = encode_cuff_pressure(pressure=pressure, at=at, user_id=user_id, kpa=kpa)
    record = only("2A36", frame)
    assert_same(record.quantities[QuantityName.SYSTOLIC], pressure, "kPa" if kpa else "mm[Hg]")
    assert record.quantities[QuantityName.MEAN].no_value is NoValue.NAN
    assert (record.device_time, record.user_id) == (at, user_id)


@given(
    sequence=words16,
    at=stamps.filter(bool),
    tenths=st.none() | st.integers(0, 400),
    unit=st.sampled_from(["mmol/L", "mg/dL"]),
    offset_min=st.none() | st.integers(-720, 720),
    kind=st.integers(1, 10),
    follows=st.booleans(),
)
def test_glucose(  # noqa: PLR0913 - the fields of the characteristic
    *,
    sequence: int,
    at: datetime,
    tenths: int | None,
    unit: GlucoseUnit,
    offset_min: int | None,
    kind: int,
    follows: bool,
) -> None:
    mol = unit == "mmol/L"
    shown = None if tenths is None else (tenths / 10 if mol else float(tenths))
    frame = encode_glucose(
        sequence=sequence,
        at=at,
        value=shown,
        unit=unit,
        offset_min=offset_min,
        sample_type=kind,
        context_follows=follows,
    )
    record = only("2A18", frame)
    assert (record.sequence, record.time_offset_min) == (sequence, offset_min)
    assert (record.context.get("context_follows") == "true") is follows
    assert (QuantityName.GLUCOSE in record.quantities) == (tenths is not None)
    if tenths is not None:
        quantity = record.quantities[QuantityName.GLUCOSE]
        per_unit = Decimal("0.0001") if mol else Decimal("0.00001")
        assert quantity.value == tenths * per_unit
        assert quantity.unit == ("mol/L" if mol else "kg/L")


@given(
    sequence=words16,
    grams=st.none() | st.integers(0, 500),
    meal=st.none() | st.integers(1, 5),
    exercise=st.none() | st.tuples(st.integers(0, 0xFFFE), st.integers(0, 100)),
    milligrams=st.none() | st.integers(1, 1000),
    hba1c=st.none() | numbers,
    extended=st.none() | st.integers(0, 255),
)
def test_glucose_context(  # noqa: PLR0913 - the fields of the characteristic
    *,
    sequence: int,
    grams: int | None,
    meal: int | None,
    exercise: tuple[int, int] | None,
    milligrams: int | None,
    hba1c: float | None,
    extended: int | None,
) -> None:
    frame = encode_context(
        sequence=sequence,
        carbohydrate=None if grams is None else (2, grams),
        meal=meal,
        tester=1,
        health=5,
        exercise=exercise,
        dose=None if milligrams is None else Dose(medication=1, milligrams=milligrams),
        hba1c=hba1c,
        extended=extended,
    )
    record = only("2A34", frame)
    words = record.context
    assert record.sequence == sequence
    assert (words["tester"], words["health"]) == ("self", "no_issues")
    assert ("meal" in words) == (meal is not None)
    if grams is not None:
        assert words["carbohydrate"] == "lunch"
        assert Decimal(words["carbohydrate_kg"]) * 1000 == grams
    if exercise is not None:
        sent = int(words["exercise_duration_s"]), int(words["exercise_intensity_percent"])
        assert sent == exercise
    if milligrams is not None:
        assert Decimal(words["medication_kg"]) * 1_000_000 == milligrams
    if hba1c is not None:
        assert Decimal(words["hba1c_percent"]) == Decimal(repr(hba1c))


@given(
    tenths=st.integers(-500, 2000) | st.sampled_from(Special),
    at=stamps,
    site=st.none() | st.integers(1, 9),
    fahrenheit=st.booleans(),
)
def test_temperature(
    *, tenths: int | Special, at: datetime | None, site: int | None, fahrenheit: bool
) -> None:
    temperature = tenths if isinstance(tenths, Special) else tenths / 10
    frame = encode_temperature(temperature=temperature, at=at, site=site, fahrenheit=fahrenheit)
    record = only("2A1C", frame)
    unit = "[degF]" if fahrenheit else "Cel"
    assert_same(record.quantities[QuantityName.TEMPERATURE], temperature, unit)
    assert record.device_time == at
    assert ("body_site" in record.context) == (site is not None)


pairs = st.builds(Saturation, spo2=values, pulse=values)


@given(
    value=pairs,
    at=stamps,
    status=st.none() | words16,
    device=st.none() | words16,
    amplitude=st.none() | numbers,
    clock_not_set=st.booleans(),
)
def test_spot_check(
    *,
    value: Saturation,
    at: datetime | None,
    status: int | None,
    device: int | None,
    amplitude: float | None,
    clock_not_set: bool,
) -> None:
    frame = encode_spot_check(
        value=value,
        at=at,
        status=status,
        device=device,
        amplitude_percent=amplitude,
        clock_not_set=clock_not_set,
    )
    record = only("2A5E", frame)
    assert_same(record.quantities[QuantityName.SPO2], value.spo2, "%")
    assert_same(record.quantities[QuantityName.PULSE], value.pulse, "/min")
    assert record.device_time == (None if clock_not_set else at)
    assert (QualityFlag.CLOCK_NOT_SET in record.flags) is clock_not_set
    said = record.context.get("measurement_status", "").split(",")
    assert ("from_storage" in said) == bool((status or 0) & 0x200)
    assert (QualityFlag.IMPROPER_POSITION in record.flags) == bool((device or 0) & 0x2800)
    if amplitude is not None:
        assert exact(record.context["pulse_amplitude_percent"]) == as_word(amplitude)


@given(
    normal=pairs,
    fast=st.none() | st.builds(Saturation, spo2=numbers, pulse=numbers),
    slow=st.none() | st.builds(Saturation, spo2=numbers, pulse=numbers),
    status=st.none() | words16,
    device=st.none() | words16,
    amplitude=st.none() | numbers,
)
def test_continuous_oximetry(
    *,
    normal: Saturation,
    fast: Saturation | None,
    slow: Saturation | None,
    status: int | None,
    device: int | None,
    amplitude: float | None,
) -> None:
    frame = encode_continuous(
        normal=normal,
        fast=fast,
        slow=slow,
        status=status,
        device=device,
        amplitude_percent=amplitude,
    )
    record = only("2A5F", frame)
    assert_same(record.quantities[QuantityName.SPO2], normal.spo2, "%")
    assert_same(record.quantities[QuantityName.PULSE], normal.pulse, "/min")
    for name, pair in (("fast", fast), ("slow", slow)):
        assert (f"spo2_{name}_percent" in record.context) == (pair is not None)
        if pair is not None:
            assert exact(record.context[f"spo2_{name}_percent"]) == as_word(pair.spo2)
            assert exact(record.context[f"pulse_{name}_per_min"]) == as_word(pair.pulse)
    if amplitude is not None:
        assert exact(record.context["pulse_amplitude_percent"]) == as_word(amplitude)


@given(
    data=st.data(),
    at=stamps,
    user_id=users,
    imperial=st.booleans(),
    with_body=st.booleans(),
)
def test_weight(
    data: st.DataObject,
    *,
    at: datetime | None,
    user_id: int | None,
    imperial: bool,
    with_body: bool,
) -> None:
    weight = data.draw(st.none() | steps("0.01" if imperial else "0.005"))
    height = data.draw(steps("0.1" if imperial else "0.001"))
    bmi = data.draw(steps("0.1"))
    body = BodySize(bmi=bmi, height=height) if with_body else None
    frame = encode_weight(weight=weight, at=at, user_id=user_id, body=body, imperial=imperial)
    record = only("2A9D", frame)
    sent = Special.NAN if weight is None else weight
    assert_same(record.quantities[QuantityName.WEIGHT], sent, "[lb_av]" if imperial else "kg")
    assert (record.device_time, record.user_id) == (at, user_id)
    assert (QuantityName.BMI in record.quantities) is with_body
    if with_body:
        assert_same(record.quantities[QuantityName.BMI], bmi, "kg/m2")
        unit = "[in_i]" if imperial else "m"
        assert_same(record.quantities[QuantityName.HEIGHT], height, unit)


@given(
    data=st.data(),
    at=stamps,
    user_id=users,
    fat=st.none() | steps("0.1"),
    imperial=st.booleans(),
    several=st.booleans(),
)
def test_body_composition(
    data: st.DataObject,
    *,
    at: datetime | None,
    user_id: int | None,
    fat: float | None,
    imperial: bool,
    several: bool,
) -> None:
    mass = st.none() | steps("0.01" if imperial else "0.005")
    height = st.none() | steps("0.1" if imperial else "0.001")
    rest = data.draw(
        st.builds(
            Composition,
            basal_kj=st.none() | words16,
            muscle_percent=st.none() | steps("0.1"),
            muscle_mass=mass,
            fat_free_mass=mass,
            soft_lean_mass=mass,
            body_water_mass=mass,
            impedance_ohm=st.none() | steps("0.1"),
            weight=mass,
            height=height,
        )
    )
    frame = encode_body_composition(
        fat_percent=fat,
        at=at,
        user_id=user_id,
        rest=rest,
        imperial=imperial,
        one_of_several=several,
    )
    record = only("2A9C", frame)
    assert (record.device_time, record.user_id) == (at, user_id)
    assert ("several_packets" in record.context) is several
    assert ("body_fat_percent" in record.context) == (fat is not None)
    _assert_composition(record, rest, imperial=imperial)


def _assert_composition(record: Record, rest: Composition, *, imperial: bool) -> None:
    unit = "lb" if imperial else "kg"
    words: Mapping[str, str] = {
        "basal_kj": "basal_metabolism_kj",
        "muscle_percent": "muscle_percent",
        "muscle_mass": f"muscle_mass_{unit}",
        "fat_free_mass": f"fat_free_mass_{unit}",
        "soft_lean_mass": f"soft_lean_mass_{unit}",
        "body_water_mass": f"body_water_mass_{unit}",
        "impedance_ohm": "impedance_ohm",
    }
    given_values: dict[str, float | None] = asdict(rest)
    for name, word in words.items():
        value = given_values[name]
        assert (word in record.context) == (value is not None)
        if value is not None:
            assert Decimal(record.context[word]) == Decimal(repr(value))
    for name, value in ((QuantityName.WEIGHT, rest.weight), (QuantityName.HEIGHT, rest.height)):
        assert (name in record.quantities) == (value is not None)
        if value is not None:
            assert record.quantities[name].value == Decimal(repr(value))


@given(
    rate=words16,
    contact=st.none() | st.booleans(),
    energy=st.none() | st.integers(0, 0xFFFE),
    rr=st.lists(words16, max_size=9),
    wide=st.booleans(),
)
def test_heart_rate(
    *, rate: int, contact: bool | None, energy: int | None, rr: list[int], wide: bool
) -> None:
    frame = encode_heart_rate(rate=rate, contact=contact, energy_kj=energy, rr=rr, wide=wide)
    record = only("2A37", frame)
    assert record.quantities[QuantityName.PULSE].value == rate
    touching = {None: None, True: "true", False: "false"}[contact]
    assert record.context.get("skin_contact") == touching
    assert list(record.rr_intervals_ms) == [raw * Decimal(1000) / 1024 for raw in rr]
    assert (QuantityName.ENERGY_EXPENDED in record.quantities) == (energy is not None)
    if energy is not None:
        assert record.quantities[QuantityName.ENERGY_EXPENDED].value == energy


_IN_RANGE = 0xFFFFFF & ~(1 << 22 | 1 << 23)  # without "result too low" and "too high"
cgm_values = st.fixed_dictionaries(
    {
        "glucose": st.integers(-2045, 2045) | st.sampled_from(Special),
        "offset_min": words16,
        "status": st.integers(0, 0xFFFFFF).map(lambda bits: bits & _IN_RANGE),
        "trend": st.none() | st.integers(-2045, 2045).map(lambda tenths: tenths / 10),
        "quality": st.none() | numbers,
        "crc": st.booleans(),
    }
)


@given(st.lists(cgm_values, min_size=1, max_size=5))
def test_cgm_records_of_one_packet(packet: list[dict[str, object]]) -> None:
    frames = [encode_cgm_record(**fields) for fields in packet]  # pyright: ignore[reportArgumentType]
    records = decode("2AA7", b"".join(frames))
    assert len(records) == len(packet)
    for record, fields in zip(records, packet, strict=True):
        glucose, trend, quality = fields["glucose"], fields["trend"], fields["quality"]
        assert isinstance(glucose, int | Special)
        assert_same(record.quantities[QuantityName.GLUCOSE], glucose, "mg/dL")
        assert record.time_offset_min == fields["offset_min"]
        said = record.context.get("status", "").split(",")
        status = fields["status"]
        assert isinstance(status, int)
        assert ("session_stopped" in said) == bool(status & 1)
        assert ("rising_too_fast" in said) == bool(status & 1 << 21)
        for word, value in (("trend_mg_dl_per_min", trend), ("quality_percent", quality)):
            assert (word in record.context) == (value is not None)
            if isinstance(value, float):
                assert Decimal(record.context[word]) == Decimal(repr(value))


@given(offset_min=words16, at=stamps, quarters=st.integers(-48, 56), crc=st.booleans())
def test_cgm_facts(*, offset_min: int, at: datetime | None, quarters: int, crc: bool) -> None:
    status = encode_cgm_status(offset_min=offset_min, status=0x0400, crc=crc)
    assert decode_facts("2AA9", status) == {
        "time_offset_min": str(offset_min),
        "status": "calibration_recommended",
    }
    zone = CgmZone(quarters=quarters, saving=4)
    start = encode_session_start(began=at or DeviceDateTime(), zone=zone, crc=crc)
    assert decode_facts("2AAA", start) == {
        "session_start": "unknown" if at is None else at.isoformat(),
        "zone_min": str(quarters * 15),
        "daylight_saving_min": "60",
    }


def test_features_mean_the_same_on_both_sides() -> None:
    storing = encode_oximeter_features(OximeterFeature.STORES_SPOT_CHECKS)
    assert "stor" in decode_facts("2A60", storing)["features"]
    scale = encode_weight_feature(WeightScaleFeature.MULTIPLE_USERS, weight_step=7, height_step=3)
    said = decode_facts("2A9E", scale)
    assert said["weight_step"] == "0.005 kg or 0.01 lb"
    assert said["height_step"] == "0.001 m or 0.1 in"
