"""Foreign bodies over MQTT: published examples and what each is read as, or by which field refused.

Examples: `tests/vectors/mqtt_bodies.json` (Open mHealth test data, Apache-2.0; HL7 PHD guide, CC0).
Theengs messages are written here after the property lists of its decoder.
"""

import copy
import json
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import TypedDict, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_adapters.mqtt.payloads.body import Arrival, PayloadError
from device_adapters.mqtt.payloads.nameless import nameless, without_names
from device_adapters.mqtt.registry import FORMATS, decoder_of
from rules.identity import observation_identity
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
NOW = datetime(2026, 11, 21, 7, 31, tzinfo=UTC)
KEY = "Nonin_Medical_Inc.~Model_3230~501900083"
DEVICE = DeviceRef(manufacturer="Nonin_Medical_Inc.", model="Model_3230", serial="501900083")

Json = dict[str, object]


class _Collection(TypedDict):
    bodies: dict[str, Json]


VECTORS: dict[str, _Collection] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "mqtt_bodies.json").read_text("utf-8")
)
OMH, FHIR = VECTORS["open_mhealth"]["bodies"], VECTORS["fhir_phd"]["bodies"]


def arrival(topic: str, *, ordinal: int = 3, session: str = "s", retain: bool = False) -> Arrival:
    return Arrival(
        topic=topic,
        retain=retain,
        received=HubStamp(boot_id="b", monotonic_s=1.0, wall=NOW, wall_trusted=True),
        hub=HubId("hub-front"),
        session=session,
        ordinal=ordinal,
        zone=CHINA,
    )


def read(topic: str, body: object, **place: object) -> Observation:
    decoder = decoder_of(topic)
    assert decoder is not None
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    session, ordinal = str(place.get("session", "s")), int(str(place.get("ordinal", 3)))
    (observation,) = decoder(payload, arrival(topic, session=session, ordinal=ordinal))
    assert decode_observation(encode_observation(observation)) == observation
    return observation


def refusal(topic: str, body: object) -> str:
    with pytest.raises(PayloadError) as caught:
        read(topic, body)
    return caught.value.field


def point(name: str, version: str, body: Json, **header: object) -> Json:
    schema = {"namespace": "omh", "name": name, "version": version}
    fixed = {"id": "7f1d", "creation_date_time": "2026-11-21T07:30:00Z", "schema_id": schema}
    return {"header": {**fixed, **header}, "body": body}


def omh(example: str, **header: object) -> tuple[str, Json]:
    name, version, _, _ = example.split("/")
    return f"omh/1/{KEY}/{name}", point(name, version, OMH[example], **header)


def values(observation: Observation) -> dict[str, tuple[str, str | None]]:
    return {
        name.value: (str(quantity.value), quantity.unit)
        for name, quantity in observation.quantities.items()
    }


@pytest.mark.parametrize(
    ("example", "kind", "said", "at"),
    [
        (
            "blood-pressure/4.0/shouldPass/with-posture-location-relation",
            Vital.BLOOD_PRESSURE,
            {"systolic": ("125", "mm[Hg]"), "diastolic": ("60", "mm[Hg]")},
            # 07:25 at -08:00 is 15:25 UTC, 23:25 in China
            datetime(2020, 2, 5, 23, 25),  # noqa: DTZ001 - device-local
        ),
        (
            "blood-glucose/4.0/shouldPass/with-temporal-relationship-to-meal",
            Vital.GLUCOSE,
            {"glucose": ("95", "mg/dL")},
            datetime(2013, 2, 5, 15, 25),  # noqa: DTZ001
        ),
        (
            "heart-rate/2.0/shouldPass/with-temporal-relationship-to-sleep",
            Vital.PULSE,
            {"pulse": ("67.5", "/min")},
            datetime(2020, 2, 5, 23, 25),  # noqa: DTZ001
        ),
        (
            "oxygen-saturation/2.0/shouldPass/with-oxygen",
            Vital.SPO2,
            {"spo2": ("95", "%")},
            datetime(2013, 2, 5, 15, 25),  # noqa: DTZ001
        ),
        (
            "body-temperature/3.0/shouldPass/valid-temperature",
            Vital.TEMPERATURE,
            {"temperature": ("97", "[degF]")},
            datetime(2013, 2, 5, 15, 25),  # noqa: DTZ001
        ),
    ],
)
@pytest.mark.row("I4")
def test_published_open_mhealth_bodies_are_read(
    example: str, kind: Vital, said: dict[str, tuple[str, str | None]], at: datetime
) -> None:
    seen = read(*omh(example))
    assert (seen.device, seen.kind, values(seen)) == (DEVICE, kind, said)
    assert (seen.device_time, seen.origin) == (at, Origin.BACKLOG)


