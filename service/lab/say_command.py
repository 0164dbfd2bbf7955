"""`hearthwatch sim say`: a simulated resident presses a button on a hub's local page."""

import argparse
import asyncio
import sys

from firmware_sim.hub_button import NoButtonError, press
from service.lab.address import address


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `sim say`."""
    parser.add_argument("said", help="a symptom as rules name it (chest_pain), or ok")
    parser.add_argument(
        "--hub", type=address, metavar="HOST:PORT", required=True, help="the hub's local page"
    )


def run(arguments: argparse.Namespace) -> int:
    """Press it; 1 with the reason where the hub asks no such thing now."""
    host, _, port = str(arguments.hub).rpartition(":")
    try:
        asyncio.run(press(host, int(port), arguments.said))
    except (NoButtonError, OSError, TimeoutError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0
