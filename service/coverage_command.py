"""`hearthwatch coverage`: prove for the days to come that nobody is without an owner."""

import argparse
import asyncio
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn, zone_named
from service.care.coverage import Coverage, Finding
from service.store.coverage import DAYS, CoverageChecks
from service.store.database import DATABASE_ERRORS, in_words, open_pool

_MOST_LINES = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("action", choices=["check"], help="look at everybody now")
    parser.add_argument("--days", type=int, default=DAYS, help=f"how far ahead ({DAYS})")
    parser.add_argument("--at", type=datetime.fromisoformat, help="from when (default: now)")
    parser.add_argument("--zone", type=zone_named, default="Asia/Shanghai")
    parser.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")


def run(arguments: argparse.Namespace) -> int:
    """Check and print; 1 where somebody will have nobody, 2 where it cannot be looked at."""
    at: datetime = arguments.at or WallClock().now()
    if at.tzinfo is None or not 1 <= arguments.days <= 366:  # noqa: PLR2004 -- a year
        sys.stderr.write("--at needs an offset from UTC, --days lie between 1 and 366\n")
        return 2
    try:
        dsn = find_dsn(arguments.dsn)
        found = asyncio.run(_check(dsn, arguments.zone, at, arguments.days))
    except (NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 2
    sys.stdout.write(told(found, arguments.zone))
    return 1 if found.without_owner else 0


def told(found: Coverage, zone: ZoneInfo) -> str:
    """What a check found, in lines; no person's name is in them."""
    lines = [_line(one, zone) for one in found.findings[:_MOST_LINES]]
    if len(found.findings) > _MOST_LINES:
        lines.append(f"and {len(found.findings) - _MOST_LINES} more")
    until = found.until.astimezone(zone)
    without = f"{found.without_owner} without an owner"
    lines.append(f"{found.people} people until {until:%Y-%m-%d %H:%M}: {without}")
    return "\n".join(lines) + "\n"


async def _check(dsn: str, zone: ZoneInfo, at: datetime, days: int) -> Coverage:
    async with open_pool(dsn, size=2) as pool:
        return await CoverageChecks(pool, zone).check_coverage(at, days)


def _line(one: Finding, zone: ZoneInfo) -> str:
    first, last = one.first_at.astimezone(zone), one.last_at.astimezone(zone)
    where = " ".join(filter(None, (one.institution_id, one.staff_id))) or "-"
    return (
        f"{one.gap.value:<17} {one.people:>8} people  {first:%m-%d %H:%M} to {last:%m-%d %H:%M}"
        f"  {where}"
    )
