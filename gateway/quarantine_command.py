"""`hearthwatch quarantine list`: what was kept aside, and the reason one can read."""

import argparse
import asyncio
import sys

from device_adapters.plain_text import escaped
from gateway.operator_settings import NoDatabaseError, find_dsn
from gateway.store.outage import StoreUnavailableError
from gateway.store.quarantine_store import QuarantineRow, read_quarantine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("action", choices=["list"], help="what to do")
    parser.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")
    parser.add_argument("--limit", type=int, default=50, help="newest records to show (50)")
    parser.add_argument("--payload", action="store_true", help="show the bytes, in hex")


def run(arguments: argparse.Namespace) -> int:
    """Print one line a record (two with its payload), newest first; 1 when there is no database."""
    try:
        rows = asyncio.run(read_quarantine(find_dsn(arguments.dsn), arguments.limit))
    except (NoDatabaseError, StoreUnavailableError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for row in rows:
        sys.stdout.write(_line(row, payload=arguments.payload) + "\n")
    sys.stdout.write(f"{len(rows)} record{'' if len(rows) == 1 else 's'} in quarantine\n")
    return 0


def _line(row: QuarantineRow, *, payload: bool) -> str:
    # Hub, field and detail quote what was sent: a line break in them would forge a second record.
    line = escaped(
        f"{row.recorded_at:%Y-%m-%d %H:%M:%S} {row.hub}/{row.lane}/{row.sequence}"
        f"  {row.reason}  {row.field or '-'}  {row.detail}"
    )
    return f"{line}\n    {row.payload.hex()}" if payload else line
