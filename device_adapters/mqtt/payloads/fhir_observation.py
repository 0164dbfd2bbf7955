"""FHIR R4 Observations as a personal health gateway writes them (HL7 PHD guide 2.1.0), one each.

Topic: `fhir/1/<manufacturer~model~serial>/Observation`. The device stands in the topic, because a
reference to a resource elsewhere names nothing here; a contained Device must be the same one.

A PHD gateway moves the device's times onto its own clock. Where the coincident time stamp is
contained too, the time as the device sent it is computed back and both clocks are handed on:
identity rests on what the device sent, and the core makes the correction once.
"""

from collections.abc import Sequence
from hashlib import sha256

from device_adapters.mqtt.payloads.body import (
    FIRST_DOCUMENTED_YEAR,
    Arrival,
    Fields,
    PayloadError,
    device_key,
    device_of_topic,
    document_of,
    fields_of,
    origin_of,
    text_of,
)
from device_adapters.mqtt.payloads.fhir_codes import (
    COMPONENTS,
    CONTROL_SOLUTION,
    DOUBTS,
    KINDS,
    MEAL,
    MEALS,
    NOT_OF_A_PERSON,
    STATUSES,
    TEST_LABEL,
)
from device_adapters.mqtt.payloads.fhir_elements import (
    Coding,
    children,
    codings,
    first_known,
    quantity_of,
    times_of,
)
from device_adapters.mqtt.payloads.nameless import nameless
from device_adapters.plain_text import is_plain
from rules.codes import MAIN_QUANTITIES
from rules.vocabulary import (
    DeviceRef,
    Observation,
    QualityFlag,
    Quantity,
    QuantityName,
    Vital,
)

TOPIC_FILTER = "fhir/1/+/Observation"
SOURCE = "mqtt:fhir"


def decode_fhir_observation(payload: bytes, arrival: Arrival) -> tuple[Observation, ...]:
    """The observation in a FHIR Observation resource.

    Raises:
        PayloadError: not an Observation of a known kind, codes that contradict each other, a
            status that forbids its use, demo data, a value of a wrong type, or another device's.
    """
    device = device_of_topic(arrival.topic)
    document = document_of(payload)
    _check(document)
    contained = children(document, "contained")
    _check_device(contained, device)
    kind = _kind(document)
    times = times_of(document, contained, arrival.zone)
    record = "" if times.shown else _record(document)
    observation = Observation(
        device=device,
        kind=kind,
        quantities=_quantities(document, kind),
        received=arrival.received,
        hub=arrival.hub,
        # Its own identifier makes a record without a time the same record each time it is sent.
        session=f"fhir-{record}" if record else arrival.session,
        ordinal=0 if record else arrival.ordinal,
        origin=origin_of(times.effective, arrival, FIRST_DOCUMENTED_YEAR),
        device_time=times.shown,
        clocks=times.clocks,
        flags=_flags(document, dated=times.shown is not None),
        context=_context(document),
        source=SOURCE,
        raw=nameless(payload),
    )
    return (observation,)


def _check(document: Fields) -> None:
    if document.get("resourceType") != "Observation":
        raise PayloadError("resourceType", "is not Observation")
    status = text_of(document, "status", "")
    if status not in STATUSES:
        raise PayloadError("status", f"{status} is none of {', '.join(sorted(STATUSES))}")
    said = _interpretation(document) & NOT_OF_A_PERSON
    if said:
        raise PayloadError("interpretation", f"says {', '.join(sorted(said))}")
    labels = children(fields_of(document.get("meta") or {}, "meta"), "security")
    if any(label.get("code") == TEST_LABEL for label in labels):
        raise PayloadError("meta.security", "says that it was sent for a test")


