"""Released counts as a DHIS2 data value set, for a platform above or beside (row C18). Pure.

Form: DHIS2 Web API, "Data value sets" (`/api/dataValueSets`), with `CODE` as identifier scheme: the
platform knows our indicators and areas by the codes that stand in its own records. Only cells that
the release shows are in it; a hidden cell is absent, which says no more than the table says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

DATA_SET = "HEARTHWATCH_WEEK"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekCell:
    """One released cell of a week; `people` None where it is not shown."""

    week_start: date
    indicator: str
    area: str
    people: int | None
    disclosure: str
    decided_at: datetime


class _Value(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    data_element: str
    period: str
    org_unit: str
    value: str


class _Set(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    data_set: str
    data_element_id_scheme: str
    org_unit_id_scheme: str
    complete_date: str
    data_values: tuple[_Value, ...]


def period_of(monday: date) -> str:
    """DHIS2's name of an ISO week, `2026W35`."""
    year, week, _ = monday.isocalendar()
    return f"{year}W{week}"


def data_value_set(cells: Iterable[WeekCell]) -> str:
    """The JSON of one or several released weeks; equal cells give equal text."""
    shown = sorted(
        (one for one in cells if one.disclosure == "shown" and one.people is not None),
        key=lambda one: (one.week_start, one.indicator, one.area),
    )
    values = tuple(
        _Value(
            data_element=one.indicator,
            period=period_of(one.week_start),
            org_unit=one.area,
            value=str(one.people),
        )
        for one in shown
    )
    last = max((one.decided_at.date() for one in shown), default=None)
    return msgspec.json.encode(
        _Set(
            data_set=DATA_SET,
            data_element_id_scheme="CODE",
            org_unit_id_scheme="CODE",
            complete_date="" if last is None else last.isoformat(),
            data_values=values,
        )
    ).decode()
