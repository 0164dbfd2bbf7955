"""The processes of the core's bench while it is measured: broker, core, publisher and their CPU."""

import asyncio
import secrets
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Self

import msgspec
import psutil

from firmware_sim.mqtt_line import MqttLine
from firmware_sim.template_people import Pattern
from firmware_sim.uplink_words import CORE_TOPIC, decode_receipt
from gateway.broker import LocalBroker
from gateway.clock import WallClock
from gateway.store.embedded import EmbeddedPostgres
from service.lab.bench_people import LivePlan, Town, hub_name, live_packets
from service.lab.bench_publisher import Plan, Published
from service.lab.bench_stages import BenchError
from service.lab.children import Children
from service.lab.load_county import core_of, login_at

START_PATIENCE_S = 900.0
"""A core that knows millions may take its time; how long it took is one of the figures."""

_LOOK_S = 1.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything that runs while the core is measured.

    Attributes:
        folder: For logs and plans.
        postgres: The server, fsync on.
        broker: The broker.
        town: Who lives there.
        patterns: File with the patterns.
        hubs: Numbers of the hubs that have an account at the broker.
        say: Gets lines of progress.
    """

    folder: Path
    postgres: EmbeddedPostgres
    broker: LocalBroker
    town: Town
    patterns: Path
    hubs: Sequence[int]
    say: Say

    def plan(self, hubs: Sequence[int], *, seconds: float) -> Plan:
        """A plan for these hubs that sends nothing yet, with an epoch of its own."""
        names = [hub_name(hub) for hub in hubs]
        return Plan(
            host=self.broker.host,
            port=self.broker.port,
            users={name: self.broker.credentials(name).password for name in names},
            town=self.town,
            patterns=str(self.patterns),
            epoch=secrets.token_hex(8),
            seconds=seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """CPU seconds spent so far by each process of the pipeline."""

    core: float
    broker: float
    postgresql: float

    def since(self, former: Self) -> Self:
        """What was spent between two looks."""
        return replace(
            self,
            core=self.core - former.core,
            broker=self.broker - former.broker,
            postgresql=self.postgresql - former.postgresql,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What one publishing did, and what it cost the others."""

    published: Published
    cpu: Cpu
    wall_s: float


@asynccontextmanager
async def running_core(site: Site, database: str) -> AsyncGenerator[int]:
    """The program's own core over one of the databases; yields its process id."""
    dsn = site.postgres.dsn_of(database, role="hw_core")
    async with Children(site.folder / "logs", site.say) as children:
        heard = asyncio.Event()
        login = replace(login_at(site.broker, "core"), client_id="bench-watch")

        def hear(_topic: str, _payload: bytes, retained: bool) -> None:  # noqa: FBT001 - Hear
            if not retained:
                heard.set()

        line = await MqttLine.dial(login, hear)
        try:
            await line.subscribe(CORE_TOPIC)
            children.start(core_of(site.broker, dsn))
            async with asyncio.timeout(START_PATIENCE_S):
                await heard.wait()
        except TimeoutError:
            raise BenchError("the core does not come up") from None
        finally:
            line.close()
        pid = children.pid_of("core")
        assert pid is not None
        yield pid


async def seconds_to_first_commit(site: Site, patterns: Sequence[Pattern], database: str) -> float:
    """From starting a core until the first reading after it is committed (its receipt)."""
    hub = site.hubs[0]
    name, epoch = hub_name(hub), secrets.token_hex(8)
    committed = asyncio.Event()

    def hear(_topic: str, payload: bytes, _retained: bool) -> None:  # noqa: FBT001 - Hear
        receipt = decode_receipt(payload)
        if receipt is not None and receipt[1] == epoch:
            committed.set()

    line = await MqttLine.dial(login_at(site.broker, name), hear)
    try:
        await line.subscribe(f"hw/1/receipt/{name}/#")
        began_s = perf_counter()
        async with running_core(site, database):
            line.send(_probe(site.town, patterns, hub, epoch))
            async with asyncio.timeout(START_PATIENCE_S):
                await committed.wait()
            return perf_counter() - began_s
    finally:
        line.close()


async def everybody_here(site: Site) -> float:
    """Return when the core has everybody's columns; the seconds that took it beside its work."""
    log = site.folder / "logs" / "core.log"
    try:
        async with asyncio.timeout(START_PATIENCE_S):
            while True:
                last = _last_filling(await asyncio.to_thread(log.read_bytes))
                if last is not None:
                    return last
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        raise BenchError("the core does not come to know everybody") from None


def _last_filling(log: bytes) -> float | None:
    """What the last core to own the county has said of it."""
    own = log.rpartition(b'"event": "owner"')[2].splitlines()
    said = [line for line in own if b'"event": "columns"' in line]
    return msgspec.json.decode(said[-1], type=_Filling).seconds if said else None


class _Filling(msgspec.Struct):
    """A line of the core's log."""

    seconds: float


def _probe(town: Town, patterns: Sequence[Pattern], hub: int, epoch: str) -> bytes:
    plan = LivePlan(hubs=(hub,), rate_per_s=1.0, seconds=1.0, begins_at=WallClock().now(), seed=0)
    packets, _ = live_packets(town, patterns, epoch, plan)[hub]
    return packets[0]


async def run_phase(site: Site, plan: Plan, consumer_pid: int, say: Say) -> Phase:
    """Publish by a plan in a process of its own, and look at everybody's CPU meanwhile.

    Raises:
        BenchError: the publisher failed; the text is its last words.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "service.lab.bench_publisher"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 22,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(msgspec.json.encode(plan))
        process.stdin.close()
        await _line(process, "begin", consumer_pid)
        say("sending")
        before, began_s = cpu_of(site, consumer_pid), perf_counter()
        await _line(process, "end", consumer_pid)
        spent = cpu_of(site, consumer_pid).since(before)
        wall_s = perf_counter() - began_s
        published = msgspec.json.decode(await process.stdout.readline(), type=Published)
        return Phase(published=published, cpu=spent, wall_s=wall_s)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _line(process: asyncio.subprocess.Process, wanted: str, consumer_pid: int) -> None:
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.TaskGroup() as group:
        reading = group.create_task(process.stdout.readline(), name="publisher's word")
        while not (await asyncio.wait({reading}, timeout=_LOOK_S))[0]:
            if not psutil.pid_exists(consumer_pid):
                raise BenchError("the consumer ended while it was measured")
    if reading.result().strip() != wanted.encode():
        words = (await process.stderr.read()).decode().strip().splitlines()
        raise BenchError(f"the publisher ended: {words[-1] if words else 'without a word'}")


def cpu_of(site: Site, core_pid: int) -> Cpu:
    """CPU seconds spent so far."""
    server = psutil.Process(site.postgres.pid)
    return Cpu(
        core=_cpu_s(psutil.Process(core_pid)),
        broker=_cpu_s(psutil.Process(site.broker.pid)),
        postgresql=sum(_cpu_s(one) for one in (server, *server.children(recursive=True))),
    )


def _cpu_s(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:2])
    except psutil.NoSuchProcess:  # a worker of the server that ended meanwhile
        return 0.0
