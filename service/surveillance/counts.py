"""Township counts: read from the readings, kept per day, released once a week (schema cdc).

The statements stand beside the others, in `service/store/counts.sql`; the caller holds the
transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from service.store.database import Connection, load_statements
from service.surveillance.judge import ReleaseRow
from service.surveillance.release import Disclosure
from service.surveillance.series import DayCount, Indicator, start_of

_SQL = load_statements("counts.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Township:
    """A township and the county it lies in."""

    area: str
    county: str


async def lock_release(connection: Connection) -> None:
    """Holds the release until the transaction ends: two workers never decide the same week."""
    await connection.execute(_SQL["lock_release"])


async def townships(connection: Connection) -> list[Township]:
    """Every township that lies in a county, by area id."""
    rows = await connection.fetch(_SQL["townships"])
    return [Township(area=r["area_id"], county=r["parent_id"]) for r in rows if r["parent_id"]]


async def first_day(connection: Connection, zone: ZoneInfo) -> date | None:
    """The local day of the oldest reading of a person who exists; None before the first one."""
    return await connection.fetchval(_SQL["first_day"], zone.key)


async def last_released_week(connection: Connection) -> date | None:
    """The Monday of the newest released week, None before the first one."""
    return await connection.fetchval(_SQL["last_released_week"])


async def count_days(
    connection: Connection, first: date, end: date, zone: ZoneInfo
) -> list[DayCount]:
    """True counts of the local days from `first` up to, not including, `end`."""
    rows = await connection.fetch(
        _SQL["day_counts"], zone.key, start_of(first, zone), start_of(end, zone)
    )
    return [
        DayCount(area=r["township"], indicator=indicator, day=r["day"], people=r[indicator.value])
        for r in rows
        for indicator in Indicator
    ]


async def count_week(
    connection: Connection, first: date, end: date, zone: ZoneInfo
) -> dict[tuple[str, Indicator], int]:
    """Distinct people in a span of local days, by township and indicator; absent means nobody."""
    rows = await connection.fetch(
        _SQL["week_counts"], zone.key, start_of(first, zone), start_of(end, zone)
    )
    return {(r["township"], indicator): r[indicator.value] for r in rows for indicator in Indicator}


async def monitored(connection: Connection, since: datetime, until: datetime) -> dict[str, int]:
    """People to whom a device was bound at some time in the span, by township."""
    rows = await connection.fetch(_SQL["monitored"], since, until)
    return {r["township"]: r["people"] for r in rows}


async def put_day_counts(
    connection: Connection, counts: Iterable[DayCount], as_of: datetime
) -> None:
    """Keeps daily counts; a changed one replaces the former and says when."""
    await connection.executemany(
        _SQL["put_day_count"],
        [(c.area, c.indicator.value, c.day, c.people, as_of) for c in counts],
    )


async def day_series(
    connection: Connection, first: date, end: date
) -> Mapping[Indicator, dict[tuple[str, date], int]]:
    """The kept daily counts of a span, by indicator, then by township and day."""
    series: dict[Indicator, dict[tuple[str, date], int]] = {i: {} for i in Indicator}
    for r in await connection.fetch(_SQL["day_series"], first, end):
        series[Indicator(r["indicator"])][(r["area"], r["day"])] = r["people"]
    return series


async def disclosures(
    connection: Connection, since: date
) -> dict[tuple[Indicator, str, date], Disclosure]:
    """What was decided of the released weeks from `since` on, by indicator, area and Monday."""
    rows = await connection.fetch(_SQL["disclosures"], since)
    return {
        (Indicator(r["indicator"]), r["area"], r["week_start"]): Disclosure(r["disclosure"])
        for r in rows
    }


async def put_release(
    connection: Connection,
    week: date,
    indicator: Indicator,
    rows: Iterable[ReleaseRow],
    detector: str,
    now: datetime,
) -> None:
    """Stores the decision for one week and sibling group; a second one for the same is refused."""
    await connection.executemany(
        _SQL["put_release"],
        [
            (
                week,
                indicator.value,
                row.area,
                row.disclosure.value,
                row.people,
                row.monitored_up_to,
                detector,
                row.judgement.value,
                row.expected,
                row.threshold,
                now,
            )
            for row in rows
        ],
    )
