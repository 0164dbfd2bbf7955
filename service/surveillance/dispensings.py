"""Drugs handed to persons: CSV, JSON and FHIR MedicationDispense in, lines and faults out. Pure.

A line is one drug handed to one person on one day, with the days for which it lasts. Drugs are ATC
codes (WHO Collaborating Centre for Drug Statistics Methodology) or this program's words of drug
classes. FHIR: MedicationDispense R4, completed, alone or in a Bundle; `subject` is the person's key
(a reference, or an identifier's value), `medicationCodeableConcept` has the ATC code,
`whenHandedOver` the day, `daysSupply` the days (https://hl7.org/fhir/R4/medicationdispense.html).
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec

from service.surveillance.areas import LineFault
from service.surveillance.reports import MOST_LINES, ReportError, ReportForm, csv_lines

COLUMNS = ("person", "drug", "day", "days", "number")

GROUPS: Mapping[str, tuple[str, ...]] = {
    "hypertension": ("C02", "C03", "C07", "C08", "C09"),
    "diabetes": ("A10",),
}
"""What a supply is watched for: the beginnings of the ATC codes that treat it."""

CLASSES: Mapping[str, str] = {
    "insulin": "A10A",
    "metformin": "A10BA",
    "sulfonylurea": "A10BB",
    "acarbose": "A10BF",
    "dpp4": "A10BH",
    "glp1": "A10BJ",
    "sglt2": "A10BK",
    "glinide": "A10BX",
    "diuretic": "C03",
    "beta_blocker": "C07",
    "calcium_blocker": "C08",
    "ace_inhibitor": "C09A",
    "arb": "C09C",
    "anticoagulant": "B01A",
    "statin": "C10AA",
}
"""The packs' words of drug classes, as ATC codes."""

OLDEST = timedelta(days=400)
"""How long after its day a dispensing is still taken."""

