"""Open mHealth data points (header and body) of the six measures of a home, one a message.

Layout: the schemas of `openmhealth/schemas` (Apache-2.0), versions below, and the header of
IEEE 1752.1 (`uuid`, `modality`). Topic: `omh/1/<manufacturer~model~serial>/<schema name>`. A body
names no device, so the topic does; the broker lets a device write below its own name only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from device_adapters.mqtt.payloads.body import (
    FIRST_DOCUMENTED_YEAR,
    Arrival,
    Fields,
    PayloadError,
    device_of_topic,
    document_of,
    fields_of,
    local_time,
    number_of,
    origin_of,
    text_of,
)
from device_adapters.mqtt.payloads.nameless import nameless
from rules.vocabulary import Observation, QualityFlag, Quantity, QuantityName, Vital

TOPIC_FILTER = "omh/1/+/+"
SOURCE = "mqtt:open-mhealth"

_NAMESPACES = ("omh", "ieee")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Schema:
    """What a body holds; `majors` are the versions whose time and values are as read here."""

    kind: Vital
    quantities: Mapping[str, QuantityName]
    majors: frozenset[str]


def _schema(kind: Vital, quantities: Mapping[str, QuantityName], majors: str) -> _Schema:
    return _Schema(kind=kind, quantities=quantities, majors=frozenset(majors.split()))


SCHEMAS: Mapping[str, _Schema] = {
    "blood-pressure": _schema(
        Vital.BLOOD_PRESSURE,
        {
            "systolic_blood_pressure": QuantityName.SYSTOLIC,
            "diastolic_blood_pressure": QuantityName.DIASTOLIC,
        },
        "3 4",
    ),
    "blood-glucose": _schema(Vital.GLUCOSE, {"blood_glucose": QuantityName.GLUCOSE}, "3 4"),
    "heart-rate": _schema(Vital.PULSE, {"heart_rate": QuantityName.PULSE}, "2 3"),
    "oxygen-saturation": _schema(Vital.SPO2, {"oxygen_saturation": QuantityName.SPO2}, "2 3"),
    "body-temperature": _schema(
        Vital.TEMPERATURE, {"body_temperature": QuantityName.TEMPERATURE}, "3 4"
    ),
    "body-weight": _schema(Vital.WEIGHT, {"body_weight": QuantityName.WEIGHT}, "2 3"),
}

_UCUM: Mapping[str, str] = {
    "mmHg": "mm[Hg]",
    "beats/min": "/min",
    "C": "Cel",
    "F": "[degF]",
    "lb": "[lb_av]",
}
"""The schemas' everyday names whose UCUM code differs; any other stays as sent."""

_MEALS: Mapping[str, str] = {
    "fasting": "fasting",
    "not related to meals": "casual",
    **dict.fromkeys(
        ("before meal", "before breakfast", "before lunch", "before dinner"), "preprandial"
    ),
    **dict.fromkeys(
        ("after meal", "after breakfast", "after lunch", "after dinner", "2 hours postprandial"),
        "postprandial",
    ),
}
_SPECIMENS: Mapping[object, Vital] = {
    None: Vital.GLUCOSE,
    "capillary blood": Vital.GLUCOSE,
    "interstitial fluid": Vital.GLUCOSE_CGM,
}
_CONTEXT = (
    "body_posture",
    "measurement_location",
    "temporal_relationship_to_physical_activity",
    "temporal_relationship_to_sleep",
    "temporal_relationship_to_meal",
    "specimen_source",
    "oxygen_therapy_mode_of_administration",
)