def _check_device(contained: Sequence[Fields], device: DeviceRef) -> None:
    for resource in contained:
        if resource.get("resourceType") != "Device" or "serialNumber" not in resource:
            continue
        said = DeviceRef(
            manufacturer=text_of(resource, "manufacturer", "contained.Device."),
            model=text_of(resource, "modelNumber", "contained.Device."),
            serial=text_of(resource, "serialNumber", "contained.Device."),
        )
        if device_key(said) != device_key(device):
            raise PayloadError("contained.Device", f"{said.key} may not be told of as {device.key}")


def _kind(document: Fields) -> Vital:
    """What the code says, or for a compound of a maker's own code what its components say."""
    said = codings(document.get("code"), "code")
    kind = _agreed(said, "code")
    if kind is not None:
        return kind
    parts = [
        codings(part.get("code"), "component.code") for part in children(document, "component")
    ]
    kinds = {found for part in parts if (found := _agreed(part, "component.code")) is not None}
    if len(kinds) != 1:
        raise PayloadError("code", "names no measurement that is known here")
    return kinds.pop()


def _agreed(said: Sequence[Coding], where: str) -> Vital | None:
    known = [KINDS[coding] for coding in said if coding in KINDS]
    if len({MAIN_QUANTITIES[kind] for kind in known}) > 1:
        raise PayloadError(where, f"means {' and '.join(kind.name for kind in known)} at once")
    return first_known(said, KINDS)


def _quantities(document: Fields, kind: Vital) -> dict[QuantityName, Quantity]:
    elements = [("", document)]
    elements += [
        (f"component[{place}].", part) for place, part in enumerate(children(document, "component"))
    ]
    quantities: dict[QuantityName, Quantity] = {}
    for where, element in elements:
        name = _name(codings(element.get("code"), f"{where}code"), kind)
        if name is None:
            continue
        if name in quantities:
            raise PayloadError(f"{where}code", f"says {name} a second time")
        quantities[name] = quantity_of(element, where)
    if not any(name in quantities for name in MAIN_QUANTITIES[kind]):
        raise PayloadError("component", f"has no {MAIN_QUANTITIES[kind][0]}")
    return quantities


def _name(said: Sequence[Coding], kind: Vital) -> QuantityName | None:
    part = first_known(said, COMPONENTS)
    if part is not None:
        return part
    main, known = MAIN_QUANTITIES[kind], first_known(said, KINDS)
    same = known is not None and MAIN_QUANTITIES[known] == main
    return main[0] if same and len(main) == 1 else None


def _record(document: Fields) -> str:
    """A digest of the resource's identifier, else of its id, else ""; PHD's names the patient."""
    said = [identifier.get("value") for identifier in children(document, "identifier")]
    for value in (*said, document.get("id")):
        if isinstance(value, str) and value and is_plain(value):
            return sha256(value.encode()).hexdigest()[:32]
    return ""


def _interpretation(document: Fields) -> frozenset[str]:
    concepts = children(document, "interpretation")
    return frozenset(code for concept in concepts for _, code in codings(concept, "interpretation"))


def _flags(document: Fields, *, dated: bool) -> tuple[QualityFlag, ...]:
    said = codings(document.get("code"), "code")
    parts = children(document, "component")
    said += tuple(coding for part in parts for coding in codings(part.get("code"), "component"))
    flags = [DOUBTS[word] for word in sorted(_interpretation(document) & DOUBTS.keys())]
    if CONTROL_SOLUTION in said:
        flags.append(QualityFlag.CONTROL_SOLUTION)
    if not dated and any(name.startswith("effective") for name in document):
        flags.append(QualityFlag.TIME_FAULT)
    return tuple(dict.fromkeys(flags))


def _context(document: Fields) -> dict[str, str]:
    words = {"interpretation": " ".join(sorted(_interpretation(document)))}
    if document.get("status") != "final":
        words["status"] = text_of(document, "status", "")
    for part in children(document, "component"):
        if MEAL in codings(part.get("code"), "component.code"):
            value = codings(part.get("valueCodeableConcept"), "component.valueCodeableConcept")
            words["meal"] = first_known(value, MEALS) or ""
    return {name: word for name, word in words.items() if word and is_plain(word)}
