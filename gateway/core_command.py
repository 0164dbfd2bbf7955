"""`hearthwatch core`: the streaming core of a county, until it is stopped or loses its lease."""

import argparse
import asyncio
import signal
import sys
from zoneinfo import ZoneInfo

from gateway.clock import open_clock
from gateway.core import run_core
from gateway.core_settings import CoreSettings
from gateway.detect import Rulebook
from gateway.garbage import look_for_garbage_rarely
from gateway.packs import load_shipped
from gateway.store.core_store import open_core_store
from gateway.store.lease import LeaseLostError
from gateway.store.outage import StoreFullError, StoreUnavailableError
from gateway.structured_log import configure_logs
from rules.pack import PackError

EXIT_LEASE_LOST = 3
EXIT_NO_DATABASE = 4
EXIT_NO_RULES = 5

_NO_RULES = "the county's packs cannot run with this program, and nothing else would ring:"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments; what is not given comes from HEARTHWATCH_CORE_*."""
    parser.add_argument("--dsn", help="PostgreSQL address, as role hw_core")
    parser.add_argument("--mqtt-host")
    parser.add_argument("--mqtt-port", type=int)
    parser.add_argument("--clock", help="wall (default) or stepped:HOST:PORT")
    parser.add_argument("--holder", help="name under which this core holds the lease")


def run(arguments: argparse.Namespace) -> int:
    """Serve the county; 0 when stopped, 3 when another core has it, 4 without a database.

    4 is also for a database that is full when the county is to be loaded. Whoever supervises the
    process starts it again in each of these cases. 5 when this program can run none of the
    county's rules: the former program can.
    """
    given = {key: value for key, value in vars(arguments).items() if value is not None}
    settings = CoreSettings(**given)
    configure_logs()
    look_for_garbage_rarely()
    status = 0
    try:
        asyncio.run(_serve(settings))
    except* LeaseLostError as group:
        sys.stderr.write(f"{group.exceptions[0]}\n")
        status = EXIT_LEASE_LOST
    except* (StoreUnavailableError, StoreFullError) as group:
        sys.stderr.write(f"{group.exceptions[0]}\n")
        status = EXIT_NO_DATABASE
    except* PackError as group:
        sys.stderr.write(f"{_NO_RULES}\n{group.exceptions[0]}\n")
        status = EXIT_NO_RULES
    return status


async def _serve(settings: CoreSettings) -> None:
    pack = load_shipped().ringing(unsigned=settings.unsigned_ring)
    rules = Rulebook(pack=pack, zone=ZoneInfo(settings.zone))
    loop = asyncio.get_running_loop()
    async with (
        open_clock(settings.clock, participant=settings.holder, phase=2) as clock,
        open_core_store(settings.dsn, settings.holder) as store,
    ):
        serving = asyncio.current_task()
        assert serving is not None
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, serving.cancel)
        try:
            await run_core(settings, clock, store, rules)
        except asyncio.CancelledError:
            serving.uncancel()
