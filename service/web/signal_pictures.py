"""A signal's pictures: the curve with its band, townships by day, and the map; numbers for SVG.

Pure. A picture knows what its table knows: the curve is drawn for the duty officer who has stated a
purpose, grid and map from what may be said to the reader.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec

from service.surveillance.signal_records import Signal
from service.surveillance.signal_words import Colour, SourceEvidence

DAYS_SHOWN = 14
_LEFT, _TOP, _BASE, _STEP = 34, 12, 132, 15
_NARROWEST = _LEFT + 28 * _STEP


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveDay:
    """One day of a curve, in units of its viewBox; `label` is empty where there is no room."""

    left: int
    top: int
    height: int
    kind: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Bars of one source's days with the expected line and the band up to the threshold."""

    source: str
    indicator: str
    width: int
    base: int
    top: int
    top_at: int
    days: tuple[CurveDay, ...]
    expected: str
    band: str


def curves(
    evidence: Sequence[SourceEvidence], provisional: Mapping[str, int], today: date
) -> list[Curve]:
    """A curve for every series of the evidence.

    Args:
        evidence: true counts, those of the signal's days and of the days before.
        provisional: by source, over how many days its reports arrive; younger days are hatched.
        today: the county's day.
    """
    series: dict[tuple[str, str], list[SourceEvidence]] = {}
    for one in sorted(evidence, key=lambda one: one.day):
        series.setdefault((one.source, one.indicator), []).append(one)
    return [
        _curve(days, today - timedelta(days=provisional.get(source, 0) + 1))
        for (source, _), days in sorted(series.items())
    ]


def _curve(days: Sequence[SourceEvidence], final_before: date) -> Curve:
    bounds = [one.adjusted_bound or 0.0 for one in days]
    top = max(1, math.ceil(max(*(one.observed for one in days), *bounds)))

    def at(value: float) -> int:
        return _BASE - round((_BASE - _TOP) * value / top)

    first = days[0].day
    every = 7 if (days[-1].day - first).days > DAYS_SHOWN else 2
    drawn = [
        CurveDay(
            left=_left(one.day, first),
            top=at(one.observed),
            height=_BASE - at(one.observed),
            kind=_kind(one, final_before),
            label=f"{one.day.month}/{one.day.day}" if (one.day - first).days % every == 0 else "",
        )
        for one in days
    ]
    known = [one for one in days if one.expected is not None and one.adjusted_bound is not None]
    middle = _STEP // 2 - 1
    lower = [(_left(one.day, first) + middle, at(one.expected or 0)) for one in known]
    upper = [(_left(one.day, first) + middle, at(one.adjusted_bound or 0)) for one in known]
    return Curve(
        source=days[0].source,
        indicator=days[0].indicator,
        width=max(_left(days[-1].day, first) + _STEP, _NARROWEST) + 8,
        base=_BASE,
        top=top,
        top_at=_TOP,
        days=tuple(drawn),
        expected=_points(lower),
        band=_points([*lower, *reversed(upper)]),
    )


def _left(day: date, first: date) -> int:
    return _LEFT + (day - first).days * _STEP


def _kind(one: SourceEvidence, final_before: date) -> str:
    kind = "bar flagged" if one.crossed else "bar"
    return f"{kind} provisional" if one.day > final_before else kind


def _points(points: Iterable[tuple[int, int]]) -> str:
    return " ".join(f"{x},{y}" for x, y in points)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """One township: for every day a colour, or `all` or `some` unjudged, or nothing."""

    area: str
    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Rows over the same days, old to new."""

    days: tuple[date, ...]
    rows: tuple[GridRow, ...]


def last_days(today: date) -> tuple[date, ...]:
    """The days that a grid shows: the fourteen before today."""
    return tuple(today - timedelta(days=n) for n in range(DAYS_SHOWN, 0, -1))


def township_grid(
    names: Mapping[str, str],
    signals: Iterable[Signal],
    unjudged: Mapping[tuple[str, date], str],
    today: date,
) -> Grid:
    """Townships by day: the colour of the signal that the reader may know of.

    Elsewhere `all` or `some` where so many of its sources could not be judged.
    """
    days = last_days(today)
    colours: dict[tuple[str, date], Colour] = {}
    for signal in signals:
        showing = signal.showing()
        if showing is None or signal.drill:
            continue
        for day in {day for source in showing.sources for day in source.days}:
            known = colours.get((signal.area, day), showing.colour)
            colours[signal.area, day] = max(known, showing.colour, key=lambda one: one.rank)
    return Grid(
        days=days,
        rows=tuple(
            GridRow(
                area=area,
                name=name,
                cells=tuple(
                    colours[area, day].value
                    if (area, day) in colours
                    else unjudged.get((area, day), "")
                    for day in days
                ),
            )
            for area, name in names.items()
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One area of the map: a path, where its name stands, and its colour or nothing."""

    name: str
    path: str
    x: int
    y: int
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """Tiles over a viewBox of `width` x `height`; `drawn` says that outlines were imported."""

    width: int
    height: int
    tiles: tuple[Tile, ...]
    drawn: bool


