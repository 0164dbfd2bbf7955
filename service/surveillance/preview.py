"""What a week's release would show before it is made, and whether a coarser level were better."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from service.store.database import Connection
from service.surveillance import counts as store
from service.surveillance.counts import Township
from service.surveillance.daily import Week, read_week
from service.surveillance.judge import decide
from service.surveillance.release import Disclosure, Release, share_shown
from service.surveillance.series import CLOSE_AFTER, WEEK, Indicator, start_of, week_of

LEAST_SHOWN = 0.6
"""Below this share of townships shown, the county's level is proposed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One indicator of one county and week; `proposed` is the level to declare, or None."""

    county: str
    indicator: Indicator
    level: str
    cells: int
    shown: int
    small: int
    withheld: int
    thin: int
    total_shown: bool
    proposed: str | None

    @property
    def share(self) -> float:
        """The share of townships that a reader gets a number for; 1 where there are none."""
        return self.shown / self.cells if self.cells else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekPreview:
    """Every indicator of the week that is released next; nothing of it has been stored."""

    monday: date
    closes: datetime
    indicators: tuple[Preview, ...]


async def preview(
    connection: Connection, now: datetime, zone: ZoneInfo, *, floor: int, week: date | None = None
) -> WeekPreview | None:
    """The release of `week` as it would be made now; None where nobody has measured yet.

    Without a week: the first one that is not released, or the last that has ended.
    """
    first = await store.first_day(connection, zone)
    today = now.astimezone(zone).date()
    areas = await store.townships(connection, today)
    if first is None or not areas:
        return None
    monday = week or _next(await store.last_released_week(connection), first, today)
    known = await read_week(connection, monday, first, zone, now)
    return WeekPreview(
        monday=monday,
        closes=start_of(monday + WEEK, zone) + CLOSE_AFTER,
        indicators=tuple(_previews(known, areas, floor)),
    )


def _next(released: date | None, first: date, today: date) -> date:
    following = week_of(first) if released is None else released + WEEK
    return min(following, week_of(today) - WEEK)


def _previews(week: Week, areas: Sequence[Township], floor: int) -> list[Preview]:
    found: list[Preview] = []
    for county, members in groupby(sorted(areas, key=_county_of), _county_of):
        group = [township.area for township in members]
        reporting = week.reporting(group, county, floor)
        found += [
            _preview(week, group, (county, reporting), indicator, floor) for indicator in Indicator
        ]
    return found


def _preview(
    week: Week,
    group: Sequence[str],
    of: tuple[str, Release],
    indicator: Indicator,
    floor: int,
) -> Preview:
    """`of` is the county, and what is said of its reporting people."""
    county, reporting = of
    townships = week.townships(group, indicator, floor, reporting)
    known = None if indicator is Indicator.REPORTING else reporting
    decided = decide(townships, county, floor=floor, reporting=known)
    level = "township" if week.is_for_townships(indicator) else "county"
    whole = decide(townships, county, floor=floor, townships_too=False, reporting=known)
    marks = [cell.disclosure for cell in decided.cells]
    enough = share_shown([decided]) >= LEAST_SHOWN
    return Preview(
        county=county,
        indicator=indicator,
        level=level,
        cells=len(marks),
        shown=marks.count(Disclosure.SHOWN),
        small=marks.count(Disclosure.SMALL),
        withheld=marks.count(Disclosure.WITHHELD),
        thin=marks.count(Disclosure.THIN),
        total_shown=(decided if level == "township" else whole).total is not None,
        proposed="county" if level == "township" and not enough else None,
    )


def _county_of(township: Township) -> str:
    return township.county
