"""`hearthwatch bench adapters`: decoding, a full memory, a full home, one reading, unboxing.

Each figure has its peer in the same run; see `bench_adapters.py`, `bench_backlog.py` and
`bench_unbox.py`.
"""

import asyncio
import logging
from pathlib import Path

import msgspec

from firmware_sim.packet_logs import stop_describing_packets
from gateway.sqlite_writer import take_short_turns
from gateway.structured_log import configure_logs
from service.lab import bench_backlog, bench_unbox
from service.lab.bench_adapters import AdaptersReport, DecodeRate, bench_adapters
from service.lab.bench_adapters import table as decode_table


class DevicesReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one run measured."""

    decode: list[DecodeRate]
    aim_2a35_per_s: int
    air: "AirReport | None"


class AirReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured over the virtual link."""

    backlog: bench_backlog.BacklogReport
    crowd: bench_backlog.CrowdReport
    alone: bench_backlog.AloneReport
    unbox: bench_unbox.UnboxReport


def bench_devices(folder: Path, *, seconds: float, only_decode: bool = False) -> DevicesReport:
    """Decode for about `seconds`, then measure the rest (about a minute) in an empty directory.

    Raises:
        BenchError: something took longer than two minutes (perhaps in an exception group).
    """
    stop_describing_packets()
    decode = bench_adapters(seconds)
    return DevicesReport(
        decode=decode.decode,
        aim_2a35_per_s=decode.aim_2a35_per_s,
        air=None if only_decode else asyncio.run(_through_the_air(folder)),
    )


async def _through_the_air(folder: Path) -> AirReport:
    configure_logs(level=logging.WARNING)  # standard output is the report's
    take_short_turns()  # as a hub's process does
    return AirReport(
        backlog=await bench_backlog.bench_backlog(folder / "backlog"),
        crowd=await bench_backlog.bench_crowd(folder / "crowd"),
        alone=await bench_backlog.bench_alone(folder / "alone"),
        unbox=await bench_unbox.bench_unbox(folder / "unbox"),
    )


def table(report: DevicesReport) -> str:
    """The report as lines for a terminal."""
    decode = AdaptersReport(decode=report.decode, aim_2a35_per_s=report.aim_2a35_per_s)
    lines = [decode_table(decode)]
    if report.air is not None:
        lines += bench_backlog.table(report.air.backlog, report.air.crowd, report.air.alone)
        lines += bench_unbox.table(report.air.unbox)
    return "\n".join(lines)
