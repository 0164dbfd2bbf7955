"""What the doors cost: a log-in's hash, and the worklist with and without row-level security."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from uuid import uuid4

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from gateway.clock import WallClock
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.migrate import migrate
from service.auth import hash_password, sign_in
from service.db_command import ALL_MIGRATIONS
from service.lab.seed import ZONE
from service.live import LiveBus
from service.permissions import Role
from service.services import Services
from service.settings import ServiceSettings
from service.store.care_store import Store
from service.store.database import Pool, load_statements, open_pool
from service.store.records import Account
from service.store.viewing import Viewer, begin_viewing, beyond_view

_SQL = load_statements("bench_doors.sql", "service.lab")
_NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
_HASHES = 5
_LOG_INS = 20
_BEAT_S = 0.001
_PASSWORD = "correct horse battery"  # noqa: S105 -- of a county that lives for a minute
_ROUNDS = 40
_PEOPLE_A_DOCTOR = 500
_MEASURED_ONE_IN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorsReport:
    """Medians on this machine; times in milliseconds, `…_cpu_s` in seconds of one core.

    `loop_ms`: the longest that anything else had to wait for the event loop while logging in.
    """

    people: int
    lines: int
    hash_cpu_s: float
    login_cpu_s: float
    login_ms: float
    loop_ms: float
    without_ms: float
    with_ms: float
    ratio: float


async def bench_doors(folder: Path, people: int) -> DoorsReport:
    """A doctor's worklist in a county of `people`, by turns with a viewer and as the county's."""
    async with EmbeddedPostgres(folder / "postgres", durable=False) as postgres:
        await migrate(postgres.dsn, ALL_MIGRATIONS)
        async with open_pool(postgres.dsn, size=1) as owner:
            await _fill(owner, people)
            account_id = await owner.fetchval(_SQL["account"])
            await owner.execute(_SQL["password"], await hash_password(_PASSWORD), account_id)
        dsn = postgres.dsn_of("hearthwatch", role="hw_service")
        async with open_pool(dsn, size=1) as pool:
            store = Store(pool, ZONE)
            account = Account(account_id=account_id, login="doctor-1", role=Role.FAMILY_DOCTOR)
            login = await _log_ins(_services(store, dsn))
            lines = await _viewed(store, account)
            without, bound = await _by_turns(store, account)
    return DoorsReport(
        people=people,
        lines=lines,
        hash_cpu_s=_hash_cpu_s(),
        login_cpu_s=login.cpu_s,
        login_ms=1000 * login.wall_s,
        loop_ms=1000 * login.loop_s,
        without_ms=1000 * without,
        with_ms=1000 * bound,
        ratio=bound / without,
    )


def table(report: DoorsReport) -> str:
    """The figures, with the bounds they are held to."""
    return (
        f"a log-in's hash: {report.hash_cpu_s:.3f} s of one core (at most 1)\n"
        f"a whole log-in: {report.login_cpu_s:.3f} s of one core (at most 1),"
        f" {report.login_ms:.0f} ms; the event loop was never away for more than"
        f" {report.loop_ms:.1f} ms\n"
        f"the worklist of {report.lines} alerts, {report.people} people in the county:\n"
        f"  as the county's own   {report.without_ms:.2f} ms\n"
        f"  with row-level rights {report.with_ms:.2f} ms\n"
        f"  ratio                 {report.ratio:.2f} (at most 1.3)\n"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogIns:
    """What one log-in takes, all threads together, and the event loop's longest absence."""

    cpu_s: float
    wall_s: float
    loop_s: float


def _services(store: Store, dsn: str) -> Services:
    settings = ServiceSettings(dsn=dsn, secure_cookie=False, demo=True)
    return Services(settings=settings, clock=WallClock(), store=store, bus=LiveBus())


async def _log_ins(services: Services) -> LogIns:
    """Some log-ins, one after the other, with a heartbeat beside them."""
    late: list[float] = []

    async def beat() -> None:
        while True:
            began = perf_counter()
            await asyncio.sleep(_BEAT_S)
            late.append(perf_counter() - began - _BEAT_S)

    await sign_in(services, "doctor-1", _PASSWORD, "127.0.0.1")  # the first makes what is kept
    async with asyncio.TaskGroup() as group:
        beating = group.create_task(beat(), name="heartbeat")
        began, cpu = perf_counter(), process_time()
        for _ in range(_LOG_INS):
            assert await sign_in(services, "doctor-1", _PASSWORD, "127.0.0.1") is not None
        wall_s, cpu_s = perf_counter() - began, process_time() - cpu
        beating.cancel()
    return LogIns(cpu_s=cpu_s / _LOG_INS, wall_s=wall_s / _LOG_INS, loop_s=max(late))


async def _fill(owner: Pool, people: int) -> None:
    doctors, alerts = max(2, people // _PEOPLE_A_DOCTOR), people // _MEASURED_ONE_IN
    await owner.execute(_SQL["places"])
    await owner.execute(_SQL["staff"], doctors)
    await owner.execute(_SQL["accounts"])
    await owner.execute(_SQL["people"], people)
    await owner.execute(_SQL["contracts"], people, doctors, _NOW.date())
    for name in ("cases", "alerts", "lives"):
        await owner.execute(_SQL[name], alerts, _NOW)
    await owner.execute("ANALYZE")


async def _viewed(store: Store, account: Account) -> int:
    begin_viewing(
        Viewer(
            account_id=account.account_id,
            role=account.role.value,
            now=_NOW,
            today=store.today(_NOW),
            request=uuid4(),
            route="GET /doctor",
        )
    )
    return len(await store.worklist(account, _NOW))


async def _by_turns(store: Store, account: Account) -> tuple[float, float]:
    without: list[float] = []
    bound: list[float] = []
    for _ in range(_ROUNDS):
        began = perf_counter()
        await store.worklist(account, _NOW)
        bound.append(perf_counter() - began)
        with beyond_view():
            began = perf_counter()
            await store.worklist(account, _NOW)
            without.append(perf_counter() - began)
    return median(without), median(bound)


def _hash_cpu_s() -> float:
    hasher = PasswordHash((Argon2Hasher(),))
    known = hasher.hash("correct horse battery")
    began = process_time()
    for _ in range(_HASHES):
        hasher.verify("correct horse battery", known)
    return (process_time() - began) / _HASHES
