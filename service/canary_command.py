"""`hearthwatch canary`: expect test measurements of a hub, or no longer.

The hub sends them when its own setting `HEARTHWATCH_HUB_CANARY_EVERY_S` says so; both sides have to
know, because each judges the other.
"""

import argparse
import asyncio
import sys
from datetime import timedelta
from zoneinfo import ZoneInfo

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn, zone_named
from rules.vocabulary import HubId
from service.auth import hash_password
from service.store.canaries import UnknownHubError, unknown_password
from service.store.care_store import Store
from service.store.database import DATABASE_ERRORS, in_words, open_pool

EVERY_S = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("action", choices=["register", "remove"], help="what to do")
    parser.add_argument("hub", help="the hub's id; the core knows it already")
    parser.add_argument("--every", type=int, default=EVERY_S, help=f"seconds ({EVERY_S})")
    parser.add_argument(
        "--zone", type=zone_named, default="Asia/Shanghai", help="the county's time zone"
    )
    parser.add_argument("--dsn", help="PostgreSQL address (default: the running demo's)")


def run(arguments: argparse.Namespace) -> int:
    """Tell service and core; 1 when the hub is not known or there is no database."""
    hub = HubId(arguments.hub)
    try:
        dsn = find_dsn(arguments.dsn)
        if arguments.action == "remove":
            known = asyncio.run(_remove(dsn, hub))
            sys.stdout.write(f"{hub}: {'removed' if known else 'was no canary'}\n")
            return 0
        every = timedelta(seconds=arguments.every)
        asyncio.run(_register(dsn, hub, every, arguments.zone))
    except (NoDatabaseError, UnknownHubError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1
    sys.stdout.write(
        f"{hub}: a test measurement is expected every {arguments.every} s; the hub sends it with\n"
        f"HEARTHWATCH_HUB_CANARY_EVERY_S={arguments.every}\n"
    )
    return 0


async def _register(dsn: str, hub: HubId, every: timedelta, zone: ZoneInfo) -> None:
    async with open_pool(dsn, size=2) as pool:
        password = await hash_password(unknown_password())
        await Store(pool, zone).register_canary(hub, every, password, WallClock().now())


async def _remove(dsn: str, hub: HubId) -> bool:
    async with open_pool(dsn, size=1) as pool:
        return await Store(pool, ZoneInfo("UTC")).remove_canary(hub, WallClock().now())
