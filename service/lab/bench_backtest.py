"""`bench backtest`: a year of people on file, through `rules backtest`, on one core.

Made-up people measure four times a day, each around their own usual: five in six blood pressure,
one in six (the share of diabetes among China's managed patients) twice that and twice glucose. The
command runs as anybody runs it, in a process of its own that may use one processor. The peer is the
least that any program has to do in Python: read the same file line by line and compare each number
with a fixed limit.
"""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from types import MappingProxyType
from typing import cast

from service.lab.bench_stages import BenchError

_FIRST = datetime(2025, 1, 1, 6, tzinfo=UTC)
_HOURS = (0, 4, 8, 13)
_WITH_METER = 6
_PER_DOCTOR = 100
_FIXED = MappingProxyType({"8480-6": 180.0, "8462-4": 110.0, "15074-8": 16.7})

# The first of the processors that this process may use.
_ON_ONE_CORE = (
    "import os, sys; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
    " os.execv(sys.argv[1], sys.argv[1:])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestReport:
    """What it took; `passing` is the share (0-1) of readings that the screen let through.

    `whole_s` is the command from its start to its last line, wall time; `judging_s` the part in
    which readings are judged, `processor_s` what it took of the one processor. `peer_s` is the
    peer's wall time and `ratio_to_peer` how often it fits into `whole_s`.
    """

    people: int
    days: int
    readings: int
    lines: int
    whole_s: float
    judging_s: float
    processor_s: float
    readings_per_s: float
    passing: float
    alerts_per_patient_month: float
    peer_s: float
    ratio_to_peer: float


def bench_backtest(folder: Path, *, people: int, days: int) -> BacktestReport:
    """Write the year into `folder`, have it judged, and read it as the peer does.

    Raises:
        BenchError: the command failed; its own words.
    """
    readings = folder / "readings.csv"
    lines = write_year(folder, people=people, days=days)
    told, whole_s, processor_s = _judged(folder)
    counted = cast("int", told["readings"])
    judging_s = cast("float", told["seconds"])
    peer_s = _peer_s(readings)
    rung = cast("dict[str, float]", told["per_patient_month"])
    return BacktestReport(
        people=people,
        days=days,
        readings=counted,
        lines=lines,
        whole_s=round(whole_s, 2),
        judging_s=judging_s,
        processor_s=round(processor_s, 2),
        readings_per_s=round(counted / judging_s, 1),
        passing=round(cast("int", told["exact_readings"]) / counted, 4),
        alerts_per_patient_month=round(sum(rung.values()), 3),
        peer_s=round(peer_s, 4),
        ratio_to_peer=round(whole_s / peer_s, 2),
    )


def table(report: BacktestReport) -> str:
    """The figures as text."""
    of = f"{report.readings:,} readings in {report.lines:,} lines"
    busy, rate = f"{report.processor_s:.1f} s", f"{report.readings_per_s:,.0f}"
    return "\n".join(
        (
            f"{report.people:,} people, {report.days} days, {of}, one core",
            f"  the whole command            {report.whole_s:9.1f} s, {busy} of its processor",
            f"  judging                      {report.judging_s:9.1f} s, {rate} readings a second",
            f"  passed the screen            {report.passing:9.2%}",
            f"  alerts a patient-month       {report.alerts_per_patient_month:9.3f}",
            f"  lines read, fixed limits     {report.peer_s:9.1f} s",
            f"  the command takes that       {report.ratio_to_peer:9.1f} times",
        )
    )


def write_year(folder: Path, *, people: int, days: int) -> int:
    """`readings.csv` and `people.csv`; the same for the same numbers. Returns the lines written."""
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file)
        write.writerow(("subject", "sex", "birth_year", "diagnoses", "drug_classes", "doctor"))
        write.writerows(_somebody(number) for number in range(people))
    count = 0
    with (folder / "readings.csv").open("w", encoding="utf-8", newline="") as file:
        file.write("subject,effective_at,code,value,unit\n")
        for number in range(people):
            lines = list(_life(number, days))
            count += len(lines)
            file.writelines(lines)
    return count


def _has_meter(number: int) -> bool:
    return number % _WITH_METER == 0


def _somebody(number: int) -> tuple[str, ...]:
    both = ("hypertension;diabetes_2", "calcium_blocker;metformin")
    sick, takes = both if _has_meter(number) else ("hypertension", "calcium_blocker")
    sex, born = ("female", "male")[number % 2], str(1940 + number % 40)
    return (f"p{number}", sex, born, sick, takes, f"d{number // _PER_DOCTOR}")


def _life(number: int, days: int) -> Iterator[str]:
    """Everything one person measures, line by line, in order of time."""
    chance = Random(number)  # noqa: S311 - a bench's dice
    usual, sugar = chance.gauss(132, 12), chance.gauss(7.2, 1.4)
    for day in range(days):
        for turn, hour in enumerate(_HOURS):
            at = _FIRST + timedelta(days=day, hours=hour, minutes=chance.randrange(50))
            when = f"p{number},{at.isoformat()}"
            if _has_meter(number) and turn % 2:
                value = max(3.0, chance.gauss(sugar, 1.2))
                yield f"{when},15074-8,{value:.1f},mmol/L\n"
                continue
            upper = chance.gauss(usual, 7)
            yield f"{when},8480-6,{upper:.0f},mm[Hg]\n"
            yield f"{when},8462-4,{upper * 0.6:.0f},mm[Hg]\n"


def _judged(folder: Path) -> tuple[dict[str, object], float, float]:
    """What the command wrote, its wall time, and its processor's."""
    words = [sys.executable, "-m", "service.cli", "rules", "backtest"]
    words += ["--readings", "readings.csv", "--people", "people.csv", "--json", "told.json"]
    before, began_s = os.times(), perf_counter()
    ran = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", _ON_ONE_CORE, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    whole_s, after = perf_counter() - began_s, os.times()
    if ran.returncode:
        raise BenchError(f"rules backtest ended with {ran.returncode}: {ran.stderr[-500:]}")
    told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    processor_s = sum(after[2:4]) - sum(before[2:4])
    return cast("dict[str, object]", told), whole_s, processor_s


def _peer_s(path: Path) -> float:
    began_s = perf_counter()
    high = 0
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            high += float(row["value"]) >= _FIXED[row["code"]]
    assert high >= 0
    return perf_counter() - began_s
