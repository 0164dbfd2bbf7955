"""What Theengs Gateway and OpenMQTTGateway publish of the Bluetooth broadcasts they overhear.

Layout: `theengs/decoder` (GPL-3.0; read, not copied) and its devices' property lists. Topic:
`home/<gateway>/BTtoMQTT/<address without colons>`. Such a gateway tells of every beacon in reach;
only broadcasts of a body measurement are read, all others are nobody's reading and no fault.

Of the devices that Theengs decodes, two families of bathroom scales measure a body and say so. A
room thermometer's `tempc` is no body temperature, a sports strap's pulse is one of exercise, and a
kitchen scale weighs coffee: none of them is read. Cuffs, meters and oximeters do not broadcast
their values; they want a connection, which is the hub's work.
"""

import re
from collections.abc import Mapping

from device_adapters.mqtt.payloads.body import (
    Arrival,
    Fields,
    PayloadError,
    document_of,
    number_of,
    origin_of,
    text_of,
)
from rules.vocabulary import DeviceRef, Observation, Quantity, QuantityName, Vital

TOPIC_FILTER = "home/+/BTtoMQTT/+"
SOURCE = "mqtt:theengs"

SCALES = ("XMTZC01HM/XMTZC04HM", "XMTZC02HM/XMTZC05HM")
"""`model_id` of the scales whose decoders tell a person from a thing on the scale."""

_UCUM: Mapping[str, str] = {"lb": "[lb_av]"}
_ADDRESS = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}", re.ASCII)


def decode_theengs(payload: bytes, arrival: Arrival) -> tuple[Observation, ...]:
    """The weight of a person in a broadcast; nothing where it tells of something else.

    The serial number is the broadcaster's address: these scales say no other name of themselves,
    and theirs does not change. A broadcast has neither time nor number; whoever takes it in decides
    which of them repeat each other.

    Raises:
        PayloadError: no JSON object, or a scale's message without address, mode or a number.
    """
    document = document_of(payload)
    if document.get("model_id") not in SCALES or "weight" not in document:
        return ()
    mode = text_of(document, "weighing_mode", "")
    if mode != "person":
        return ()
    observation = Observation(
        device=_device(document, arrival.topic),
        kind=Vital.WEIGHT,
        quantities={QuantityName.WEIGHT: _weight(document)},
        received=arrival.received,
        hub=arrival.hub,
        session=arrival.session,
        ordinal=arrival.ordinal,
        origin=origin_of(None, arrival),
        context=_context(document),
        source=SOURCE,
        raw=payload,
    )
    return (observation,)


def _device(document: Fields, topic: str) -> DeviceRef:
    address = document.get("id")
    if not isinstance(address, str) or _ADDRESS.fullmatch(address) is None:
        raise PayloadError("id", "is not an address such as 00:11:22:33:44:55")
    serial = address.replace(":", "").upper()
    if topic.rpartition("/")[2].upper() != serial:
        raise PayloadError("id", f"{address} may not be told of on {topic:.200}")
    return DeviceRef(
        manufacturer=text_of(document, "brand", ""),
        model=text_of(document, "model", ""),
        serial=serial,
    )


def _weight(document: Fields) -> Quantity:
    unit = None if document.get("unit") is None else text_of(document, "unit", "")
    return number_of(document["weight"], _UCUM.get(unit or "", unit), "weight")


def _context(document: Fields) -> dict[str, str]:
    impedance = document.get("impedance")
    return {} if impedance is None else {"impedance_ohm": f"{impedance!s:.20}"}
