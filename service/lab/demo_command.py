"""`hearthwatch demo`: everything in one command, with simulated homes."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from rich.console import Console

from gateway.broker import BrokerError
from gateway.clock import ClockError
from gateway.store.binaries import BinariesNotFoundError
from gateway.store.embedded import EmbeddedPostgresError
from gateway.store.migrate import MigrationError
from service.lab.children import ChildError
from service.lab.control import OrderError
from service.lab.demo import run_demo
from service.lab.demo_settings import DEFAULT_PORT, HISTORY_DAYS, DemoOptions
from service.lab.first_pairing import PairingError
from service.lab.screen import Screen
from service.lab.seed import DemoStateError
from service.lab.staff import StaffError
from service.lab.timekeeper import TimekeeperError

_FAILURES = (
    BinariesNotFoundError,
    BrokerError,
    ChildError,
    ClockError,
    DemoStateError,
    EmbeddedPostgresError,
    MigrationError,
    OrderError,
    OSError,
    PairingError,
    StaffError,
    TimekeeperError,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    given = DemoOptions()
    parser.add_argument("--data", type=Path, default=given.data, help="data directory")
    parser.add_argument(
        "--days",
        type=int,
        default=HISTORY_DAYS,
        choices=range(1, 61),
        metavar="1..60",
        help="days of history at the first start",
    )
    parser.add_argument("--seed", type=int, default=given.seed, help="other people, other readings")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port of the pages")
    parser.add_argument(
        "--once", action="store_true", help="end after the replay and the first live alert"
    )
    parser.add_argument(
        "--broker",
        choices=("auto", "mosquitto", "embedded"),
        default=given.broker,
        help="auto prefers an installed mosquitto",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C; 0 when it was ended, 1 with the reason when something failed."""
    options = DemoOptions(**vars(arguments))
    screen = Screen(Console())
    try:
        asyncio.run(_until_stopped(options, screen))
    except* _FAILURES as group:
        for reason in dict.fromkeys(_texts(group)):
            sys.stderr.write(f"{reason}\n")
        sys.stderr.write(f"what the processes said: {options.data / 'logs'}\n")
        return_code = 1
    else:
        return_code = 0
    return return_code


async def _until_stopped(options: DemoOptions, screen: Screen) -> None:
    running = asyncio.current_task()
    assert running is not None
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped:
            stopped = True
            screen.say("ending ...")
            running.cancel()

    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(name, stop)
    try:
        await run_demo(options, screen)
    except asyncio.CancelledError:
        if not stopped:
            raise
        running.uncancel()
    screen.say("ended")


def _texts(error: BaseException) -> Iterator[str]:
    if isinstance(error, BaseExceptionGroup):
        for one in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _texts(one)
    else:
        yield f"{type(error).__name__}: {error}"
