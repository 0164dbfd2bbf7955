"""`hearthwatch bench hub`: what a hub costs a small box while nothing happens.

Two measurements of the same program. *Alone*: the process `hearthwatch hub`, taking in devices that
speak MQTT. *With radio*: a hub with five paired Bluetooth cuffs in one process with the simulator
that plays them, an upper bound; what the simulator needs by itself is measured in a process of its
own (`bench_hub_air.py`). The peer is a Python interpreter that has done nothing but start an event
loop.
"""

import asyncio
import secrets
import sys
from datetime import timedelta
from pathlib import Path

import msgspec
import psutil

from gateway.broker import LocalBroker
from service.lab.bench_hub_air import DEVICES, READY
from service.lab.bench_hub_home import HUB
from service.lab.children import Child, ChildError, Children

_HOME = "service.lab.bench_hub_home"
_SIMULATOR = "service.lab.bench_hub_air"
_SETTLE_S = 3.0
_PEER = "import asyncio; asyncio.run(asyncio.sleep(86400))"


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Resident memory in MB (10^6 bytes) and CPU in percent of one core over the window."""

    rss_mb: float
    cpu_percent: float


class HubReport(msgspec.Struct, frozen=True, kw_only=True):
    """The processes; `ratio_rss` is hub alone to bare interpreter.

    `after_readings`: with radio, in the hour in which readings are still looked at by the red path.
    `simulator`: the five cuffs without a hub. `hub_with_radio_mb` is what is left for the hub of
    `after_readings` when the simulator's part beyond a bare interpreter is taken off.
    """

    seconds: float
    devices: int
    alone: Cost
    with_radio: Cost
    after_readings: Cost
    simulator: Cost
    interpreter: Cost
    ratio_rss: float
    hub_with_radio_mb: float


async def bench_hub(folder: Path, *, seconds: float) -> HubReport:
    """Measure for so many seconds each, in a directory that is thrown away.

    Raises:
        BrokerError: no broker could be started.
        ChildError: the hub does not stay up.
    """
    async with LocalBroker(folder / "broker", users=("core", HUB)) as broker:
        alone = await _alone(broker, folder, seconds)
        with_radio, after_readings = await _with_radio(broker, folder, seconds)
    interpreter = await _interpreter(seconds)
    simulator = await _simulator(seconds)
    of_the_simulator_mb = simulator.rss_mb - interpreter.rss_mb
    return HubReport(
        seconds=seconds,
        devices=DEVICES,
        alone=alone,
        with_radio=with_radio,
        after_readings=after_readings,
        simulator=simulator,
        interpreter=interpreter,
        hub_with_radio_mb=round(after_readings.rss_mb - of_the_simulator_mb, 1),
        ratio_rss=round(alone.rss_mb / interpreter.rss_mb, 2),
    )


def table(report: HubReport) -> str:
    """The figures for a person to read."""
    rows = (
        ("hub alone, idle", report.alone),
        (f"with {report.devices} cuffs and the simulator, idle", report.with_radio),
        ("the same, after a reading of each", report.after_readings),
        ("the cuffs and the simulator alone", report.simulator),
        ("bare interpreter", report.interpreter),
    )
    lines = [f"a hub, {report.seconds:.0f} s each"]
    lines += [
        f"  {name:<38}{cost.rss_mb:>7.1f} MB  {cost.cpu_percent:>5.2f} % of one core"
        for name, cost in rows
    ]
    lines.append(f"  hub / bare interpreter                {report.ratio_rss:>7.2f}")
    lines.append(f"  hub with its radio, less the simulator{report.hub_with_radio_mb:>6.1f} MB")
    return "\n".join(lines)


async def _alone(broker: LocalBroker, folder: Path, seconds: float) -> Cost:
    child = Child(
        name="hub",
        arguments=("hub", "--no-bluetooth", "--page-port", "0"),
        environment={
            "HEARTHWATCH_HUB_HUB_ID": HUB,
            "HEARTHWATCH_HUB_SECRET_HEX": secrets.token_hex(32),
            "HEARTHWATCH_HUB_DATA_DIR": str((folder / "alone").absolute()),
            "HEARTHWATCH_HUB_BROKER_HOST": broker.host,
            "HEARTHWATCH_HUB_BROKER_PORT": str(broker.port),
            "HEARTHWATCH_HUB_BROKER_PASSWORD": broker.credentials(HUB).password,
        },
    )
    async with Children(folder / "logs", lambda _: None) as children:
        children.start(child)
        await asyncio.sleep(_SETTLE_S)
        pid = children.pid_of("hub")
        assert pid is not None
        return await _cost(pid, seconds)


async def _with_radio(broker: LocalBroker, folder: Path, seconds: float) -> tuple[Cost, Cost]:
    password = broker.credentials(HUB).password
    arguments = (str(folder / "radio"), broker.host, str(broker.port), password)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", _HOME, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _ready(process)
        idle = await _cost(process.pid, seconds)
        assert process.stdin is not None
        process.stdin.write(b"measure\n")
        await _ready(process)
        return idle, await _cost(process.pid, seconds)
    finally:
        process.kill()
        await process.wait()


async def _ready(process: asyncio.subprocess.Process) -> None:
    """Wait until the process says so, and until what it has begun has settled.

    Raises:
        ChildError: it has ended instead.
    """
    assert process.stdout is not None
    while (line := await process.stdout.readline()) != READY.encode():
        if not line:
            raise ChildError("the hub with its cuffs does not stay up")
    await asyncio.sleep(_SETTLE_S)


async def _simulator(seconds: float) -> Cost:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", _SIMULATOR, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        if await process.stdout.readline() != READY.encode():
            raise ChildError("the simulator does not start")
        return await _cost(process.pid, min(seconds, 2.0))
    finally:
        process.kill()
        await process.wait()


async def _interpreter(seconds: float) -> Cost:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _PEER)
    try:
        await asyncio.sleep(1.0)
        return await _cost(process.pid, min(seconds, 2.0))
    finally:
        process.kill()
        await process.wait()


async def _cost(pid: int, seconds: float) -> Cost:
    """What a process uses from now on for so many seconds."""
    process = psutil.Process(pid)
    before = process.cpu_times()
    await asyncio.sleep(seconds)
    after = process.cpu_times()
    used = timedelta(seconds=after.user + after.system - before.user - before.system)
    return Cost(
        rss_mb=round(process.memory_info().rss / 1e6, 1),
        cpu_percent=round(100 * used.total_seconds() / seconds, 2),
    )
