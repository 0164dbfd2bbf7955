"""`hearthwatch bench walk`: the whole walk in one run, and the bare pipe beside it.

Real broker, hub, core, service and database (QoS 1, fsync on), devices that publish over MQTT, one
doctor with an open page. First a steady stage for the latencies, then a stage as fast as the walk
takes readings, with the backlog drained before the clock stops. The peer is a subscriber that only
decodes: the same messages through the same broker in the same run.
"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import quantiles

import httpx2
import msgspec
import psutil

from device_adapters.mqtt.client import MqttSession, mqtt_session
from firmware_sim.publisher import encode_reading
from gateway.clock import WallClock
from service.lab.bench_county import BenchCounty, bench_county, children_of
from service.lab.bench_stages import PATIENCE_S, WINDOW, BenchError, Walk, line_of, reading_of
from service.lab.children import Children
from service.lab.homes_settings import DEVICE_USER
from service.lab.seed import FRONT


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Median and 99th percentile in milliseconds, of `count` samples."""

    p50_ms: float
    p99_ms: float
    count: int


class WalkReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one run measured; memory is resident MB, PostgreSQL's the proportional sum."""

    people: int
    readings_per_s: float
    bare_pipe_per_s: float
    ratio_to_bare_pipe: float
    publish_to_commit: Latency
    publish_to_page: Latency
    memory_mb: dict[str, float]


async def bench_walk(folder: Path, *, seconds: float, people: int) -> WalkReport:
    """Measure for about three times `seconds` with so many people, in an empty directory.

    Raises:
        BenchError: a stage did not end within a minute.
    """
    async with bench_county(folder, people) as county:
        peer_per_s = await _bare_pipe(county, seconds)
        async with Children(folder / "logs", _complain) as children:
            for child in children_of(county):
                children.start(child)
            async with _walk(county) as walk:
                await walk.begin()
                await walk.steady(seconds)
                rate = await walk.flood(seconds)
                memory = _memory(county, children)
    return WalkReport(
        people=people,
        readings_per_s=round(rate, 1),
        bare_pipe_per_s=round(peer_per_s, 1),
        ratio_to_bare_pipe=round(rate / peer_per_s, 4),
        publish_to_commit=_latency(walk.commit_s),
        publish_to_page=_latency(walk.page_s),
        memory_mb=memory,
    )


@asynccontextmanager
async def _walk(county: BenchCounty) -> AsyncGenerator[Walk]:
    async with (
        mqtt_session(line_of(county, DEVICE_USER, "bench-devices")) as line,
        mqtt_session(line_of(county, "core", "bench-receipts")) as receipts,
        asyncio.TaskGroup() as group,
    ):
        await receipts.subscribe(f"hw/1/receipt/{FRONT}/#")
        walk = Walk(county, line)
        await _until_up(county.url)
        tasks = [
            group.create_task(walk.hear_receipts(receipts), name="receipts"),
            group.create_task(walk.watch_page(), name="page"),
        ]
        yield walk
        for task in tasks:
            task.cancel()


async def _bare_pipe(county: BenchCounty, seconds: float) -> float:
    """Readings a second that the peer decodes, with as many under way as the walk may have."""
    module = ("-m", "service.lab.bare_pipe", county.broker.host, str(county.broker.port))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *module,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(county.broker.credentials(FRONT).password.encode() + b"\n")
        await process.stdout.readline()
        async with mqtt_session(line_of(county, DEVICE_USER, "bench-peer")) as line:
            return await _through_pipe(county, line, process.stdout, seconds)
    finally:
        process.kill()
        await process.wait()


async def _through_pipe(
    county: BenchCounty, line: MqttSession, counts: asyncio.StreamReader, seconds: float
) -> float:
    sent = decoded = 0
    clock = WallClock()
    began_s = time.perf_counter()
    while time.perf_counter() - began_s < seconds or decoded < sent:
        while sent - decoded < WINDOW and time.perf_counter() - began_s < seconds:
            device = county.devices[sent % len(county.devices)]
            sent += 1
            reading = reading_of(clock.now(), sent, systolic=128, diastolic=79)
            line.publish_nowait(f"dev/1/{device.key}/reading", encode_reading(device, reading))
        decoded = int(await counts.readline())
    return decoded / (time.perf_counter() - began_s)


async def _until_up(url: str) -> None:
    began_s = time.perf_counter()
    async with httpx2.AsyncClient(base_url=url) as client:
        while True:
            try:
                if (await client.get("/healthz")).is_success:
                    return
            except httpx2.TransportError:
                pass
            if time.perf_counter() - began_s > PATIENCE_S:
                raise BenchError("the service does not answer")
            await asyncio.sleep(0.1)


def _latency(samples_s: list[float]) -> Latency:
    if len(samples_s) < 2:  # noqa: PLR2004 - a percentile needs two
        raise BenchError("too few samples; measure for longer")
    cuts = quantiles(samples_s, n=100)
    return Latency(
        p50_ms=round(1000 * cuts[49], 1), p99_ms=round(1000 * cuts[98], 1), count=len(samples_s)
    )


def _memory(county: BenchCounty, children: Children) -> dict[str, float]:
    pids = {name: children.pid_of(name) for name in ("core", "service", "hub")}
    memory = {
        name: _megabytes(psutil.Process(pid).memory_info().rss)
        for name, pid in pids.items()
        if pid is not None
    }
    memory["broker"] = _megabytes(psutil.Process(county.broker.pid).memory_info().rss)
    server = psutil.Process(county.postgres.pid)
    backends = [server, *server.children(recursive=True)]
    memory["postgresql"] = _megabytes(sum(one.memory_full_info().pss for one in backends))
    return memory


def _megabytes(octets: int) -> float:
    return round(octets / 1e6, 1)


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def table(report: WalkReport) -> str:
    """The figures for a person to read."""
    memory = ", ".join(f"{name} {size:.0f} MB" for name, size in report.memory_mb.items())
    lines = [
        f"the walk, {report.people} people, QoS 1, fsync on",
        f"  sustained, backlog drained   {report.readings_per_s:>9.1f} readings/s",
        f"  bare pipe in the same run    {report.bare_pipe_per_s:>9.1f} readings/s",
        f"  walk / bare pipe             {report.ratio_to_bare_pipe:>9.3f}",
        f"  publish -> commit            {_milliseconds(report.publish_to_commit)}",
        f"  publish -> doctor's page     {_milliseconds(report.publish_to_page)}",
        f"  memory                       {memory}",
    ]
    return "\n".join(lines)


def _milliseconds(latency: Latency) -> str:
    return f"p50 {latency.p50_ms:.1f} ms, p99 {latency.p99_ms:.1f} ms (n = {latency.count})"
