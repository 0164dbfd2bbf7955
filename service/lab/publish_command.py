"""`hearthwatch sim publish`: readings of any kind over MQTT at a rate, right ones and wrong ones.

To the homes of a running demo, whose devices have wearers, or to any broker as a device of its own.
"""

import argparse
import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import aiomqtt

from firmware_sim.clock import PublishedTime, run_on_wall
from firmware_sim.faults.mqtt import Fault
from firmware_sim.generator import MessageGenerator, MessagePlan
from firmware_sim.identity import Identity
from firmware_sim.publisher import Kind, MqttDevice, open_line
from firmware_sim.readings import KINDS
from service.lab.control import Order, OrderError, order
from service.lab.homes_settings import DEVICE_USER
from service.lab.orders import PUBLISH_FAULTS

_MODEL = "GEN-1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `sim publish`."""
    parser.add_argument("--person", help="person id in the demo, any when not given")
    parser.add_argument("--kind", choices=KINDS, action="append", help="may be given several times")
    parser.add_argument("--fault", choices=PUBLISH_FAULTS, help="something wrong instead")
    parser.add_argument("--rate", type=float, default=1.0, help="messages a second")
    parser.add_argument("--count", type=int, default=1, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="decides the values (with --broker)")
    parser.add_argument("--broker", metavar="HOST:PORT", help="publish there, not to a demo")
    parser.add_argument("--user", default=DEVICE_USER, help="user name at that broker")
    parser.add_argument("--password-file", type=Path, help="password at that broker")
    parser.add_argument("--serial", default="GEN-0001", help="of the device (with --broker)")
    parser.add_argument(
        "--timekeeper", metavar="HOST:PORT", help="follow this published time (with --broker)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Publish; 1 with a reason when the demo or the broker refuses, 2 for unusable arguments."""
    if arguments.rate <= 0 or arguments.count < 1:
        sys.stderr.write("needs a rate above 0 and a count of at least 1\n")
        return 2
    try:
        asyncio.run(_to_broker(arguments) if arguments.broker else _to_demo(arguments))
    except (OrderError, OSError, ValueError, aiomqtt.MqttError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


async def _to_demo(arguments: argparse.Namespace) -> None:
    folder, kinds = cast("Path", arguments.data), _kinds(arguments)
    count, rate = cast("int", arguments.count), cast("float", arguments.rate)
    ordered = 0

    async def work(now: datetime) -> datetime | None:
        nonlocal ordered
        kind = kinds[ordered % len(kinds)] if kinds else None
        wanted = Order(do="publish", person=arguments.person, fault=arguments.fault, kind=kind)
        for line in await order(folder, wanted):
            sys.stdout.write(f"{line}\n")
        ordered += 1
        return None if ordered == count else now + timedelta(seconds=1 / rate)

    await run_on_wall(work)


async def _to_broker(arguments: argparse.Namespace) -> None:
    host, _, port = cast("str", arguments.broker).rpartition(":")
    plan = MessagePlan(
        kinds=_kinds(arguments) or ("blood_pressure",),
        rate_per_s=arguments.rate,
        count=arguments.count,
        fault=_fault(arguments.fault),
        seed=arguments.seed,
    )
    identity = Identity(manufacturer="Hearth", model=_MODEL, serial=arguments.serial)
    file = cast("Path | None", arguments.password_file)
    password = "" if file is None else await asyncio.to_thread(file.read_text)
    line = open_line(host, int(port), user=arguments.user, password=password.strip())
    async with line as client:
        generator = MessageGenerator(MqttDevice(client, identity), plan)
        if arguments.timekeeper is None:
            await run_on_wall(generator.work)
        else:
            keeper, _, keeper_port = cast("str", arguments.timekeeper).rpartition(":")
            time = PublishedTime(keeper, int(keeper_port), participant=identity.key)
            await time.run(generator.work)
    sys.stdout.write(f"{generator.published} published, the broker has them\n")


def _kinds(arguments: argparse.Namespace) -> tuple[Kind, ...]:
    return tuple(cast("list[Kind] | None", arguments.kind) or ())


def _fault(word: str | None) -> Fault | None:
    if word is None:
        return None
    try:
        return Fault(word.replace("-", "_"))
    except ValueError:
        raise ValueError(f"{word} needs a running demo") from None
