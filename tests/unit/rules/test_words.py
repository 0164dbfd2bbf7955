"""The words: exact conversions, identities, and a wire that refuses what is not ours."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import codes
from rules.identity import alert_id, observation_identity
from rules.vocabulary import (
    Bound,
    DeviceRef,
    HubId,
    HubStamp,
    NoValue,
    Observation,
    Origin,
    Quantity,
    QuantityName,
    Stage,
    Vital,
)
from rules.wire import (
    WIRE_VERSION,
    Envelope,
    Lane,
    WireError,
    decode_envelope,
    encode_envelope,
    json_schema,
    parse_uplink_topic,
    uplink_topic,
)

READING = Observation(
    device=DeviceRef(manufacturer="Acme", model="BP-1", serial="7"),
    kind=Vital.BLOOD_PRESSURE,
    quantities={
        QuantityName.SYSTOLIC: Quantity(value=Decimal(138), unit="mm[Hg]"),
        QuantityName.DIASTOLIC: Quantity(value=Decimal("88.0"), unit="mm[Hg]"),
        QuantityName.MEAN: Quantity(no_value=NoValue.NAN, unit="mm[Hg]"),
        QuantityName.PULSE: Quantity(censored=Bound.ABOVE, unit="/min"),
    },
    received=HubStamp(
        boot_id="b", monotonic_s=1.25, wall=datetime(2026, 11, 21, tzinfo=UTC), wall_trusted=True
    ),
    hub=HubId("hub-a"),
    session="s1",
    origin=Origin.LIVE,
    device_time=datetime(2026, 11, 21, 8),  # noqa: DTZ001 - a device's clock has no zone
    raw=b"\x16\x8a",
)
ENVELOPE = Envelope(
    v=WIRE_VERSION, hub=HubId("hub-a"), epoch="e1", lane=Lane.LIVE, sequence=1, observation=READING
)


@pytest.mark.parametrize(
    ("quantity", "value", "unit", "canonical"),
    [
        (QuantityName.GLUCOSE, "18.0156", "mg/dL", "1"),
        (QuantityName.GLUCOSE, "0.005", "mol/L", "5"),
        (QuantityName.GLUCOSE, "0.00180156", "kg/L", "10"),
        (QuantityName.SYSTOLIC, "13.3322387415", "kPa", "100"),
        (QuantityName.TEMPERATURE, "98.6", "[degF]", "37"),
        (QuantityName.WEIGHT, "100", "[lb_av]", "45.359237"),
    ],
)
def test_conversions_are_exact_and_come_back(
    quantity: QuantityName, value: str, unit: str, canonical: str
) -> None:
    there = codes.to_canonical(quantity, Decimal(value), unit)
    assert there == Decimal(canonical)
    back = codes.from_canonical(quantity, there, unit)
    assert abs(back - Decimal(value)) < Decimal("1e-22")


@pytest.mark.parametrize(
    ("mg_dl", "shown"), [("70", "3.9"), ("54", "3.0"), ("53", "2.9"), ("300", "16.7")]
)
def test_limits_are_compared_at_the_guidelines_precision(mg_dl: str, shown: str) -> None:
    value = codes.to_canonical(QuantityName.GLUCOSE, Decimal(mg_dl), "mg/dL")
    assert codes.at_guideline_precision(QuantityName.GLUCOSE, value) == Decimal(shown)


@pytest.mark.parametrize("unit", [None, "mmHg", "mg/dL", ""])
def test_a_pressure_in_no_or_another_unit_is_refused_by_name(unit: str | None) -> None:
    with pytest.raises(codes.UnitError, match="systolic"):
        codes.to_canonical(QuantityName.SYSTOLIC, Decimal(120), unit)


def test_every_quantity_has_a_code_and_sound_bounds() -> None:
    assert set(codes.QUANTITIES) == set(QuantityName)
    for code in codes.QUANTITIES.values():
        assert code.measurable[0] <= code.possible[0] < code.possible[1] <= code.measurable[1]


def test_every_kind_of_observation_has_its_codes() -> None:
    assert set(codes.VITAL_MDC) == set(codes.MAIN_QUANTITIES) == set(Vital)
    assert codes.GLUCOSE_LOINC_BY_UNIT == {"mmol/L": "14743-9", "mg/dL": "41653-7"}


def test_the_identity_is_what_was_sent_and_nothing_else() -> None:
    same = replace(READING, hub=HubId("hub-b"), session="s9", ordinal=4, raw=b"", flags=())
    assert observation_identity(same) == observation_identity(READING)
    rounded = {
        **READING.quantities,
        QuantityName.DIASTOLIC: Quantity(value=Decimal(88), unit="mm[Hg]"),
    }
    assert observation_identity(replace(READING, quantities=rounded)) != observation_identity(
        READING
    )


def test_two_readings_without_time_or_number_are_two() -> None:
    bare = replace(READING, device_time=None)
    assert observation_identity(bare) != observation_identity(replace(bare, session="s2"))
    numbered = replace(bare, sequence=3)
    assert observation_identity(numbered) == observation_identity(replace(numbered, session="s2"))


def test_an_alert_has_the_same_id_wherever_it_is_derived() -> None:
    first = alert_id(rule_id="HW-02", stage=Stage.CONFIRMED, trigger="t")
    assert first == alert_id(rule_id="HW-02", stage=Stage.CONFIRMED, trigger="t")
    assert first != alert_id(rule_id="HW-02", stage=Stage.UNCONFIRMED, trigger="t")
    assert len(first) == 36


def test_the_wire_carries_every_digit() -> None:
    again = decode_envelope(encode_envelope(ENVELOPE))
    assert again == ENVELOPE
    assert str(again.observation.quantities[QuantityName.DIASTOLIC].value) == "88.0"


def test_the_published_schema_is_the_one_the_code_speaks() -> None:
    published = json.loads(files("rules").joinpath("schemas", "wire-2.json").read_text("utf-8"))
    assert published == json_schema()
    jsonschema.validate(json.loads(encode_envelope(ENVELOPE)), published)


ABSENT = object()


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("v", 3, "v:"),
        ("v", 0, "v:"),
        ("hub", ABSENT, "hub"),
        ("observation.device", ABSENT, "device"),
        ("observation.quantities.bogus", {"value": 1, "unit": "1"}, "quantities"),
        ("observation.quantities.systolic.value", 1e30, "quantities"),
        ("observation.quantities.systolic.value", None, "quantities"),
        ("observation.device_time", "2026-11-21T08:00:00Z", "device_time"),
        ("observation.received.wall", "2026-11-21T08:00:00", "wall"),
    ],
)
def test_a_message_that_is_not_ours_names_the_field(path: str, value: object, field: str) -> None:
    message = json.loads(encode_envelope(ENVELOPE))
    *parents, last = path.split(".")
    part = message
    for parent in parents:
        part = part[parent]
    if value is ABSENT:
        del part[last]
    else:
        part[last] = value
    with pytest.raises(WireError, match=field):
        decode_envelope(json.dumps(message).encode())


@given(st.binary(max_size=400))
def test_noise_is_refused_and_nothing_else_happens(noise: bytes) -> None:
    with pytest.raises(WireError):
        decode_envelope(noise)


def test_topics_say_where_a_message_belongs_and_refuse_the_rest() -> None:
    topic = uplink_topic("hub-a", "e1", Lane.BACKLOG, 12)
    assert parse_uplink_topic(topic) == ("hub-a", "e1", Lane.BACKLOG, 12)
    for wrong in ("hw/1/up/a/e/live/0", "hw/1/up/a/e/live/x", "hw/2/up/a/e/live/1", "hw/1/up/a"):
        with pytest.raises(WireError, match="topic"):
            parse_uplink_topic(wrong)