_LONGEST_DAYS = 366
_LONGEST_TEXT = 120
_ATC = re.compile(r"[A-Z]\d{2}([A-Z]([A-Z](\d{2})?)?)?", re.ASCII)
_ATC_SYSTEMS = frozenset({"", "http://www.whocc.no/atc", "urn:oid:2.16.840.1.113883.6.73"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DispensingLine:
    """One line as it was sent, unchecked; `number` is the sender's own, empty where it has none."""

    line: int
    person: str
    drug: str
    day: str
    days: str
    number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOut:
    """One good line: drug as ATC, first day, and for how many days it lasts."""

    line: int
    person: str
    atc: str
    day: date
    days: int
    number: str


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    person: str
    drug: str
    day: str
    days: int | float
    number: str = ""


class _Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dispensings: list[_Row]


class _Coding(msgspec.Struct, frozen=True):
    code: str = ""
    system: str = ""


class _Concept(msgspec.Struct, frozen=True):
    coding: list[_Coding] = []


class _Identifier(msgspec.Struct, frozen=True):
    value: str = ""


class _Subject(msgspec.Struct, frozen=True):
    reference: str = ""
    identifier: _Identifier = msgspec.field(default_factory=_Identifier)


class _Quantity(msgspec.Struct, frozen=True):
    value: float | int | None = None


class _Dispense(
    msgspec.Struct,
    frozen=True,
    rename="camel",
    tag_field="resourceType",
    tag="MedicationDispense",
):
    status: str
    id: str = ""
    identifier: list[_Identifier] = []
    subject: _Subject = msgspec.field(default_factory=_Subject)
    medication_codeable_concept: _Concept = msgspec.field(default_factory=_Concept)
    when_handed_over: str = ""
    days_supply: _Quantity = msgspec.field(default_factory=_Quantity)


class _Entry(msgspec.Struct, frozen=True):
    resource: _Dispense


class _Bundle(msgspec.Struct, frozen=True, tag_field="resourceType", tag="Bundle"):
    entry: list[_Entry] = []


class _LineError(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def read_dispensings(form: ReportForm, body: bytes) -> list[DispensingLine]:
    """The lines of a body; the first one is 1, in CSV it is the line of the file.

    Raises:
        ReportError: the body is not of its form, or has more than `reports.MOST_LINES` lines.
    """
    try:
        lines = list(_READERS[form](body))
    except (msgspec.MsgspecError, UnicodeDecodeError, csv.Error) as error:
        # msgspec names the path and what was expected there, never a value
        raise ReportError(f"not {form.value}: {error}") from error
    if len(lines) > MOST_LINES:
        raise ReportError(f"{len(lines)} lines; at most {MOST_LINES} at once")
    return lines


def check_dispensings(
    lines: list[DispensingLine], today: date
) -> tuple[list[HandedOut], list[LineFault]]:
    """What is right, and what is wrong with the others; a number that stands twice is refused.

    Reasons name no person: they are kept and printed.
    """
    good: list[HandedOut] = []
    faults: list[LineFault] = []
    seen: set[tuple[str, ...]] = set()
    for line in lines:
        try:
            one = _checked(line, today)
            key = (one.number,) if one.number else (one.person, one.atc, one.day.isoformat())
            if key in seen:
                raise _LineError("number", "stands above already")
            seen.add(key)
            good.append(one)
        except _LineError as error:
            faults.append(LineFault(line=line.line, field=error.field, reason=error.reason))
    return good, faults


def _checked(line: DispensingLine, today: date) -> HandedOut:
    for name, text in (("person", line.person), ("number", line.number)):
        if len(text) > _LONGEST_TEXT or not text.isprintable():
            raise _LineError(name, "is too long, or no text")
    if not line.person:
        raise _LineError("person", "is missing")
    return HandedOut(
        line=line.line,
        person=line.person,
        atc=_atc(line.drug),
        day=_day(line.day, today),
        days=_days(line.days),
        number=line.number,
    )


def _atc(drug: str) -> str:
    code = CLASSES.get(drug.lower(), drug.upper())
    if _ATC.fullmatch(code) is None:
        raise _LineError("drug", "is neither an ATC code like C09AA02 nor a class like insulin")
    return code


def _day(text: str, today: date) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise _LineError("day", "is no day like 2026-01-31") from error
    if not today - OLDEST <= day <= today:
        raise _LineError("day", f"{day} is not within the last {OLDEST.days} days")
    return day


def _days(text: str) -> int:
    try:
        days = float(text)
    except ValueError as error:
        raise _LineError("days", "is no number") from error
    if not days.is_integer() or not 1 <= days <= _LONGEST_DAYS:
        raise _LineError("days", f"is no whole number from 1 to {_LONGEST_DAYS}")
    return int(days)


def _json(body: bytes) -> Iterator[DispensingLine]:
    rows = msgspec.json.decode(body, type=_Rows)
    for number, row in enumerate(rows.dispensings, start=1):
        yield DispensingLine(
            line=number,
            person=row.person,
            drug=row.drug,
            day=row.day,
            days=str(row.days),
            number=row.number,
        )


def _csv(body: bytes) -> Iterator[DispensingLine]:
    for line, fields in csv_lines(body, COLUMNS):
        yield DispensingLine(line=line, **fields)


def _fhir(body: bytes) -> Iterator[DispensingLine]:
    resource = msgspec.json.decode(body, type=_Dispense | _Bundle)
    found = (
        [entry.resource for entry in resource.entry]
        if isinstance(resource, _Bundle)
        else [resource]
    )
    for number, one in enumerate(found, start=1):
        if one.status != "completed":
            raise ReportError("a MedicationDispense that is not completed")
        days = one.days_supply.value
        yield DispensingLine(
            line=number,
            person=one.subject.identifier.value or one.subject.reference.removeprefix("Patient/"),
            drug=next(
                (
                    coding.code
                    for coding in one.medication_codeable_concept.coding
                    if coding.system in _ATC_SYSTEMS
                ),
                "",
            ),
            day=one.when_handed_over[:10],
            days="" if days is None else str(days),
            number=one.identifier[0].value if one.identifier else one.id,
        )


_READERS: Mapping[ReportForm, Callable[[bytes], Iterator[DispensingLine]]] = {
    ReportForm.JSON: _json,
    ReportForm.CSV: _csv,
    ReportForm.FHIR: _fhir,
}
