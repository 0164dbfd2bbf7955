"""`hearthwatch bench walk|adapters`: measure the whole walk, or the adapters, on this machine."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import cast

import msgspec

from gateway.broker import BrokerError
from gateway.store.binaries import BinariesNotFoundError
from gateway.store.embedded import EmbeddedPostgresError
from service.lab.bench_adapters import bench_adapters, table
from service.lab.bench_stages import BenchError
from service.lab.bench_walk import Latency, WalkReport, bench_walk
from service.lab.children import ChildError

_FEWEST_PEOPLE = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("what", choices=["walk", "adapters"], help="what to measure")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each stage")
    parser.add_argument("--people", type=int, default=200, help="people with a cuff")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; 1 when the walk did not come to an end, 2 for unusable arguments."""
    seconds, people = cast("float", arguments.seconds), cast("int", arguments.people)
    if people < _FEWEST_PEOPLE or seconds <= 0:
        sys.stderr.write(f"needs at least {_FEWEST_PEOPLE} people and more than 0 seconds\n")
        return 2
    if arguments.what == "adapters":
        measured = bench_adapters(seconds)
        text = msgspec.json.encode(measured).decode() if arguments.json else table(measured)
        sys.stdout.write(f"{text}\n")
        return 0
    failures: list[str] = []
    try:
        with tempfile.TemporaryDirectory(prefix="hw-bench-") as name:
            folder = Path(name)
            folder.chmod(0o711)  # the database's user passes through
            report = asyncio.run(bench_walk(folder, seconds=seconds, people=people))
    except* (
        BenchError,
        BinariesNotFoundError,
        BrokerError,
        ChildError,
        EmbeddedPostgresError,
        OSError,
    ) as group:
        failures.append(str(group.exceptions[0]))
    else:
        text = msgspec.json.encode(report).decode() if arguments.json else _table(report)
        sys.stdout.write(f"{text}\n")
    sys.stderr.writelines(f"{failure}\n" for failure in failures)
    return 1 if failures else 0


def _table(report: WalkReport) -> str:
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
