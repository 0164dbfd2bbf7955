"""The device format over MQTT: what it means, what is refused and by which field."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from importlib import resources

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_adapters.mqtt.payloads.body import (
    MAX_PAYLOAD_BYTES,
    Arrival,
    PayloadError,
    device_key,
    device_of_topic,
)
from device_adapters.mqtt.payloads.hearthwatch import decode_reading
from device_adapters.plain_text import is_plain
from firmware_sim.faults.mqtt import Fault, spoil
from firmware_sim.identity import Identity
from firmware_sim.publisher import Quantity as Sent
from firmware_sim.publisher import Reading, encode_reading
from rules.vocabulary import (
    Bound,
    DeviceRef,
    HubId,
    HubStamp,
    NoValue,
    Observation,
    Origin,
    QualityFlag,
    Quantity,
    QuantityName,
    Vital,
)
from rules.wire import decode_observation, encode_observation

CHINA = timezone(timedelta(hours=8))
NOW = datetime(2026, 11, 21, 7, 31, tzinfo=CHINA)
MEASURED = datetime(2026, 11, 21, 7, 30)  # noqa: DTZ001 - device-local
IDENTITY = Identity(manufacturer="Acme Health", model="BP/9", serial="00-17")
TOPIC = "dev/1/Acme_Health~BP_9~00-17/reading"
SCHEMA = json.loads(
    resources.files("device_adapters.mqtt")
    .joinpath("schemas/device-reading-1.json")
    .read_text("utf-8")
)
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
READING = Reading(
    kind="blood_pressure",
    quantities=(
        ("systolic", Sent(value=138, unit="mm[Hg]")),
        ("diastolic", Sent(value=88, unit="mm[Hg]")),
        ("pulse", Sent(value=60, unit="/min")),
    ),
    device_time=MEASURED,
    sequence=7,
    user=1,
    meal="fasting",
    flags=("irregular_pulse", "sunny"),
)


def arrival(*, retain: bool = False, trusted: bool = True, topic: str = TOPIC) -> Arrival:
    stamp = HubStamp(boot_id="b", monotonic_s=1.0, wall=NOW.astimezone(UTC), wall_trusted=trusted)
    return Arrival(
        topic=topic,
        retain=retain,
        received=stamp,
        hub=HubId("hub-1"),
        session="s",
        ordinal=3,
        zone=CHINA,
    )


def document(**changes: object) -> bytes:
    whole = json.loads(encode_reading(IDENTITY, READING))
    return json.dumps({**whole, **changes}).encode()


def test_a_reading_keeps_everything_that_was_sent() -> None:
    payload = encode_reading(IDENTITY, READING)
    seen = decode_reading(payload, arrival())
    assert seen == Observation(
        device=DeviceRef(manufacturer="Acme Health", model="BP/9", serial="00-17"),
        kind=Vital.BLOOD_PRESSURE,
        quantities={
            QuantityName.SYSTOLIC: Quantity(value=Decimal(138), unit="mm[Hg]"),
            QuantityName.DIASTOLIC: Quantity(value=Decimal(88), unit="mm[Hg]"),
            QuantityName.PULSE: Quantity(value=Decimal(60), unit="/min"),
        },
        received=seen.received,
        hub=HubId("hub-1"),
        session="s",
        ordinal=3,
        origin=Origin.LIVE,
        user_slot=1,
        device_time=MEASURED,
        sequence=7,
        flags=(QualityFlag.IRREGULAR_PULSE,),
        context={"meal": "fasting", "unknown_flags": "sunny"},
        source="mqtt:hearthwatch",
        raw=payload,
    )
    assert decode_observation(encode_observation(seen)) == seen
    assert device_key(seen.device) == IDENTITY.key


def test_makers_of_other_scripts_have_topics_of_their_own() -> None:
    """Two characters each: without the digest both would be `__`."""
    plates = [
        Identity(manufacturer=maker, model="血压计", serial="1") for maker in ("鱼跃", "九安")
    ]
    refs = [DeviceRef(manufacturer=p.manufacturer, model=p.model, serial=p.serial) for p in plates]
    assert [device_key(ref) for ref in refs] == [plate.key for plate in plates]
    yuwell, andon = (device_key(ref) for ref in refs)
    assert yuwell.startswith("__-38ec43f7~___-")
    assert yuwell != andon
    assert device_of_topic(f"omh/1/{yuwell}/blood-pressure").serial == "1"


def test_digits_stay_as_sent() -> None:
    payload = document(quantities={"glucose": {"value": 7.0, "unit": "mmol/L"}}, kind="glucose")
    value = decode_reading(payload, arrival()).quantities[QuantityName.GLUCOSE].value
    assert str(value) == "7.0"


@pytest.mark.row("P13")
@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault.MISSING_UNIT, Quantity(value=Decimal(138), unit=None)),
        (Fault.UNKNOWN_UNIT, Quantity(value=Decimal(138), unit="furlong")),
        (Fault.NAN, Quantity(no_value=NoValue.NAN, unit="mm[Hg]")),
        (Fault.HUGE, "quantities.systolic.value"),
        (Fault.NOT_JSON, "document"),
        (Fault.TRUNCATED, "document"),
        (Fault.NOT_OURS, "v"),
    ],
)
def test_a_broken_device_is_kept_as_said_or_refused_by_field(
    fault: Fault, outcome: Quantity | str
) -> None:
    payload = spoil(IDENTITY, READING, fault)
    if isinstance(outcome, Quantity):
        seen = decode_reading(payload, arrival())
        assert seen.quantities[QuantityName.SYSTOLIC] == outcome
        return
    with pytest.raises(PayloadError) as refusal:
        decode_reading(payload, arrival())
    assert refusal.value.field == outcome
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("text", "bound"), [("LO", Bound.BELOW), ("HI", Bound.ABOVE)])
def test_lo_and_hi_are_censored(text: str, bound: Bound) -> None:
    payload = document(kind="glucose", quantities={"glucose": {"text": text, "unit": "mmol/L"}})
    said = decode_reading(payload, arrival()).quantities[QuantityName.GLUCOSE]
    assert said == Quantity(censored=bound, unit="mmol/L")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"v": 2}, "v"),
        ({"device": None}, "device"),
        ({"device": {"manufacturer": "A", "model": "B"}}, "device.serial"),
        ({"device": {"manufacturer": "A", "model": "B", "serial": "x\ny"}}, "device.serial"),
        ({"device": {"manufacturer": "A", "model": "B", "serial": "other"}}, "device"),
        ({"kind": "mood"}, "kind"),
        ({"device_time": 17}, "device_time"),
        ({"sequence": 1.5}, "sequence"),
        ({"sequence": -1}, "sequence"),
        ({"user": "1"}, "user"),
        ({"user": True}, "user"),
        ({"quantities": {}}, "quantities"),
        ({"quantities": {"mood": {"value": 1}}}, "quantities.mood"),
        ({"quantities": {"pulse": 60}}, "quantities.pulse"),
        ({"quantities": {"pulse": {"unit": "/min"}}}, "quantities.pulse"),
        ({"quantities": {"pulse": {"value": 1, "text": "LO"}}}, "quantities.pulse"),
        ({"quantities": {"pulse": {"value": "60"}}}, "quantities.pulse.value"),
        ({"quantities": {"pulse": {"value": True}}}, "quantities.pulse.value"),
        ({"quantities": {"pulse": {"text": "MID"}}}, "quantities.pulse.text"),
        ({"quantities": {"pulse": {"value": 60, "unit": 5}}}, "quantities.pulse.unit"),
        ({"flags": "wet"}, "flags"),
        ({"flags": ["a"] * 17}, "flags"),
        ({"context": {"meal": 3}}, "context.meal"),
        ({"context": {"note": "x" * MAX_PAYLOAD_BYTES}}, "document"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, object], field: str) -> None:
    with pytest.raises(PayloadError) as refusal:
        decode_reading(document(**changes), arrival())
    assert refusal.value.field == field


DEVICE = {"manufacturer": "Acme Health", "model": "BP/9", "serial": "00-17"}
UNSAFE = ["\ud800", "a\udfffb", "\0", "a\n", "\x1b[2J", "\x7f", "\x85", "\u2028"]


def with_text(text: str) -> list[tuple[str, dict[str, object]]]:
    """`text` in each place where a device may write one, and how the field's name begins."""
    quantities: list[tuple[str, dict[str, object]]] = [
        ("quantities.", {text: {"value": 1, "unit": "/min"}}),
        ("quantities.pulse.unit", {"pulse": {"value": 1, "unit": text}}),
        ("quantities.pulse.text", {"pulse": {"text": text}}),
    ]
    return [
        ("flags", {"flags": ["irregular_pulse", text]}),
        ("context.meal", {"context": {"meal": text}}),
        ("context.", {"context": {text: "fasting"}}),
        ("kind", {"kind": text}),
        ("v", {"v": text}),
        *((f"device.{name}", {"device": {**DEVICE, name: text}}) for name in DEVICE),
        *((field, {"quantities": said}) for field, said in quantities),
    ]


