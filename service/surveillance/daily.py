"""Once a day: count the open weeks again, and release the weeks that have closed, each once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

from rules.vocabulary import Priority
from service.release_settings import FLOOR
from service.store.database import Connection, Pool
from service.surveillance import counts as store
from service.surveillance.cluster_store import verified_clusters
from service.surveillance.counts import HOME, NOBODY, Counted, Township
from service.surveillance.daily_judge import HISTORY_DAYS
from service.surveillance.home_cells import (
    day_cells,
    gap_cells,
    shift_cells,
    verified_cells,
    week_cells,
)
from service.surveillance.indicators import INDICATORS
from service.surveillance.judge import (
    DETECTOR,
    TownshipWeek,
    decide,
    judge_week,
)
from service.surveillance.places import GATES
from service.surveillance.release import Disclosure, Release, ReleasedCell, least_backed
from service.surveillance.series import (
    WEEK,
    CountCell,
    Indicator,
    closed_weeks,
    days_between,
    months_between,
    start_of,
    week_of,
    weeks_between,
)
from service.surveillance.told_by_gates import least_told, most_told

_HOUR_OF_DAY = timedelta(hours=1)
_COUNT_AGAIN = timedelta(days=28)
"""Days that are counted again every night: hubs that were away catch up, and inside it shows."""


async def refresh(pool: Pool, now: datetime, zone: ZoneInfo, *, floor: int = FLOOR) -> datetime:
    """Bring the counts up to yesterday, release what has closed, and return when to call again.

    One transaction; calling it twice changes nothing the second time. Returns 01:00 of the next
    local day.
    """
    async with pool.acquire() as connection, connection.transaction():
        await store.lock_release(connection)
        await _count_and_release(connection, now, zone, floor)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return start_of(tomorrow, zone) + _HOUR_OF_DAY


async def _count_and_release(
    connection: Connection, now: datetime, zone: ZoneInfo, floor: int
) -> None:
    today = now.astimezone(zone).date()
    areas = await store.townships(connection, today)
    first = await store.first_day(connection, zone)
    if first is None or not areas:
        return
    released = await store.last_released_week(connection)
    open_since = week_of(first) if released is None else released + WEEK
    again = max(week_of(first), min(open_since, week_of(today - _COUNT_AGAIN)))
    counted: dict[date, Mapping[tuple[str, str], Counted]] = {}
    if again < today:
        await _count_days(connection, areas, again, today, zone, now)
        counted = await _count_weeks(connection, areas, again, today, zone, now)
        await _count_months(connection, areas, again, today, zone, now)
    await store.silence_townships(connection, now)
    for monday in closed_weeks(open_since, now, zone):
        week = await read_week(connection, monday, first, zone, now, counted.get(monday))
        await _release_week(connection, week, areas, now, floor)


async def _count_days(
    connection: Connection,
    areas: Sequence[Township],
    first: date,
    end: date,
    zone: ZoneInfo,
    now: datetime,
) -> None:
    found = await store.count_home_days(connection, first, end, zone)
    standard = await store.ages(connection, end.year)
    ids = [township.area for township in areas]
    cells = day_cells(found, ids, days_between(first, end), standard)
    await store.put_cells(connection, HOME, cells, now)


async def _count_weeks(
    connection: Connection,
    areas: Sequence[Township],
    first: date,
    end: date,
    zone: ZoneInfo,
    now: datetime,
) -> dict[date, Mapping[tuple[str, str], Counted]]:
    """Returns whom it counted in each week, by Monday: the release need not count them again."""
    counted: dict[date, Mapping[tuple[str, str], Counted]] = {}
    ids = [township.area for township in areas]
    counties = sorted({township.county for township in areas})
    for monday in weeks_between(first, end):
        span = (start_of(monday, zone), start_of(monday + WEEK, zone))
        counted[monday] = await store.count_week(connection, monday, monday + WEEK, zone)
        cells = week_cells(
            ids,
            monday,
            counted[monday],
            await store.standing(connection, *span),
            await store.crises(connection, *span, Priority.EMERGENCY.value),
            await store.answers(connection, *span),
        )
        cells += gap_cells(ids, monday, await store.drug_gaps(connection, monday + WEEK))
        shifts = await store.device_shifts(connection, monday, monday + WEEK)
        cells += shift_cells(counties, monday, shifts)
        cells += verified_cells(ids, monday, await verified_clusters(connection, *span))
        await store.put_cells(connection, HOME, cells, now)
    return counted


async def _count_months(
    connection: Connection,
    areas: Sequence[Township],
    first: date,
    end: date,
    zone: ZoneInfo,
    now: datetime,
) -> None:
    known = {township.area for township in areas}
    months = months_between(first, end)
    for month, following in pairwise(months):
        span = (start_of(month, zone), start_of(following, zone))
        found = await store.low_glucose(connection, *span, month)
        cells = [cell for cell in found if cell.area in known]
        cells += _nobody_low(known - {cell.area for cell in cells}, month)
        await store.put_cells(connection, HOME, cells, now)


def _nobody_low(areas: set[str], month: date) -> list[CountCell]:
    return [
        CountCell(area=area, indicator="low_glucose_insulin", day=month, value=0, base=0, people=0)
        for area in sorted(areas)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Week:
    """Everything that is known of one closed week, from which its release is decided.

    `crossed` are the largest counts of a day over its threshold that signals rest on, by township
    and indicator: of those that reach the floor officers were told so. `asked` is how many people a
    number of a day was asked of, where that is fewer than reported: gates look at them.
    """

    monday: date
    counted: Mapping[tuple[str, str], Counted]
    monitored: Mapping[str, int]
    series: Mapping[Indicator, Mapping[tuple[str, date], int]]
    before: Mapping[tuple[str, str, date], Disclosure]
    levels: Mapping[str, str]
    history_from: date
    crossed: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    asked: Mapping[Indicator, Mapping[tuple[str, date], int]] = field(
        default_factory=dict[Indicator, Mapping[tuple[str, date], int]]
    )

    def reporting(self, areas: Sequence[str], county: str, floor: int) -> Release:
        """What is said of the reporting people: every other number is part of theirs."""
        return decide(
            [self.township(area, Indicator.REPORTING, floor) for area in areas],
            county,
            floor=floor,
            townships_too=self.is_for_townships(Indicator.REPORTING),
        )

    def townships(
        self,
        areas: Sequence[str],
        indicator: Indicator,
        floor: int,
        reporting: Release,
    ) -> list[TownshipWeek]:
        """A sibling group's true counts with what else a reader may know of them."""
        if indicator is Indicator.REPORTING or not reporting.cells:
            return [self.township(area, indicator, floor) for area in areas]
        released = {cell.area: cell for cell in reporting.cells}
        return [self.township(area, indicator, floor, released[area]) for area in areas]

    def township(
        self, area: str, indicator: Indicator, floor: int, of: ReleasedCell | None = None
    ) -> TownshipWeek:
        """One township's true counts with what else a reader may know of them."""
        counted = self._counted(area, indicator)
        return TownshipWeek(
            area=area,
            people=round(counted.amount),
            monitored=self.monitored.get(area, 0),
            days=self._days(area, indicator),
            told_at_least=min(round(counted.amount), self._told(area, indicator, floor)),
            told_at_most=self._told_most(area, indicator, floor),
            asked=counted.people,
            households=counted.households,
            largest_share=counted.most_people,
            largest_counted=counted.most_amount,
            of=of,
            # Of the others everybody who reported was asked (`week_counts`).
            asked_told=indicator is not Indicator.SYSTOLIC_ABOVE_2SD,
        )

    def _days(self, area: str, indicator: Indicator) -> list[float]:
        """The detector's input: no day of a week before of which nothing may be known."""
        counts = self.series.get(indicator, {})
        first = self.monday
        while (
            self.before.get((indicator.value, area, first - WEEK)) is Disclosure.SHOWN
            and first > self.history_from
        ):
            first -= WEEK
        days = days_between(max(first, self.history_from), self.monday + WEEK)
        return [float(counts.get((area, day), 0)) for day in days]

    def is_for_townships(self, indicator: Indicator) -> bool:
        """Whether townships are released, not only the county: no part is finer than its whole."""
        return all(
            self.levels.get(one.value, "township") == "township"
            for one in (indicator, Indicator.REPORTING)
        )

    def _counted(self, area: str, indicator: Indicator) -> Counted:
        return self.counted.get((area, indicator.value), NOBODY)

    def _told(self, area: str, indicator: Indicator, floor: int) -> int:
        if indicator is not Indicator.REPORTING:
            return floor if self.crossed.get((area, indicator.value), 0) >= floor else 0
        # An open gate (places.py) tells a reader that at least so many reported on a day.
        gates = [max(least, floor) for least in GATES]
        told = least_told(self._days_of(Indicator.REPORTING, area), self._week(), gates)
        named = any(self._told(area, i, floor) for i in Indicator if i is not indicator)
        return told or (least_backed(floor) if named else 0)

    def _told_most(self, area: str, indicator: Indicator, floor: int) -> int | None:
        """At most as many as a gate that was closed every day left; `controlled` has no gate."""
        if indicator is Indicator.CONTROLLED:
            return None
        # Whoever stands above their usual was measured, too.
        gates = {Indicator.SYSTOLIC_160, indicator} - {Indicator.REPORTING}
        all_of_them = indicator is Indicator.REPORTING
        asked = [
            (
                max(INDICATORS[one.value].least_people, floor),
                self._days_of(indicator, area) if all_of_them else self._asked(one, area),
            )
            for one in sorted(gates)
        ]
        return most_told(asked, self._week()) if self._is_known(area) else None

    def _asked(self, indicator: Indicator, area: str) -> Mapping[date, int]:
        if indicator in self.asked:
            days = self.asked[indicator].items()
            return {day: people for (at, day), people in days if at == area}
        return self._days_of(Indicator.REPORTING, area)

    def _is_known(self, area: str) -> bool:
        """Whether the week's days are: what was not counted was judged by nobody."""
        days = self._days_of(Indicator.REPORTING, area)
        return any(day in days for day in self._week())

    def _days_of(self, indicator: Indicator, area: str) -> Mapping[date, int]:
        days = self.series.get(indicator, {}).items()
        return {day: people for (at, day), people in days if at == area}

    def _week(self) -> list[date]:
        return list(days_between(self.monday, self.monday + WEEK))