def test_words_of_an_open_mhealth_body_become_context() -> None:
    pressure = read(*omh("blood-pressure/4.0/shouldPass/with-posture-location-relation"))
    assert pressure.context["body_posture"] == "sitting"
    assert pressure.context["temporal_relationship_to_physical_activity"] == "at rest"
    glucose = read(
        *omh(
            "blood-glucose/4.0/shouldPass/with-temporal-relationship-to-meal",
            acquisition_provenance={"source_name": "app", "modality": "self-reported"},
        )
    )
    assert (glucose.context["meal"], glucose.context["modality"]) == ("fasting", "self-reported")


def test_summaries_foreign_versions_and_wrong_schemas_are_refused_by_field() -> None:
    topic, summary = omh("blood-pressure/3.0/shouldPass/with-descriptive-statistic")
    assert refusal(topic, summary) == "body.descriptive_statistic"
    name = "blood-glucose/3.0/shouldPass/with-date-time-time-frame"
    topic, good = omh(name)
    assert read(topic, good).kind is Vital.GLUCOSE
    assert refusal(topic.replace("glucose", "pressure"), good) == "header.schema_id.name"
    assert refusal(topic.replace("blood-glucose", "sleep"), good) == "topic"
    assert refusal(topic, point("blood-glucose", "1.0", OMH[name])) == "header.schema_id.version"
    assert refusal(topic, OMH[name]) == "header"
    assert refusal("omh/1/nobody/blood-glucose", good) == "topic"
    saliva = point("blood-glucose", "3.0", {**OMH[name], "specimen_source": "saliva"})
    assert refusal(topic, saliva) == "body.specimen_source"
    worded = point("blood-glucose", "3.0", {**OMH[name], "blood_glucose": {"value": "95"}})
    assert refusal(topic, worded) == "body.blood_glucose.value"


@pytest.mark.row("L2")
def test_units_are_never_guessed() -> None:
    seen = read(*omh("blood-pressure/4.0/shouldFail/invalid-unit"))
    assert seen.quantities[QuantityName.SYSTOLIC].unit == "mmH"
    body: Json = {"blood_glucose": {"value": 25}, "effective_time_frame": {}}
    bare = read(f"omh/1/{KEY}/blood-glucose", point("blood-glucose", "3.0", body))
    assert bare.quantities[QuantityName.GLUCOSE].unit is None


def test_a_body_without_a_time_is_undated_and_the_same_record_each_time_it_comes() -> None:
    example = "body-temperature/4.0/shouldFail/missing-effective-time-frame"
    first = read(*omh(example), session="a", ordinal=1)
    again = read(*omh(example), session="b", ordinal=9)
    other = read(*omh(example, id="8e2c"), session="a", ordinal=1)
    assert first.device_time is None
    assert first.flags == (QualityFlag.TIME_FAULT,)
    assert observation_identity(first) == observation_identity(again)
    assert observation_identity(first) != observation_identity(other)


FHIR_TOPIC = f"fhir/1/{KEY}/Observation"


def changed(example: str, **changes: object) -> Json:
    return {**copy.deepcopy(FHIR[example]), **changes}


