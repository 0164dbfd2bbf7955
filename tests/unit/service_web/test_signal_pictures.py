"""Pictures of signals: arithmetic of the curve, colours of grid and map, outlines where known."""

import json
import re
from datetime import date, timedelta

import pytest
from pydantic import ValidationError

from service.settings import ServiceSettings
from service.surveillance.signal_words import SourceEvidence
from service.web.signal_pictures import Grid, GridRow, curves, last_days, map_of

DAY = date(2026, 8, 31)
NAMES = {"a": "东风镇", "b": "青山乡"}


def row(day: date, observed: int) -> SourceEvidence:
    return SourceEvidence(
        source="clinic",
        indicator="rash",
        day=day,
        observed=observed,
        expected=4.0,
        upperbound=8.0,
        p=0.01,
        factor=1.5,
    )


def test_a_curve_stands_on_its_base_and_hatches_what_is_still_arriving() -> None:
    evidence = [row(DAY - timedelta(days=n), 20 if n == 0 else 5) for n in range(10)]
    (curve,) = curves(evidence, {"clinic": 2}, DAY + timedelta(days=1))
    assert [one.kind for one in curve.days[-2:]] == ["bar provisional", "bar flagged provisional"]
    assert {one.kind for one in curve.days[:-2]} == {"bar"}
    assert all(one.top + one.height == curve.base for one in curve.days)
    assert curve.top == 20
    assert curve.days[-1].height == 4 * curve.days[0].height
    # the band reaches from 4 to 4 + 1.5 x (8 - 4) = 10 of 20: half the height
    heights = {int(point.split(",")[1]) for point in curve.band.split()}
    assert heights == {curve.base - round(120 * 4 / 20), curve.base - round(120 * 10 / 20)}


def test_grids_end_with_yesterday() -> None:
    days = last_days(DAY)
    assert (len(days), days[-1]) == (14, DAY - timedelta(days=1))


def grid() -> Grid:
    blank = ("",) * 12
    return Grid(
        days=last_days(DAY),
        rows=(
            GridRow(area="a", name="东风镇", cells=(*blank, "orange", "some")),
            GridRow(area="b", name="青山乡", cells=(*blank, "", "all")),
        ),
    )


def test_the_map_draws_outlines_only_where_every_township_has_one() -> None:
    square = '{"type":"Polygon","coordinates":[[[110,30],[110.1,30],[110.1,30.1],[110,30.1]]]}'
    two = (
        '{"type":"MultiPolygon","coordinates":'
        "[[[[110.1,30],[110.2,30],[110.2,30.1]]],[[[110.3,30],[110.4,30],[110.4,30.1]]]]}"
    )
    drawn = map_of(NAMES, {"a": square, "b": two}, grid())
    assert drawn.drawn
    assert [one.colour for one in drawn.tiles] == ["orange", "all"]
    assert drawn.tiles[1].path.count("z") == 2
    assert drawn.tiles[0].path.startswith("M10,")
    for shapes in ({"a": square}, {"a": square, "b": '{"type":"Point","coordinates":[1,2]}'}, {}):
        tiles = map_of(NAMES, shapes, grid())
        assert not tiles.drawn
        assert [one.colour for one in tiles.tiles] == ["orange", "all"]
    broken = map_of(NAMES, {"a": square, "b": '{"type":"Polygon"'}, grid())
    assert not broken.drawn


def outline(*rings: list[list[float]]) -> str:
    return json.dumps({"type": "Polygon", "coordinates": rings})


def box(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def test_a_township_in_the_hole_of_another_is_seen_and_named_inside() -> None:
    around = outline(box(110, 30, 110.9, 30.9), box(110.3, 30.3, 110.6, 30.6))
    drawn = map_of(NAMES, {"a": around, "b": outline(box(110.3, 30.3, 110.6, 30.6))}, grid())
    assert drawn.tiles[0].path.count("z") == 2  # the page fills by even and odd
    assert 0 < drawn.tiles[1].x < drawn.width
    assert 0 < drawn.tiles[1].y < drawn.height
    assert (drawn.tiles[0].x, drawn.tiles[0].y) != (drawn.tiles[1].x, drawn.tiles[1].y)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (box(179.6, 50, 179.9, 50.3), box(-179.9, 50, -179.6, 50.3)),  # both sides of 180 degrees
        (box(110, 20, 110.1, 40), box(110.1, 20, 110.2, 40)),  # long and narrow
        (box(110, 30, 111, 31), box(110.5, 30.5, 110.50001, 30.50001)),  # less than a dot
        (box(110, 30, 110.000001, 30.000001), box(110, 30, 110.000002, 30.000002)),
    ],
)
def test_every_outline_lies_on_a_map_that_fits_a_page(
    first: list[list[float]], second: list[list[float]]
) -> None:
    drawn = map_of(NAMES, {"a": outline(first), "b": outline(second)}, grid())
    assert drawn.drawn
    assert drawn.width == 600
    assert 0 < drawn.height <= 900
    for tile in drawn.tiles:
        places = [tuple(map(int, one.split(","))) for one in re.findall(r"-?\d+,-?\d+", tile.path)]
        assert len(places) == 5
        assert all(0 <= x <= drawn.width and 0 <= y <= drawn.height for x, y in places)
    assert len({tile.path for tile in drawn.tiles}) == 2, "they do not lie on each other"


@pytest.mark.parametrize(
    "shape",
    [
        '{"type":"Polygon","coordinates":[[]]}',
        '{"type":"Polygon","coordinates":[]}',
        '{"type":"MultiPolygon","coordinates":[[]]}',
        '{"type":"Polygon","coordinates":[[[1,2],[1,2],[1,2]]]}',
        '{"type":"Polygon","coordinates":[[["x",2],[1,2],[3,2]]]}',
        '{"type":"Polygon","coordinates":[3]}',
        '{"type":"MultiPolygon","coordinates":[3]}',
        "null",
        "",
    ],
)
def test_a_stored_outline_that_is_none_leaves_equal_tiles(shape: str) -> None:
    drawn = map_of(NAMES, {"a": outline(box(110, 30, 111, 31)), "b": shape}, grid())
    assert not drawn.drawn
    assert len(drawn.tiles) == 2


def test_a_platform_needs_its_address_and_its_secret() -> None:
    with pytest.raises(ValidationError, match="belong together"):
        ServiceSettings(dsn="postgresql://x", push_url="https://platform.example")
