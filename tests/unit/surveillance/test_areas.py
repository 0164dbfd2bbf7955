"""Areas from CSV and GeoJSON: good lines, refused lines with their reason, parents first."""

import json
from datetime import date

import pytest

from service.surveillance.areas import AreaFileError, ListedArea, read_areas

pytestmark = pytest.mark.row("C1")

HEADER = "area_id,parent_id,level,name,valid_from,valid_to\n"
COUNTY = ListedArea(area_id="c", parent_id=None, level="county", name="县")


def test_five_levels_come_in_any_order_and_leave_parents_first() -> None:
    text = HEADER + (
        "v,t,village,甲村,,\nt,c,township,镇,2026-01-01,2026-12-31\nc,pf,county,县,,\n"
        "pf,pv,prefecture,市,,\npv,,province,省,,\n"
    )
    found = read_areas("\ufeff" + text, {})
    assert found.faults == ()
    assert [area.area_id for _, area in found.areas] == ["pv", "pf", "c", "t", "v"]
    township = {area.area_id: area for _, area in found.areas}["t"]
    assert (township.valid_from, township.valid_to) == (date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("t,c,town,镇,,", "level", "none of"),
        ("t,x,township,镇,,", "parent_id", "not known"),
        ("v,c,village,村,,", "parent_id", "is a county"),
        ("t,,township,镇,,", "parent_id", "lies in a county"),
        ("t,c,township,,,", "name", "1 to 100"),
        ("t,c,township,镇,2026-13-01,", "valid_from", "no day"),
        ("t,c,township,镇,2026-02-01,2026-01-01", "valid_to", "before"),
        ("c,,township,镇,,", "level", "is county already"),
    ],
)
def test_a_bad_line_is_refused_with_field_and_reason(row: str, field: str, reason: str) -> None:
    found = read_areas(HEADER + row + "\n", {"c": COUNTY})
    (fault,) = found.faults
    assert (fault.line, fault.field) == (2, field)
    assert reason in fault.reason
    assert found.areas == ()


def test_an_area_is_never_cut_anew_under_its_id() -> None:
    known = {
        "c": COUNTY,
        "d": ListedArea(area_id="d", parent_id=None, level="county", name="邻县"),
        "t": ListedArea(area_id="t", parent_id="c", level="township", name="镇"),
    }
    (fault,) = read_areas(HEADER + "t,d,township,镇,,\n", known).faults
    assert "needs a new id" in fault.reason
    assert read_areas(HEADER + "t,c,township,新名,,2026-12-31\n", known).faults == ()


def test_an_id_that_stands_twice_is_refused_once() -> None:
    found = read_areas(HEADER + "t,c,township,镇,,\nt,c,township,镇,,\n", {"c": COUNTY})
    assert [fault.line for fault in found.faults] == [3]
    assert [line for line, _ in found.areas] == [2]


def feature(geometry: object, **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features: dict[str, object]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


SQUARE = {"type": "Polygon", "coordinates": [[[104, 30], [105, 30], [105, 31], [104, 30]]]}


def test_geojson_brings_the_outline() -> None:
    text = collection(feature(SQUARE, area_id="t", parent_id="c", level="township", name="镇"))
    ((_, area),) = read_areas(text, {"c": COUNTY}).areas
    assert area.geometry is not None
    assert json.loads(area.geometry) == SQUARE
    # one spelling, however the file spelled it
    spaced = text.replace("[104, 30]", "[ 104.0,  30 ]")
    ((_, again),) = read_areas(spaced, {"c": COUNTY}).areas
    assert json.loads(again.geometry or "") == SQUARE


NO_OUTLINES: list[tuple[object, str]] = [
    ({"type": "Point", "coordinates": [104, 30]}, "neither"),
    ({"type": "Polygon", "coordinates": [[[204, 30]]]}, "longitude"),
    ({"type": "Polygon", "coordinates": [[["x", 30]]]}, "longitude"),
    ({"type": "Polygon", "coordinates": [[3, 4]]}, "longitude"),
    ({"type": "Polygon"}, "no GeoJSON"),
    ({"type": "Polygon", "coordinates": []}, "a ring"),
    ({"type": "Polygon", "coordinates": [[]]}, "three corners"),
    ({"type": "Polygon", "coordinates": [[[104, 30], [105, 30], [104, 30]]]}, "three corners"),
    ({"type": "Polygon", "coordinates": [[["x", 30, 104]]]}, "longitude"),
    ({"type": "Polygon", "coordinates": [[[True, 30]]]}, "longitude"),
    ({"type": "MultiPolygon", "coordinates": []}, "a ring"),
    ({"type": "MultiPolygon", "coordinates": [[]]}, "a ring"),
    ({"type": "MultiPolygon", "coordinates": [[[104, 30]]]}, "longitude"),
    ({"type": "GeometryCollection", "coordinates": []}, "neither"),
]


@pytest.mark.parametrize(("geometry", "reason"), NO_OUTLINES)
def test_an_outline_that_is_none_is_refused(geometry: object, reason: str) -> None:
    text = collection(feature(geometry, area_id="t", parent_id="c", level="township", name="镇"))
    (fault,) = read_areas(text, {"c": COUNTY}).faults
    assert (fault.line, fault.field) == (1, "geometry")
    assert reason in fault.reason


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "{}", '{"type": "Feature"}', '{"type": '])
def test_another_file_is_no_area_file(text: str) -> None:
    with pytest.raises(AreaFileError):
        read_areas(text, {})
