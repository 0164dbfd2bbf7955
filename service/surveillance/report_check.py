"""What of a report's lines is taken as counts of its source, and why a line is not. Pure.

A reason never repeats a text that was sent: where an area should stand a name may, and reasons are
kept.
"""

import calendar
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from service.surveillance.areas import LineFault
from service.surveillance.indicators import INDICATORS, Grain, IndicatorKind, Measure, SourceKind
from service.surveillance.reports import ReportLine
from service.surveillance.series import CountCell

OLDEST = timedelta(days=400)
"""How long after its day a count is still taken."""

_MOST = 10_000_000
_WEATHER = (-90.0, 60.0)  # degrees Celsius that were ever measured on earth


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What a source may speak of: its kind and the areas (id to level) that it reports for."""

    kind: SourceKind
    areas: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedReport:
    """Counts to keep, with their lines, and what is wrong with the others."""

    cells: tuple[CountCell, ...]
    faults: tuple[LineFault, ...]


class _LineError(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def check_report(lines: Iterable[ReportLine], sender: Sender, today: date) -> CheckedReport:
    """Takes what is right; a second line for the same area, indicator and period is refused."""
    cells: dict[tuple[str, str, date], CountCell] = {}
    faults: list[LineFault] = []
    for line in lines:
        try:
            cell = _checked(line, sender, today)
            key = (cell.area, cell.indicator, cell.day)
            if key in cells:
                raise _LineError("day", "this area, indicator and period stands above already")
            cells[key] = cell
        except _LineError as error:
            faults.append(LineFault(line=line.line, field=error.field, reason=error.reason))
    return CheckedReport(cells=tuple(cells.values()), faults=tuple(faults))


def _checked(line: ReportLine, sender: Sender, today: date) -> CountCell:
    kind = INDICATORS.get(line.indicator)
    if kind is None or kind.source is not sender.kind:
        raise _LineError("indicator", f"is nothing that a {sender.kind} reports")
    level = sender.areas.get(line.area)
    if level is None:
        raise _LineError("area", "is no area that this source reports for")
    if level == "village":
        raise _LineError("area", "a village is not counted; send its township")
    day = _period(line, kind, today)
    value = _value(line, kind)
    return CountCell(
        area=line.area, indicator=kind.code, day=day, value=value, base=_base(line, kind, value)
    )


def _period(line: ReportLine, kind: IndicatorKind, today: date) -> date:
    day = _date("day", line.day)
    if not today - OLDEST <= day <= today:
        raise _LineError("day", f"{day} is not within the last {OLDEST.days} days")
    if kind.grain is Grain.WEEK and day.weekday() != 0:
        raise _LineError("day", f"{day} is no Monday; {kind.code} is counted by the week")
    if kind.grain is Grain.MONTH and day.day != 1:
        raise _LineError("day", f"{day} is no first of a month; {kind.code} is counted by month")
    if line.end and _date("period.end", line.end) != _last_day(day, kind.grain):
        raise _LineError("period.end", f"{kind.code} is counted by the {kind.grain.value}")
    return day


def _last_day(day: date, grain: Grain) -> date:
    if grain is Grain.MONTH:
        return day.replace(day=calendar.monthrange(day.year, day.month)[1])
    return day + timedelta(days=6 if grain is Grain.WEEK else 0)


def _date(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _LineError(field, "is no day like 2026-01-31") from error


def _value(line: ReportLine, kind: IndicatorKind) -> float:
    try:
        value = float(line.value)
    except ValueError as error:
        raise _LineError("value", "is no number, or not one alone") from error
    low, high = _WEATHER if kind.source is SourceKind.WEATHER else (0.0, float(_MOST))
    if not (math.isfinite(value) and low <= value <= high):
        raise _LineError("value", f"{line.value} lies outside {low:g} to {high:g}")
    if kind.measure in {Measure.PEOPLE, Measure.EVENTS} and not value.is_integer():
        raise _LineError("value", f"{line.value} is no whole number")
    return value


def _base(line: ReportLine, kind: IndicatorKind, value: float) -> int | None:
    if not line.base:
        return None
    if not line.base.isascii() or not line.base.isdigit() or int(line.base) > _MOST:
        raise _LineError("base", "is no whole number")
    base = int(line.base)
    if kind.measure in {Measure.PEOPLE, Measure.EVENTS} and value > base:
        raise _LineError("base", f"{line.value} of {base} is more than there are")
    return base
