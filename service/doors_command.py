"""`hearthwatch doors`: every route with its permission, for whoever audits the county."""

import argparse
import sys
from typing import cast

from service.app import create_app
from service.doors.doors import UndocumentedDoorError, doors
from service.services import Services

_BY_CREDENTIAL = "token"
_OTHERWISE = {"nothing": "anybody", _BY_CREDENTIAL: "a program's own credential"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""
    del parser


def run(arguments: argparse.Namespace) -> int:
    """Print the table; 1 when a route has no documented permission."""
    del arguments
    # routes are made before any part of the service is used, so none is needed here
    application = create_app(cast("Services", object()))
    try:
        found = doors(application.routes)
    except UndocumentedDoorError as error:
        sys.stderr.write(f"{error.path} names no permission\n")
        return 1
    for door in found:
        who = _OTHERWISE.get(door.by)
        roles = who or ", ".join(sorted(role.value for role in door.roles))
        bound = f"  [{'; '.join(door.places)}]" if door.places else ""
        sys.stdout.write(f"{door.method:5} {door.path:42} {door.permission:18} {roles}{bound}\n")
    return 0
