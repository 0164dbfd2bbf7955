"""`hearthwatch sim`: drive the simulated homes of a running demo."""

import argparse
import asyncio
import math
import sys
from pathlib import Path
from typing import Literal, cast

from gateway.operator_settings import DEMO_DATA
from gateway.structured_log import configure_logs
from service.lab import (
    cohort_command,
    faults_command,
    hub_command,
    institutions_command,
    load_command,
    publish_command,
    records_command,
    say_command,
)
from service.lab.control import Order, OrderError, order
from service.lab.homes import run_homes

_COMMANDS = {
    "cohort": cohort_command.run,
    "faults": faults_command.run,
    "hub": hub_command.run,
    "institutions": institutions_command.run,
    "load": load_command.run,
    "publish": publish_command.run,
    "records": records_command.run,
    "say": say_command.run,
}
_CLOCKS = ("right", "reset", "never-set", "absent")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare every action; `homes` is used by the demo itself."""
    actions = parser.add_subparsers(dest="action", required=True)
    measure = actions.add_parser("measure", help="let somebody measure now")
    measure.add_argument("--person", required=True, help="login (wang) or person id (p017)")
    measure.add_argument("--systolic", type=_number, help="mmHg")
    measure.add_argument("--diastolic", type=_number, help="mmHg")
    measure.add_argument("--pulse", type=_number, help="per minute")
    measure.add_argument("--glucose", type=_glucose, help="mmol/L, LO or HI")
    measure.add_argument("--ketone", type=_number, help="mmol/L, of a meter that measures it")
    measure.add_argument("--clock", choices=_CLOCKS, help="what the device's clock shows from now")
    publish = actions.add_parser("publish", help="publish readings over MQTT, right or wrong")
    publish_command.add_arguments(publish)
    faults_command.add_arguments(actions.add_parser("faults", help="print all that can go wrong"))
    fault = actions.add_parser("fault", help="let something go wrong with somebody's device")
    fault.add_argument("--person", required=True, help="login (wang) or person id (p017)")
    fault.add_argument(
        "--fault", metavar="KIND", required=True, help="as `sim faults` names it, or none"
    )
    battery = actions.add_parser("battery", help="put a fresh battery into somebody's device")
    battery.add_argument("--person", required=True, help="login (wang) or person id (p017)")
    battery.add_argument(
        "--resets-clock", action="store_true", help="its clock starts again at 2000-01-01"
    )
    everybody = actions.add_parser("list", help="name everybody who can measure")
    homes = actions.add_parser("homes", help="be the simulated homes (started by the demo)")
    hub_command.add_arguments(actions.add_parser("hub", help="one hub, well or with a fault"))
    institutions = actions.add_parser("institutions", help="clinics, pharmacies, schools: counts")
    institutions_command.add_arguments(institutions)
    say_command.add_arguments(actions.add_parser("say", help="press a button on a hub's page"))
    load_command.add_arguments(actions.add_parser("load", help="thousands of homes at once"))
    records_command.add_arguments(actions.add_parser("records", help="what a device would send"))
    cohort_command.add_arguments(actions.add_parser("cohort", help="write people and readings"))
    for each in (measure, publish, fault, battery, everybody, homes):
        each.add_argument("--data", type=Path, default=DEMO_DATA, help="the demo's data directory")


def run(arguments: argparse.Namespace) -> int:
    """Give the order; 1 with a reason when no demo is running or it refuses."""
    if arguments.action in _COMMANDS:
        return _COMMANDS[arguments.action](arguments)
    folder = cast("Path", arguments.data)
    if arguments.action == "homes":
        configure_logs()
        asyncio.run(run_homes(folder))
        return 0
    try:
        lines = asyncio.run(order(folder, _order(arguments)))
    except OrderError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _order(arguments: argparse.Namespace) -> Order:
    if arguments.action == "measure":
        return Order(
            do="measure",
            person=arguments.person,
            systolic=arguments.systolic,
            diastolic=arguments.diastolic,
            pulse=arguments.pulse,
            glucose=arguments.glucose,
            ketone=arguments.ketone,
            clock=arguments.clock,
        )
    if arguments.action == "battery":
        return Order(do="battery", person=arguments.person, resets_clock=arguments.resets_clock)
    if arguments.action == "list":
        return Order(do="list")
    return Order(do=arguments.action, person=arguments.person, fault=arguments.fault)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")
    return number


def _glucose(text: str) -> float | Literal["LO", "HI"]:
    if text == "LO" or text == "HI":  # noqa: PLR1714 - narrows the type
        return text
    try:
        return _number(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}, nor LO nor HI") from None
