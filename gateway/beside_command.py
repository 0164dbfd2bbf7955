"""What the commands share that run beside the core and work on what it has committed."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from gateway.clock import ProcessClock, open_clock
from gateway.operator_settings import NoDatabaseError, find_dsn, zone_named
from gateway.store.outage import StoreUnavailableError, outages
from gateway.structured_log import configure_logs

EXIT_NO_DATABASE = 4
_ZONE = "Asia/Shanghai"


class Worker(Protocol):
    """Whoever works beside the core."""

    async def settle(self, now: datetime, /) -> datetime | None:
        """Do all that is due by `now`; when something is due next."""
        ...

    async def serve(self, clock: ProcessClock, /) -> None:
        """Work until cancelled."""
        ...


Opening = Callable[[str, ZoneInfo], AbstractAsyncContextManager[Worker]]
"""A worker on a database address, who counts days in a zone."""


def add_arguments(parser: argparse.ArgumentParser, *, once: str) -> None:
    """Declare the arguments; `once` says what `--once` does."""
    parser.add_argument("--dsn", help="PostgreSQL address, as role hw_core")
    parser.add_argument("--clock", default="wall", help="wall (default) or stepped:HOST:PORT")
    parser.add_argument(
        "--zone", type=zone_named, default=_ZONE, help=f"where days are counted ({_ZONE})"
    )
    parser.add_argument("--once", action="store_true", help=once)


def run(arguments: argparse.Namespace, participant: str, opening: Opening) -> int:
    """Work until stopped (`--once`: once); 4 without a database."""
    configure_logs()
    status = 0
    try:
        asyncio.run(_serve(arguments, participant, opening))
    except* (NoDatabaseError, StoreUnavailableError) as group:
        sys.stderr.write(f"{group.exceptions[0]}\n")
        status = EXIT_NO_DATABASE
    return status


async def _serve(arguments: argparse.Namespace, participant: str, opening: Opening) -> None:
    loop = asyncio.get_running_loop()
    clock_spec: str = arguments.clock
    async with (
        open_clock(clock_spec, participant=participant, phase=3) as clock,
        opening(find_dsn(arguments.dsn), arguments.zone) as worker,
    ):
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
