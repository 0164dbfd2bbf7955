"""What broken devices and broken software send over MQTT."""

from dataclasses import replace
from enum import StrEnum
from math import nan

from firmware_sim.identity import Identity
from firmware_sim.publisher import Quantity, Reading, encode_reading

_HUGE = 1e300


class Fault(StrEnum):
    """One way in which a document is wrong."""

    MISSING_UNIT = "missing_unit"
    UNKNOWN_UNIT = "unknown_unit"
    NOT_JSON = "not_json"
    NAN = "nan"
    HUGE = "huge"
    TRUNCATED = "truncated"
    NOT_OURS = "not_ours"


def spoil(identity: Identity, reading: Reading, fault: Fault) -> bytes:
    """The payload that a device with this fault publishes instead of the right one.

    Value and unit faults hit the first quantity only; the others stay right.
    """
    if fault is Fault.NOT_JSON:
        return b"\xff\x00sys=138;dia=88"
    if fault is Fault.NOT_OURS:
        return b'{"temperature":21.5,"room":"kitchen"}'
    if fault is Fault.TRUNCATED:
        whole = encode_reading(identity, reading)
        return whole[: len(whole) // 2]
    (name, first), *others = reading.quantities
    spoiled = ((name, _spoil_quantity(first, fault)), *others)
    return encode_reading(identity, replace(reading, quantities=spoiled))


def _spoil_quantity(quantity: Quantity, fault: Fault) -> Quantity:
    if fault is Fault.MISSING_UNIT:
        return replace(quantity, unit=None)
    if fault is Fault.UNKNOWN_UNIT:
        return replace(quantity, unit="furlong")
    return replace(quantity, value=nan if fault is Fault.NAN else _HUGE)