@pytest.mark.parametrize(
    ("example", "kind", "said"),
    [
        (
            "compound-numeric-blood-pressure",
            Vital.BLOOD_PRESSURE,
            {
                "systolic": ("116", "mm[Hg]"),
                "diastolic": ("71", "mm[Hg]"),
                "mean": ("86", "mm[Hg]"),
            },
        ),
        ("compound-observation-glucose", Vital.GLUCOSE, {"glucose": ("6.3", "mmol/L")}),
        ("glucose-observation", Vital.GLUCOSE_PLASMA, {"glucose": ("99", "mg/dL")}),
        ("temperature-observation", Vital.TEMPERATURE, {"temperature": ("36.5", "Cel")}),
        ("numeric-spo2-alarm", Vital.SPO2, {"spo2": ("79.0", "%")}),
    ],
)
@pytest.mark.row("I4")
def test_published_phd_observations_are_read(
    example: str, kind: Vital, said: dict[str, tuple[str, str | None]]
) -> None:
    seen = read(FHIR_TOPIC, FHIR[example])
    assert (seen.device, seen.kind, values(seen)) == (DEVICE, kind, said)


def test_time_and_context_of_phd_observations() -> None:
    pressure = read(FHIR_TOPIC, FHIR["compound-numeric-blood-pressure"])
    # 11:38:15 at -05:00 is 16:38:15 UTC, the next day's 00:38:15 in China
    assert pressure.device_time == datetime(2018, 11, 12, 0, 38, 15)  # noqa: DTZ001
    assert read(FHIR_TOPIC, FHIR["compound-observation-glucose"]).context["meal"] == "postprandial"
    assert read(FHIR_TOPIC, FHIR["numeric-spo2-alarm"]).context["interpretation"] == "in-alarm"


def test_a_contained_coincident_time_stamp_gives_back_the_device_s_own_time() -> None:
    stamp = FHIR["coin-example-1"]  # the device shows 5 s less than the gateway
    reading = changed("compound-numeric-blood-pressure", contained=[stamp])
    seen = read(FHIR_TOPIC, reading)
    assert seen.device_time == datetime(2018, 11, 12, 0, 38, 10)  # noqa: DTZ001
    assert seen.clocks is not None
    assert seen.clocks.hub_time == datetime(2017, 6, 2, 22, 2, 35, tzinfo=UTC)
    assert seen.clocks.device_time == datetime(2017, 6, 3, 6, 2, 30)  # noqa: DTZ001
    # sent again in a later session, corrected by another second: the same record
    later = {**stamp, "effectiveDateTime": "2017-06-02T18:02:36-04:00"}
    moved = changed(
        "compound-numeric-blood-pressure",
        contained=[later],
        effectiveDateTime="2018-11-11T11:38:16-05:00",
    )
    assert observation_identity(read(FHIR_TOPIC, moved)) == observation_identity(seen)


def test_absent_and_compared_values_are_not_numbers() -> None:
    def spo2(**changes: object) -> Quantity:
        body = changed("numeric-spo2-alarm", **changes)
        if "dataAbsentReason" in changes:
            del body["valueQuantity"]
        return read(FHIR_TOPIC, body).quantities[QuantityName.SPO2]

    def because(code: str) -> Json:
        system = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
        return {"coding": [{"system": system, "code": code}]}

    assert spo2(dataAbsentReason=because("not-a-number")).no_value is NoValue.NAN
    assert spo2(dataAbsentReason=because("error")).no_value is NoValue.NRES
    assert spo2(dataAbsentReason=because("positive-infinity")).censored is Bound.ABOVE
    ucum = {"system": "http://unitsofmeasure.org", "code": "%"}
    below = spo2(valueQuantity={"value": 70, "comparator": "<", **ucum})
    assert (below.censored, below.value, below.unit) == (Bound.BELOW, None, "%")
    assert spo2(valueQuantity={"value": 70, "unit": "%"}).unit is None
    both = changed("numeric-spo2-alarm", dataAbsentReason=because("error"))
    assert refusal(FHIR_TOPIC, both) == "valueQuantity"


def interpreted(word: str) -> list[Json]:
    return [{"coding": [{"system": "x", "code": word}]}]


@pytest.mark.parametrize(
    ("word", "flag"),
    [
        ("invalid", QualityFlag.DEVICE_FAULT),
        ("questionable", QualityFlag.SENSOR_MALFUNCTION),
        ("not-available", QualityFlag.DEVICE_FAULT),
        ("calibration-ongoing", QualityFlag.CONTROL_SOLUTION),
    ],
)
def test_what_a_device_doubts_is_read_and_flagged(word: str, flag: QualityFlag) -> None:
    example = "numeric-spo2-alarm"
    seen = read(FHIR_TOPIC, changed(example, interpretation=interpreted(word)))
    assert (values(seen), seen.flags) == ({"spo2": ("79.0", "%")}, (flag,))
    sure = read(FHIR_TOPIC, changed(example, interpretation=interpreted("in-alarm")))
    assert sure.flags == ()


