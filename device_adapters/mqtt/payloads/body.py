"""What all bodies share: how a document is opened, and how a text, a number and a time are taken.

Pure. A `PayloadError` names the part at fault. Text with control characters or half a surrogate
pair is refused: no store and no screen further on takes it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from hashlib import sha256
from typing import cast

from device_adapters.adapter import AdapterError
from device_adapters.plain_text import escaped
from rules.vocabulary import (
    Bound,
    DeviceRef,
    HubId,
    HubStamp,
    NoValue,
    Observation,
    Origin,
    Quantity,
)
from rules.wire import MAX_DECIMAL_EXPONENT

MAX_PAYLOAD_BYTES = 16 * 1024
MAX_TEXT = 64
LIVE_WITHIN = timedelta(minutes=5)
FIRST_POSSIBLE_YEAR = 2015
"""No device of our own format is older: an earlier date is a clock that lost its battery."""

FIRST_DOCUMENTED_YEAR = 2005
"""Open mHealth and FHIR also carry what was measured long ago; a clock that lost the time falls
back to 1970, 1980 or 2000."""

_SPECIAL: Mapping[str, NoValue | Bound] = {
    "NaN": NoValue.NAN,
    "Infinity": Bound.ABOVE,
    "-Infinity": Bound.BELOW,
}
_NOT_IN_KEY = re.compile(r"[^A-Za-z0-9._-]")

RETAINED = "retained-"
"""How the session of a message begins that the broker had kept: nobody can tell since when."""

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


def is_retained(observation: Observation) -> bool:
    """Whether the broker had kept the message: then its arrival dates nothing."""
    return observation.session.startswith(RETAINED)


def device_key(device: DeviceRef) -> str:
    """The topic level of a device: its three names joined by `~`, odd characters as `_`.

    A name with letters beyond ASCII is told from others of its length by what follows it: `-` and
    the first eight hex digits of the SHA-256 of its UTF-8 octets.
    """
    names = (device.manufacturer, device.model, device.serial)
    return "~".join(_level_of(name) for name in names)


def _level_of(name: str) -> str:
    plain = _NOT_IN_KEY.sub("_", name)
    return plain if name.isascii() else f"{plain}-{sha256(name.encode()).hexdigest()[:8]}"


def device_of_topic(topic: str) -> DeviceRef:
    """The device that a topic's third level names: a body that carries no type label.

    Raises:
        PayloadError: the level is not `manufacturer~model~serial` of letters, digits, `._-`.
    """
    names = topic.split("/")[2].split("~")
    if len(names) != 3 or any(  # noqa: PLR2004 - manufacturer, model, serial
        not name or len(name) > MAX_TEXT or _NOT_IN_KEY.search(name) for name in names
    ):
        raise PayloadError("topic", f"{topic:.200} names no manufacturer~model~serial")
    manufacturer, model, serial = names
    return DeviceRef(manufacturer=manufacturer, model=model, serial=serial)


def document_of(payload: bytes) -> Fields:
    """The JSON object in `payload`; numbers are Decimals with the digits as sent.

    Raises:
        PayloadError: over `MAX_PAYLOAD_BYTES`, not JSON, or not an object.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise PayloadError("document", f"{len(payload)} bytes, at most {MAX_PAYLOAD_BYTES}")
    try:
        parsed: object = json.loads(
            payload, parse_float=Decimal, parse_int=Decimal, parse_constant=_SPECIAL.__getitem__
        )
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise PayloadError("document", f"is not JSON: {error}") from error
    return fields_of(parsed, "document")


def fields_of(value: object, field: str) -> Fields:
    """`value` as an object; raises PayloadError when it is none."""
    if not isinstance(value, dict):
        raise PayloadError(field, "is not an object")
    return cast("dict[str, object]", value)


def items_of(value: object, field: str) -> list[object]:
    """`value` as a list, absent as an empty one; raises PayloadError when it is something else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise PayloadError(field, "is not a list")
    return cast("list[object]", value)


def text_of(fields: Fields, name: str, where: str) -> str:
    """The printable text `name` of 1 to 64 characters; `where` is the path before it, with dot.

    Raises:
        PayloadError: absent, too long, or not printable.
    """
    value = fields.get(name)
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT or not value.isprintable():
        raise PayloadError(
            f"{where}{name}", f"is not a printable text of 1 to {MAX_TEXT} characters"
        )
    return value


def number_of(said: object, unit: str | None, where: str) -> Quantity:
    """A JSON number, or what programs write in its place: null, NaN, Infinity.

    Raises:
        PayloadError: no number, or one beyond 10^12.
    """
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


def local_time(said: object, zone: tzinfo) -> datetime | None:
    """What clocks in `zone` show at an instant written with its offset (RFC 3339), else None.

    A date without an offset, or without a time of day, is no instant; nothing is guessed.
    """
    if not isinstance(said, str) or len(said) > MAX_TEXT or "T" not in said.upper():
        return None
    try:
        instant = datetime.fromisoformat(said)
        return None if instant.tzinfo is None else instant.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None


def origin_of(
    device_time: datetime | None, arrival: Arrival, first_year: int = FIRST_POSSIBLE_YEAR
) -> Origin:
    """Live when measured within five minutes of arrival, or undated and not retained.

    `device_time` is in the zone of `arrival`. A clock that shows a time before `first_year` or one
    to come dates nothing (law 3): nobody measures in the future, so summer time, drift or a wrong
    setting must not turn what was published now into history.
    """
    wall = arrival.received.wall
    if device_time is None or device_time.year < first_year:
        return Origin.BACKLOG if arrival.retain else Origin.LIVE
    if not arrival.received.wall_trusted:
        return Origin.BACKLOG
    try:
        age = wall - device_time.replace(tzinfo=arrival.zone)
    except OverflowError:
        return Origin.BACKLOG
    if age < -LIVE_WITHIN:
        return Origin.BACKLOG if arrival.retain else Origin.LIVE
    return Origin.LIVE if age <= LIVE_WITHIN else Origin.BACKLOG
