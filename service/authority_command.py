"""`hearthwatch authority`: make the homes' authority and the broker's first files.

Once before the broker starts for the first time: mosquitto refuses to start without its files. What
is there already stays; the running service keeps the files from then on.
"""

import argparse
import sys
from datetime import datetime

from pydantic import ValidationError

from gateway.clock import WallClock
from service.credentials.authority import AuthorityError, HomeAuthority
from service.enrolment.opening import open_folder
from service.settings import ServiceSettings
from service.store.enrolment_rows import BrokerTruth


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments beside the service's own HEARTHWATCH_* variables."""
    parser.add_argument("action", choices=["prepare"], help="what to do")


def run(arguments: argparse.Namespace) -> int:
    """Make what is missing; 1 when a folder cannot be used, 2 for unusable settings."""
    del arguments
    try:
        settings = ServiceSettings.model_validate({})
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        sys.stderr.write("settings: " + "; ".join(lines) + "\n")
        return 2
    if settings.enrol_folder is None:
        sys.stderr.write("settings: HEARTHWATCH_ENROL_FOLDER is not set\n")
        return 2
    try:
        said = prepare(settings, WallClock().now())
    except (AuthorityError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0


def prepare(settings: ServiceSettings, now: datetime) -> str:
    """The authority, and files that let in nobody but the county's own, unless some are there.

    Raises:
        AuthorityError: the authority's folder cannot be used.
        OSError: a file cannot be read or written.
    """
    assert settings.enrol_folder is not None
    authority = HomeAuthority.open(settings.enrol_folder, now)
    broker = open_folder(settings)
    if (broker.folder / "generation").exists():
        return f"{broker.folder}: the broker's files are there"
    nobody = BrokerTruth(wanted=0, revoked=(), shut_out=(), password_lines=(), sessions_to_end=())
    broker.write(nobody, authority, now)
    return f"{broker.folder}: files for the broker written"
