"""Recorded readings from a file, one number a line, in any order.

Columns `subject,effective_at,code,value,unit` (LOINC, UCUM); optional `received_at`, `device`,
`context`, `flags` (joined by `;`). Numbers of one subject, instant and device are one measurement.
A bad line is told with its number and left out; the good ones are kept.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, DecimalException
from pathlib import Path
from types import MappingProxyType
from typing import NewType

from rules import codes
from rules.vocabulary import (
    Bound,
    Origin,
    Profile,
    QualityFlag,
    QuantityName,
    Sex,
    SubjectRef,
    Ternary,
    TimeConfidence,
    Vital,
)
from rules.window import DISTURBING_FLAGS, Point, Value
from rules.words import WORDS, Parameter

REQUIRED = ("subject", "effective_at", "code", "value", "unit")

Doctor = NewType("Doctor", str)

_NUMBERS: Mapping[str, tuple[Vital, QuantityName]] = MappingProxyType(
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


class RecordError(ValueError):
    """A file or a line cannot be read; the text says which column and why."""


@dataclass(slots=True)
class Recorded:
    """Each person's measurements, and the lines that could not be used (number, reason)."""

    people: dict[SubjectRef, list[Point]] = field(default_factory=dict[SubjectRef, list[Point]])
    refused: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])


@dataclass(slots=True)
class _Measured:
    vital: Vital
    effective_at: str
    received_at: str
    device: str
    context: str
    flags: str
    values: dict[QuantityName, Value]


