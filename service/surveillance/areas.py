"""Areas from a file: CSV or GeoJSON in, areas with their validity and outlines out, line by line.

Pure. CSV has a header with the names of `COLUMNS`; GeoJSON (RFC 7946) has a FeatureCollection whose
features carry the same names as properties, and the outline as a Polygon or MultiPolygon in
longitude and latitude (WGS 84).
"""

import csv
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import cast

import msgspec

LEVELS = ("village", "township", "county", "prefecture", "province")
COLUMNS = ("area_id", "parent_id", "level", "name", "valid_from", "valid_to")

_MOST_CHARACTERS = 100
_LEAST_CORNERS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedArea:
    """One area of a file or of the store; `geometry` is GeoJSON text, None without an outline."""

    area_id: str
    parent_id: str | None
    level: str
    name: str
    valid_from: date | None = None
    valid_to: date | None = None
    geometry: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFault:
    """Why a line was not taken; a GeoJSON feature counts as a line, the first is 1."""

    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaFile:
    """What a file holds: good areas with their line, parents first, and what is wrong with it."""

    areas: tuple[tuple[int, ListedArea], ...]
    faults: tuple[LineFault, ...]


class AreaFileError(ValueError):
    """The file is neither CSV with the right header nor a GeoJSON FeatureCollection."""


_NO_OUTLINE = msgspec.Raw(b"null")


class _Feature(msgspec.Struct, frozen=True):
    properties: dict[str, object]
    geometry: msgspec.Raw = _NO_OUTLINE


class _Collection(msgspec.Struct, frozen=True, tag_field="type", tag="FeatureCollection"):
    features: list[_Feature]


class _Outline(msgspec.Struct, frozen=True):
    type: str
    coordinates: list[object]


class _RefusedError(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def read_areas(text: str, existing: Mapping[str, ListedArea]) -> AreaFile:
    """Every good area of a file and every fault, against what is known already.

    Raises:
        AreaFileError: the text is neither of the two forms.
    """
    found: dict[str, tuple[int, ListedArea]] = {}
    faults: list[LineFault] = []
    for line, fields, geometry in _lines(text):
        try:
            area = _area(fields, geometry)
            if area.area_id in found:
                raise _RefusedError("area_id", f"stands in line {found[area.area_id][0]} already")
            _fits_former(area, existing.get(area.area_id))
            found[area.area_id] = (line, area)
        except _RefusedError as refused:
            faults.append(LineFault(line=line, field=refused.field, reason=refused.reason))
    known = {**existing, **{key: area for key, (_, area) in found.items()}}
    for line, area in found.values():
        reason = _misplaced(area, known)
        if reason:
            faults.append(LineFault(line=line, field="parent_id", reason=reason))
    bad = {fault.line for fault in faults}
    good = [(line, area) for line, area in found.values() if line not in bad]
    good.sort(key=lambda one: -LEVELS.index(one[1].level))
    faults.sort(key=lambda fault: fault.line)
    return AreaFile(areas=tuple(good), faults=tuple(faults))


def _lines(text: str) -> Iterator[tuple[int, Mapping[str, str], str | None]]:
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        yield from _features(text)
        return
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), strict=True)
    missing = set(COLUMNS[:4]) - set(reader.fieldnames or ())
    if missing:
        raise AreaFileError(f"the header lacks {', '.join(sorted(missing))}")
    try:
        for row in reader:
            yield reader.line_num, {key: row.get(key) or "" for key in COLUMNS}, None
    except csv.Error as error:
        raise AreaFileError(f"line {reader.line_num}: {error}") from error


def _features(text: str) -> Iterator[tuple[int, Mapping[str, str], str | None]]:
    try:
        collection = msgspec.json.decode(text.lstrip("\ufeff"), type=_Collection)
    except msgspec.MsgspecError as error:
        raise AreaFileError(f"no GeoJSON FeatureCollection: {error}") from error
    for number, feature in enumerate(collection.features, start=1):
        fields = {
            key: "" if (value := feature.properties.get(key)) is None else str(value)
            for key in COLUMNS
        }
        geometry = bytes(feature.geometry).decode()
        yield number, fields, None if geometry == "null" else geometry


