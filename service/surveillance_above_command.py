"""`hearthwatch surveillance above`: a prefecture's database over its counties' released cells.

It is run at the prefecture, on a database of its own; a county gives the role `hw_above` a password
and lets the prefecture's address in (docs/surveillance.md).
"""

import argparse
import asyncio
import sys
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn
from service.store.database import DATABASE_ERRORS, in_words, open_pool
from service.surveillance.federation import CountyServer, Prefecture, PrefectureWeek


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    join = actions.add_parser("join", help="add a county")
    join.add_argument("county", help="its id here: small letters, digits, _")
    join.add_argument("--name", required=True, help="what it is called")
    join.add_argument("--host", required=True, help="its database server")
    join.add_argument("--port", type=int, default=5432)
    join.add_argument("--database", required=True)
    join.add_argument("--password-file", type=Path, help="of the role hw_above there")
    leave = actions.add_parser("leave", help="take a county out")
    leave.add_argument("county")
    show = actions.add_parser("show", help="sums over the counties of what they released")
    show.add_argument("--since", type=date.fromisoformat, required=True, help="from this week on")
    for action in (join, leave, show):
        action.add_argument("--dsn", help="the prefecture's own database, as its owner")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 when a server does not answer or a county is not known."""
    try:
        file: Path | None = getattr(arguments, "password_file", None)
        password = file.read_text(encoding="utf-8").strip() if file else None
        return asyncio.run(_act(find_dsn(arguments.dsn), arguments, password))
    except (NoDatabaseError, FileNotFoundError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1


async def _act(dsn: str, arguments: argparse.Namespace, password: str | None) -> int:
    async with open_pool(dsn, size=1) as pool:
        prefecture = Prefecture(pool, ZoneInfo("UTC"))
        await prefecture.prepare()
        if arguments.action == "leave":
            return 0 if await prefecture.leave(arguments.county) else 1
        if arguments.action == "join":
            server = CountyServer(
                county=arguments.county,
                name=arguments.name,
                host=arguments.host,
                port=arguments.port,
                database=arguments.database,
                password=password,
            )
            await prefecture.join(server, WallClock().now())
            return 0
        sys.stdout.writelines(
            f"{week_line(week)}\n" for week in await prefecture.weeks(arguments.since)
        )
        return 0


def week_line(week: PrefectureWeek) -> str:
    """One week of one indicator, as it is printed."""
    return (
        f"{week.week_start}  {week.indicator}  {week.people}"
        f"  of up to {week.monitored_up_to} monitored"
        f"  ({week.counties_shown} of {week.counties} counties shown)"
    )
