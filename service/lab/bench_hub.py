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
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import psutil
from pydantic import SecretStr

from firmware_sim.peripheral import BloodPressureCuff
from gateway.broker import LocalBroker
from gateway.clock import WallClock
from gateway.hub import Hub
from gateway.hub_settings import HubSettings, TimeSource
from gateway.spool_devices import PairedDevice
from rules.vocabulary import DeviceRef
from service.lab.bench_hub_air import DEVICES, READY, cuffs
from service.lab.children import Child, ChildError, Children

_HUB = "hub-bench"
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
    async with LocalBroker(folder / "broker", users=("core", _HUB)) as broker:
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
            "HEARTHWATCH_HUB_HUB_ID": _HUB,
            "HEARTHWATCH_HUB_SECRET_HEX": secrets.token_hex(32),
            "HEARTHWATCH_HUB_DATA_DIR": str((folder / "alone").absolute()),
            "HEARTHWATCH_HUB_BROKER_HOST": broker.host,
            "HEARTHWATCH_HUB_BROKER_PORT": str(broker.port),
            "HEARTHWATCH_HUB_BROKER_PASSWORD": broker.credentials(_HUB).password,
        },
    )
    async with Children(folder / "logs", lambda _: None) as children:
        children.start(child)
        await asyncio.sleep(_SETTLE_S)
        return await _cost(children.pid_of("hub"), seconds)


async def _with_radio(broker: LocalBroker, folder: Path, seconds: float) -> tuple[Cost, Cost]:
    async with _home(broker, folder / "radio") as cuffs:
        await asyncio.sleep(_SETTLE_S)
        idle = await _cost(None, seconds)
        for cuff in cuffs:
            await cuff.measure(systolic=138, diastolic=88, pulse=70, at=WallClock().now())
        for cuff in cuffs:
            await cuff.transferred()
        await asyncio.sleep(_SETTLE_S)
        return idle, await _cost(None, seconds)


@asynccontextmanager
async def _home(broker: LocalBroker, folder: Path) -> AsyncGenerator[list[BloodPressureCuff]]:
    """A hub that knows five cuffs; they sleep, as cuffs do between measurements."""
    settings = HubSettings(
        hub_id=_HUB,
        secret_hex=SecretStr(secrets.token_hex(32)),
        data_dir=folder,
        time_source=TimeSource.ALWAYS,
        broker_host=broker.host,
        broker_port=broker.port,
        broker_password=SecretStr(broker.credentials(_HUB).password),
        page_port=0,
    )
    async with cuffs() as (radio, found), AsyncExitStack() as stack:
        hub = await stack.enter_async_context(
            Hub(
                settings,
                WallClock(),
                scanner_backend=radio.scanner_backend,
                client_backend=radio.client_backend,
            )
        )
        assert hub.radio is not None
        for cuff in found:
            plate = cuff.identity
            ref = DeviceRef(manufacturer=plate.manufacturer, model=plate.model, serial=plate.serial)
            paired = PairedDevice(address=plate.address, device=ref, command_version=0)
            await hub.radio.remember(paired)
        yield found


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


async def _cost(pid: int | None, seconds: float) -> Cost:
    """What a process (None: this one) uses from now on for so many seconds."""
    process = psutil.Process(pid)
    before = process.cpu_times()
    await asyncio.sleep(seconds)
    after = process.cpu_times()
    used = timedelta(seconds=after.user + after.system - before.user - before.system)
    return Cost(
        rss_mb=round(process.memory_info().rss / 1e6, 1),
        cpu_percent=round(100 * used.total_seconds() / seconds, 2),
    )
