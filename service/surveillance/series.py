"""What is counted: the indicators, the county's days and weeks, and gap-free series of them."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

WEEK = timedelta(days=7)
CLOSE_AFTER = timedelta(days=10)
"""A week is closed this long after its last day: hubs that were offline have caught up by then."""


class Indicator(StrEnum):
    """What is released of a township's week; dense ones, rare events drown (clinical review, 4).

    All of them count people among those who reported in the week; `indicators.py` has the rest.
    """

    REPORTING = "reporting"  # people with at least one valid reading
    SYSTOLIC_160 = "systolic_160"  # people with a day's mean systolic of 160 mmHg or more
    SYSTOLIC_ABOVE_2SD = "systolic_above_2sd"  # a day's mean above their own mean and 2 sd
    CONTROLLED = "controlled"  # the mean of 28 days below their own target


@dataclass(frozen=True, slots=True, kw_only=True)
class CountCell:
    """One number of one area and period, with what stands behind it; see `indicators.py`.

    `day` is the first of the period. `base` is of how many the number tells (managed people,
    enrolled pupils), `people` how many reported, in `households` homes, of which one has at most
    `largest_share` of what was counted; None where the source cannot say.
    """

    area: str
    indicator: str
    day: date
    value: float
    base: int | None = None
    people: int | None = None
    households: int | None = None
    largest_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaid:
    """A mean or share that nobody stands behind: it takes back what was said before, if anything.

    It has a `CountCell`'s columns, and no reader of counts gets it.
    """

    area: str
    indicator: str
    day: date
    value: None = None
    base: None = None
    people: int = 0
    households: int = 0
    largest_share: None = None


def week_of(day: date) -> date:
    """The Monday of the ISO week that holds `day`."""
    return day - timedelta(days=day.weekday())


def days_between(first: date, end: date) -> list[date]:
    """The days from `first` up to, not including, `end`."""
    return [first + timedelta(days=number) for number in range((end - first).days)]


def weeks_between(first: date, end: date) -> list[date]:
    """Mondays of the whole weeks from the one that holds `first` on that ended before `end`."""
    weeks: list[date] = []
    week = week_of(first)
    while week + WEEK <= end:
        weeks.append(week)
        week += WEEK
    return weeks


def months_between(first: date, end: date) -> list[date]:
    """First days of the months from the one that holds `first` to the one that holds `end`."""
    months = [first.replace(day=1)]
    while (following := (months[-1] + timedelta(days=32)).replace(day=1)) <= end:
        months.append(following)
    return months


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
