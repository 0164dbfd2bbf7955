"""`hearthwatch surveillance duty`: name who may ask for the true counts of open signals, and when.

Only a CDC officer of the own county can be named, by log-in, for a span of days.
"""

import argparse
import asyncio
import sys
from datetime import date

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn, zone_named
from service.store.database import DATABASE_ERRORS, in_words, open_pool
from service.surveillance.duty import DutyOfficers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    name = actions.add_parser("name", help="name an officer for a span of days")
    name.add_argument("login")
    name.add_argument("--from", dest="first", type=date.fromisoformat, required=True)
    name.add_argument("--to", dest="last", type=date.fromisoformat, required=True)
    listing = actions.add_parser("list", help="who was and is named")
    for action in (name, listing):
        action.add_argument(
            "--zone", type=zone_named, default="Asia/Shanghai", help="the county's time zone"
        )
        action.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 when there is no such officer or no database, 2 for a span that is none."""
    if arguments.action == "name" and arguments.last < arguments.first:
        sys.stderr.write("the last day lies before the first\n")
        return 2
    try:
        return asyncio.run(_act(find_dsn(arguments.dsn), arguments))
    except (NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1


async def _act(dsn: str, arguments: argparse.Namespace) -> int:
    async with open_pool(dsn, size=1) as pool:
        officers = DutyOfficers(pool, arguments.zone)
        if arguments.action == "list":
            for one in await officers.named():
                sys.stdout.write(f"{one.area}  {one.login}  {one.first_day}..{one.last_day}\n")
            return 0
        now = WallClock().now()
        area = await officers.name(arguments.login, arguments.first, arguments.last, now)
    if area is None:
        sys.stderr.write(f"{arguments.login}: no CDC officer of a county\n")
        return 1
    sys.stdout.write(f"{arguments.login}: duty officer of {area}\n")
    return 0
