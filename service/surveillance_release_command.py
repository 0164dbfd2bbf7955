"""`hearthwatch surveillance release`: what the next release shows, at which level, and make it."""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn, zone_named
from service.release_settings import ReleaseSettings
from service.store.database import DATABASE_ERRORS, Pool, in_words, open_pool, write_audit
from service.surveillance.counts import declare_level
from service.surveillance.daily import refresh
from service.surveillance.preview import LEAST_SHOWN, Preview, WeekPreview, preview
from service.surveillance.series import WEEK, Indicator, week_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--dry-run", action="store_true", help="print what it would show; store none")
    what.add_argument("--make", action="store_true", help="release every week that has closed")
    what.add_argument(
        "--declare",
        metavar="INDICATOR=LEVEL",
        help="release an indicator at `township` or `county` from next week on",
    )
    parser.add_argument("--week", type=date.fromisoformat, help="its Monday (default: the next)")
    parser.add_argument(
        "--floor",
        type=int,
        help="dry run only: try another floor (default: HEARTHWATCH_RELEASE_FLOOR)",
    )
    parser.add_argument(
        "--zone", type=zone_named, default="Asia/Shanghai", help="the county's time zone"
    )
    parser.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 when there is no database or nothing to show, 2 for an unusable argument."""
    declared = _declared(arguments.declare) if arguments.declare else None
    if arguments.declare and declared is None:
        sys.stderr.write(f"{arguments.declare}: say INDICATOR=township or INDICATOR=county\n")
        return 2
    floor = _floor(arguments)
    if floor is None or (arguments.week and arguments.week.weekday() != 0):
        sys.stderr.write(
            "a floor is 3 to 100 (another than HEARTHWATCH_RELEASE_FLOOR in a dry run only), and a "
            "week begins on a Monday\n"
        )
        return 2
    try:
        return asyncio.run(_act(find_dsn(arguments.dsn), arguments, declared, floor))
    except (NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1


def _floor(arguments: argparse.Namespace) -> int | None:
    """The floor to use; None where it is impossible, or would release under another one."""
    try:
        if arguments.floor is None:
            return ReleaseSettings().release_floor
        tried = ReleaseSettings(release_floor=arguments.floor).release_floor
    except ValidationError:
        return None
    return tried if arguments.dry_run else None


async def _act(
    dsn: str,
    arguments: argparse.Namespace,
    declared: tuple[Indicator, str] | None,
    floor: int,
) -> int:
    now = WallClock().now()
    zone = arguments.zone
    async with open_pool(dsn, size=2) as pool:
        if declared:
            return await _declare(pool, *declared, now, zone)
        if arguments.make:
            due = await refresh(pool, now, zone, floor=floor)
            sys.stdout.write(f"released what has closed; next at {due.isoformat()}\n")
            return 0
        async with pool.acquire() as connection:
            found = await preview(connection, now, zone, floor=floor, week=arguments.week)
    if found is None:
        sys.stderr.write("nobody has measured yet\n")
        return 1
    sys.stdout.write("\n".join(preview_lines(found)) + "\n")
    return 0


def preview_lines(found: WeekPreview) -> Iterator[str]:
    """The dry run as it is printed: shares, never a count of people."""
    yield f"week of {found.monday}, closes {found.closes.isoformat()}; nothing was stored"
    for one in found.indicators:
        yield _line(one)
        if one.proposed:
            yield (
                f"  below {LEAST_SHOWN:.0%}: declare a coarser level before the week closes:"
                f" --declare {one.indicator.value}={one.proposed}"
            )


def _line(one: Preview) -> str:
    total = "shown" if one.total_shown else "hidden"
    if one.level == "county":
        return f"{one.county} {one.indicator.value}: county only, total {total}"
    return (
        f"{one.county} {one.indicator.value}: {one.shown} of {one.cells} townships shown"
        f" ({one.share:.0%}); below the floor {one.small}, withheld {one.withheld},"
        f" too few reporting {one.thin}; total {total}"
    )


def _declared(text: str) -> tuple[Indicator, str] | None:
    name, _, level = text.partition("=")
    known = {indicator.value: indicator for indicator in Indicator}
    return (known[name], level) if name in known and level in {"township", "county"} else None


async def _declare(
    pool: Pool, indicator: Indicator, level: str, now: datetime, zone: ZoneInfo
) -> int:
    since = week_of(now.astimezone(zone).date()) + WEEK
    detail = {"indicator": indicator.value, "level": level, "since": since.isoformat()}
    async with pool.acquire() as connection, connection.transaction():
        await declare_level(connection, indicator.value, since, level, now)
        await write_audit(connection, None, "release level declared", None, detail, now)
    sys.stdout.write(f"{indicator.value}: {level} from the week of {since} on\n")
    return 0
