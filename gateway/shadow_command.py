"""`hearthwatch shadow`: rules in shadow on what the core commits, in a process beside it."""

import argparse
import asyncio
import signal
import sys
from zoneinfo import ZoneInfo

from gateway.clock import open_clock
from gateway.operator_settings import NoDatabaseError, find_dsn
from gateway.shadow_worker import ShadowWorker
from gateway.store.outage import StoreUnavailableError, outages
from gateway.store.shadow_store import open_shadow_link
from gateway.structured_log import configure_logs

EXIT_NO_DATABASE = 4
_ZONE = "Asia/Shanghai"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--dsn", help="PostgreSQL address, as role hw_core")
    parser.add_argument("--clock", default="wall", help="wall (default) or stepped:HOST:PORT")
    parser.add_argument("--zone", default=_ZONE, help=f"where days are counted ({_ZONE})")
    parser.add_argument("--once", action="store_true", help="catch up with what there is, and end")


def run(arguments: argparse.Namespace) -> int:
    """Follow the core until stopped (`--once`: catch up); 4 without a database."""
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
        open_clock(clock_spec, participant="shadow", phase=3) as clock,
        open_shadow_link(find_dsn(arguments.dsn)) as link,
    ):
        worker = ShadowWorker(link, ZoneInfo(arguments.zone))
        if arguments.once:
            with outages():
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
