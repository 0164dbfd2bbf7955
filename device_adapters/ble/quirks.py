"""Where a model departs from the specification: one row a model, data that decoders read.

A row is keyed by the model string of Device Information (0x2A24). A decoder never asks for a model
name; it asks the quirk whether, for example, the user byte is always there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirk:
    """How one model departs from the specification; the defaults are the specification.

    `user_byte_always`: 2A35 carries the user id although its flag is clear.
    `pulse_and_status_big_endian`: in 2A35 these two fields are big-endian, pressures are not.
    """

    user_byte_always: bool = False
    pulse_and_status_big_endian: bool = False


NONE = Quirk()

QUIRKS: Mapping[str, Quirk] = MappingProxyType(
    {
        # Captured frame in derdilla/blood-pressure-monitor-fl, ble_measurement_data_test.dart.
        "BM85": Quirk(user_byte_always=True, pulse_and_status_big_endian=True),
    }
)


def quirk_of(model: str | None) -> Quirk:
    """The row of `model`; the specification itself for a model without one, or None."""
    return QUIRKS.get((model or "").strip(), NONE)