@pytest.mark.parametrize(
    ("field", "changes"),
    [pytest.param(*case, id=f"{case[0]}-{text!a}") for text in UNSAFE for case in with_text(text)],
)
def test_text_that_cannot_be_kept_is_refused_by_its_field(
    field: str, changes: dict[str, object]
) -> None:
    payload = document(**changes)
    with pytest.raises(PayloadError) as refusal:
        decode_reading(payload, arrival())
    assert refusal.value.field.startswith(field)
    assert is_plain(refusal.value.field)
    assert is_plain(refusal.value.reason)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(payload), SCHEMA)


def test_a_topic_with_control_characters_makes_a_plain_refusal() -> None:
    with pytest.raises(PayloadError) as refusal:
        decode_reading(document(), arrival(topic="dev/1/x\n/reading"))
    assert refusal.value.reason.endswith("may not publish on dev/1/x\\x0a/reading")


@given(flags=st.lists(ANY_TEXT), context=st.dictionaries(ANY_TEXT, ANY_TEXT))
def test_whatever_is_read_can_be_encoded(flags: list[str], context: dict[str, str]) -> None:
    try:
        seen = decode_reading(document(flags=flags, context=context), arrival())
    except PayloadError:
        return
    assert decode_observation(encode_observation(seen)) == seen
    assert all(map(is_plain, (*seen.context, *seen.context.values())))


