"""Our own device format, version 1: one JSON document a reading on `dev/1/<device key>/reading`.

Pure. The schema that device makers read is `device_adapters/mqtt/schemas/device-reading-1.json`;
this decoder is more forgiving where refusing would cost a value: a unit that is missing or unknown
is kept as sent (intake quarantines it by name), a time that cannot be read is no time. Text with
control characters or half a surrogate pair is refused: no store and no screen further on takes it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import cast

from device_adapters.adapter import AdapterError
from device_adapters.plain_text import escaped, is_plain
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
from rules.wire import MAX_DECIMAL_EXPONENT

VERSION = 1
TOPIC_FILTER = "dev/1/+/reading"
SOURCE = "mqtt:hearthwatch"
MAX_PAYLOAD_BYTES = 16 * 1024
MAX_TEXT = 64
MAX_WORDS = 16
LARGEST_COUNT = 2**31 - 1
LIVE_WITHIN = timedelta(minutes=5)
FIRST_POSSIBLE_YEAR = 2015
"""No device of this format is older: an earlier date is a clock that lost its battery."""

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
_SPECIAL: Mapping[str, NoValue | Bound] = {
    "NaN": NoValue.NAN,
    "Infinity": Bound.ABOVE,
    "-Infinity": Bound.BELOW,
}
_NOT_IN_KEY = re.compile(r"[^A-Za-z0-9._-]")

Fields = Mapping[str, object]


class PayloadError(AdapterError, ValueError):
    """A document is not a reading; `field` names the part, the text is `field: reason`.

    What the device wrote is quoted with its control characters written out.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = escaped(field)
        self.reason = escaped(reason)
        super().__init__(f"{self.field}: {self.reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How a document reached the hub; `session` and `ordinal` name the connection and the place."""

    topic: str
    retain: bool
    received: HubStamp
    hub: HubId
    session: str
    ordinal: int
    zone: tzinfo


def device_key(device: DeviceRef) -> str:
    """The topic level of a device: its three names joined by `~`, odd characters as `_`."""
    names = (device.manufacturer, device.model, device.serial)
    return "~".join(_NOT_IN_KEY.sub("_", name) for name in names)


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
    kind = KINDS.get(_text(document, "kind", ""))
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
        origin=_origin(device_time, arrival),
        user_slot=_count(document, "user"),
        device_time=device_time,
        sequence=_count(document, "sequence"),
        flags=flags + clock_flags,
        context=context,
        source=SOURCE,
        raw=payload,
    )


def _document(payload: bytes) -> Fields:
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise PayloadError("document", f"{len(payload)} bytes, at most {MAX_PAYLOAD_BYTES}")
    try:
        parsed: object = json.loads(
            payload, parse_float=Decimal, parse_int=Decimal, parse_constant=_SPECIAL.__getitem__
        )
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise PayloadError("document", f"is not JSON: {error}") from error
    document = _fields(parsed, "document")
    if document.get("v") != VERSION:
        raise PayloadError("v", f"is {document.get('v')!s:.40}, not {VERSION}")
    return document


def _fields(value: object, field: str) -> Fields:
    if not isinstance(value, dict):
        raise PayloadError(field, "is not an object")
    return cast("dict[str, object]", value)


def _text(fields: Fields, name: str, where: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT or not value.isprintable():
        raise PayloadError(
            f"{where}{name}", f"is not a printable text of 1 to {MAX_TEXT} characters"
        )
    return value


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
    fields = _fields(document.get("device"), "device")
    return DeviceRef(
        manufacturer=_text(fields, "manufacturer", "device."),
        model=_text(fields, "model", "device."),
        serial=_text(fields, "serial", "device."),
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
    fields: Fields = {} if given is None else _fields(given, "context")
    if len(fields) > MAX_WORDS:
        raise PayloadError("context", f"has more than {MAX_WORDS} entries")
    for name in fields:
        if not is_plain(name):
            raise PayloadError(
                f"context.{name:.40}", "holds a control character or half a character in its name"
            )
    return {name: _text(fields, name, "context.") for name in fields}


def _quantities(document: Fields) -> dict[QuantityName, Quantity]:
    fields = _fields(document.get("quantities"), "quantities")
    if not fields:
        raise PayloadError("quantities", "is empty")
    quantities: dict[QuantityName, Quantity] = {}
    for name, value in fields.items():
        where = f"quantities.{name:.40}"
        quantity_name = _NAMES.get(name)
        if quantity_name is None:
            raise PayloadError(where, "is not a quantity")
        quantities[quantity_name] = _quantity(_fields(value, where), where)
    return quantities


def _quantity(fields: Fields, where: str) -> Quantity:
    unit = None if fields.get("unit") is None else _text(fields, "unit", f"{where}.")
    if ("value" in fields) == ("text" in fields):
        raise PayloadError(where, "needs exactly one of value and text")
    if "text" in fields:
        bound = _TEXTS.get(_text(fields, "text", f"{where}."))
        if bound is None:
            raise PayloadError(f"{where}.text", "is neither LO nor HI")
        return Quantity(unit=unit, censored=bound)
    return _number(fields["value"], unit, f"{where}.value")


def _number(said: object, unit: str | None, where: str) -> Quantity:
    match said:
        case None:
            return Quantity(unit=unit, no_value=NoValue.NAN)
        case NoValue() as no_value:
            return Quantity(unit=unit, no_value=no_value)
        case Bound() as bound:
            return Quantity(unit=unit, censored=bound)
        case Decimal() as value:
            if abs(value.adjusted()) > MAX_DECIMAL_EXPONENT:
                raise PayloadError(where, f"{value:.3E} is not a measurement")
            return Quantity(value=value, unit=unit)
        case _:
            raise PayloadError(where, "is not a number")


def _origin(device_time: datetime | None, arrival: Arrival) -> Origin:
    """Live when measured within five minutes of arrival, or undated and not retained.

    A clock that shows a year before 2015 or a day to come dates nothing (law 3).
    """
    wall = arrival.received.wall
    if device_time is None or device_time.year < FIRST_POSSIBLE_YEAR:
        return Origin.BACKLOG if arrival.retain else Origin.LIVE
    if not arrival.received.wall_trusted:
        return Origin.BACKLOG
    try:
        age = wall - device_time.replace(tzinfo=arrival.zone)
    except OverflowError:
        return Origin.BACKLOG
    if age < -timedelta(days=1):
        return Origin.BACKLOG if arrival.retain else Origin.LIVE
    return Origin.LIVE if abs(age) <= LIVE_WITHIN else Origin.BACKLOG
