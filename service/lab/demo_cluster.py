"""The demo's clinics, pharmacies and schools: two months of reports, and a cluster in one township.

So that the CDC's page of eight o'clock has something to say on the first morning: the officer is
named, the reports are there, the sources agree.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from firmware_sim.institutions import Outbreak, simulate
from service.store.database import Pool
from service.surveillance.counts import put_cells, sources
from service.surveillance.daily_signals import form_signals
from service.surveillance.duty import DutyOfficers
from service.surveillance.indicators import SourceKind
from service.surveillance.series import CountCell, days_between
from service.surveillance.source_store import NewSource, Sources

_NAMES = {
    SourceKind.CLINIC: "各卫生院门诊",
    SourceKind.PHARMACY: "连锁药店",
    SourceKind.SCHOOL: "中小学缺课",
}
_DAYS = 60
_BEGAN_BEFORE = timedelta(days=6)
_INFECTED = 700
_NAMED_FOR = timedelta(days=3650)


async def play_cluster(  # noqa: PLR0913 -- everything a cluster is played into
    pool: Pool,
    townships: Sequence[str],
    *,
    officer: str,
    first_end: date,
    now: datetime,
    zone: ZoneInfo,
    floor: int,
) -> int:
    """Reports up to yesterday of every township, a cluster in the first; signals formed or grown.

    Called at every start: what was reported already stays as it is, and the days since are added.
    `first_end` is the last day of the demo's first history; the cluster began six days before.
    """
    today = now.astimezone(zone).date()
    await _introduce(pool, officer, now, zone, today)
    outbreak = Outbreak(
        township=townships[0], first_day=first_end - _BEGAN_BEFORE, infected=_INFECTED
    )
    days = days_between(first_end - timedelta(days=_DAYS), today)
    cells: dict[str, list[CountCell]] = {kind.value: [] for kind in _NAMES}
    for one in simulate(townships, days, [outbreak]):
        if one.source in cells:
            cells[one.source].append(
                CountCell(
                    area=one.township, indicator=one.indicator, day=one.day, value=float(one.value)
                )
            )
    async with pool.acquire() as connection, connection.transaction():
        for source, found in cells.items():
            await put_cells(connection, source, found, now)
    return len(await form_signals(pool, now, zone, floor=floor))


async def _introduce(pool: Pool, officer: str, now: datetime, zone: ZoneInfo, today: date) -> None:
    """Credentials for the sources and a named duty officer, once."""
    async with pool.acquire() as connection:
        known = {one.source_id for one in await sources(connection)}
    store = Sources(pool, zone)
    for kind, name in _NAMES.items():
        if kind.value not in known:
            weekdays = frozenset(range(1, 6 if kind is SourceKind.SCHOOL else 8))
            await store.register_source(
                NewSource(source_id=kind.value, kind=kind, name=name, area=None, weekdays=weekdays),
                now,
            )
    officers = DutyOfficers(pool, zone)
    if not await officers.named():
        await officers.name(officer, today, today + _NAMED_FOR, now)