def _area(fields: Mapping[str, str], geometry: str | None) -> ListedArea:
    for field in ("area_id", "name"):
        if not 0 < len(fields[field]) <= _MOST_CHARACTERS:
            raise _RefusedError(field, f"needs 1 to {_MOST_CHARACTERS} characters")
    if fields["level"] not in LEVELS:
        raise _RefusedError("level", f"{fields['level']!r} is none of {', '.join(LEVELS)}")
    valid_from, valid_to = _day(fields, "valid_from"), _day(fields, "valid_to")
    if valid_from and valid_to and valid_to < valid_from:
        raise _RefusedError("valid_to", "lies before valid_from")
    return ListedArea(
        area_id=fields["area_id"],
        parent_id=fields["parent_id"] or None,
        level=fields["level"],
        name=fields["name"],
        valid_from=valid_from,
        valid_to=valid_to,
        geometry=None if geometry is None else _outline(geometry),
    )


def _day(fields: Mapping[str, str], field: str) -> date | None:
    if not fields[field]:
        return None
    try:
        return date.fromisoformat(fields[field])
    except ValueError as error:
        raise _RefusedError(field, f"{fields[field]!r} is no day like 2026-01-31") from error


def stored_outline(geometry: str) -> str:
    """An outline from the store in the spelling of `_outline`, so that two can be compared."""
    return msgspec.json.encode(msgspec.json.decode(geometry, type=_Outline)).decode()


def _outline(geometry: str) -> str:
    try:
        outline = msgspec.json.decode(geometry, type=_Outline)
    except msgspec.MsgspecError as error:
        raise _RefusedError("geometry", "is no GeoJSON geometry") from error
    if outline.type not in {"Polygon", "MultiPolygon"}:
        raise _RefusedError("geometry", f"{outline.type} is neither Polygon nor MultiPolygon")
    polygons = [outline.coordinates] if outline.type == "Polygon" else outline.coordinates
    for polygon in polygons or [[]]:
        _check_rings(polygon)
    return msgspec.json.encode(outline).decode()


def _check_rings(polygon: object) -> None:
    """An outer ring and perhaps holes, each of corners that are longitude and latitude."""
    rings = cast("list[object]", polygon) if isinstance(polygon, list) else []
    if not rings:
        raise _RefusedError("geometry", "a polygon needs a ring")
    for ring in rings:
        positions = cast("list[object]", ring) if isinstance(ring, list) else [ring]
        for position in positions:
            if not _is_on_earth(position):
                raise _RefusedError("geometry", f"{position!r} is no longitude and latitude")
        if len({str(position) for position in positions}) < _LEAST_CORNERS:
            raise _RefusedError("geometry", "a ring needs three corners")


def _is_on_earth(position: object) -> bool:
    numbers = cast("list[object]", position)[:2] if isinstance(position, list) else []
    if len(numbers) < 2:  # noqa: PLR2004 -- longitude and latitude
        return False
    degrees = [float(n) for n in numbers if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(degrees) < 2 or not all(math.isfinite(n) for n in degrees):  # noqa: PLR2004
        return False
    return abs(degrees[0]) <= 180 and abs(degrees[1]) <= 90  # noqa: PLR2004 -- degrees


def _fits_former(area: ListedArea, former: ListedArea | None) -> None:
    if former is None:
        return
    if former.level != area.level:
        raise _RefusedError("level", f"is {former.level} already; another area needs another id")
    if former.parent_id is not None and former.parent_id != area.parent_id:
        raise _RefusedError(
            "parent_id", f"is {former.parent_id} already; an area cut anew needs a new id"
        )


def _misplaced(area: ListedArea, known: Mapping[str, ListedArea]) -> str | None:
    """Why an area cannot lie in its parent; None where it can."""
    if area.parent_id is None:
        if LEVELS.index(area.level) < LEVELS.index("county"):
            return f"a {area.level} lies in a {LEVELS[LEVELS.index(area.level) + 1]}"
        return None
    parent = known.get(area.parent_id)
    if parent is None:
        return f"{area.parent_id} is not known"
    if LEVELS.index(parent.level) != LEVELS.index(area.level) + 1:
        return f"{area.parent_id} is a {parent.level}; a {area.level} does not lie in it"
    return None