def test_fhir_refusals_name_the_element() -> None:
    example = "numeric-spo2-alarm"
    cases: list[tuple[str, Json]] = [
        ("resourceType", changed(example, resourceType="Patient")),
        ("status", changed(example, status="entered-in-error")),
        ("code", changed(example, code={"text": "oxygen"})),
        ("code", changed("meal-context-observation")),
        ("contained", changed(example, contained={})),
        ("meta.security", changed(example, meta={"security": [{"code": "HTEST"}]})),
        ("valueQuantity.value", changed(example, valueQuantity={"value": "79"})),
        ("interpretation", changed(example, interpretation=interpreted("demo-data"))),
        ("interpretation", changed(example, interpretation=interpreted("test-data"))),
    ]
    for field, body in cases:
        assert refusal(FHIR_TOPIC, body) == field
    two = changed("glucose-observation")
    temperature = changed("temperature-observation")["code"]
    two["code"] = {
        "coding": [
            *_codings(two["code"]),
            *_codings(temperature),
        ]
    }
    assert refusal(FHIR_TOPIC, two) == "code"


def _codings(concept: object) -> list[object]:
    return cast("dict[str, list[object]]", concept)["coding"]


def test_a_contained_device_must_be_the_one_of_the_topic() -> None:
    body = changed("numeric-spo2-alarm", contained=[FHIR["phd-74E8FFFEFF051C00.001C05FFE874"]])
    assert read(FHIR_TOPIC, body).device == DEVICE
    other = FHIR_TOPIC.replace("501900083", "501900084")
    assert refusal(other, body) == "contained.Device"


def test_no_name_is_kept_of_a_document() -> None:
    person = {"reference": "Patient/1", "display": "张三"}
    body = changed(
        "numeric-spo2-alarm",
        subject=person,
        contained=[{"resourceType": "Patient", "name": [{"text": "张三"}]}],
    )
    payload = json.dumps(body, ensure_ascii=False).encode()
    kept = read(FHIR_TOPIC, payload).raw
    assert b"Patient" not in kept
    assert "张三".encode() not in kept
    assert b"79.0" in kept  # digits as sent
    topic, document = omh("blood-glucose/3.0/shouldPass/with-date-time-time-frame", user_id="zhang")
    assert b"zhang" not in read(topic, document).raw


ZHANG = "张伟"
NAMED: dict[str, object] = {
    "title of a code": {"code": {"coding": [{"code": "150456"}], "text": ZHANG}},
    "extension": {"extension": [{"url": "a", "valueString": ZHANG}]},
    "owner of a device": {"contained": [{"resourceType": "Device", "patient": {"display": ZHANG}}]},
    "device": {"device": {"display": f"{ZHANG}的血氧仪"}},
    "no reading": {"resourceType": "Patient", "name": [{"text": ZHANG}], "birthDate": "1948-01-09"},
    "bundle": {"resourceType": "Bundle", "entry": [{"resource": {"name": [{"family": ZHANG}]}}]},
    "list": [{"subject": {"display": ZHANG}}, ZHANG],
    "data point": {"header": {"acquisition_provenance": {"source_name": ZHANG}}},
    "remark": {"body": {"user_notes": ZHANG}},
    "a word beside one that is kept": {"component": [{"code": "1"}, ZHANG]},
    "a key": {ZHANG: {"code": ZHANG}},
    "a number of a person": {"identifier": [{"value": 1948}], "telecom": {"value": 1948}},
}


