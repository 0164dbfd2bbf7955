"""Thousands of homes against a broker: connect, publish, wait for the last receipt, count."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from firmware_sim.clock import PublishedTime, run_on_wall
from firmware_sim.hub_lane import WINDOW
from firmware_sim.load import Load, LoadPlan, LoadReport
from firmware_sim.mqtt_line import LineError, Login
from gateway.clock import WallClock
from service.lab.load_county import Stored, load_county

PATIENCE_S = 90.0
"""How long the core may take to receipt the last reading after publishing has ended."""

_PROGRESS_S = 5.0
_KIB = 1024


class LoadError(Exception):
    """The load could not be carried; the text says at which stage."""


class LoadFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What one run measured.

    Attributes:
        plan: What was asked for.
        report: What was sent and came back.
        readings_per_s: Readings published a second, as they really were.
        connect_s: Seconds until every home was connected.
        kib_per_home: Resident memory of this process a connected home, before the first reading.
        cpu_share: CPU of this process while publishing, 1 = one core.
        load_average: Of the machine, over the last minute, at the end.
        held_back: Readings that still waited in their hubs, never sent, when publishing ended.
        all_receipted: Whether the core receipted everything in time.
        memory_mb: Resident MB of broker and core, of a county of our own.
        stored: What its database holds at the end.
    """

    plan: LoadPlan
    report: LoadReport
    readings_per_s: float
    connect_s: float
    kib_per_home: float
    cpu_share: float
    load_average: float
    held_back: int
    all_receipted: bool
    memory_mb: dict[str, float]
    stored: Stored | None = None


async def load_own_county(folder: Path, plan: LoadPlan, say: Callable[[str], None]) -> LoadFigures:
    """Run a plan against broker, database and core of its own in an empty directory.

    Raises:
        LoadError: a home cannot connect.
    """
    say(f"starting broker, database and core for {plan.homes} homes")
    async with load_county(folder, plan.homes, say) as county:
        figures = await run_load(plan, county.login_of, say)
        pids = {"broker": county.broker.pid, "core": county.children.pid_of("core")}
        memory = {
            name: round(psutil.Process(pid).memory_info().rss / 1e6, 1)
            for name, pid in pids.items()
            if pid is not None
        }
        return msgspec.structs.replace(figures, memory_mb=memory, stored=await county.stored())


async def run_load(
    plan: LoadPlan,
    login_of: Callable[[str], Login],
    say: Callable[[str], None],
    *,
    timekeeper: str | None = None,
) -> LoadFigures:
    """Run a plan against a broker behind which a core gives receipts.

    Args:
        plan: What the homes do.
        login_of: How the hub of a name enters the broker.
        say: Gets a line of progress every five seconds.
        timekeeper: `HOST:PORT` of a published time to follow instead of the wall clock's.

    Raises:
        LoadError: a home cannot connect.
    """
    load = Load(plan, login_of, settle=timekeeper is not None)
    process = psutil.Process()
    connected = Connected(seconds=0.0, kib_per_home=0.0)
    try:
        if timekeeper is None:  # else the first published instant connects
            connected = await _connect(load, say)
        cpu_s = sum(process.cpu_times()[:2])
        async with asyncio.TaskGroup() as group:
            watching = [
                group.create_task(load.tend(), name="tend"),
                group.create_task(_progress(load, say), name="progress"),
            ]
            await _publish(load, timekeeper)
            cpu_s = sum(process.cpu_times()[:2]) - cpu_s
            held_back = load.held
            settled = await _settled(load, say)
            for task in watching:
                task.cancel()
        report = load.report()
    except* LineError as group:
        raise LoadError(str(group.exceptions[0])) from group
    finally:
        load.close()
    return LoadFigures(
        plan=plan,
        report=report,
        readings_per_s=round(report.published / report.seconds, 1),
        connect_s=round(connected.seconds, 2),
        kib_per_home=round(connected.kib_per_home, 1),
        cpu_share=round(cpu_s / report.seconds, 2),
        load_average=round(os.getloadavg()[0], 1),
        held_back=held_back,
        all_receipted=settled,
        memory_mb={},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """How long it took to connect every home, and this process's resident KiB for each."""

    seconds: float
    kib_per_home: float


async def _connect(load: Load, say: Callable[[str], None]) -> Connected:
    process, clock = psutil.Process(), asyncio.get_running_loop().time
    before, began_s = process.memory_info().rss, clock()
    await load.connect(WallClock().now())
    taken = (process.memory_info().rss - before) / load.plan.homes / _KIB
    connected = Connected(seconds=clock() - began_s, kib_per_home=taken)
    say(f"{load.plan.homes} homes connected in {connected.seconds:.1f} s, {taken:.1f} KiB each")
    return connected


async def _publish(load: Load, timekeeper: str | None) -> None:
    if timekeeper is None:
        await run_on_wall(load.work)
        return
    host, _, port = timekeeper.rpartition(":")
    await PublishedTime(host, int(port), participant="load").run(load.work)


async def _settled(load: Load, say: Callable[[str], None]) -> bool:
    report = load.report()
    if report.held:
        say(
            f"publishing has ended; waiting {PATIENCE_S:.0f} s at most for"
            f" {report.published - report.receipted} receipts: {report.held} readings wait in their"
            f" hubs, as a home has at most {WINDOW} unreceipted messages a lane under way"
        )
    try:
        await load.settled(PATIENCE_S)
    except TimeoutError:
        return False
    return True


async def _progress(load: Load, say: Callable[[str], None]) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_S)
        say(progress_line(load.report()))


def progress_line(report: LoadReport) -> str:
    """One line for people who watch."""
    return (
        f"{report.seconds:6.0f} s  published {report.published}  PUBACK {report.acknowledged}"
        f"  receipted {report.receipted}  live p99 {report.live.p99_ms or 0:.0f} ms"
        f"  backlog p99 {report.backlog.p99_ms or 0:.0f} ms"
    )