def read_readings(path: Path) -> Recorded:
    """The measurements in a CSV file.

    Raises:
        RecordError: a required column is missing, or the file is no text.
        OSError: it cannot be opened.
    """
    found = Recorded()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            gathering = _Gathering(next(rows, _NOTHING))
            for number, row in enumerate(rows, start=2):
                try:
                    gathering.take(row)
                except (ValueError, ArithmeticError) as error:
                    found.refused.append((number, _reason(error)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordError(f"{path.name}: {error}") from error
    for (subject, *_), one in gathering.measured.items():
        try:
            point = _point(subject, one)
        except (ValueError, OverflowError) as error:
            found.refused.append((0, f"{subject} {one.effective_at}: {error}"))
            continue
        found.people.setdefault(SubjectRef(subject), []).append(point)
    return found


class _Gathering:
    """The lines of one file, joined to measurements."""

    def __init__(self, header: Sequence[str]) -> None:
        missing = [name for name in REQUIRED if name not in header]
        if missing:
            raise RecordError(f"column missing: {', '.join(missing)}")
        self._width = len(header)
        self._places = [header.index(name) if name in header else -1 for name in _COLUMNS]
        self._known: dict[tuple[str, str, str], Value] = {}
        self.measured: dict[tuple[str, str, str, str], _Measured] = {}

    def take(self, row: Sequence[str]) -> None:
        """Add one line.

        Raises:
            ValueError, ArithmeticError: it cannot be used; the text names the column.
        """
        if len(row) != self._width:
            raise RecordError(f"{len(row)} columns where the header has {self._width}")
        subject, at, code, value, unit, received, device, context, flags = (
            row[place] if place >= 0 else "" for place in self._places
        )
        if code not in _NUMBERS:
            raise RecordError(f"code: {code!r} is no code we know")
        vital, name = _NUMBERS[code]
        beyond = next((word for word in _BOUNDS if word in flags.split(";")), "")
        key = (code, beyond or value, unit)
        if key not in self._known:
            self._known[key] = _value(name, value, unit, beyond)
        body = "" if vital in _OF_A_CUFF else vital.value
        one = self.measured.get((subject, at, device, body))
        if one is None:
            one = _Measured(vital, at, received or at, device, context, flags, {})
            self.measured[subject, at, device, body] = one
        one.values[name] = self._known[key]
        if vital is Vital.BLOOD_PRESSURE:
            one.vital = vital


_COLUMNS = (*REQUIRED, "received_at", "device", "context", "flags")
_NOTHING: list[str] = []
_YES = frozenset({"1", "true", "yes"})
_OF_A_CUFF = frozenset({Vital.BLOOD_PRESSURE, Vital.PULSE})


def _value(name: QuantityName, value: str, unit: str, beyond: str) -> Value:
    if beyond:
        return Value(censored=_BOUNDS[beyond])
    number = Decimal(value)
    if not number.is_finite():
        raise RecordError(f"value: {value!r} is no number")
    canonical = codes.to_canonical(name, number, unit)
    if not codes.is_measurable(name, canonical):
        raise RecordError(f"value: {value} {unit} is outside what a device can measure")
    return Value(value=canonical)


def _reason(error: Exception) -> str:
    """What an exception says of a line; `Decimal` says only its signal's class."""
    return "value: it is no number" if isinstance(error, DecimalException) else str(error)


def _point(subject: str, one: _Measured) -> Point:
    words = [word for word in one.flags.split(";") if word] if one.flags else []
    unknown = [word for word in words if word not in _FLAGS.keys() | _BOUNDS.keys() | _OTHER_FLAGS]
    if unknown:
        raise RecordError(f"flags: {unknown[0]!r} is no flag we know")
    flags = tuple(_FLAGS[word] for word in words if word in _FLAGS)
    effective, received = _instant(one.effective_at), _instant(one.received_at)
    arrived = "arrival_time" in words
    return Point(
        identity=f"{subject}\x1f{one.effective_at}\x1f{one.device}\x1f{one.vital.value}",
        kind=one.vital,
        device=one.device,
        effective_at=effective,
        received_at=received,
        confidence=TimeConfidence.ARRIVAL if arrived else TimeConfidence.GOOD,
        origin=Origin.PERSON if "manual" in words else Origin.LIVE,
        values=one.values,
        flags=flags,
        context={"meal": one.context} if one.context else {},
        valid=DISTURBING_FLAGS.isdisjoint(flags),
    )


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise RecordError(f"effective_at: {text!r} names no time zone")
    return at


@dataclass(frozen=True, slots=True, kw_only=True)
class Someone:
    """What is recorded of one person; `doctor` is whoever answers for them."""

    profile: Profile
    doctor: Doctor


def read_people(path: Path) -> dict[SubjectRef, Someone]:
    """Profiles from a CSV file.

    Column `subject`, and any of `sex, birth_year, diagnoses, drug_classes, due, household, doctor`
    (or `contract_team`), `synthetic`; lists are joined by `;`. Who is `synthetic` (1, true, yes)
    exists to test the machine and counts in no figure.

    Raises:
        RecordError: a line cannot be read; the text names it.
        OSError: the file cannot be opened.
    """
    found: dict[SubjectRef, Someone] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if "subject" not in (rows.fieldnames or ()):
            raise RecordError(f"{path.name}: column missing: subject")
        for number, row in enumerate(rows, start=2):
            try:
                someone = _someone(row)
            except ValueError as error:
                raise RecordError(f"{path.name}:{number}: {error}") from error
            found[someone.profile.subject] = someone
    return found


def _someone(row: Mapping[str, str | None]) -> Someone:
    born = row.get("birth_year")
    doctor = row.get("doctor") or row.get("contract_team") or ""
    return Someone(
        profile=Profile(
            subject=SubjectRef(row["subject"] or ""),
            birth_year=int(born) if born else None,
            sex=Sex(row.get("sex") or "unknown"),
            conditions=_words(row.get("diagnoses"), Parameter.CONDITION),
            drug_classes=_words(row.get("drug_classes"), Parameter.DRUG),
            pregnant=Ternary.YES if row.get("due") else Ternary.UNKNOWN,
            household=row.get("household") or None,
            synthetic=(row.get("synthetic") or "").lower() in _YES,
        ),
        doctor=Doctor(doctor),
    )


def _words(text: str | None, kind: Parameter) -> frozenset[str] | None:
    """The codes that rules know; others (osteoporosis, a statin) are none of theirs."""
    return None if text is None else frozenset(text.split(";")) & WORDS[kind]
