"""`hearthwatch db migrate`: bring the three schemas up to date, forward only."""

import argparse
import asyncio
import sys
from importlib.resources import files
from pathlib import Path

from gateway.operator_settings import NoDatabaseError, find_dsn
from gateway.store.migrate import CORE_MIGRATIONS, MigrationError, migrate

CARE_MIGRATIONS = Path(str(files("service.store") / "migrations"))

ALL_MIGRATIONS = (CORE_MIGRATIONS, CARE_MIGRATIONS)
"""Core first: foreign keys point only towards it (design D3)."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("action", choices=["migrate"], help="what to do")
    parser.add_argument("--dsn", help="PostgreSQL address, as the owner of the schemas")


def run(arguments: argparse.Namespace) -> int:
    """Apply what is missing and name it; 1 when a migration was edited or fails."""
    try:
        done = asyncio.run(migrate(find_dsn(arguments.dsn), ALL_MIGRATIONS))
    except (NoDatabaseError, MigrationError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for name in done:
        sys.stdout.write(f"applied {name}\n")
    sys.stdout.write("up to date\n")
    return 0
