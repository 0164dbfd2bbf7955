"""`hearthwatch sim load`: thousands of simulated homes at once, through a broker and a core."""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec

from firmware_sim.hub_lane import WINDOW
from firmware_sim.load import LaneReport, LoadPlan, LoadReport
from firmware_sim.mqtt_line import Login
from gateway.broker import BrokerError
from gateway.store.binaries import BinariesNotFoundError
from gateway.store.embedded import EmbeddedPostgresError
from service.lab.address import address
from service.lab.children import ChildError
from service.lab.load_run import LoadError, LoadFigures, load_own_county, run_load

_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `sim load`."""
    parser.add_argument("--homes", type=_count, default=10_000, help="hubs, a connection each")
    parser.add_argument("--rate", type=_positive, default=300.0, help="readings/s of all together")
    parser.add_argument(
        "--backlog-share", type=_share, default=0.2, help="0 to 1: read from memories"
    )
    parser.add_argument("--seconds", type=_positive, default=60.0, help="how long to publish")
    parser.add_argument("--seed", type=int, default=1, help="who measures what and when")
    parser.add_argument(
        "--report-every", type=_not_negative, default=60.0, metavar="S",
        help="a hub's status every S seconds, 0 for never",
    )  # fmt: skip
    parser.add_argument(
        "--broker", type=address, metavar="HOST:PORT",
        help="drive this broker, behind which a core runs; default: a county of its own",
    )  # fmt: skip
    parser.add_argument(
        "--users", type=Path, metavar="FILE",
        help="JSON of user name to password at that broker (hub-00000 and on)",
    )  # fmt: skip
    parser.add_argument(
        "--timekeeper", type=address, metavar="HOST:PORT",
        help="follow this published time, not the wall clock (with --broker)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Publish and print; 1 with a reason when not every reading was receipted.

    2 for options that only another broker has a use for, 128 and the signal's number when one ended
    it: processes and folder of a county of its own are then gone too.
    """
    if arguments.broker is None and (arguments.users or arguments.timekeeper):
        sys.stderr.write("--users and --timekeeper need --broker\n")
        return 2
    failures: list[str] = []
    figures: LoadFigures | None = None
    ended: list[signal.Signals] = []
    try:
        figures = asyncio.run(_until_ended(arguments, ended))
    except* (
        BinariesNotFoundError,
        BrokerError,
        ChildError,
        EmbeddedPostgresError,
        LoadError,
        OSError,
        ValueError,
    ) as group:
        failures.append(str(group.exceptions[0]))
    if figures is not None:
        text = msgspec.json.encode(figures).decode() if arguments.json else table(figures)
        sys.stdout.write(f"{text}\n")
        if not figures.all_receipted:
            failures.append(_not_receipted(figures.report))
    sys.stderr.writelines(f"{failure}\n" for failure in failures)
    if ended:
        sys.stderr.write(f"ended by {ended[0].name}\n")
        return 128 + ended[0]
    return 1 if failures else 0


def table(figures: LoadFigures) -> str:
    """The figures for people."""
    report = figures.report
    lines = [
        f"{report.homes} homes in one process, load average {figures.load_average:.1f}",
        f"  connected in                 {figures.connect_s:>9.1f} s",
        f"  memory a home (this process) {figures.kib_per_home:>9.1f} KiB",
        f"  published                    {report.published:>9}, {figures.readings_per_s:.1f}/s",
        f"  sent again                   {report.repeated:>9}",
        f"  PUBACK of the broker         {report.acknowledged:>9}",
        f"  receipt of the core          {report.receipted:>9}",
        f"  live: publish -> receipt     {_lane(report.live)}",
        f"  backlog: publish -> receipt  {_lane(report.backlog)}",
        f"  CPU of this process          {figures.cpu_share:>9.2f} cores",
    ]
    if figures.held_back:
        lines.append(
            f"  waited in their hubs         {figures.held_back:>9} when publishing ended:"
        )
        lines.append(f"    a home has at most {WINDOW} unreceipted messages a lane under way")
    if report.lost_lines:
        lines.append(f"  connections that broke       {report.lost_lines:>9}")
    if figures.stored is not None:
        kept = figures.stored
        rest = f"{kept.quarantined} set aside, {kept.alerts} alerts, {kept.reported} hubs reported"
        lines.append(f"  in the database              {kept.readings:>9} readings, {rest}")
        memory = ", ".join(f"{name} {size:.0f} MB" for name, size in figures.memory_mb.items())
        lines.append(f"  memory                       {memory}")
    return "\n".join(lines)


async def _until_ended(
    arguments: argparse.Namespace, ended: list[signal.Signals]
) -> LoadFigures | None:
    """The figures, or None after a signal, which is then in `ended`; nothing of ours is left."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def end(name: signal.Signals) -> None:
        if not ended:  # a second one must not break off the tidying up
            ended.append(name)
            task.cancel()

    for name in _ENDS:
        loop.add_signal_handler(name, end, name)
    with tempfile.TemporaryDirectory(prefix="hw-load-") as name:
        try:
            return await _figures(arguments, _passable(Path(name)))
        except asyncio.CancelledError:
            if not ended:
                raise
            return None


def _passable(folder: Path) -> Path:
    folder.chmod(0o711)  # the database's user passes through
    return folder


async def _figures(arguments: argparse.Namespace, folder: Path) -> LoadFigures:
    plan = LoadPlan(
        homes=cast("int", arguments.homes),
        rate_per_s=cast("float", arguments.rate),
        backlog_share=cast("float", arguments.backlog_share),
        seconds=cast("float", arguments.seconds),
        seed=cast("int", arguments.seed),
        report_every_s=cast("float", arguments.report_every),
    )
    broker = cast("str | None", arguments.broker)
    if broker is not None:
        login_of = _logins(broker, cast("Path | None", arguments.users))
        return await run_load(plan, login_of, _say, timekeeper=arguments.timekeeper)
    return await load_own_county(folder, plan, _say)


def _logins(broker: str, users: Path | None) -> Callable[[str], Login]:
    host, _, port = broker.rpartition(":")
    secrets = {} if users is None else _secrets(users)

    def login_of(hub: str) -> Login:
        if users is not None and hub not in secrets:
            raise ValueError(f"{users} has no user {hub}")
        user = "" if users is None else hub
        return Login(
            host=host, port=int(port), client_id=hub, user=user, password=secrets.get(hub, "")
        )

    return login_of


def _secrets(users: Path) -> dict[str, str]:
    try:
        return msgspec.json.decode(users.read_bytes(), type=dict[str, str])
    except msgspec.DecodeError as error:
        raise ValueError(f"{users}: {error}") from None


def _not_receipted(report: LoadReport) -> str:
    text = f"{report.published - report.receipted} readings were not receipted"
    if not report.held:
        return text
    return (
        f"{text}, of which {report.held} never left their hubs: a home has at most {WINDOW}"
        " unreceipted messages a lane under way; more homes or a lower rate would fit"
    )


def _lane(lane: LaneReport) -> str:
    if lane.p50_ms is None:
        return "nothing receipted"
    return f"p50 {lane.p50_ms:.1f} ms, p99 {lane.p99_ms:.1f} ms (n = {lane.receipted})"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("needs at least 1")
    return number


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError("needs a number above 0")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError("needs a number from 0 to 1")
    return number


def _not_negative(text: str) -> float:
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError("needs a number from 0")
    return number