async def read_week(
    connection: Connection,
    monday: date,
    first: date,
    zone: ZoneInfo,
    now: datetime,
    counted: Mapping[tuple[str, str], Counted] | None = None,
) -> Week:
    """What is known at `now` of the week that begins on `monday`; `first` is the oldest day.

    `counted` is given where its people were counted just before.
    """
    end = monday + WEEK
    history = max(first, monday - timedelta(days=HISTORY_DAYS))
    return Week(
        monday=monday,
        counted=counted or await store.count_week(connection, monday, end, zone),
        monitored=await store.monitored(connection, start_of(monday, zone), start_of(end, zone)),
        series=await store.day_series(connection, history, end, now),
        before=await store.disclosures(connection, week_of(history)),
        levels=await store.levels(connection, monday),
        history_from=history,
        crossed=await store.crossed_in_signals(connection, monday, end),
        asked=await store.asked_days(connection, monday, end, now),
    )


async def _release_week(
    connection: Connection, week: Week, areas: Sequence[Township], now: datetime, floor: int
) -> None:
    for county, members in groupby(sorted(areas, key=_county_of), _county_of):
        group = [township.area for township in members]
        reporting = week.reporting(group, county, floor)
        for indicator in Indicator:
            rows = judge_week(
                week.townships(group, indicator, floor, reporting),
                county,
                floor=floor,
                townships_too=week.is_for_townships(indicator),
                reporting=None if indicator is Indicator.REPORTING else reporting,
            )
            how = (DETECTOR, floor)
            await store.put_release(connection, week.monday, indicator, rows, how, now)


def _county_of(township: Township) -> str:
    return township.county
