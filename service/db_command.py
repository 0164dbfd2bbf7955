"""`hearthwatch db`: bring the schemas up to date, back up, restore, look for damage, count days."""

import argparse
import asyncio
import sys
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn, zone_named
from gateway.store.migrate import CORE_MIGRATIONS, MigrationError, migrate
from service.store.backup import BackupError, Manifest, check_file, restore, take_backup
from service.store.database import DATABASE_ERRORS, in_words
from service.store.pg_tools import ToolError
from service.store.reading_days import newest_days
from service.store.verify import Extent, Finding, verify

CARE_MIGRATIONS = Path(str(files("service.store") / "migrations"))

ALL_MIGRATIONS = (CORE_MIGRATIONS, CARE_MIGRATIONS)
"""Core first: foreign keys point only towards it (design D3)."""

_FAULTS = (
    NoDatabaseError,
    MigrationError,
    BackupError,
    ToolError,
    *DATABASE_ERRORS,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    actions = parser.add_subparsers(dest="action", required=True)
    for name, what in (
        ("migrate", "apply what is missing"),
        ("backup", "copy the database to FILE, with a manifest beside it"),
        ("restore", "put FILE into an empty database"),
        ("verify", "look for what must not be; exit 1 where something is wrong"),
        ("days", "how many readings the last days brought, by kind"),
    ):
        action = actions.add_parser(name, help=what)
        action.add_argument("--dsn", help="PostgreSQL address, as the owner of the schemas")
        if name in {"backup", "restore"}:
            action.add_argument("file", type=_whole_path, metavar="FILE")
        if name == "restore":
            action.add_argument(
                "--lost-at",
                type=_instant,
                help="when the lost database last worked (2026-11-22T08:55+08:00):"
                " what it has told since the backup does not ring again",
            )
        if name == "verify":
            action.add_argument("--since", type=_whole_path, help="a backup it must not be behind")
            action.add_argument("--all", action="store_true", help="read every reading again")
            action.add_argument("--zone", type=zone_named, default="Asia/Shanghai")


def run(arguments: argparse.Namespace) -> int:
    """Do it; 1 when it cannot be done or something is wrong."""
    act = _ACTIONS[arguments.action]
    try:
        return asyncio.run(act(arguments))
    except _FAULTS as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1


async def _migrate(arguments: argparse.Namespace) -> int:
    for name in await migrate(find_dsn(arguments.dsn), ALL_MIGRATIONS):
        sys.stdout.write(f"applied {name}\n")
    sys.stdout.write("up to date\n")
    return 0


async def _backup(arguments: argparse.Namespace) -> int:
    now = WallClock().now()
    manifest = await take_backup(find_dsn(arguments.dsn), arguments.file, now, _report)
    sys.stdout.write(f"{arguments.file}: {_summary(manifest)}\n")
    return 0


async def _restore(arguments: argparse.Namespace) -> int:
    manifest = await restore(
        find_dsn(arguments.dsn),
        arguments.file,
        ALL_MIGRATIONS,
        WallClock().now(),
        arguments.lost_at,
        _report,
    )
    sys.stdout.write(f"restored: {_summary(manifest)}\n")
    return 0


async def _verify(arguments: argparse.Namespace) -> int:
    since = await check_file(arguments.since) if arguments.since else None
    extent = Extent(readings=None) if arguments.all else Extent()
    dsn = find_dsn(arguments.dsn)
    found = await verify(dsn, ALL_MIGRATIONS, arguments.zone, extent, since)
    for finding in found:
        sys.stdout.write(_told(finding))
    wrong = sum(finding.count for finding in found)
    sys.stdout.write("nothing is wrong\n" if not wrong else f"{wrong} faults\n")
    return 1 if wrong else 0


async def _days(arguments: argparse.Namespace) -> int:
    for day in await newest_days(find_dsn(arguments.dsn)):
        kind = day.kind.name.lower()
        counts = f"{day.readings:>9} readings, {day.valid_readings:>9} valid"
        sys.stdout.write(f"{day.day:%Y-%m-%d}  {kind:<17} {counts}\n")
    return 0


_ACTIONS = {
    "migrate": _migrate,
    "backup": _backup,
    "restore": _restore,
    "verify": _verify,
    "days": _days,
}


def _told(finding: Finding) -> str:
    about = f" ({finding.looked_at} looked at)" if finding.looked_at else ""
    lines = [f"{'WRONG' if finding.count else 'ok':<6}{finding.check}{about}"]
    lines += [f"      {words}" for words in finding.wrong]
    if finding.count > len(finding.wrong):
        lines.append(f"      and {finding.count - len(finding.wrong)} more")
    return "\n".join(lines) + "\n"


def _summary(manifest: Manifest) -> str:
    readings = manifest.rows.get("core.observation", 0)
    taken = f"{manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    size = f"{manifest.size / 1e6:.1f} MB"
    return f"{readings} readings, {len(manifest.marks)} lanes, {size}, as of {taken}"


def _report(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def _whole_path(text: str) -> Path:
    return Path(text).absolute()


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} needs an offset from UTC")
    return at
