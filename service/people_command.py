"""`hearthwatch people`: tables of people, contracts and rota in and out, with a report by line."""

import argparse
import asyncio
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn, zone_named
from service.care.lines import HeadingError, Kind
from service.spreadsheet import TableError, read_table, write_table
from service.store.database import DATABASE_ERRORS, in_words, open_pool
from service.store.imports import Imports, Report

_MOST_SHOWN = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    for name, what in (
        ("import", "write every good line of FILE, report the others"),
        ("export", "write a table to FILE that can be imported again"),
    ):
        action = actions.add_parser(name, help=what)
        action.add_argument("kind", type=Kind, choices=list(Kind), metavar="KIND", help=_kinds())
        action.add_argument("file", type=Path, metavar="FILE", help="*.csv or *.xlsx")
        action.add_argument("--zone", type=zone_named, default="Asia/Shanghai")
        action.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")
        if name == "import":
            action.add_argument("--report", type=Path, help="write every line's outcome there")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 where lines were refused, 2 where nothing could be done."""
    now = WallClock().now()
    try:
        dsn = find_dsn(arguments.dsn)
        act = _import_file if arguments.action == "import" else _export_file
        return act(dsn, arguments, now)
    except HeadingError as error:
        sys.stderr.write(f"{arguments.file}: columns are missing: {error}\n")
    except TableError as error:
        sys.stderr.write(f"{arguments.file}: {error}\n")
    except (NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
    return 2


def _import_file(dsn: str, arguments: argparse.Namespace, now: datetime) -> int:
    file: Path = arguments.file
    table = read_table(file.read_bytes(), file.name)
    report = asyncio.run(_import(dsn, arguments, table, now))
    if arguments.report is not None:
        lines = [["line", "outcome", "about"], *_lines(report)]
        arguments.report.write_bytes(write_table(lines, arguments.report.name))
    sys.stdout.write(told(report))
    return 1 if report.refusals else 0


def _export_file(dsn: str, arguments: argparse.Namespace, now: datetime) -> int:
    table = asyncio.run(_export(dsn, arguments, now))
    file: Path = arguments.file
    file.write_bytes(write_table(table, file.name))
    sys.stdout.write(f"{len(table) - 1} {arguments.kind.value} to {file}\n")
    return 0


async def _import(
    dsn: str, arguments: argparse.Namespace, table: Iterable[list[str]], now: datetime
) -> Report:
    async with open_pool(dsn, size=2) as pool:
        return await Imports(pool, arguments.zone).import_table(None, arguments.kind, table, now)


async def _export(dsn: str, arguments: argparse.Namespace, now: datetime) -> list[list[str]]:
    async with open_pool(dsn, size=2) as pool:
        return await Imports(pool, arguments.zone).export_table(None, arguments.kind, now)


def told(report: Report) -> str:
    """The refused lines (the first fifty), and how many had which outcome."""
    shown = report.refusals[:_MOST_SHOWN]
    lines = [
        f"line {r.number}: {r.written.outcome.value} {r.written.about}".rstrip() for r in shown
    ]
    if len(report.refusals) > _MOST_SHOWN:
        lines.append(f"and {len(report.refusals) - _MOST_SHOWN} more")
    counts = ", ".join(f"{count} {outcome.value}" for outcome, count in report.counts.items())
    lines.append(f"{report.kind.value}: {counts or 'no line'}")
    return "\n".join(lines) + "\n"


def _lines(report: Report) -> list[list[str]]:
    return [[str(r.number), r.written.outcome.value, r.written.about] for r in report.lines]


def _kinds() -> str:
    return ", ".join(kind.value for kind in Kind)
