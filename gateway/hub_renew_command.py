"""`hearthwatch hub renew`: fetch this hub's next certificate now."""

import argparse
import asyncio
import sys
from pathlib import Path

from gateway.hub_county import CountyRefusedError, CountyUnreachableError
from gateway.hub_identity import IdentityError, IdentityFolder
from gateway.hub_renewal import renew
from gateway.hub_settings import hub_place

EXIT_NOT_ENROLLED = 2
EXIT_FAILED = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--data-dir", type=Path, help="the hub's data folder")


def run(arguments: argparse.Namespace) -> int:
    """Renew; 0 when done, 2 when this hub was never enrolled, 5 when the county does not do it."""
    folder = IdentityFolder(arguments.data_dir or hub_place().data_dir)
    try:
        identity = folder.read()
        if identity is None:
            sys.stderr.write(f"{folder.path}: not enrolled; run: hearthwatch hub enrol\n")
            return EXIT_NOT_ENROLLED
        renewed = asyncio.run(renew(folder, identity))
    except (IdentityError, CountyUnreachableError, CountyRefusedError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FAILED
    sys.stdout.write(f"{renewed.hub}: good until {renewed.expires_at:%Y-%m-%d %H:%M} UTC\n")
    return 0
