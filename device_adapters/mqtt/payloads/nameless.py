"""Takes the person out of a document before it is kept: names live in the service alone (law 9).

FHIR and Open mHealth documents say whose reading it is. A hub does not need to know: the device is
bound to somebody in the service. What remains keeps its digits exactly as sent.
"""

import msgspec

_PERSONAL = frozenset(
    {"subject", "performer", "note", "text", "encounter", "focus", "identifier", "user_id"}
)
"""Elements of a FHIR Observation, and of an Open mHealth header, that may tell who it was: a PHD
gateway writes the patient's code into the identifier."""

_NESTED = frozenset({"header", "body"})
_CONTAINED_KEPT = frozenset({"Device", "Observation"})

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_RESOURCES = msgspec.json.Decoder(list[msgspec.Raw])


class _Resource(msgspec.Struct, frozen=True, rename={"kind": "resourceType"}):
    kind: str = ""


_TYPE = msgspec.json.Decoder(_Resource)


def nameless(payload: bytes) -> bytes:
    """`payload` without the elements that tell who it was; what is no JSON object stays as it is.

    Never fails. Contained resources other than devices and observations (a Patient) go as well.
    """
    try:
        fields = _OBJECT.decode(payload)
        kept = {name: raw for name, raw in fields.items() if name not in _PERSONAL}
        for name in _NESTED & kept.keys():
            kept[name] = msgspec.Raw(nameless(bytes(kept[name])))
        if "contained" in kept:
            kept["contained"] = _without_people(kept["contained"])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return payload
    return payload if kept == fields else msgspec.json.encode(kept)


def _without_people(contained: msgspec.Raw) -> msgspec.Raw:
    kept = [
        msgspec.Raw(nameless(bytes(resource)))
        for resource in _RESOURCES.decode(contained)
        if _TYPE.decode(resource).kind in _CONTAINED_KEPT
    ]
    return msgspec.Raw(msgspec.json.encode(kept))