def decode_open_mhealth(payload: bytes, arrival: Arrival) -> tuple[Observation, ...]:
    """The one observation in a data point.

    Raises:
        PayloadError: not a data point of the topic's schema and one of its versions here, a
            measure missing, a number that is none, or a summary (mean, maximum) of many.
    """
    device = device_of_topic(arrival.topic)
    document = document_of(payload)
    header = fields_of(document.get("header"), "header")
    body = fields_of(document.get("body"), "body")
    schema = _schema_of(header, arrival.topic.rpartition("/")[2])
    if body.get("descriptive_statistic") is not None:
        raise PayloadError("body.descriptive_statistic", "is a summary, not one measurement")
    device_time, flags = _device_time(body, arrival)
    observation = Observation(
        device=device,
        kind=_kind(schema, body),
        quantities={
            quantity: _quantity(body, name) for name, quantity in schema.quantities.items()
        },
        received=arrival.received,
        hub=arrival.hub,
        # Its own id makes a record without a time the same record each time it is sent.
        session=arrival.session if device_time else f"omh-{_record_id(header)}",
        ordinal=arrival.ordinal if device_time else 0,
        origin=origin_of(device_time, arrival, FIRST_DOCUMENTED_YEAR),
        device_time=device_time,
        flags=flags,
        context=_context(header, body),
        source=SOURCE,
        raw=nameless(payload),
    )
    return (observation,)


def _schema_of(header: Fields, named: str) -> _Schema:
    where = "header.schema_id"
    said = fields_of(header.get("schema_id"), where)
    schema = SCHEMAS.get(named)
    if schema is None:
        raise PayloadError("topic", f"{named:.40} is not one of {', '.join(SCHEMAS)}")
    if said.get("namespace") not in _NAMESPACES:
        raise PayloadError(f"{where}.namespace", "is neither omh nor ieee")
    if said.get("name") != named:
        raise PayloadError(f"{where}.name", f"is not {named}, the topic's")
    version = text_of(said, "version", f"{where}.")
    if version.partition(".")[0] not in schema.majors:
        raise PayloadError(
            f"{where}.version", f"{version} is none of {', '.join(sorted(schema.majors))}"
        )
    return schema


def _record_id(header: Fields) -> str:
    return text_of(header, "uuid" if "id" not in header else "id", "header.")


def _kind(schema: _Schema, body: Fields) -> Vital:
    if schema.kind is not Vital.GLUCOSE:
        return schema.kind
    specimen = body.get("specimen_source")
    kind = _SPECIMENS.get(specimen) if isinstance(specimen, str | None) else None
    if kind is None:
        raise PayloadError("body.specimen_source", f"{specimen!s:.40} is no blood")
    return kind


def _quantity(body: Fields, name: str) -> Quantity:
    where = f"body.{name}"
    fields = fields_of(body.get(name), where)
    if "value" not in fields:
        raise PayloadError(f"{where}.value", "is missing")
    unit = None if fields.get("unit") is None else text_of(fields, "unit", f"{where}.")
    return number_of(fields["value"], _UCUM.get(unit or "", unit), f"{where}.value")


def _device_time(body: Fields, arrival: Arrival) -> tuple[datetime | None, tuple[QualityFlag, ...]]:
    """When it was: a point in time, or the end of the interval that the measurement took.

    The schemas require a time; a record without a usable one is undated and not refused, because
    a dangerous value must not be lost with its date.
    """
    where = "body.effective_time_frame"
    frame = fields_of(body.get("effective_time_frame") or {}, where)
    said = frame.get("date_time")
    if said is None:
        interval = fields_of(frame.get("time_interval") or {}, f"{where}.time_interval")
        said = interval.get("end_date_time") or interval.get("start_date_time")
    local = local_time(said, arrival.zone)
    return local, () if local else (QualityFlag.TIME_FAULT,)


def _context(header: Fields, body: Fields) -> dict[str, str]:
    words = {name: text_of(body, name, "body.") for name in _CONTEXT if body.get(name) is not None}
    meal = _MEALS.get(words.get("temporal_relationship_to_meal", ""))
    if meal is not None:
        words["meal"] = meal
    provenance = header.get("acquisition_provenance")
    source = (
        header if provenance is None else fields_of(provenance, "header.acquisition_provenance")
    )
    if source.get("modality") is not None:
        words["modality"] = text_of(source, "modality", "header.")
    return words
