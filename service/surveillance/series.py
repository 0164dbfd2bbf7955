"""What is counted: the indicators, the county's days and weeks, and gap-free series of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np

from service.surveillance.detectors.ears import Counts

WEEK = timedelta(days=7)
CLOSE_AFTER = timedelta(days=10)
"""A week is closed this long after its last day: hubs that were offline have caught up by then."""


class Indicator(StrEnum):
    """What is counted in a township; both are dense, rare events drown (clinical review, 4)."""

    REPORTING = "reporting"  # people with at least one valid reading
    SYSTOLIC_160 = "systolic_160"  # people with a day's mean systolic of 160 mmHg or more


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """People of one township on one local day."""

    area: str
    indicator: Indicator
    day: date
    people: int


def week_of(day: date) -> date:
    """The Monday of the ISO week that holds `day`."""
    return day - timedelta(days=day.weekday())


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """Midnight at which `day` begins in the county's `zone`, as an aware instant."""
    return datetime.combine(day, time(), tzinfo=zone)


def closed_weeks(first: date, now: datetime, zone: ZoneInfo) -> list[date]:
    """Mondays of the weeks from the one that holds `first` on which are closed at `now`."""
    weeks: list[date] = []
    week = week_of(first)
    while start_of(week + WEEK, zone) + CLOSE_AFTER <= now:
        weeks.append(week)
        week += WEEK
    return weeks


def as_matrix(
    counts: Mapping[tuple[str, date], int], areas: Sequence[str], first: date, days: int
) -> Counts:
    """Counts as areas x days from `first` on; a day without a row is a day with nobody."""
    matrix = np.zeros((len(areas), days), dtype=np.float64)
    for row, area in enumerate(areas):
        for column in range(days):
            matrix[row, column] = counts.get((area, first + timedelta(days=column)), 0)
    return matrix
