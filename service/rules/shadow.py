"""`hearthwatch rules shadow`: what rules in shadow would have added, removed and cost."""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import msgspec

from gateway.clock import WallClock
from gateway.operator_settings import NoDatabaseError, find_dsn
from service.backtest.figures import Figures
from service.store.care_store import Store
from service.store.database import DATABASE_ERRORS, in_words, open_pool
from service.store.shadow_reads import ShadowReport


def run(arguments: argparse.Namespace) -> int:
    """Print the report of every variant; 1 without a database."""
    try:
        reports = asyncio.run(_reports(find_dsn(arguments.dsn), arguments.zone))
    except (NoDatabaseError, *DATABASE_ERRORS) as error:
        sys.stderr.write(f"{in_words(error)}\n")
        return 1
    if arguments.json:
        sys.stdout.write(msgspec.json.encode(reports).decode() + "\n")
        return 0
    for report in reports:
        sys.stdout.write(told(report) + "\n")
    if not reports:
        sys.stdout.write(
            "nothing is followed: no pack is in shadow, or `hearthwatch shadow` is not running\n"
        )
    return 0


def told(report: ShadowReport) -> str:
    """One variant beside the live rules, as text."""
    packs = ", ".join(f"{name} {version}" for name, version in sorted(report.packs.items()))
    lines = [
        f"{report.variant}: {packs}",
        f"  {report.since:%Y-%m-%d %H:%M} to {report.through:%Y-%m-%d %H:%M} UTC",
        f"  {report.live.people} people, {report.live.patient_months} patient-months",
        f"  {'':<22}{'live':>10}{'shadow':>10}",
    ]
    for word in report.live.alerts:
        before, after = report.live.alerts[word], report.shadow.alerts[word]
        lines.append(f"  {word:<22}{before:>10}{after:>10}")
    lines += [
        _row("a patient-month", _total(report.live), _total(report.shadow)),
        _row("a doctor's day, mean", *_mean(report)),
        f"  added    {_by_rule(report.change.added)}",
        f"  removed  {_by_rule(report.change.removed)}",
    ]
    return "\n".join(lines)


async def _reports(dsn: str, zone: ZoneInfo) -> list[ShadowReport]:
    async with open_pool(dsn, size=1) as pool:
        return await Store(pool, zone).shadow_reports(WallClock().now())


def _total(figures: Figures) -> float:
    return sum(figures.per_patient_month.values())


def _mean(report: ShadowReport) -> tuple[float, float]:
    return report.live.per_doctor_day["mean"], report.shadow.per_doctor_day["mean"]


def _row(name: str, live: float, shadow: float) -> str:
    return f"  {name:<22}{live:>10.4f}{shadow:>10.4f}"


def _by_rule(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{rule} {count}" for rule, count in counts.items()) or "nothing"