class _Geometry(msgspec.Struct):
    type: str
    coordinates: list[object]


Ring = list[tuple[float, float]]
_WIDE, _HIGH, _TILE = 600, 900, 120
_HALF_ROUND = 180.0
_LEAST_CORNERS = 3


def map_of(names: Mapping[str, str], shapes: Mapping[str, str], grid: Grid) -> Map:
    """The operator's outlines where every township has one, else equal tiles by name."""
    known = {one.value for one in Colour}
    colours = {
        row.area: next((cell for cell in reversed(row.cells) if cell in known), row.cells[-1])
        for row in grid.rows
    }
    rings = {area: _rings(shapes[area]) for area in names if area in shapes}
    if names and len(rings) == len(names) and all(rings.values()):
        return _outlines(names, rings, colours)
    columns = max(1, math.ceil(math.sqrt(len(names))))
    tiles: list[Tile] = []
    for number, (area, name) in enumerate(names.items()):
        left, top = (number % columns) * _TILE, (number // columns) * (_TILE // 2)
        corner = f"M{left + 3},{top + 3}h{_TILE - 6}v{_TILE // 2 - 6}h-{_TILE - 6}z"
        middle = (left + _TILE // 2, top + _TILE // 4 + 5)
        tiles.append(
            Tile(name=name, path=corner, x=middle[0], y=middle[1], colour=colours.get(area, ""))
        )
    lines = -(-len(names) // columns)
    return Map(width=columns * _TILE, height=lines * (_TILE // 2), tiles=tuple(tiles), drawn=False)


def _outlines(
    names: Mapping[str, str], rings: Mapping[str, list[Ring]], colours: Mapping[str, str]
) -> Map:
    points = [point for area in rings.values() for ring in area for point in ring]
    across = max(x for x, _ in points) - min(x for x, _ in points) > _HALF_ROUND

    def east_of(x: float) -> float:
        # What lies on both sides of 180 degrees lies together.
        return x + 2 * _HALF_ROUND if across and x < 0 else x

    west, east = min(east_of(x) for x, _ in points), max(east_of(x) for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    # Equirectangular at the county's middle latitude: a county is small.
    squeeze = math.cos(math.radians((south + north) / 2))
    scale = min(
        (_WIDE - 20) / max((east - west) * squeeze, 1e-9),
        (_HIGH - 20) / max(north - south, 1e-9),
    )

    def at(point: tuple[float, float]) -> tuple[int, int]:
        x, y = point
        return round(10 + (east_of(x) - west) * squeeze * scale), round(10 + (north - y) * scale)

    tiles: list[Tile] = []
    for area, name in names.items():
        placed = [[at(point) for point in ring] for ring in rings[area]]
        path = " ".join("M" + " ".join(f"{x},{y}" for x, y in ring) + "z" for ring in placed)
        largest = max(placed, key=_extent)
        tiles.append(
            Tile(
                name=name,
                path=path,
                x=round(sum(x for x, _ in largest) / len(largest)),
                y=round(sum(y for _, y in largest) / len(largest)),
                colour=colours.get(area, ""),
            )
        )
    height = round(20 + (north - south) * scale)
    return Map(width=_WIDE, height=height, tiles=tuple(tiles), drawn=True)


def _extent(ring: Sequence[tuple[int, int]]) -> int:
    """Twice the area of a ring; a hole is smaller than what it lies in."""
    following = zip(ring, [*ring[1:], *ring[:1]], strict=True)
    return abs(sum(x * below - right * y for (x, y), (right, below) in following))


def _rings(text: str) -> list[Ring]:
    """All rings of a GeoJSON Polygon or MultiPolygon, holes too; nothing of other geometries."""
    try:
        geometry = msgspec.json.decode(text, type=_Geometry)
        if geometry.type == "Polygon":
            polygons = [geometry.coordinates]
        elif geometry.type == "MultiPolygon":
            polygons = msgspec.convert(geometry.coordinates, list[list[object]])
        else:
            return []
        rings = [_ring(ring) for polygon in polygons for ring in polygon]
        return [ring for ring in rings if len(set(ring)) >= _LEAST_CORNERS]
    except msgspec.MsgspecError:
        return []


def _ring(positions: object) -> Ring:
    numbers = msgspec.convert(positions, list[list[float]])
    return [(one[0], one[1]) for one in numbers if len(one) > 1]
