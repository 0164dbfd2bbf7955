"""`hearthwatch sim institutions`: what simulated clinics, pharmacies and schools would report.

Prints their reports as JSON, or sends them to a county's door with the credentials it gave out
(`hearthwatch surveillance sources`), as those institutions' own programs do.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from typing import cast

import httpx2
import msgspec

from firmware_sim.institutions import SOURCES, Outbreak, SimulatedCount, simulate

DOOR = "/api/surveillance/counts"
_MOST = 3660


class ReportedRow(msgspec.Struct, frozen=True):
    """One line of a report, in the door's words."""

    area: str
    indicator: str
    day: date
    value: int


class Report(msgspec.Struct, frozen=True):
    """One source's report."""

    counts: list[ReportedRow]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where, when, which outbreak, and to whom it is sent."""
    parser.add_argument("--township", action="append", required=True, help="area id; again")
    parser.add_argument("--until", type=date.fromisoformat, required=True, help="the last day")
    parser.add_argument("--days", type=_days, default=35, help="days up to it")
    parser.add_argument(
        "--outbreak", action="append", default=[], metavar="AREA:DAY:INFECTED", type=_outbreak
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", help="the county's pages; without it the reports are printed")
    parser.add_argument(
        "--token", action="append", default=[], metavar="KIND=TOKEN", type=_token, help="again"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print or send; 1 when the county does not take a report."""
    until = cast("date", arguments.until)
    days = [until - timedelta(days=n) for n in range(cast("int", arguments.days) - 1, -1, -1)]
    found = reports(
        cast("list[str]", arguments.township),
        days,
        cast("list[Outbreak]", arguments.outbreak),
        cast("int", arguments.seed),
    )
    url = cast("str | None", arguments.url)
    if url is None:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        return 0
    tokens = dict(cast("list[tuple[str, str]]", arguments.token))
    try:
        for kind in sorted(tokens):
            sys.stdout.write(f"{kind}: {send(url, tokens[kind], found[kind])}\n")
    except (KeyError, httpx2.HTTPError) as error:
        sys.stderr.write(f"hearthwatch sim institutions: {error!r}\n")
        return 1
    return 0


def reports(
    townships: Sequence[str], days: Sequence[date], outbreaks: Sequence[Outbreak], seed: int
) -> dict[str, Report]:
    """By kind of source, everything it counted."""
    rows: dict[str, list[ReportedRow]] = {kind: [] for kind in SOURCES}
    for one in simulate(townships, days, outbreaks, seed):
        rows[one.source].append(_row(one))
    return {kind: Report(counts=found) for kind, found in rows.items()}


def send(url: str, token: str, report: Report) -> str:
    """What the county's door answered to one report.

    Raises:
        httpx2.HTTPError: it could not be reached, or refused the report as a whole.
    """
    answer = httpx2.post(
        url.rstrip("/") + DOOR,
        content=msgspec.json.encode(report),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        timeout=30,
    )
    answer.raise_for_status()
    return answer.text


def _row(one: SimulatedCount) -> ReportedRow:
    return ReportedRow(area=one.township, indicator=one.indicator, day=one.day, value=one.value)


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= _MOST:
        raise argparse.ArgumentTypeError(f"1 to {_MOST} days")
    return days


def _outbreak(text: str) -> Outbreak:
    area, day, infected = text.rsplit(":", 2)
    return Outbreak(township=area, first_day=date.fromisoformat(day), infected=int(infected))


def _token(text: str) -> tuple[str, str]:
    kind, _, token = text.partition("=")
    if kind not in SOURCES or not token:
        raise argparse.ArgumentTypeError(f"KIND=TOKEN with a kind of {', '.join(SOURCES)}")
    return kind, token
