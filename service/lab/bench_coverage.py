"""How long it takes to prove for a large county that nobody will be without an owner."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from gateway.store.embedded import EmbeddedPostgres
from gateway.store.migrate import migrate
from service.db_command import ALL_MIGRATIONS
from service.lab.seed import ZONE
from service.store.coverage import CoverageChecks
from service.store.database import Pool, load_statements, open_pool

_SQL = load_statements("bench_coverage.sql", "service.lab")
_NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
_PEOPLE_A_VILLAGE = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageReport:
    """Figures of one check; times in seconds, on an embedded PostgreSQL on this machine."""

    people: int
    doctors: int
    contracts: int
    filled_s: float
    groups: int
    findings: int
    without_owner: int
    check_s: float


async def bench_coverage(
    folder: Path, *, people: int, doctors: int, say: Callable[[str], None]
) -> CoverageReport:
    """Registers a county of that size in an empty database, and checks fourteen days of it."""
    async with EmbeddedPostgres(folder / "postgres", durable=False) as postgres:
        await migrate(postgres.dsn, ALL_MIGRATIONS)
        async with open_pool(postgres.dsn, size=2) as owner:
            began_s = perf_counter()
            contracts = await fill_county(owner, people, doctors)
            filled_s = perf_counter() - began_s
        say(f"{people} people with {contracts} contracts registered in {filled_s:.0f} s")
        role_dsn = postgres.dsn_of("hearthwatch", role="hw_service")
        async with open_pool(role_dsn, size=2) as pool:
            began_s = perf_counter()
            found = await CoverageChecks(pool, ZONE).check_coverage(_NOW)
            check_s = perf_counter() - began_s
    return CoverageReport(
        people=found.people,
        doctors=doctors,
        contracts=contracts,
        filled_s=filled_s,
        groups=found.groups,
        findings=len(found.findings),
        without_owner=found.without_owner,
        check_s=check_s,
    )


def table(report: CoverageReport) -> str:
    """The figures, one a line."""
    return "\n".join(
        (
            f"people                 {report.people:>12,}",
            f"contracts              {report.contracts:>12,}",
            f"doctors                {report.doctors:>12,}",
            f"groups looked at       {report.groups:>12,}",
            f"gaps found             {report.findings:>12,}",
            f"without an owner       {report.without_owner:>12,}",
            f"coverage check, 14 d   {report.check_s:>10.1f} s",
        )
    )


async def fill_county(pool: Pool, people: int, doctors: int) -> int:
    """Registers a county of that size in an empty database; how many contracts it holds."""
    villages = max(20, people // _PEOPLE_A_VILLAGE // 10 * 10)
    villages = min(villages, max(20, doctors // 20 * 10))
    day = _NOW.astimezone(ZONE).date()
    await pool.execute(_SQL["places"], villages)
    await pool.execute(_SQL["staff"], doctors, villages)
    await pool.execute(_SQL["accounts"])
    await pool.execute(_SQL["people"], people, villages)
    await pool.execute(_SQL["contracts"], people, villages, doctors, day)
    await pool.execute(_SQL["leaves"], doctors - villages, day)
    await pool.execute(_SQL["shifts"], villages // 10, _NOW)
    await pool.execute(_SQL["analyze"])
    return await pool.fetchval("SELECT count(*) FROM care.contract")
