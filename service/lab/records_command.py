"""`hearthwatch sim records`: what a simulated Bluetooth device would send, and its digest."""

import argparse
import asyncio
import sys
from datetime import UTC, datetime, timedelta

from firmware_sim.peripheral import PERIPHERALS
from firmware_sim.profiles.names import Profile
from firmware_sim.record_stream import digest, record_stream

_START = datetime(2026, 1, 1, tzinfo=UTC)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `sim records`."""
    names = sorted(profile.value for profile in PERIPHERALS)
    parser.add_argument("--profile", choices=names, required=True, help="kind of device")
    parser.add_argument("--count", type=int, default=10, help="how many measurements")
    parser.add_argument("--seed", type=int, default=1, help="decides when it measures")
    parser.add_argument("--every-min", type=int, default=720, help="minutes between two")


def run(arguments: argparse.Namespace) -> int:
    """Print a frame a line, as octets that `hearthwatch decode` reads, then the SHA-256."""
    if arguments.count < 1 or arguments.every_min < 1:
        sys.stderr.write("needs a count and an interval of at least 1\n")
        return 2
    profile = Profile(arguments.profile)
    frames = asyncio.run(
        record_stream(
            profile,
            seed=arguments.seed,
            count=arguments.count,
            start=_START,
            every=timedelta(minutes=arguments.every_min),
        )
    )
    number = PERIPHERALS[profile].record_number
    sys.stdout.write("".join(f"{number:04X} {frame.hex()}\n" for frame in frames))
    sys.stdout.write(f"sha256 {digest(frames)}\n")
    return 0
