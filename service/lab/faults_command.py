"""`hearthwatch sim faults`: print the table of everything that can go wrong."""

import argparse
import json
import sys

from firmware_sim.faults.page import as_data, markdown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `sim faults`."""
    parser.add_argument("--json", action="store_true", help="one object a kind")


def run(arguments: argparse.Namespace) -> int:
    """Print the table as Markdown (this is docs/faults.md) or as JSON."""
    if arguments.json:
        sys.stdout.write(json.dumps(as_data(), indent=1) + "\n")
    else:
        sys.stdout.write(markdown())
    return 0
