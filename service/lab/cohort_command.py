"""`hearthwatch sim cohort`: write the readings of people who do not exist."""

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import cast

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.files import Request, Written, write_cohort
from firmware_sim.cohort.infection_chain import Introduction
from firmware_sim.cohort.seeds import Purpose
from firmware_sim.cohort.setting import GlucoseEngine
from firmware_sim.cohort.simglucose_engine import SimglucoseMissingError
from service.lab.cohort_plot import plot_cohort

Outbreak = tuple[date, int, int]
"""Day, village (1 for the first), people infected."""

_FIRST = date(2025, 1, 1)
_PEOPLE, _DAYS = 2_000, 365
_MOST_PEOPLE = 200_000
"""Their infections are found together: 7 kB of memory each for a year, 1.4 GB for so many."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `sim cohort`."""
    parser.add_argument("--people", type=_people, default=_PEOPLE, help="how many")
    parser.add_argument("--days", type=_count, default=_DAYS, help="how long")
    parser.add_argument("--seed", type=_seed, default=1, help="other people, other readings")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write")
    parser.add_argument(
        "--purpose",
        choices=[each.value for each in Purpose],
        default=Purpose.TUNING.value,
        help="people to tune on and people to report on are never the same (default: tuning)",
    )
    parser.add_argument(
        "--start",
        type=_date,
        default=_FIRST,
        metavar="DATE",
        help=f"first day, in 2015-2040 (default: {_FIRST})",
    )
    parser.add_argument(
        "--glucose-engine",
        choices=[each.value for each in GlucoseEngine],
        default=GlucoseEngine.OWN.value,
        help="for people on insulin; simglucose is slow and an extra (default: own)",
    )
    parser.add_argument(
        "--outbreak",
        type=_outbreak,
        action="append",
        default=[],
        metavar="DATE:VILLAGE:PEOPLE",
        help="infect so many people of a village (1 for the first) on a day; may be repeated",
    )
    parser.add_argument(
        "--plot", action="store_true", help="compare with published figures: a plot and a table"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the cohort and say how many, how fast and which digest; 1 with a reason otherwise."""
    try:
        calendar = Calendar(first=arguments.start, days=arguments.days)
        request = Request(
            purpose=Purpose(arguments.purpose),
            seed=arguments.seed,
            people=arguments.people,
            calendar=calendar,
            engine=GlucoseEngine(arguments.glucose_engine),
            outbreaks=_introductions(cast("list[Outbreak]", arguments.outbreak), calendar),
        )
        begun = perf_counter()
        written = _write(request, cast("Path", arguments.out))
    except (OSError, SimglucoseMissingError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(_summary(written, perf_counter() - begun))
    if arguments.plot:
        sys.stdout.write(f"{plot_cohort(arguments.out)}\n")
    return 0


def _introductions(outbreaks: Sequence[Outbreak], calendar: Calendar) -> tuple[Introduction, ...]:
    found: list[Introduction] = []
    for day, village, people in outbreaks:
        index = (day - calendar.first).days
        if not 0 <= index < calendar.days:
            raise ValueError(f"--outbreak: {day} is not one of the cohort's days")
        found.append(Introduction(day=index, village=village - 1, people=people))
    return tuple(found)


def _write(request: Request, folder: Path) -> Written:
    bar = Progress(
        TextColumn("people"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
    )
    step = max(1, request.people // 200)
    with bar:
        task = bar.add_task("people", total=request.people)

        def show(people: int) -> None:
            if people % step == 0:
                bar.update(task, completed=people, refresh=True)

        return write_cohort(request, folder, show)


def _summary(written: Written, seconds: float) -> str:
    figures = (
        f"{written.people:,} people, {written.rows:,} readings, {written.events:,} events"
        f" in {seconds:.1f} s: {written.rows / seconds:,.0f} readings/s"
    )
    files = [f"{digest}  {name}" for name, digest in written.sha256.items()]
    return "\n".join([figures, *files, f"digest {written.digest}"]) + "\n"


def _count(text: str) -> int:
    return _whole(text, 1)


def _people(text: str) -> int:
    number = _count(text)
    if number > _MOST_PEOPLE:
        raise argparse.ArgumentTypeError(
            f"{number:,} people are more than the {_MOST_PEOPLE:,} that fit into memory together;"
            " write several cohorts with seeds of their own"
        )
    return number


def _seed(text: str) -> int:
    return _whole(text, 0)


def _whole(text: str, least: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least}")
    return int(text)


def _outbreak(text: str) -> Outbreak:
    parts = text.split(":")
    if len(parts) != 3:  # noqa: PLR2004 - date, village, people
        raise argparse.ArgumentTypeError(f"{text!r} is not DATE:VILLAGE:PEOPLE")
    return _date(parts[0]), _count(parts[1]), _count(parts[2])


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date such as {_FIRST}") from None