@pytest.mark.parametrize("place", NAMED)
@pytest.mark.parametrize("spoil", ["whole", "cut off", "not a number", "half a pair", "utf-16"])
def test_no_name_is_kept_of_what_no_decoder_or_no_parser_takes(place: str, spoil: str) -> None:
    text = json.dumps({"at": NAMED[place], "valueQuantity": {"value": 0}}, ensure_ascii=False)
    text = text.replace('{"value": 0}', '{"value": 79.0, "unit": "%"}')
    payload = {
        "whole": text.encode(),
        "cut off": text[:-2].encode(),
        "not a number": text.replace("79.0", "79.0, 1: NaN").encode(),
        "half a pair": text.replace("%", "\\ud800").encode(),
        "utf-16": text.encode("utf-16"),
    }[spoil]
    kept = nameless(payload).decode()
    assert not {ZHANG, "1948"} & set(re.findall(r"张伟|1948", kept))
    assert '"value": 79.0' in kept  # digits as sent
    if spoil in {"whole", "utf-16"}:
        json.loads(kept)


WHO = """
    subject performer note encounter focus identifier user_id patient owner contact telecom
    address name author recorder source_name
"""


@pytest.mark.parametrize("word", WHO.split())
def test_nothing_is_kept_below_a_word_that_says_who(word: str) -> None:
    """Also not what would be kept elsewhere: a type of relation, a number, a date."""
    of_somebody = {"code": ZHANG, "system": ZHANG, "value": 1948, "start": "1948-01-09"}
    body = {word: [of_somebody, {"reference": {"code": ZHANG}}], "code": "150456", "value": 79.0}
    kept = nameless(json.dumps(body, ensure_ascii=False).encode()).decode()
    assert not re.findall(f"{ZHANG}|1948", kept)
    assert '"code": "150456"' in kept
    assert '"value": 79.0' in kept


@pytest.mark.parametrize("example", ["compound-numeric-blood-pressure", "numeric-spo2-alarm"])
def test_a_reading_that_is_kept_without_names_can_still_be_read(example: str) -> None:
    whole = read(FHIR_TOPIC, json.dumps(FHIR[example]).encode())
    again = read(FHIR_TOPIC, whole.raw)
    assert observation_identity(again) == observation_identity(whole)


def test_only_what_may_name_somebody_is_masked() -> None:
    assert nameless(b"{broken") == '{"…"'.encode()
    own = b'{"v": 1, "kind": "pulse", "note": "broken'
    assert without_names("dev/1/A~B~1/reading", own) == own
    patient = b'{"resourceType": "Patient", "id": "zhang"}'
    assert b"zhang" not in without_names("dev/1/A~B~1/reading", patient)


def test_taking_names_out_takes_no_longer_for_a_deep_or_a_broken_body() -> None:
    for evil in (b'"' * 250_000, b'{"header":' * 25_000, b"[" * 250_000, b'"' + b"\\" * 250_000):
        began = time.process_time()
        nameless(evil)
        assert time.process_time() - began < 2


SCALE: Json = {
    "id": "5C:CA:D3:70:D4:A2",
    "name": "MIBFS",
    "rssi": -71,
    "brand": "Xiaomi",
    "model": "Mi Body Composition Scale",
    "model_id": "XMTZC02HM/XMTZC05HM",
    "type": "SCALE",
    "weighing_mode": "person",
    "unit": "kg",
    "weight": 72.45,
    "impedance": 503,
}
SCALE_TOPIC = "home/omg-kitchen/BTtoMQTT/5CCAD370D4A2"


@pytest.mark.row("I4")
def test_a_scale_that_a_gateway_overhears_is_a_weight_of_a_device_with_an_address() -> None:
    seen = read(SCALE_TOPIC, SCALE)
    assert seen.device.key == "Xiaomi/Mi Body Composition Scale/5CCAD370D4A2"
    assert seen.quantities == {QuantityName.WEIGHT: Quantity(value=Decimal("72.45"), unit="kg")}
    assert (seen.kind, seen.origin, seen.device_time) == (Vital.WEIGHT, Origin.LIVE, None)
    assert seen.context == {"impedance_ohm": "503"}
    assert read(SCALE_TOPIC, {**SCALE, "id": str(SCALE["id"]).lower()}).device == seen.device
    pounds = read(SCALE_TOPIC, {**SCALE, "unit": "lb", "weight": 140.65})
    assert pounds.quantities[QuantityName.WEIGHT].unit == "[lb_av]"


