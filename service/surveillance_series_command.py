"""`hearthwatch surveillance series`: an area's counts as they were known at some time, logged.

True counts of the own county, for those who run its detection: whoever prints them says for what,
and it is written to the audit. What others may see is `surveillance release`.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from statistics import fmean

import msgspec

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn, zone_named
from service.store.database import DATABASE_ERRORS, Connection, in_words, open_pool, write_audit
from service.surveillance.counts import (
    KnownCell,
    areas_around,
    known_cells,
    townships_below,
)
from service.surveillance.indicators import INDICATORS
from service.surveillance.roll_up import rolled_up

_SHORTEST_PURPOSE = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--area", required=True, help="a township, or a county and above: summed")
    parser.add_argument("--indicator", required=True, choices=sorted(INDICATORS), metavar="CODE")
    parser.add_argument(
        "--beside",
        choices=sorted(INDICATORS),
        metavar="CODE",
        help="another number of the same days, of the area or of what it lies in: temperature_mean",
    )
    parser.add_argument("--from", dest="first", type=date.fromisoformat, required=True)
    parser.add_argument("--to", dest="last", type=date.fromisoformat, required=True)
    parser.add_argument(
        "--as-of", type=datetime.fromisoformat, help="as it was known then: 2026-09-01T08:00+08:00"
    )
    parser.add_argument("--purpose", required=True, help="for what; it is written to the audit")
    parser.add_argument(
        "--zone", type=zone_named, default="Asia/Shanghai", help="the county's time zone"
    )
    parser.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")


def run(arguments: argparse.Namespace) -> int:
    """Print one JSON line a period and source; 1 without a database, 2 for unusable arguments."""
    if len(arguments.purpose.strip()) < _SHORTEST_PURPOSE or arguments.last < arguments.first:
        sys.stderr.write("say for what in a few words, and a span that does not end before it\n")
        return 2
    try:
        return asyncio.run(_print(find_dsn(arguments.dsn), arguments))
    except (NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1


async def _print(dsn: str, arguments: argparse.Namespace) -> int:
    now = WallClock().now()
    as_of: datetime = arguments.as_of or now
    if as_of.tzinfo is None:
        as_of = as_of.replace(tzinfo=arguments.zone)
    span = (arguments.first, arguments.last + timedelta(days=1))
    detail = {
        "area": arguments.area,
        "indicator": arguments.indicator,
        "first": arguments.first.isoformat(),
        "last": arguments.last.isoformat(),
        "as_of": as_of.isoformat(),
        "purpose": arguments.purpose,
    }
    async with (
        open_pool(dsn, size=1) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        below = await townships_below(connection, arguments.area)
        cells = await known_cells(
            connection, [arguments.indicator], *span, as_of, areas=[arguments.area, *below]
        )
        found = rolled_up(cells, arguments.area)
        beside = (
            await numbers_beside(connection, arguments.area, arguments.beside, span, as_of)
            if arguments.beside
            else None
        )
        await write_audit(connection, None, "read true series", None, detail, now)
    sys.stdout.writelines(f"{cell_line(known, beside)}\n" for known in found)
    return 0


async def numbers_beside(
    connection: Connection, area: str, indicator: str, span: tuple[date, date], as_of: datetime
) -> dict[date, float]:
    """An indicator by day, of the smallest area around `area` that has it that day.

    Several sources of one area are averaged.
    """
    found: dict[date, float] = {}
    for place in await areas_around(connection, area):
        values: dict[date, list[float]] = {}
        for one in await known_cells(connection, [indicator], *span, as_of, areas=[place]):
            values.setdefault(one.cell.day, []).append(one.cell.value)
        found = {day: fmean(several) for day, several in values.items()} | found
    return found


def cell_line(known: KnownCell, beside: Mapping[date, float] | None = None) -> str:
    """One number as a JSON line: the value and what stands behind it, `beside` where asked for."""
    fields: dict[str, str | int | float | None] = {
        "day": known.cell.day.isoformat(),
        "source": known.source,
        "value": known.cell.value,
        "base": known.cell.base,
        "people": known.cell.people,
        "households": known.cell.households,
        "revision": known.revision,
        "as_of": known.as_of.isoformat(),
    }
    if beside is not None:
        fields["beside"] = beside.get(known.cell.day)
    return msgspec.json.encode(fields).decode()
