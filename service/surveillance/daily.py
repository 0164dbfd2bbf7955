"""Once a day: count the open weeks again, and release the weeks that have closed, each once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from service.store.database import Connection, Pool
from service.surveillance import counts as store
from service.surveillance.counts import Township
from service.surveillance.detectors.ears import Counts
from service.surveillance.judge import (
    DAYS_BEFORE,
    DETECTOR,
    TownshipWeek,
    judge_week,
    monitored_up_to,
)
from service.surveillance.release import Disclosure
from service.surveillance.series import (
    WEEK,
    DayCount,
    Indicator,
    as_matrix,
    closed_weeks,
    start_of,
    week_of,
)

_HOUR_OF_DAY = timedelta(hours=1)


async def refresh(pool: Pool, now: datetime, zone: ZoneInfo) -> datetime:
    """Bring the counts up to yesterday, release what has closed, and return when to call again.

    One transaction; calling it twice changes nothing the second time. Returns 01:00 of the next
    local day.
    """
    async with pool.acquire() as connection, connection.transaction():
        await store.lock_release(connection)
        await _count_and_release(connection, now, zone)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return start_of(tomorrow, zone) + _HOUR_OF_DAY


async def _count_and_release(connection: Connection, now: datetime, zone: ZoneInfo) -> None:
    areas = await store.townships(connection)
    first = await store.first_day(connection, zone)
    if first is None or not areas:
        return
    released = await store.last_released_week(connection)
    open_since = week_of(first) if released is None else released + WEEK
    today = now.astimezone(zone).date()
    if open_since < today:
        found = await store.count_days(connection, open_since, today, zone)
        await store.put_day_counts(connection, _filled(found, areas, open_since, today), now)
    for week in closed_weeks(open_since, now, zone):
        await _release_week(connection, await _read_week(connection, week, first, zone), areas, now)


def _filled(
    found: Sequence[DayCount], areas: Sequence[Township], first: date, end: date
) -> list[DayCount]:
    """A row for every township, indicator and day: nobody is a count too."""
    known = {(count.area, count.indicator, count.day): count.people for count in found}
    days = [first + timedelta(days=n) for n in range((end - first).days)]
    return [
        DayCount(
            area=township.area,
            indicator=indicator,
            day=day,
            people=known.get((township.area, indicator, day), 0),
        )
        for township in areas
        for indicator in Indicator
        for day in days
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Week:
    """Everything that is known of one closed week, from which its release is decided."""

    monday: date
    people: Mapping[tuple[str, Indicator], int]
    monitored: Mapping[str, int]
    series: Mapping[Indicator, Mapping[tuple[str, date], int]]
    before: Mapping[tuple[Indicator, str, date], Disclosure]
    history_from: date
    whole_history: bool

    def township(self, area: str, indicator: Indicator) -> TownshipWeek:
        """One township's true counts with what else a reader may know of them."""
        return TownshipWeek(
            area=area,
            people=self.people.get((area, indicator), 0),
            monitored=self.monitored.get(area, 0),
            least=self._least(area, indicator),
            ceiling=self._ceiling(area, indicator),
            baseline_shown=all(
                self.before.get((indicator, area, self.monday - n * WEEK)) is Disclosure.SHOWN
                for n in (1, 2)
            ),
        )

    def days(self, areas: Sequence[str], indicator: Indicator) -> Counts | None:
        """The detector's input, None while the history before the week is not whole."""
        if not self.whole_history:
            return None
        length = DAYS_BEFORE + WEEK.days
        return as_matrix(self.series[indicator], areas, self.history_from, length)

    def _least(self, area: str, indicator: Indicator) -> int:
        # Whoever has a high mean has reported: the one count bounds the other from below.
        if indicator is Indicator.REPORTING:
            return self.people.get((area, Indicator.SYSTOLIC_160), 0)
        return 0

    def _ceiling(self, area: str, indicator: Indicator) -> int:
        most = monitored_up_to(self.monitored.get(area, 0))
        if indicator is Indicator.SYSTOLIC_160:
            return min(most, self.people.get((area, Indicator.REPORTING), 0))
        return most


async def _read_week(connection: Connection, monday: date, first: date, zone: ZoneInfo) -> _Week:
    end = monday + WEEK
    history = monday - timedelta(days=DAYS_BEFORE)
    return _Week(
        monday=monday,
        people=await store.count_week(connection, monday, end, zone),
        monitored=await store.monitored(connection, start_of(monday, zone), start_of(end, zone)),
        series=await store.day_series(connection, history, end),
        before=await store.disclosures(connection, monday - 2 * WEEK),
        history_from=history,
        whole_history=history >= first,
    )


async def _release_week(
    connection: Connection, week: _Week, areas: Sequence[Township], now: datetime
) -> None:
    for county, members in groupby(sorted(areas, key=_county_of), _county_of):
        group = [township.area for township in members]
        for indicator in Indicator:
            townships = [week.township(area, indicator) for area in group]
            rows = judge_week(townships, week.days(group, indicator), county)
            await store.put_release(connection, week.monday, indicator, rows, DETECTOR, now)


def _county_of(township: Township) -> str:
    return township.county
