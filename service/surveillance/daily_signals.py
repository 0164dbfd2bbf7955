"""Once a morning, and whenever asked: judge the townships, fuse their sources, form the signals.

Detector, signal and task in one walk (row C8): `places` judges, `fusion` agrees, the scan looks
over neighbours (where outlines were imported), `signal_formation` stores. Exercises walk the same
way with cases that stand in no table.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from service.store.database import Connection, Pool
from service.surveillance import counts as store
from service.surveillance.counts import KnownCell
from service.surveillance.daily_judge import HISTORY_DAYS
from service.surveillance.fusion import fuse
from service.surveillance.indicators import SourceKind
from service.surveillance.places import WATCHED, Known, judge_places
from service.surveillance.scan_near import scan_places
from service.surveillance.scan_positions import positions
from service.surveillance.signal_formation import take_findings

MORNING = time(7, 30)
"""Half an hour before the officers look: institutions report by then."""

_DRILLED: Mapping[SourceKind, str] = {
    SourceKind.CLINIC: "influenza_like",
    SourceKind.PHARMACY: "antipyretic",
    SourceKind.SCHOOL: "absent_ill",
}
_DRILL_DAYS = 3
_DRILL_MOST, _DRILL_CHANCE = 20, 0.3  # an invented ordinary day: six cases, at most twenty


async def form_signals(pool: Pool, now: datetime, zone: ZoneInfo, *, floor: int) -> list[UUID]:
    """Judges the day before `now` and forms its signals; returns those new or grown.

    One transaction, one worker at a time; calling it twice changes nothing the second time.
    """
    async with pool.acquire() as connection, connection.transaction():
        await store.lock_release(connection)
        known = await read_known(connection, now, zone, floor=floor)
        judged = await asyncio.to_thread(judge_places, known)  # seconds of CPU, with three years
        found = fuse(judged.places, judged.day)
        told = {one.area for one in found}
        where = await positions(connection, known.areas)
        seed = judged.day.toordinal()
        near = await asyncio.to_thread(scan_places, judged.places, where, judged.day, seed)
        found += [one for one in near if one.area not in told]
        return await take_findings(connection, found, now, floor=floor)


async def form_drill(
    pool: Pool, area: str, cases: int, now: datetime, zone: ZoneInfo, *, floor: int
) -> list[UUID]:
    """The same with an invented outbreak of `cases` a day in three sources of one township.

    Forms an exercise of that township where its sources have the history to notice it, and nothing
    else; no count is changed. The ordinary days are invented as well: how many cases it takes until
    an exercise rings would otherwise tell the true count.
    """
    async with pool.acquire() as connection, connection.transaction():
        await store.lock_release(connection)
        known = await read_known(connection, now, zone, [area], floor=floor)
        days = [known.today - timedelta(days=n) for n in range(1, _DRILL_DAYS + 1)]
        injected = {(area, code, day): cases for code in _DRILLED.values() for day in days}
        played = replace(known, cells=exercise_cells(known.cells), injected=injected)
        judged = await asyncio.to_thread(judge_places, played)
        found = [
            one
            for one in fuse(judged.places, judged.day)
            if any(
                row.crossed for row in one.sources
            )  # of one place alone the statistic says little
        ]
        return await take_findings(connection, found, now, floor=floor)


def exercise_cells(cells: Iterable[KnownCell]) -> list[KnownCell]:
    """What reports of the drilled sources there are, each with an invented number; nothing else.

    The number depends on who reports what on which day, and on no count.
    """
    return [
        replace(one, cell=replace(one.cell, value=_ordinary(one)))
        for one in cells
        if one.cell.indicator in _DRILLED.values()
    ]


def _ordinary(one: KnownCell) -> float:
    cell = one.cell
    rng = Random(f"{cell.area}/{cell.indicator}/{one.source}/{cell.day}")  # noqa: S311 -- repeatable
    return float(sum(rng.random() < _DRILL_CHANCE for _ in range(_DRILL_MOST)))


async def read_known(
    connection: Connection,
    now: datetime,
    zone: ZoneInfo,
    areas: Sequence[str] | None = None,
    days: int = HISTORY_DAYS,
    *,
    floor: int,
) -> Known:
    """Counts of the last `days` as they are known at `now`, of every township or those named."""
    today = now.astimezone(zone).date()
    if areas is None:
        areas = [one.area for one in await store.townships(connection, today)]
    first = today - timedelta(days=days)
    cells = await store.known_cells(connection, [*WATCHED, "reporting"], first, today, now, areas)
    return Known(
        areas=tuple(areas),
        cells=cells,
        sources=await store.sources(connection),
        today=today,
        zone=zone,
        floor=floor,
    )


def next_morning(now: datetime, zone: ZoneInfo) -> datetime:
    """The next half past seven after `now`."""
    today: date = now.astimezone(zone).date()
    morning = datetime.combine(today, MORNING, tzinfo=zone)
    return morning if morning > now else morning + timedelta(days=1)
