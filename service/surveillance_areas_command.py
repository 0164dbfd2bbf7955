"""`hearthwatch surveillance areas`: take areas over from a file, and list them."""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn
from service.store.database import DATABASE_ERRORS, in_words, open_pool
from service.surveillance.area_store import known_areas, put_areas
from service.surveillance.areas import AreaFile, AreaFileError, ListedArea, read_areas


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    take = actions.add_parser("import", help="take a file over: all of it, or nothing")
    take.add_argument("file", type=Path, help="CSV or GeoJSON")
    take.add_argument("--dry-run", action="store_true", help="report line by line, store nothing")
    listing = actions.add_parser("list", help="print the areas known")
    for action in (take, listing):
        action.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 when a line is refused or there is no database, 2 for a file that is none."""
    try:
        if arguments.action == "list":
            return asyncio.run(_list(find_dsn(arguments.dsn)))
        text = Path(arguments.file).read_text(encoding="utf-8")
        return asyncio.run(_take(find_dsn(arguments.dsn), text, dry_run=arguments.dry_run))
    except (AreaFileError, FileNotFoundError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1


def report_lines(found: AreaFile, existing: Mapping[str, ListedArea]) -> Iterator[str]:
    """One line for every line of the file, in its order, and the sum."""
    said = {fault.line: f"refused: {fault.field}: {fault.reason}" for fault in found.faults}
    for line, area in found.areas:
        former = existing.get(area.area_id)
        word = "new" if former is None else "unchanged" if _same(area, former) else "changed"
        said[line] = f"{word}: {area.level} {area.area_id} {area.name}"
    for line in sorted(said):
        yield f"line {line}: {said[line]}"
    yield f"{len(found.areas)} good, {len({f.line for f in found.faults})} refused"


def _same(area: ListedArea, former: ListedArea) -> bool:
    """Whether nothing is new; a file without outlines leaves the former ones alone."""
    return area == (former if area.geometry else replace(former, geometry=None))


async def _take(dsn: str, text: str, *, dry_run: bool) -> int:
    async with (
        open_pool(dsn, size=1) as pool,
        pool.acquire() as connection,
        connection.transaction(),
    ):
        existing = await known_areas(connection)
        found = read_areas(text, existing)
        sys.stdout.write("\n".join(report_lines(found, existing)) + "\n")
        if found.faults:
            sys.stderr.write("nothing was taken: mend the refused lines first\n")
            return 1
        if not dry_run:
            await put_areas(connection, [area for _, area in found.areas], WallClock().now())
    return 0


async def _list(dsn: str) -> int:
    async with open_pool(dsn, size=1) as pool, pool.acquire() as connection:
        for area in (await known_areas(connection)).values():
            days = f"{area.valid_from or ''}..{area.valid_to or ''}"
            outline = "outline" if area.geometry else "-"
            place = f"{area.area_id}  {area.level}  {area.parent_id or '-'}"
            sys.stdout.write(f"{place}  {area.name}  {days}  {outline}\n")
    return 0
