"""`hearthwatch population`: models over many people, in a process beside the core."""

import argparse
import asyncio
import signal
import sys
from zoneinfo import ZoneInfo

from gateway.clock import open_clock
from gateway.operator_settings import NoDatabaseError, find_dsn
from gateway.population_worker import PopulationWorker
from gateway.store.outage import StoreUnavailableError
from gateway.store.population_store import open_population_store
from gateway.structured_log import configure_logs

EXIT_NO_DATABASE = 4
_ZONE = "Asia/Shanghai"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--dsn", help="PostgreSQL address, as role hw_core")
    parser.add_argument("--clock", default="wall", help="wall (default) or stepped:HOST:PORT")
    parser.add_argument("--zone", default=_ZONE, help=f"where days are counted ({_ZONE})")
    parser.add_argument("--once", action="store_true", help="learn and rank what there is, and end")


def run(arguments: argparse.Namespace) -> int:
    """Learn, find and rank until stopped (`--once`: once); 4 without a database."""
    configure_logs()
    status = 0
    try:
        asyncio.run(_serve(arguments))
    except* (NoDatabaseError, StoreUnavailableError) as group:
        sys.stderr.write(f"{group.exceptions[0]}\n")
        status = EXIT_NO_DATABASE
    return status


async def _serve(arguments: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    clock_spec: str = arguments.clock
    async with (
        open_clock(clock_spec, participant="population", phase=3) as clock,
        open_population_store(find_dsn(arguments.dsn)) as store,
    ):
        worker = PopulationWorker(store, ZoneInfo(arguments.zone))
        if arguments.once:
            await worker.settle(clock.now())
            return
        serving = asyncio.current_task()
        assert serving is not None
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, serving.cancel)
        clock.on_tick(worker.settle)
        try:
            await worker.serve(clock)
        except asyncio.CancelledError:
            serving.uncancel()
