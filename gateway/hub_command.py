"""`hearthwatch hub`: a home's or village clinic's hub, until it is stopped."""

import argparse
import asyncio
import signal
import sys
from typing import cast

from pydantic import ValidationError

from device_adapters.ble.pairing_session import PairingAgent
from gateway.clock import ClockError, open_clock
from gateway.hub import Hub
from gateway.hub_identity import IdentityError
from gateway.hub_settings import HubSettings, hub_settings
from gateway.sqlite_writer import SpoolError, take_short_turns
from gateway.structured_log import configure_logs

if sys.platform == "linux":
    from device_adapters.ble.agent import BluezAgent

EXIT_SETTINGS = 2
EXIT_FAILED = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments; what is not given comes from HEARTHWATCH_HUB_*."""
    parser.add_argument("--hub-id", help="name of the hub and of its broker user (hub-...)")
    parser.add_argument("--data-dir", help="folder of the spool")
    parser.add_argument("--broker-host")
    parser.add_argument("--broker-port", type=int)
    parser.add_argument("--clock", help="wall (default) or stepped:HOST:PORT")
    parser.add_argument("--page-port", type=int, help="local page (0: any free port)")
    parser.add_argument(
        "--page-address", help="where it can be opened: 127.0.0.1 (default), 0.0.0.0 in the home"
    )
    parser.add_argument(
        "--mqtt-devices",
        action=argparse.BooleanOptionalAction,
        help="take in devices that publish to the broker themselves",
    )
    parser.add_argument(
        "--bluetooth", action=argparse.BooleanOptionalAction, help="serve Bluetooth devices"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve the home; 0 when stopped, 2 for unusable settings, 5 when disk or clock failed.

    The key that signs commands and the broker's password come from the hub's enrolment or from the
    environment.
    """
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    try:
        settings = hub_settings(given)
    except IdentityError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_SETTINGS
    except ValidationError as error:
        for fault in error.errors():
            sys.stderr.write(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}\n")
        return EXIT_SETTINGS
    configure_logs()
    take_short_turns()
    status = 0
    try:
        asyncio.run(_serve(settings))
    except* (SpoolError, ClockError, OSError) as group:
        sys.stderr.write(f"{_first_text(group)}\n")
        status = EXIT_FAILED
    return status


async def _serve(settings: HubSettings) -> None:
    loop = asyncio.get_running_loop()
    serving = asyncio.current_task()
    assert serving is not None
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, serving.cancel)
    try:
        async with (
            open_clock(settings.clock, participant=settings.hub_id, phase=1) as clock,
            Hub(settings, clock, agent=_agent()) as hub,
        ):
            if hub.page_port is not None:
                sys.stdout.write(f"http://127.0.0.1:{hub.page_port}/\n")
                sys.stdout.flush()
            await clock.wait_until(None)
    except asyncio.CancelledError:
        serving.uncancel()


def _agent() -> PairingAgent | None:
    """Who answers for the operating system's pairing questions: BlueZ leaves them to programs."""
    return BluezAgent() if sys.platform == "linux" else None


def _first_text(group: BaseExceptionGroup[Exception]) -> str:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = cast("BaseExceptionGroup[BaseException]", first).exceptions[0]
    return str(first)
