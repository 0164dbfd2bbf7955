"""What a condition could come to when its inputs are known only within bounds. Pure, vectorised.

One element a reading. A number is an interval that holds the value the exact stage would see, a
truth the set of results that are possible (CEL's three-valued logic: an unknown operand leaves the
result unknown unless the other one settles it). Whatever is widened here only costs time: more
readings go to the exact stage; nothing here may ever be too narrow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

YES: Flags = np.ones((), dtype=np.bool_)
NO: Flags = np.zeros((), dtype=np.bool_)
_INFINITE: Floats = np.full((), np.inf)


@dataclass(frozen=True, slots=True)
class Truth:
    """Which results are possible: true, false, unknown."""

    yes: Flags
    no: Flags
    unknown: Flags


@dataclass(frozen=True, slots=True)
class Range:
    """A number between `low` and `high`, both included, or unknown where that is possible."""

    low: Floats
    high: Floats
    unknown: Flags = field(default_factory=lambda: NO)


ANY_TRUTH = Truth(YES, YES, YES)
ANY_NUMBER = Range(-_INFINITE, _INFINITE, YES)
COUNT = Range(np.zeros(()), _INFINITE)
"""A number of readings or days of which nothing is known."""


def exactly(number: float) -> Range:
    """A literal."""
    value = np.full((), float(number))
    return Range(value, value)


def as_truth(found: Truth | Range) -> Truth:
    """What stands where a truth is wanted; a function without a bound could be anything."""
    return found if isinstance(found, Truth) else ANY_TRUTH


def as_range(found: Truth | Range) -> Range:
    """What stands where a number is wanted; a function without a bound could be anything."""
    return found if isinstance(found, Range) else ANY_NUMBER


def both(one: Truth, other: Truth) -> Truth:
    """`&&`."""
    unknown = (one.unknown & (other.yes | other.unknown)) | (other.unknown & one.yes)
    return Truth(one.yes & other.yes, one.no | other.no, unknown)


def either(one: Truth, other: Truth) -> Truth:
    """`||`."""
    unknown = (one.unknown & (other.no | other.unknown)) | (other.unknown & one.no)
    return Truth(one.yes | other.yes, one.no & other.no, unknown)


def opposite(one: Truth) -> Truth:
    """`!`."""
    return Truth(one.no, one.yes, one.unknown)


def compare(one: Range, sign: str, other: Range) -> Truth:
    """`<`, `<=`, `>` or `>=`."""
    if sign in {"<", "<="}:
        one, sign, other = other, {"<": ">", "<=": ">="}[sign], one
    unknown = one.unknown | other.unknown
    if sign == ">=":
        return Truth(one.high >= other.low, one.low < other.high, unknown)
    return Truth(one.high > other.low, one.low <= other.high, unknown)


def calculate(one: Range, sign: str, other: Range) -> Range:
    """`+`, `-`, `*` or `/`; what cannot be bounded is unbounded."""
    operate = _OPERATIONS[sign]
    with np.errstate(all="ignore"):
        ends = np.stack(
            np.broadcast_arrays(
                *(operate(a, b) for a in (one.low, one.high) for b in (other.low, other.high))
            )
        )
    low, high = ends.min(axis=0), ends.max(axis=0)
    loose = np.isnan(ends).any(axis=0)
    if sign == "/":
        loose = loose | ((other.low <= 0) & (other.high >= 0))
    return Range(
        np.where(loose, -np.inf, low), np.where(loose, np.inf, high), one.unknown | other.unknown
    )


def greater(one: Range, other: Range) -> Range:
    """The greater of two numbers."""
    low, high = np.maximum(one.low, other.low), np.maximum(one.high, other.high)
    return Range(low, high, one.unknown | other.unknown)


def widened(one: Range, by: float) -> Range:
    """The same with room for what rounding may move."""
    return Range(one.low - by, one.high + by, one.unknown)


_OPERATIONS: Mapping[str, Callable[[Floats, Floats], Floats]] = MappingProxyType(
    {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
)
