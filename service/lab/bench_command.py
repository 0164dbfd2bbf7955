"""`hearthwatch bench NAME`: measure one part of the program on this machine."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Generic, TypeVar, cast

import msgspec

from gateway.broker import BrokerError
from gateway.store.binaries import BinariesNotFoundError
from gateway.store.embedded import EmbeddedPostgresError
from service.lab import (
    bench_backtest,
    bench_core,
    bench_coverage,
    bench_devices,
    bench_doors,
    bench_hub,
    bench_routing,
    bench_rules,
    bench_sim,
    bench_surveillance,
    bench_walk,
)
from service.lab.bench_core_peers import CHOICES
from service.lab.bench_core_report import CoreReport
from service.lab.bench_core_report import table as core_table
from service.lab.bench_core_town import CoreOptions
from service.lab.bench_stages import BenchError
from service.lab.children import ChildError

_FEWEST_PEOPLE = 20
_Report = TypeVar("_Report")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench(Generic[_Report]):
    """How a part is measured (in a folder that is thrown away) and how its figures are shown."""

    measure: Callable[[Path, argparse.Namespace], _Report]
    table: Callable[[_Report], str]

    def text(self, folder: Path, arguments: argparse.Namespace) -> str:
        """Measure, and give the figures as a table or as one JSON object."""
        report = self.measure(folder, arguments)
        return msgspec.json.encode(report).decode() if arguments.json else self.table(report)


def _walk(folder: Path, arguments: argparse.Namespace) -> bench_walk.WalkReport:
    measuring = bench_walk.bench_walk(
        folder, seconds=arguments.seconds, people=cast("int", arguments.people)
    )
    return asyncio.run(measuring)


def _adapters(folder: Path, arguments: argparse.Namespace) -> bench_devices.DevicesReport:
    only_decode = cast("bool", arguments.decode_only)
    return bench_devices.bench_devices(folder, seconds=arguments.seconds, only_decode=only_decode)


def _rules(_folder: Path, arguments: argparse.Namespace) -> bench_rules.RulesReport:
    return asyncio.run(bench_rules.bench_rules(cast("int", arguments.people)))


def _backtest(folder: Path, arguments: argparse.Namespace) -> bench_backtest.BacktestReport:
    people, days = cast("int", arguments.people), cast("int", arguments.days)
    return bench_backtest.bench_backtest(folder, people=people, days=days)


def _hub(folder: Path, arguments: argparse.Namespace) -> bench_hub.HubReport:
    return asyncio.run(bench_hub.bench_hub(folder, seconds=arguments.seconds))


def _sim(folder: Path, arguments: argparse.Namespace) -> bench_sim.SimReport:
    measuring = bench_sim.bench_sim(
        folder,
        seconds=arguments.seconds,
        people=cast("int", arguments.people),
        homes=cast("int", arguments.homes),
    )
    return asyncio.run(measuring)


def _core(folder: Path, arguments: argparse.Namespace) -> CoreReport:
    keep = cast("Path | None", arguments.keep)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        keep.chmod(0o711)
    options = CoreOptions(
        people=cast("int", arguments.people),
        stored=cast("int", arguments.stored),
        seconds=arguments.seconds,
        keep=keep,
        peers=frozenset(cast("list[str]", arguments.peers)),
    )
    began_s = perf_counter()

    def say(text: str) -> None:
        sys.stderr.write(f"{perf_counter() - began_s:6.0f} s  {text}\n")

    return asyncio.run(bench_core.bench_core(folder, options, say))


def _surveillance(
    _folder: Path, _arguments: argparse.Namespace
) -> bench_surveillance.SurveillanceReport:
    return bench_surveillance.bench_surveillance()


def _routing(
    folder: Path, arguments: argparse.Namespace
) -> bench_routing.RoutingReport | bench_coverage.CoverageReport:
    people, doctors = cast("int", arguments.people), cast("int", arguments.doctors)

    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    if arguments.coverage:
        checking = bench_coverage.bench_coverage(folder, people=people, doctors=doctors, say=say)
        return asyncio.run(checking)
    measuring = bench_routing.bench_routing(
        folder, people=people, doctors=doctors, seconds=arguments.seconds, say=say
    )
    return asyncio.run(measuring)


def _routing_table(report: bench_routing.RoutingReport | bench_coverage.CoverageReport) -> str:
    if isinstance(report, bench_coverage.CoverageReport):
        return bench_coverage.table(report)
    return bench_routing.table(report)


def _doors(folder: Path, arguments: argparse.Namespace) -> bench_doors.DoorsReport:
    return asyncio.run(bench_doors.bench_doors(folder, cast("int", arguments.people)))


BENCHES = {
    "walk": Bench(measure=_walk, table=bench_walk.table),
    "adapters": Bench(measure=_adapters, table=bench_devices.table),
    "rules": Bench(measure=_rules, table=bench_rules.table),
    "backtest": Bench(measure=_backtest, table=bench_backtest.table),
    "hub": Bench(measure=_hub, table=bench_hub.table),
    "sim": Bench(measure=_sim, table=bench_sim.table),
    "core": Bench(measure=_core, table=core_table),
    "doors": Bench(measure=_doors, table=bench_doors.table),
    "routing": Bench(measure=_routing, table=_routing_table),
    "surveillance": Bench(measure=_surveillance, table=bench_surveillance.table),
}
_PEOPLE = {"core": 3_400_000, "backtest": 2_000, "routing": 1_000_000, "doors": 30_000}
_SECONDS = {"core": 30.0}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("what", choices=list(BENCHES), help="what to measure")
    parser.add_argument("--seconds", type=float, help="length of each stage (10; core: 30)")
    parser.add_argument(
        "--people",
        type=int,
        help="with a cuff (walk), in a cohort (sim), lived (rules): 200; known (core): 3.4 M;"
        " recorded (backtest): 2,000",
    )
    parser.add_argument("--days", type=int, default=365, help="recorded (backtest)")
    parser.add_argument(
        "--stored", type=int, default=50_000_000, help="readings in the store beforehand (core)"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the prepared database for later runs (core)"
    )
    parser.add_argument(
        "--peers", nargs="*", choices=CHOICES, default=CHOICES, help="to run beside it (core)"
    )
    parser.add_argument("--doctors", type=int, default=10_000, help="members of staff (routing)")
    parser.add_argument(
        "--coverage", action="store_true", help="check 14 days of everybody's contracts (routing)"
    )
    parser.add_argument("--homes", type=int, default=10_000, help="connected at once (sim)")
    parser.add_argument(
        "--decode-only", action="store_true", help="leave out what needs a radio (adapters)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; 1 when it did not come to an end, 2 for unusable arguments."""
    what = cast("str", arguments.what)
    if arguments.seconds is None:
        arguments.seconds = _SECONDS.get(what, 10.0)
    if arguments.people is None:
        arguments.people = _PEOPLE.get(what, 200)
    seconds, people = cast("float", arguments.seconds), cast("int", arguments.people)
    homes = cast("int", arguments.homes)
    if people < _FEWEST_PEOPLE or seconds <= 0 or homes < 1 or cast("int", arguments.days) < 1:
        needs = f"at least {_FEWEST_PEOPLE} people, a home, a day, and more than 0 seconds"
        sys.stderr.write(f"needs {needs}\n")
        return 2
    failures: list[str] = []
    try:
        with tempfile.TemporaryDirectory(prefix="hw-bench-") as name:
            folder = Path(name)
            folder.chmod(0o711)  # the database's user passes through
            text = BENCHES[what].text(folder, arguments)
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
        sys.stdout.write(f"{text}\n")
    sys.stderr.writelines(f"{failure}\n" for failure in failures)
    return 1 if failures else 0
