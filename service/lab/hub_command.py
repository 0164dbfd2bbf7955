"""`hearthwatch sim hub`: one simulated hub at any broker, well or with a fault of the table."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import cast

from firmware_sim.hub_clock import HubClock
from firmware_sim.hub_mishaps import HUB_MISHAPS, Home
from firmware_sim.identity import Identity
from firmware_sim.mqtt_line import Login
from firmware_sim.sim_hub import SimHub
from firmware_sim.uplink_words import FORMER_VERSION, VERSION
from gateway.clock import WallClock
from service.lab.address import address


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `sim hub`."""
    parser.add_argument(
        "--broker", required=True, type=address, metavar="HOST:PORT", help="where to connect"
    )
    parser.add_argument("--hub", default="hub-home", help="its id and user name there")
    parser.add_argument("--password-file", type=Path, help="its password there")
    parser.add_argument("--serial", default="SIM-0001", help="of the cuff in its home")
    parser.add_argument("--neighbour", default="hub-neighbour", help="for faults in another's name")
    parser.add_argument("--fault", choices=sorted(HUB_MISHAPS), help="what happens to it")
    parser.add_argument(
        "--wire-version",
        type=int,
        choices=(FORMER_VERSION, VERSION),
        default=VERSION,
        help="of the messages that it writes",
    )
    parser.add_argument("--count", type=int, default=1, help="live readings before that")


def run(arguments: argparse.Namespace) -> int:
    """Measure, suffer, wait for the core; 1 with a reason when it does not receipt in 20 s.

    2 for unusable arguments.
    """
    if arguments.count < 0:
        sys.stderr.write("needs a count of at least 0\n")
        return 2
    try:
        asyncio.run(_live(arguments))
    except TimeoutError:
        sys.stderr.write("the core did not receipt within 20 s\n")
        return 1
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _live(arguments: argparse.Namespace) -> None:
    now, login = WallClock().now(), await asyncio.to_thread(_login, arguments)
    hub = SimHub(
        arguments.hub,
        HubClock(now),
        monotonic=asyncio.get_running_loop().time,
        version=cast("int", arguments.wire_version),
    )
    cuff = Identity(manufacturer="Hearth", model="BP-500W", serial=arguments.serial)
    home = Home(hub=hub, login=login, cuff=cuff, at=now, neighbour=arguments.neighbour)
    await hub.connect(login)
    try:
        for _ in range(cast("int", arguments.count)):
            home.measure()
        if arguments.fault is not None:
            await HUB_MISHAPS[arguments.fault](home)
        await home.settled()
    finally:
        hub.disconnect()
    sys.stdout.write(f"{hub.name}, epoch {hub.epoch}: {hub.sent} sent, all receipted\n")


def _login(arguments: argparse.Namespace) -> Login:
    host, _, port = cast("str", arguments.broker).rpartition(":")
    file = cast("Path | None", arguments.password_file)
    password = "" if file is None else file.read_text().strip()
    user = "" if file is None else cast("str", arguments.hub)
    return Login(host=host, port=int(port), client_id=arguments.hub, user=user, password=password)
