"""`hearthwatch status`: how the machine is, for an operator or a monitoring script.

It asks the database alone and judges by itself, so that it is right while core and service are
dead. Exit status 0: nothing is wrong, 1: something is, 2: the database does not answer.
"""

import argparse
import asyncio
import sys
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from device_adapters.plain_text import escaped
from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn
from service.store.database import DATABASE_ERRORS, open_pool
from service.store.health import Figures, Health
from service.web.status_view import StatusPart, is_well, present_troubles, status_parts

_PATIENCE_S = 10.0
EXIT_WRONG, EXIT_NO_DATABASE = 1, 2


class _TroubleNow(msgspec.Struct, frozen=True):
    kind: str
    place: str
    since: datetime


class _Report(msgspec.Struct, frozen=True):
    well: bool
    troubles: list[_TroubleNow]
    figures: Figures


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--language", choices=["zh", "en"], default="zh", help="of the table (zh)")


def run(arguments: argparse.Namespace) -> int:
    """Print the state; the exit status says whether something is wrong."""
    try:
        figures = asyncio.run(_figures(find_dsn(arguments.dsn)))
    except NoDatabaseError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_NO_DATABASE
    except DATABASE_ERRORS as error:
        sys.stderr.write(f"the database does not answer: {type(error).__name__}: {error}\n")
        return EXIT_NO_DATABASE
    parts = status_parts(figures, arguments.language)
    well = is_well(parts)
    if arguments.json:
        troubles = [
            _TroubleNow(kind=one.kind.value, place=one.place, since=one.since)
            for one in present_troubles(figures)
        ]
        report = _Report(well=well, troubles=troubles, figures=figures)
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        _print(parts)
    return 0 if well else EXIT_WRONG


async def _figures(dsn: str) -> Figures:
    async with asyncio.timeout(_PATIENCE_S), open_pool(dsn, size=1) as pool:
        # which zone days are counted in does not matter here
        return await Health(pool, ZoneInfo("UTC")).figures(WallClock().now())


def _print(parts: tuple[StatusPart, ...]) -> None:
    table = Table(show_header=False, box=None, pad_edge=False)
    for part in parts:
        table.add_row(Text(part.title, style="bold"))
        for line in part.lines:
            style = "bold red" if line.wrong else ""
            # Names may quote what was sent: no markup, no second line, no word to the terminal.
            cells = [f"  {escaped(line.name)}", escaped(line.text), "!" if line.wrong else ""]
            table.add_row(*(Text(cell, style=style) for cell in cells))
    Console(highlight=False, soft_wrap=True).print(table)