def test_old_documents_are_history_and_a_clock_without_the_time_dates_nothing() -> None:
    example = "blood-glucose/3.0/shouldPass/with-date-time-time-frame"

    def origin(at: str) -> Origin:
        topic, document = omh(example)
        body = {**OMH[example], "effective_time_frame": {"date_time": at}}
        return read(topic, {**document, "body": body}).origin

    assert origin("2013-02-05T07:25:00Z") is Origin.BACKLOG
    assert origin("2026-11-21T15:29:00+08:00") is Origin.LIVE  # two minutes before NOW
    assert origin("2026-11-21T15:25:00+08:00") is Origin.BACKLOG
    assert origin("2000-01-01T00:00:00Z") is Origin.LIVE


def test_what_is_no_body_measurement_is_nobody_s_reading_and_no_fault() -> None:
    decoder = decoder_of(SCALE_TOPIC)
    assert decoder is not None
    others: list[Json] = [
        {**SCALE, "weighing_mode": "object", "weight": 5.1},
        {"id": "AA:BB:CC:DD:EE:FF", "model_id": "LYWSD03MMC", "tempc": 21.4, "hum": 50},
        {"id": "AA:BB:CC:DD:EE:FF", "model_id": "XOSSX2", "bpm": 163, "batt": 97},
        {"id": "AA:BB:CC:DD:EE:FF", "rssi": -80},
    ]
    for message in others:
        assert decoder(json.dumps(message).encode(), arrival(SCALE_TOPIC)) == ()


def test_theengs_refusals_name_the_key() -> None:
    assert refusal(SCALE_TOPIC, {**SCALE, "id": "somewhere"}) == "id"
    assert refusal(SCALE_TOPIC.replace("A2", "A3"), SCALE) == "id"
    assert refusal(SCALE_TOPIC, {**SCALE, "weight": "heavy"}) == "weight"
    assert refusal(SCALE_TOPIC, {**SCALE, "weighing_mode": 1}) == "weighing_mode"
    assert read(SCALE_TOPIC, {**SCALE, "unit": None}).quantities[QuantityName.WEIGHT].unit is None


def test_a_topic_of_no_format_has_no_decoder() -> None:
    for topic in ("dev/1/a/status", "dev/2/a/reading", "fhir/1/a/Patient", "home/a/BTtoMQTT", ""):
        assert decoder_of(topic) is None
    assert len({decoder_of(pattern) for pattern in FORMATS}) == len(FORMATS)


GOOD = [
    (FHIR_TOPIC, json.dumps(FHIR["compound-numeric-blood-pressure"]).encode()),
    (FHIR_TOPIC, json.dumps(FHIR["numeric-spo2-alarm"]).encode()),
    (SCALE_TOPIC, json.dumps(SCALE).encode()),
    *((topic, json.dumps(body).encode()) for topic, body in map(omh, OMH)),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path]
    if isinstance(value, dict):
        for name, part in value.items():  # pyright: ignore[reportUnknownVariableType]
            found += _paths(part, (*path, str(name)))  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list):
        for place, part in enumerate(value):  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
            found += _paths(part, (*path, place))  # pyright: ignore[reportUnknownArgumentType]
    return found


@settings(max_examples=300, deadline=None)
@given(data=st.data())
@pytest.mark.row("I4")
def test_whatever_stands_in_place_of_any_part_is_read_or_refused_by_its_own_error(
    data: st.DataObject,
) -> None:
    topic, payload = data.draw(st.sampled_from(GOOD))
    document: object = json.loads(payload)
    path = data.draw(st.sampled_from(_paths(document)))
    spoiled = _with(document, path, data.draw(JSON))
    decoder = decoder_of(topic)
    assert decoder is not None
    try:
        for seen in decoder(json.dumps(spoiled).encode(), arrival(topic)):
            assert decode_observation(encode_observation(seen)) == seen
            observation_identity(seen)
    except PayloadError:
        pass  # anything else fails the test


def _with(value: object, path: tuple[str | int, ...], new: object) -> object:
    if not path:
        return new
    step, *rest = path
    if isinstance(value, list):
        items = list[object](value)  # pyright: ignore[reportUnknownArgumentType]
        items[int(step)] = _with(items[int(step)], tuple(rest), new)
        return items
    assert isinstance(value, dict)
    fields = dict[str, object](value)  # pyright: ignore[reportUnknownArgumentType]
    fields[str(step)] = _with(fields[str(step)], tuple(rest), new)
    return fields
