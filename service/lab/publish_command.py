"""`hearthwatch sim publish`: readings of any kind over MQTT at a rate, right ones and wrong ones.

To the homes of a running demo, whose devices have wearers, or to any broker as a device of its own.
"""

import argparse
import asyncio
import math
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from firmware_sim.clock import PublishedTime, run_on_wall
from firmware_sim.device_clock import DeviceClock
from firmware_sim.device_mishaps import DEVICE_MISHAPS, Sender
from firmware_sim.generator import MessageGenerator, MessagePlan
from firmware_sim.identity import Identity
from firmware_sim.mqtt_line import Login, MqttLine
from firmware_sim.publisher import Kind
from firmware_sim.readings import KINDS
from service.lab.address import address
from service.lab.control import Order, OrderError, order
from service.lab.homes_settings import DEVICE_USER
from service.lab.orders import PUBLISH_FAULTS

_FAULTS = sorted({*PUBLISH_FAULTS, *DEVICE_MISHAPS})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `sim publish`."""
    parser.add_argument("--person", help="person id in the demo, any when not given")
    parser.add_argument("--kind", choices=KINDS, action="append", help="may be given several times")
    parser.add_argument("--fault", choices=_FAULTS, help="something wrong instead")
    parser.add_argument("--rate", type=float, default=1.0, help="messages a second")
    parser.add_argument("--count", type=int, default=1, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="decides the values (with --broker)")
    parser.add_argument(
        "--broker", type=address, metavar="HOST:PORT", help="publish there, not to a demo"
    )
    parser.add_argument("--user", default=DEVICE_USER, help="user name at that broker")
    parser.add_argument("--password-file", type=Path, help="password at that broker")
    parser.add_argument("--serial", default="GEN-0001", help="of the device (with --broker)")
    parser.add_argument(
        "--timekeeper", type=address, metavar="HOST:PORT",
        help="follow this published time (with --broker)",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Publish; 1 with a reason when the demo or the broker refuses, 2 for unusable arguments."""
    if not 0 < arguments.rate < math.inf or arguments.count < 1:
        sys.stderr.write("needs a rate above 0 and a count of at least 1\n")
        return 2
    try:
        asyncio.run(_to_broker(arguments) if arguments.broker else _to_demo(arguments))
    except (OrderError, OSError, ValueError) as error:
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
    fault = cast("str | None", arguments.fault)
    if fault is not None and fault not in DEVICE_MISHAPS:
        raise ValueError(f"{fault} needs a running demo")
    plan = MessagePlan(
        kinds=_kinds(arguments) or ("blood_pressure",),
        rate_per_s=arguments.rate,
        count=arguments.count,
        fault=fault,
        seed=arguments.seed,
    )
    line = await MqttLine.dial(await asyncio.to_thread(_login, arguments), _unasked)
    try:
        generator = MessageGenerator(_sender(line, arguments.serial), plan)
        if arguments.timekeeper is None:
            await run_on_wall(generator.work)
        else:
            host, _, port = cast("str", arguments.timekeeper).rpartition(":")
            await PublishedTime(host, int(port), participant="generator").run(generator.work)
    finally:
        line.close()
    sys.stdout.write(f"{generator.published} published, the broker has them\n")


def _login(arguments: argparse.Namespace) -> Login:
    host, _, port = cast("str", arguments.broker).rpartition(":")
    user, file = cast("str", arguments.user), cast("Path | None", arguments.password_file)
    password = "" if file is None else file.read_text().strip()
    return Login(host=host, port=int(port), client_id=user, user=user, password=password)


def _sender(line: MqttLine, serial: str) -> Sender:
    device, other = (
        Identity(manufacturer="Hearth", model="GEN-1", serial=one) for one in (serial, "GEN-OTHER")
    )
    begin = datetime.min.replace(tzinfo=UTC)  # the first instant of the time it follows comes next
    return Sender(line=line, identity=device, at=begin, clock=DeviceClock.right(), neighbour=other)


def _unasked(_topic: str, _payload: bytes, _retained: bool) -> None:  # noqa: FBT001 - Hear
    return


def _kinds(arguments: argparse.Namespace) -> tuple[Kind, ...]:
    return tuple(cast("list[Kind] | None", arguments.kind) or ())
