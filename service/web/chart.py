"""Ninety days of readings as numbers for a chart, and the same readings as rows of a table.

Pure. A canvas is mute to a screen reader, so every chart stands beside a table that says the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from rules.vocabulary import QuantityName, Vital
from service.store.records import Series, SeriesPoint
from service.web.language import mark, say
from service.web.own_glucose import OWN_GLUCOSE, own_glucose
from service.web.vitals import (
    BEYOND,
    GLUCOSE_KINDS,
    NAMES,
    NUMBERS,
    number_of,
    unit_text,
    value_of,
)

MORNING = "#b45309"
EVENING = "#1d4ed8"
_NOON = 12
_SHORTEST = timedelta(days=14)
_MARGIN = timedelta(hours=12)
_CHANGES = {
    "drug": mark("Dotted line: medicines changed on %(day)s."),
    "device": mark("Dotted line: another device since %(day)s."),
}
_ORDER = (
    Vital.SPO2,
    Vital.PULSE,
    Vital.TEMPERATURE,
    Vital.WEIGHT,
    Vital.RESPIRATORY_RATE,
    Vital.KETONE,
)


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of dot; `values` holds None where this reading is not of its kind."""

    label: str
    colour: str
    hollow: bool
    values: tuple[float | None, ...]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """What `static/chart.js` draws: curves over times in seconds since 1970, targets, rings.

    `span` is the first and last second of the axis, `marked` the places of the ringed readings,
    `edges` says LO or HI where a reading lies off the scale and is drawn at its edge, `breaks` are
    the instants of a change of medicine or device.
    """

    label: str
    unit: str
    zone: str
    span: tuple[int, int]
    times: tuple[int, ...]
    curves: tuple[Curve, ...]
    band: tuple[float, float] | None
    limits: tuple[float, ...]
    target: str
    marked: tuple[int, ...]
    edges: tuple[str, ...]
    breaks: tuple[int, ...] = ()

    def as_json(self) -> str:
        """The chart as JSON; the template escapes it into an attribute."""
        return msgspec.json.encode(self).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One reading as the table says it."""

    at: datetime
    morning: bool
    value: str
    pulse: str
    flags: tuple[str, ...]
    marked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartBlock:
    """A chart and its table, newest reading first.

    `caption` explains marks that only this chart has; `pulses` says whether the table needs a
    column for pulses beside its own values.
    """

    chart: Chart
    rows: tuple[Row, ...]
    caption: str
    pulses: bool


def blocks(
    series: Series, marked: frozenset[str], language: str, zone: ZoneInfo
) -> list[ChartBlock]:
    """A block for blood pressure, one for glucose and one for every other kind that was measured.

    A reading without any number has no place in a chart and is left out.
    """
    said = [p for p in series.points if "–" not in value_of(p)]
    pressure = [p for p in said if p.kind == Vital.BLOOD_PRESSURE]
    glucose = [p for p in said if p.kind in GLUCOSE_KINDS]
    made: list[ChartBlock] = []
    if pressure:
        made.append(_pressure(series, pressure, marked, language, zone))
    if glucose:
        label = say(language, "Glucose")
        made.append(_one_number(series, glucose, marked, language, zone, label=label))
    for kind in _ORDER:
        points = [p for p in said if p.kind == kind]
        if points:
            label = say(language, NAMES[kind])
            made.append(_one_number(series, points, marked, language, zone, label=label))
    return made


def _edges(points: Sequence[SeriesPoint], name: str) -> tuple[str, ...]:
    """For each reading `LO` or `HI` where it lies off the scale, else an empty text."""
    return tuple(BEYOND.get(point.beyond.get(name, ""), "") for point in points)


def _pressure(
    series: Series,
    points: Sequence[SeriesPoint],
    marked: frozenset[str],
    language: str,
    zone: ZoneInfo,
) -> ChartBlock:
    systolic = [p.systolic for p in points]
    diastolic = [p.diastolic for p in points]
    morning = [_is_morning(p, zone) for p in points]
    upper, lower = series.targets.get("systolic"), series.targets.get("diastolic")
    curves = (
        _curve(say(language, "Systolic, morning"), MORNING, systolic, morning, wanted=True),
        _curve(say(language, "Systolic, evening"), EVENING, systolic, morning, wanted=False),
        _curve(say(language, "Diastolic, morning"), MORNING, diastolic, morning, hollow=True),
        _curve(
            say(language, "Diastolic, evening"),
            EVENING,
            diastolic,
            morning,
            wanted=False,
            hollow=True,
        ),
    )
    chart = Chart(
        label=say(language, "Blood pressure"),
        unit=unit_text(Vital.BLOOD_PRESSURE, language),
        zone=zone.key,
        span=_span(series, points),
        times=_seconds(points),
        curves=curves,
        # Systolic dots belong below the band's upper edge, diastolic ones below its lower edge.
        band=None if upper is None or lower is None else (lower, upper),
        limits=tuple(limit for limit in (lower, upper) if limit is not None),
        target=_pressure_target(upper, lower, language),
        marked=_marked(points, marked),
        edges=_edges(points, "systolic"),
        breaks=_breaks(series),
    )
    return ChartBlock(
        chart=chart,
        rows=_rows(points, marked, zone),
        caption=" ".join(
            [
                say(language, "Filled: systolic, hollow: diastolic."),
                *_changes(series, language, zone),
            ]
        ),
        pulses=_has_pulses(points),
    )


def _one_number(
    series: Series,
    points: Sequence[SeriesPoint],
    marked: frozenset[str],
    language: str,
    zone: ZoneInfo,
    *,
    label: str,
) -> ChartBlock:
    quantity = NUMBERS[points[0].kind]
    values = [number_of(p, quantity) for p in points]
    morning = [_is_morning(p, zone) for p in points]
    own: Mapping[str, float] = series.targets if quantity is QuantityName.GLUCOSE else {}
    chart = Chart(
        label=label,
        unit=unit_text(points[0].kind, language),
        zone=zone.key,
        span=_span(series, points),
        times=_seconds(points),
        curves=(
            _curve(say(language, "Morning"), MORNING, values, morning, wanted=True),
            _curve(say(language, "Afternoon and evening"), EVENING, values, morning, wanted=False),
        ),
        band=None,
        limits=tuple(own[name] for name in OWN_GLUCOSE if name in own),
        target=own_glucose(own, language),
        marked=_marked(points, marked),
        edges=_edges(points, quantity),
        breaks=_breaks(series),
    )
    return ChartBlock(
        chart=chart,
        rows=_rows(points, marked, zone),
        caption=" ".join(_changes(series, language, zone)),
        pulses=quantity is not QuantityName.PULSE and _has_pulses(points),
    )


def _breaks(series: Series) -> tuple[int, ...]:
    return tuple(int(change.at.timestamp()) for change in series.marks)


def _changes(series: Series, language: str, zone: ZoneInfo) -> list[str]:
    """The changes of medicine or device in words: a line in a canvas says nothing to everybody."""
    return [
        say(language, _CHANGES[change.change])
        % {"day": change.at.astimezone(zone).date().isoformat()}
        for change in series.marks
    ]


def _has_pulses(points: Sequence[SeriesPoint]) -> bool:
    return any(point.pulse is not None for point in points)


def _pressure_target(upper: float | None, lower: float | None, language: str) -> str:
    if upper is not None and lower is not None:
        both = {"upper": upper, "lower": lower}
        return say(language, "Target: below %(upper)g / %(lower)g") % both
    return "" if upper is None else say(language, "Target: below %(upper)g") % {"upper": upper}


def _curve(
    label: str,
    colour: str,
    values: Sequence[float | None],
    morning: Sequence[bool],
    *,
    wanted: bool = True,
    hollow: bool = False,
) -> Curve:
    return Curve(
        label=label,
        colour=colour,
        hollow=hollow,
        values=tuple(
            value if early is wanted else None for value, early in zip(values, morning, strict=True)
        ),
    )


def _rows(points: Sequence[SeriesPoint], marked: frozenset[str], zone: ZoneInfo) -> tuple[Row, ...]:
    return tuple(
        Row(
            at=point.effective_at,
            morning=_is_morning(point, zone),
            value=value_of(point),
            pulse="" if point.pulse is None else f"{point.pulse:.0f}",
            flags=point.flags,
            marked=point.identity in marked,
        )
        for point in reversed(points)
    )


def _seconds(points: Sequence[SeriesPoint]) -> tuple[int, ...]:
    return tuple(int(point.effective_at.timestamp()) for point in points)


def _span(series: Series, points: Sequence[SeriesPoint]) -> tuple[int, int]:
    """From the first reading, but a fortnight at least: two readings are not a trend of an hour."""
    first = min(points[0].effective_at, series.until - _SHORTEST)
    return int((first - _MARGIN).timestamp()), int((series.until + _MARGIN).timestamp())


def _marked(points: Sequence[SeriesPoint], marked: frozenset[str]) -> tuple[int, ...]:
    return tuple(index for index, point in enumerate(points) if point.identity in marked)


def _is_morning(point: SeriesPoint, zone: ZoneInfo) -> bool:
    return point.effective_at.astimezone(zone).hour < _NOON
