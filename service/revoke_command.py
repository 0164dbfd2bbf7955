"""`hearthwatch hub revoke HUB`: shut a hub out of the county, and see the broker do it."""

import argparse
import asyncio
import sys
from zoneinfo import ZoneInfo

from gateway.clock import Clock, WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn
from service.store.database import DATABASE_ERRORS, in_words, open_pool
from service.store.enrolments import Enrolments

_ZONE = "Asia/Shanghai"
_OBEYED_S = 60.0
_LOOK_EVERY_S = 0.2

EXIT_UNKNOWN = 1
EXIT_WAITING = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("hub", help="the hub's id (hub-…)")
    parser.add_argument(
        "--wait", type=float, default=_OBEYED_S, help="seconds to wait for the broker (default 60)"
    )
    parser.add_argument("--dsn", help="PostgreSQL address, as the role hw_service")


def run(arguments: argparse.Namespace) -> int:
    """Revoke; 0 once the broker acts by it, 1 for no such hub, 3 when no service made it follow."""
    try:
        return asyncio.run(_revoke(find_dsn(arguments.dsn), arguments.hub, arguments.wait))
    except (NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return EXIT_UNKNOWN


async def _revoke(dsn: str, hub: str, patience_s: float) -> int:
    clock = WallClock()
    async with open_pool(dsn, size=1) as pool:
        store = Enrolments(pool, ZoneInfo(_ZONE))
        number = await store.revoke_hub(hub, None, clock.now())
        if number is None:
            sys.stderr.write(f"{hub}: no such hub is in\n")
            return EXIT_UNKNOWN
        took_s = await _seconds_until_applied(store, number, clock, patience_s)
    if took_s is None:
        sys.stderr.write(f"{hub}: revoked; the broker follows as soon as the service runs\n")
        return EXIT_WAITING
    sys.stdout.write(f"{hub}: shut out, {took_s:.1f} s\n")
    return 0


async def _seconds_until_applied(
    store: Enrolments, number: int, clock: Clock, patience_s: float
) -> float | None:
    """How long the broker took to act by a change; None when it did not in that time."""
    began = clock.monotonic()
    while clock.monotonic() < began + patience_s:
        if (await store.access()).applied >= number:
            return clock.monotonic() - began
        await asyncio.sleep(_LOOK_EVERY_S)
    return None
