"""`hearthwatch clinic`: say that a hub stands in a clinic, or no longer does."""

import argparse
import asyncio
import sys
from zoneinfo import ZoneInfo

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn
from service.store.care_store import Store
from service.store.clinic import UnknownPlaceError
from service.store.database import DATABASE_ERRORS, in_words, open_pool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("hub", help="the hub's id")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--institution", help="id of the clinic it stands in")
    where.add_argument("--home", action="store_true", help="it stands in a home (again)")
    parser.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")


def run(arguments: argparse.Namespace) -> int:
    """Tell the core; 1 when hub or institution is not known or there is no database."""
    try:
        asyncio.run(_tell(find_dsn(arguments.dsn), arguments.hub, arguments.institution))
    except (NoDatabaseError, UnknownPlaceError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1
    where = f"the clinic {arguments.institution}" if arguments.institution else "a home"
    sys.stdout.write(f"{arguments.hub} stands in {where}; the core has been told\n")
    return 0


async def _tell(dsn: str, hub: str, institution: str | None) -> None:
    async with open_pool(dsn, size=1) as pool:
        # which zone days are counted in does not matter here
        store = Store(pool, ZoneInfo("UTC"))
        await store.register_clinic_hub(hub, institution, WallClock().now())
