"""The elements of a FHIR Observation that we read: codings, quantities, times, contained resources.

Pure; each takes a part of the parsed document and `where` it stands, for the refusal's sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TypeVar

from device_adapters.mqtt.payloads.body import (
    Fields,
    PayloadError,
    fields_of,
    items_of,
    local_time,
    number_of,
    text_of,
)
from device_adapters.mqtt.payloads.fhir_codes import (
    ABSENT,
    ABSENT_VALUES,
    COMPARATORS,
    MDC,
    TIMES_COINCIDE,
    UCUM,
    ucum,
)
from rules.vocabulary import Bound, CoincidentClocks, NoValue, Quantity

_T = TypeVar("_T")

_MOST_ITEMS = 32

Coding = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When it was measured: by the gateway's clock and as the device itself showed it.

    All three are None where the resource says no instant; `clocks` also where it contains no
    coincident time stamp, and then `shown` is `effective`.
    """

    effective: datetime | None
    shown: datetime | None
    clocks: CoincidentClocks | None


def children(parent: Fields, name: str) -> list[Fields]:
    """The objects of the list `name`; absent is none.

    Raises:
        PayloadError: not a list of at most 32 objects.
    """
    items = items_of(parent.get(name), name)
    if len(items) > _MOST_ITEMS:
        raise PayloadError(name, f"has more than {_MOST_ITEMS} entries")
    return [fields_of(item, f"{name}[{place}]") for place, item in enumerate(items)]


def codings(concept: object, where: str) -> tuple[Coding, ...]:
    """System and code of each coding of a CodeableConcept; those without either say nothing."""
    if concept is None:
        return ()
    said: list[Coding] = []
    for coding in children(fields_of(concept, where), "coding"):
        system, code = coding.get("system"), coding.get("code")
        if isinstance(system, str) and isinstance(code, str):
            said.append((system, code))
    return tuple(said)


def first_known(said: Sequence[Coding], table: Mapping[Coding, _T]) -> _T | None:
    """What `table` says of the first coding it knows, MDC before others: the device's own word."""
    for coding in sorted(said, key=lambda coding: coding[0] != MDC):
        if coding in table:
            return table[coding]
    return None


def quantity_of(element: Fields, where: str) -> Quantity:
    """The value of an observation or component, or why it has none.

    Raises:
        PayloadError: neither `valueQuantity` nor `dataAbsentReason`, both, or no number.
    """
    given, absent = element.get("valueQuantity"), element.get("dataAbsentReason")
    if (given is None) == (absent is None):
        raise PayloadError(
            f"{where}valueQuantity", "is needed, or else dataAbsentReason, and not both"
        )
    if absent is not None:
        return _absent(codings(absent, f"{where}dataAbsentReason"))
    fields = fields_of(given, f"{where}valueQuantity")
    where = f"{where}valueQuantity."
    if fields.get("value") is None:
        raise PayloadError(f"{where}value", "is missing")
    quantity = number_of(fields["value"], _unit(fields, where), f"{where}value")
    return _compared(quantity, fields.get("comparator"), where)


def times_of(document: Fields, contained: Sequence[Fields], zone: tzinfo) -> Times:
    """The times of an Observation; what clocks in `zone` show."""
    period = document.get("effectivePeriod")
    said = document.get("effectiveDateTime") or document.get("effectiveInstant")
    if said is None and period is not None:
        ends = fields_of(period, "effectivePeriod")
        said = ends.get("end") or ends.get("start")
    effective = local_time(said, zone)
    clocks = _clocks(contained, zone)
    if effective is None or clocks is None:
        return Times(effective=effective, shown=effective, clocks=None)
    gateway = clocks.hub_time.astimezone(zone).replace(tzinfo=None)
    try:
        shown = effective - (gateway - clocks.device_time)
    except OverflowError:
        return Times(effective=effective, shown=effective, clocks=None)
    return Times(effective=effective, shown=shown, clocks=clocks)


def _absent(said: Sequence[Coding]) -> Quantity:
    reasons = [code for system, code in said if system == ABSENT]
    known = ABSENT_VALUES.get(reasons[0] if reasons else "", NoValue.NRES)
    if isinstance(known, Bound):
        return Quantity(unit=None, censored=known)
    return Quantity(unit=None, no_value=known)


def _unit(fields: Fields, where: str) -> str | None:
    """The UCUM code; `unit` is a text for people and a foreign system's code is no unit of ours."""
    if fields.get("system") != UCUM or fields.get("code") is None:
        return None
    return ucum(text_of(fields, "code", where))


def _compared(quantity: Quantity, comparator: object, where: str) -> Quantity:
    if comparator is None:
        return quantity
    bound = COMPARATORS.get(comparator) if isinstance(comparator, str) else None
    if bound is None:
        raise PayloadError(f"{where}comparator", f"is not one of {', '.join(COMPARATORS)}")
    return Quantity(unit=quantity.unit, censored=bound)


def _clocks(contained: Sequence[Fields], zone: tzinfo) -> CoincidentClocks | None:
    for resource in contained:
        if (MDC, TIMES_COINCIDE) not in codings(resource.get("code"), "contained.code"):
            continue
        shown = local_time(resource.get("valueDateTime"), zone)
        gateway = local_time(resource.get("effectiveDateTime"), zone)
        if shown is not None and gateway is not None:
            return CoincidentClocks(device_time=shown, hub_time=gateway.replace(tzinfo=zone))
    return None
