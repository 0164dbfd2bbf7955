"""Other institutions' counts: JSON, CSV and FHIR MeasureReport in, lines and faults out. Pure.

A line is one number of one area and period. What is wrong with a line is said with its field, and
the other lines are taken all the same. FHIR: MeasureReport R4 of type `summary`, alone or in a
Bundle; `subject` is the Location (an area's id), a group's code or the measure's last path segment
the indicator, `period` the day, week or month, the populations `numerator` and `denominator` the
number and what it is of (https://hl7.org/fhir/R4/measurereport.html). Strata are not read. A period
begins with a day or a midnight as its sender writes it; a group that says a population twice says
no number, and a subject that is no Location is no area.
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

COLUMNS = ("area", "indicator", "day", "value", "base")
MOST_LINES = 20_000


class ReportForm(StrEnum):
    """How counts are written."""

    JSON = "json"
    CSV = "csv"
    FHIR = "fhir"


class ReportError(ValueError):
    """The body is not of its form at all; nothing of it was taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLine:
    """One number as it was sent, unchecked; `end` is the period's last day where one was named."""

    line: int
    area: str
    indicator: str
    day: str
    value: str
    base: str = ""
    end: str = ""


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    area: str
    indicator: str
    day: str
    value: float | int
    base: int | None = None


class _Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    counts: list[_Row]


class _Coding(msgspec.Struct, frozen=True):
    code: str = ""


class _Concept(msgspec.Struct, frozen=True):
    coding: list[_Coding] = []


class _Population(msgspec.Struct, frozen=True):
    code: _Concept = msgspec.field(default_factory=_Concept)
    count: int | None = None


class _Quantity(msgspec.Struct, frozen=True):
    value: float | int | None = None


class _Group(msgspec.Struct, frozen=True, rename="camel"):
    code: _Concept = msgspec.field(default_factory=_Concept)
    population: list[_Population] = []
    measure_score: _Quantity = msgspec.field(default_factory=_Quantity)


class _Period(msgspec.Struct, frozen=True):
    start: str
    end: str = ""


class _Reference(msgspec.Struct, frozen=True):
    reference: str = ""


class _MeasureReport(msgspec.Struct, frozen=True, tag_field="resourceType", tag="MeasureReport"):
    status: str
    type: str
    measure: str
    period: _Period
    subject: _Reference = msgspec.field(default_factory=_Reference)
    group: list[_Group] = []


class _Entry(msgspec.Struct, frozen=True):
    resource: _MeasureReport


class _Bundle(msgspec.Struct, frozen=True, tag_field="resourceType", tag="Bundle"):
    entry: list[_Entry] = []


def read_report(form: ReportForm, body: bytes) -> list[ReportLine]:
    """The lines of a report; the first line of data is 1, in CSV it is the line of the file.

    Raises:
        ReportError: the body is not of its form, or has more than `MOST_LINES` lines.
    """
    try:
        lines = list(_READERS[form](body))
    except (msgspec.MsgspecError, UnicodeDecodeError, csv.Error) as error:
        raise ReportError(f"not {form.value}: {error}") from error
    if len(lines) > MOST_LINES:
        raise ReportError(f"{len(lines)} lines; at most {MOST_LINES} at once")
    return lines


def _json(body: bytes) -> Iterator[ReportLine]:
    rows = msgspec.json.decode(body, type=_Rows)
    for number, row in enumerate(rows.counts, start=1):
        yield ReportLine(
            line=number,
            area=row.area,
            indicator=row.indicator,
            day=row.day,
            value=str(row.value),
            base="" if row.base is None else str(row.base),
        )


def _csv(body: bytes) -> Iterator[ReportLine]:
    for line, fields in csv_lines(body, COLUMNS):
        yield ReportLine(line=line, **fields)


def csv_lines(body: bytes, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Each line's number in the file and its fields; only the last of `columns` may be missing.

    Raises:
        ReportError: the header lacks one.
        UnicodeDecodeError, csv.Error: it is no CSV in UTF-8.
    """
    reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig")), strict=True)
    missing = set(columns[:-1]) - set(reader.fieldnames or ())
    if missing:
        raise ReportError(f"the header lacks {', '.join(sorted(missing))}")
    for row in reader:
        yield reader.line_num, {key: (row.get(key) or "").strip() for key in columns}


def _fhir(body: bytes) -> Iterator[ReportLine]:
    resource = msgspec.json.decode(body, type=_MeasureReport | _Bundle)
    reports = (
        [entry.resource for entry in resource.entry]
        if isinstance(resource, _Bundle)
        else [resource]
    )
    number = 0
    for report in reports:
        if report.type != "summary" or report.status != "complete":
            raise ReportError(
                f"a {report.status} MeasureReport of type {report.type}; takes complete summaries"
            )
        for group in report.group:
            number += 1
            yield _group_line(number, report, group)


def _group_line(number: int, report: _MeasureReport, group: _Group) -> ReportLine:
    value = _count_of(group, "numerator")
    if value is None:
        value = _count_of(group, "initial-population")
    if value is None:
        value = group.measure_score.value
    base = _count_of(group, "denominator")
    own = [coding.code for coding in group.code.coding if coding.code]
    return ReportLine(
        line=number,
        area=_area_of(report.subject.reference),
        indicator=own[0] if own else report.measure.partition("|")[0].rsplit("/", 1)[-1],
        day=_day_of(report.period.start),
        end=report.period.end[:10],
        value="" if value is None else str(value),
        base="" if base is None else str(base),
    )


def _count_of(group: _Group, code: str) -> int | str | None:
    """The count of one population; a text that is no number where it stands twice."""
    found = {
        population.count
        for population in group.population
        if population.count is not None
        and code in {coding.code for coding in population.code.coding}
    }
    return "twice" if len(found) > 1 else next(iter(found), None)


def _area_of(reference: str) -> str:
    kind, slash, area = reference.rpartition("/")
    return area if not slash or kind.rpartition("/")[2] == "Location" else ""


def _day_of(start: str) -> str:
    """The day that a period begins with; "" where it begins within one, as other zones' days do."""
    day, _, clock = start.partition("T")
    return day if not clock or clock.startswith("00:00") else ""


_READERS: Mapping[ReportForm, Callable[[bytes], Iterator[ReportLine]]] = {
    ReportForm.JSON: _json,
    ReportForm.CSV: _csv,
    ReportForm.FHIR: _fhir,
}
