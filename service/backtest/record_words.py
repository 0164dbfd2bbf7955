"""What the cells of a recorded line mean: codes, numbers, flags and instants."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, DecimalException
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gateway.recent import micros
from rules import codes
from rules.vocabulary import Bound, QualityFlag, QuantityName, Vital
from rules.window import DISTURBING_FLAGS, Value
from rules.words import WORDS, Parameter
from service.backtest.record_error import RecordError

Whole = NDArray[np.int64]

NUMBERS: Mapping[str, tuple[Vital, QuantityName]] = MappingProxyType(
    {
        "8480-6": (Vital.BLOOD_PRESSURE, QuantityName.SYSTOLIC),
        "8462-4": (Vital.BLOOD_PRESSURE, QuantityName.DIASTOLIC),
        "8867-4": (Vital.PULSE, QuantityName.PULSE),
        "14743-9": (Vital.GLUCOSE, QuantityName.GLUCOSE),
        "15074-8": (Vital.GLUCOSE, QuantityName.GLUCOSE),
        "2339-0": (Vital.GLUCOSE, QuantityName.GLUCOSE),
        "32016-8": (Vital.GLUCOSE, QuantityName.GLUCOSE),
        "41653-7": (Vital.GLUCOSE, QuantityName.GLUCOSE),
        "14749-6": (Vital.GLUCOSE_PLASMA, QuantityName.GLUCOSE),
        "2345-7": (Vital.GLUCOSE_PLASMA, QuantityName.GLUCOSE),
        "53060-9": (Vital.KETONE, QuantityName.KETONE),
        "2708-6": (Vital.SPO2, QuantityName.SPO2),
        "59408-5": (Vital.SPO2, QuantityName.SPO2),
        "8310-5": (Vital.TEMPERATURE, QuantityName.TEMPERATURE),
        "29463-7": (Vital.WEIGHT, QuantityName.WEIGHT),
        "9279-1": (Vital.RESPIRATORY_RATE, QuantityName.RESPIRATORY_RATE),
    }
)
"""LOINC codes that a line may carry.

Glucose stands under as many names as there are units and samples: capillary (14743-9, 32016-8,
41653-7), blood (15074-8, 2339-0), serum or plasma (14749-6, 2345-7). Of saturation 59408-5 names
the pulse oximeter.
"""

_FLAGS: Mapping[str, str] = MappingProxyType(
    {"movement": QualityFlag.BODY_MOVEMENT.value, "clock_unset": QualityFlag.CLOCK_NOT_SET.value}
    | {flag.value: flag.value for flag in QualityFlag}
)
_BOUNDS: Mapping[str, Bound] = MappingProxyType({"LO": Bound.BELOW, "HI": Bound.ABOVE})
_OTHER_FLAGS = frozenset({"arrival_time", "manual"})
_NUMBER = re.compile(r" *[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,3})? *\Z")
"""What a file writes as a number: `Decimal` also reads 1_85, and digits of any script."""

_TELLING = WORDS[Parameter.FLAG]
_YEARS = range(2000, 2100)
"""Days are counted from the first of these on, in columns that end in 2179."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What code, value and unit of a line come to."""

    vital: Vital
    quantity: QuantityName
    value: Value


def cell(code: str, value: str, unit: str, beyond: str) -> Cell:
    """The number of a line; `beyond` is `LO` or `HI` where the device could only tell the side.

    Raises:
        ValueError, ArithmeticError: it cannot be used; the text names the column.
    """
    if code not in NUMBERS:
        raise RecordError(f"code: {code!r} is no code we know")
    vital, name = NUMBERS[code]
    told = bool(value.strip()) or not beyond
    if told and not _NUMBER.match(value):
        raise RecordError(f"value: {value!r} is no number")
    if beyond:
        if unit:
            codes.to_canonical(name, Decimal(0), unit)
        return Cell(vital=vital, quantity=name, value=Value(censored=_BOUNDS[beyond]))
    number = Decimal(value)
    canonical = codes.to_canonical(name, number, unit)
    if not codes.is_measurable(name, canonical):
        raise RecordError(f"value: {value} {unit} is outside what a device can measure")
    return Cell(vital=vital, quantity=name, value=Value(value=canonical))


def reason(error: Exception) -> str:
    """What an exception says of a line; `Decimal` says only its signal's class."""
    return "value: it is no number" if isinstance(error, DecimalException) else str(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """What the flags of a measurement say; `unknown` is the first that is none of ours."""

    flags: tuple[str, ...] = ()
    beyond: str = ""
    by_arrival: bool = False
    by_hand: bool = False
    unknown: str = ""

    @property
    def valid(self) -> bool:
        """Whether the device did not doubt the measurement."""
        return DISTURBING_FLAGS.isdisjoint(self.flags)

    @property
    def plain(self) -> bool:
        """Whether the screen can speak of such a reading."""
        return self.valid and _TELLING.isdisjoint(self.flags)


def flagged(text: str) -> Flagged:
    """The flags of a line, which are joined by `;`."""
    words = [word for word in text.split(";") if word]
    known = _FLAGS.keys() | _BOUNDS.keys() | _OTHER_FLAGS
    both = ";".join(_BOUNDS) if _BOUNDS.keys() <= set(words) else ""
    return Flagged(
        flags=tuple(_FLAGS[word] for word in words if word in _FLAGS),
        beyond=next((word for word in _BOUNDS if word in words), ""),
        by_arrival="arrival_time" in words,
        by_hand="manual" in words,
        unknown=both or next((word for word in words if word not in known), ""),
    )


def together(several: Sequence[Flagged]) -> Flagged:
    """The flags of a measurement whose lines do not have the same: the device doubted all of it."""
    return Flagged(
        flags=tuple(dict.fromkeys(flag for one in several for flag in one.flags)),
        by_arrival=any(one.by_arrival for one in several),
        by_hand=any(one.by_hand for one in several),
    )


def instants(texts: Sequence[str], column: str) -> tuple[Whole, dict[int, str]]:
    """ISO 8601 instants in microseconds since 1970; by place what is wrong with the others.

    `column` is the one that reasons name.
    """
    found = np.zeros(len(texts), dtype=np.int64)
    wrong: dict[int, str] = {}
    for place, text in enumerate(texts):
        try:
            if not text:
                raise RecordError(f"{column}: empty, a record without a date tells no course")
            at = datetime.fromisoformat(text)
            if at.tzinfo is None:
                raise RecordError(f"{column}: {text!r} names no time zone")
            if at.year not in _YEARS:
                raise RecordError(f"{column}: {text!r} is of a clock that was never set")
            found[place] = micros(at)
        except (ValueError, OverflowError) as error:
            wrong[place] = str(error)
    return found, wrong
