"""A county's numbers from its townships', worked out by hand."""

from datetime import UTC, date, datetime

import pytest

from service.surveillance.counts import KnownCell
from service.surveillance.roll_up import rolled_up
from service.surveillance.series import CountCell

DAY = date(2026, 8, 24)
NOON = datetime(2026, 8, 25, 4, tzinfo=UTC)

pytestmark = pytest.mark.row("C1")


def known(
    area: str,
    value: float,
    people: int | None = None,
    *,
    indicator: str = "reporting",
    source: str = "home",
    revision: int = 1,
) -> KnownCell:
    cell = CountCell(
        area=area,
        indicator=indicator,
        day=DAY,
        value=value,
        people=people,
        households=people,
    )
    return KnownCell(source=source, cell=cell, revision=revision, as_of=NOON)


def test_people_and_homes_add_up_and_the_newest_revision_is_told() -> None:
    (one,) = rolled_up([known("t1", 12, 12), known("t2", 8, 8, revision=3)], "county")
    assert (one.cell.area, one.cell.value, one.cell.people) == ("county", 20, 20)
    assert (one.cell.households, one.revision) == (20, 3)


def test_a_mean_weighs_by_people_and_of_nobody_there_is_none() -> None:
    cells = [
        known("t1", 4.0, 30, indicator="systolic_deviation"),
        known("t2", -2.0, 10, indicator="systolic_deviation"),
    ]
    (one,) = rolled_up(cells, "county")
    assert (one.cell.value, one.cell.people) == (2.5, 40)
    assert rolled_up([known("t1", 4.0, indicator="systolic_deviation")], "county") == []


def test_sources_stand_apart_and_what_was_sent_for_the_county_stands() -> None:
    cells = [
        known("t1", 5, indicator="rash", source="clinic-1"),
        known("t2", 6, indicator="rash", source="clinic-1"),
        known("county", 40, indicator="rash", source="hospital"),
        known("t1", 3, indicator="rash", source="hospital"),
    ]
    assert [(one.source, one.cell.value) for one in rolled_up(cells, "county")] == [
        ("clinic-1", 11),
        ("hospital", 40),
    ]
