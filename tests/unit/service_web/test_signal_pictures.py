"""Pictures of signals: arithmetic of the curve, colours of grid and map, outlines where known."""

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


def test_a_platform_needs_its_address_and_its_secret() -> None:
    with pytest.raises(ValidationError, match="belong together"):
        ServiceSettings(dsn="postgresql://x", push_url="https://platform.example")
