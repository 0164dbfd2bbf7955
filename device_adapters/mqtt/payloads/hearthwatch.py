"""Our own device format, version 1: one JSON document a reading on `dev/1/<device key>/reading`.

Pure. The schema that device makers read is `device_adapters/mqtt/schemas/device-reading-1.json`;
this decoder is more forgiving where refusing would cost a value: a unit that is missing or unknown
is kept as sent (intake quarantines it by name), a time that cannot be read is no time. Text with
control characters or half a surrogate pair is refused: no store and no screen further on takes it.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import cast

from device_adapters.mqtt.payloads.body import (
    MAX_TEXT,
    Arrival,
    Fields,
    PayloadError,
    device_key,
    document_of,
    fields_of,
    number_of,
    origin_of,
    text_of,
)
from device_adapters.plain_text import is_plain
from rules.vocabulary import (
    Bound,
    DeviceRef,
    Observation,
    QualityFlag,
    Quantity,
    QuantityName,
    Vital,
)

VERSION = 1
TOPIC_FILTER = "dev/1/+/reading"
SOURCE = "mqtt:hearthwatch"
MAX_WORDS = 16
LARGEST_COUNT = 2**31 - 1

KINDS: Mapping[str, Vital] = {
    "blood_pressure": Vital.BLOOD_PRESSURE,
    "glucose": Vital.GLUCOSE,
    "temperature": Vital.TEMPERATURE,
    "spo2": Vital.SPO2,
    "weight": Vital.WEIGHT,
    "pulse": Vital.PULSE,
}
_FLAGS: Mapping[str, QualityFlag] = {flag.value: flag for flag in QualityFlag}
_NAMES: Mapping[str, QuantityName] = {name.value: name for name in QuantityName}
_TEXTS = {"LO": Bound.BELOW, "HI": Bound.ABOVE}


def decode_reading(payload: bytes, arrival: Arrival) -> Observation:
    """The observation in `payload`, its origin decided.

    Raises:
        PayloadError: too large, not JSON, not version 1, a field missing or of a wrong type, text
            with control characters or lone surrogates, a number beyond 10^12, or a device other
            than the one of the topic.
    """
    document = _document(payload)
    device = _device(document)
    if arrival.topic != f"dev/1/{device_key(device)}/reading":
        raise PayloadError("device", f"{device.key} may not publish on {arrival.topic}")
    kind = KINDS.get(text_of(document, "kind", ""))
    if kind is None:
        raise PayloadError("kind", f"is not one of {', '.join(KINDS)}")
    device_time, clock_flags = _device_time(document)
    flags, context = _words(document)
    return Observation(
        device=device,
        kind=kind,
        quantities=_quantities(document),
        received=arrival.received,
        hub=arrival.hub,
        session=arrival.session,
        ordinal=arrival.ordinal,
        origin=origin_of(device_time, arrival),
        user_slot=_count(document, "user"),
        device_time=device_time,
        sequence=_count(document, "sequence"),
        flags=flags + clock_flags,
        context=context,
        source=SOURCE,
        raw=payload,
    )


def _document(payload: bytes) -> Fields:
    document = document_of(payload)
    if document.get("v") != VERSION:
        raise PayloadError("v", f"is {document.get('v')!s:.40}, not {VERSION}")
    return document


def _count(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    # 7.0 is a whole number too, to JSON Schema and to every device written in JavaScript.
    possible = isinstance(value, Decimal) and 0 <= value <= LARGEST_COUNT
    if not isinstance(value, Decimal) or not possible or value != int(value):
        raise PayloadError(name, "is not a whole number from 0 or null")
    return int(value)


def _device(document: Fields) -> DeviceRef:
    fields = fields_of(document.get("device"), "device")
    return DeviceRef(
        manufacturer=text_of(fields, "manufacturer", "device."),
        model=text_of(fields, "model", "device."),
        serial=text_of(fields, "serial", "device."),
    )


def _device_time(document: Fields) -> tuple[datetime | None, tuple[QualityFlag, ...]]:
    value = document.get("device_time")
    if value is None:
        return None, ()
    if not isinstance(value, str):
        raise PayloadError("device_time", "is not a text or null")
    try:
        stamp = datetime.fromisoformat(value)
    except ValueError:
        return None, (QualityFlag.TIME_FAULT,)
    # A clock that writes an offset is not the local clock the format asks for; its value counts.
    return (stamp, ()) if stamp.tzinfo is None else (None, (QualityFlag.TIME_FAULT,))


def _words(document: Fields) -> tuple[tuple[QualityFlag, ...], dict[str, str]]:
    words = _list(document.get("flags"))
    if len(words) > MAX_WORDS:
        raise PayloadError("flags", f"holds more than {MAX_WORDS} words")
    context = _context(document)
    flags: list[QualityFlag] = []
    unknown: list[str] = []
    for word in words:
        if not isinstance(word, str) or len(word) > MAX_TEXT:
            raise PayloadError("flags", "is not a list of words")
        if not is_plain(word):
            raise PayloadError("flags", f"{word} holds a control character or half a character")
        flag = _FLAGS.get(word)
        if flag is None:
            unknown.append(word)
        else:
            flags.append(flag)
    if unknown:
        context["unknown_flags"] = ",".join(unknown)
    return tuple(dict.fromkeys(flags)), context


def _list(value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise PayloadError("flags", "is not a list of words")
    return cast("list[object]", value)


def _context(document: Fields) -> dict[str, str]:
    given = document.get("context")
    fields: Fields = {} if given is None else fields_of(given, "context")
    if len(fields) > MAX_WORDS:
        raise PayloadError("context", f"has more than {MAX_WORDS} entries")
    for name in fields:
        if not is_plain(name):
            raise PayloadError(
                f"context.{name:.40}", "holds a control character or half a character in its name"
            )
    return {name: text_of(fields, name, "context.") for name in fields}


def _quantities(document: Fields) -> dict[QuantityName, Quantity]:
    fields = fields_of(document.get("quantities"), "quantities")
    if not fields:
        raise PayloadError("quantities", "is empty")
    quantities: dict[QuantityName, Quantity] = {}
    for name, value in fields.items():
        where = f"quantities.{name:.40}"
        quantity_name = _NAMES.get(name)
        if quantity_name is None:
            raise PayloadError(where, "is not a quantity")
        quantities[quantity_name] = _quantity(fields_of(value, where), where)
    return quantities


def _quantity(fields: Fields, where: str) -> Quantity:
    unit = None if fields.get("unit") is None else text_of(fields, "unit", f"{where}.")
    if ("value" in fields) == ("text" in fields):
        raise PayloadError(where, "needs exactly one of value and text")
    if "text" in fields:
        bound = _TEXTS.get(text_of(fields, "text", f"{where}."))
        if bound is None:
            raise PayloadError(f"{where}.text", "is neither LO nor HI")
        return Quantity(unit=unit, censored=bound)
    return number_of(fields["value"], unit, f"{where}.value")
