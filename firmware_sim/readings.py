"""Well-formed readings of every kind that a device publishes, from a seed: a generator of messages.

Values are what home devices of that kind show for people at home (round, inside the device's
range), not a model of anybody: `firmware_sim.physiology` and `firmware_sim.cohort` are that.
"""

import random
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import get_args

from firmware_sim.publisher import Kind, Quantity, Reading

KINDS: tuple[Kind, ...] = get_args(Kind)
"""Every kind of reading, in the order of the device format."""

_Values = tuple[tuple[str, float, str], ...]


def typical_reading(
    kind: Kind, chance: random.Random, *, shown: datetime | None, sequence: int | None
) -> Reading:
    """A reading that no rule of the first pack rings for by itself.

    Args:
        kind: What is measured.
        chance: Where the values come from.
        shown: What the device's clock shows; None for a device without one.
        sequence: The device's own count.
    """
    values = _TYPICAL[kind](chance)
    return Reading(
        kind=kind,
        quantities=tuple((name, Quantity(value=value, unit=unit)) for name, value, unit in values),
        device_time=shown,
        sequence=sequence,
        meal=chance.choice(("fasting", "postprandial")) if kind == "glucose" else None,
    )


def _blood_pressure(chance: random.Random) -> _Values:
    systolic, diastolic = chance.randint(112, 132), chance.randint(66, 82)
    mean = round(diastolic + (systolic - diastolic) / 3)
    return (
        ("systolic", systolic, "mm[Hg]"),
        ("diastolic", diastolic, "mm[Hg]"),
        ("mean", mean, "mm[Hg]"),
        ("pulse", chance.randint(58, 84), "/min"),
    )


def _glucose(chance: random.Random) -> _Values:
    return (("glucose", chance.randint(48, 68) / 10, "mmol/L"),)


def _temperature(chance: random.Random) -> _Values:
    return (("temperature", chance.randint(362, 369) / 10, "Cel"),)


def _spo2(chance: random.Random) -> _Values:
    return (("spo2", chance.randint(95, 99), "%"), ("pulse", chance.randint(58, 84), "/min"))


def _weight(chance: random.Random) -> _Values:
    return (("weight", chance.randint(480, 820) / 10, "kg"),)


def _pulse(chance: random.Random) -> _Values:
    return (("pulse", chance.randint(58, 84), "/min"),)


_TYPICAL: Mapping[Kind, Callable[[random.Random], _Values]] = MappingProxyType(
    {
        "blood_pressure": _blood_pressure,
        "glucose": _glucose,
        "temperature": _temperature,
        "spo2": _spo2,
        "weight": _weight,
        "pulse": _pulse,
    }
)