@pytest.mark.parametrize(
    ("device_time", "retain", "trusted", "origin"),
    [
        ("2026-11-21T07:30:00", False, True, Origin.LIVE),
        ("2026-11-21T07:36:00", False, True, Origin.LIVE),
        ("2026-11-21T07:25:59", False, True, Origin.BACKLOG),
        ("2026-11-21T07:30:00", False, False, Origin.BACKLOG),
        (None, False, True, Origin.LIVE),
        (None, True, True, Origin.BACKLOG),
        ("2000-01-01T00:03:00", False, True, Origin.LIVE),  # a lost clock dates nothing
        ("2000-01-01T00:03:00", True, True, Origin.BACKLOG),
        ("2031-01-01T00:00:00", False, True, Origin.LIVE),
        ("2026-11-21T08:31:00", False, True, Origin.LIVE),  # summer time: an hour ahead
        ("2026-11-21T07:36:01", True, True, Origin.BACKLOG),
        ("nonsense", False, True, Origin.LIVE),
    ],
)
def test_live_or_backlog(
    *, device_time: str | None, retain: bool, trusted: bool, origin: Origin
) -> None:
    seen = decode_reading(
        document(device_time=device_time), arrival(retain=retain, trusted=trusted)
    )
    assert seen.origin is origin


@pytest.mark.parametrize("said", ["nonsense", "2026-13-01T00:00:00", "2026-11-21T07:30:00+08:00"])
def test_a_time_that_cannot_be_used_costs_no_value(said: str) -> None:
    seen = decode_reading(document(device_time=said), arrival())
    assert seen.device_time is None
    assert QualityFlag.TIME_FAULT in seen.flags


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


def test_the_schema_is_one_and_takes_what_the_simulator_sends() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(encode_reading(IDENTITY, READING)), SCHEMA)


@settings(deadline=None)  # the machine may be busy
@given(
    field=st.sampled_from(["v", "kind", "device_time", "sequence", "user", "quantities", "flags"]),
    value=JSON,
)
def test_whatever_the_schema_takes_is_decoded_and_nothing_else_escapes(
    field: str, value: object
) -> None:
    payload = document(**{field: value})
    try:
        decode_reading(payload, arrival())
    except PayloadError:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(json.loads(payload), SCHEMA)


@settings(deadline=None)  # the machine may be busy
@given(st.binary(max_size=200))
def test_noise_raises_nothing_but_payload_error(payload: bytes) -> None:
    with pytest.raises(PayloadError):
        decode_reading(payload, arrival())


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(PayloadError, match="not JSON"):
        decode_reading(b"[" * 15_000, arrival())
