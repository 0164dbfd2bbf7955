"""How fast alerts find their people: through routing into the outbox, and onto an open page."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from time import perf_counter
from uuid import UUID, uuid4

import httpx2

from gateway.clock import ManualClock
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.migrate import migrate
from rules.vocabulary import Priority
from service.alerts.priorities import shipped_timings
from service.db_command import ALL_MIGRATIONS
from service.lab.bench_coverage import fill_county
from service.lab.seed import ZONE
from service.live import LiveBus
from service.notify.notifier import Channel
from service.notify.page import PageNotifier
from service.notify.patient import PatientNotifier
from service.service_command import PagesServer, pages_config
from service.services import Services
from service.settings import ServiceSettings
from service.store.care_store import Store
from service.store.database import Pool, load_statements, open_pool
from service.worker import Plan, Worker

_SQL = load_statements("bench_routing.sql", "service.lab")
_NOW = datetime(2026, 9, 1, 2, 0, tzinfo=UTC)  # ten in the morning there
_PAGES = 100
_EVERY_S = 0.1
_MIX = (Priority.EMERGENCY, *(Priority.URGENT,) * 4, *(Priority.SOON,) * 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingReport:
    """Figures on an embedded PostgreSQL on this machine, the service in one process beside it."""

    people: int
    doctors: int
    alerts: int
    routed_s: float
    alerts_per_s: float
    deliveries: int
    pages: int
    rings: int
    page_p50_ms: float
    page_p99_ms: float


async def bench_routing(
    folder: Path, *, people: int, doctors: int, seconds: float, say: Callable[[str], None]
) -> RoutingReport:
    """Fills a county, routes 200 alerts for each of `seconds`, then rings on 100 open pages."""
    async with EmbeddedPostgres(folder / "postgres") as postgres:
        await migrate(postgres.dsn, ALL_MIGRATIONS)
        dsn = postgres.dsn_of("hearthwatch", role="hw_service")
        settings = ServiceSettings(dsn=dsn, port=0, secure_cookie=False, demo=True)
        async with (
            open_pool(postgres.dsn, size=2) as owner,
            open_pool(settings.dsn, size=settings.pool_size) as pool,
        ):
            await fill_county(owner, people, doctors)
            say(f"{people} people and {doctors} doctors are registered")
            store = Store(pool, ZONE)
            services = Services(
                settings=settings, clock=ManualClock(_NOW), store=store, bus=LiveBus()
            )
            alerts = round(200 * seconds)
            routed_s = await _route(owner, services, people, alerts)
            say(f"{alerts} alerts routed in {routed_s:.1f} s")
            await Worker(services, _plan(services)).settle(_NOW)
            say("all of them are told")
            waits = await _ring_pages(owner, services, seconds)
            rows = await owner.fetchrow(_SQL["rows"])
    waits.sort()
    return RoutingReport(
        people=people,
        doctors=doctors,
        alerts=alerts,
        routed_s=routed_s,
        alerts_per_s=alerts / routed_s,
        deliveries=rows["deliveries"] if rows else 0,
        pages=_PAGES,
        rings=len(waits),
        page_p50_ms=1000 * waits[len(waits) // 2],
        page_p99_ms=1000 * waits[min(len(waits) - 1, len(waits) * 99 // 100)],
    )


def table(report: RoutingReport) -> str:
    """The figures, one a line."""
    return "\n".join(
        (
            f"people                        {report.people:>10,}",
            f"doctors                       {report.doctors:>10,}",
            f"alerts through to the outbox  {report.alerts:>10,}",
            f"alerts/s                      {report.alerts_per_s:>10.0f}   (wanted 200)",
            f"deliveries written            {report.deliveries:>10,}",
            f"open pages                    {report.pages:>10,}",
            f"commit to open page, p50      {report.page_p50_ms:>10.0f} ms",
            f"commit to open page, p99      {report.page_p99_ms:>10.0f} ms (wanted 1,000)",
        )
    )


def _plan(services: Services) -> Plan:
    return Plan(
        timings=shipped_timings(),
        routes=services.routes,
        notifiers={
            Channel.PAGE: PageNotifier(services.bus),
            Channel.PATIENT: PatientNotifier(services.store),
        },
    )


async def _route(owner: Pool, services: Services, people: int, alerts: int) -> float:
    """Seconds from the first to the last of `alerts` that wait in the core's outbox."""
    dice = Random(1)  # noqa: S311 - a bench's mixture
    about = [f"s-{number}" for number in dice.sample(range(people), min(alerts, people))]
    await _raise(owner, about, [dice.choice(_MIX) for _ in about])
    ways = _plan(services).ways
    began_s = perf_counter()
    while await services.store.take_alerts(ways, _NOW):
        pass
    return perf_counter() - began_s


async def _raise(
    owner: Pool, subjects: Sequence[str], priorities: Sequence[Priority]
) -> list[UUID]:
    """Commits alerts as a batch of the core does; gives their ids."""
    ids = [uuid4() for _ in subjects]
    columns = (ids, list(subjects), [each.value for each in priorities])
    async with owner.acquire() as connection, connection.transaction():
        await connection.execute(_SQL["cases"], _NOW, *columns)
        await connection.execute(_SQL["alerts"], _NOW, *columns)
        await connection.execute(_SQL["outbox"], _NOW, ids)
        await connection.execute(_SQL["notify"])
    return ids


async def _ring_pages(owner: Pool, services: Services, seconds: float) -> list[float]:
    """Seconds from the commit of an urgent alert to its event on its doctor's open page."""
    rows = await owner.fetch(_SQL["contracted"], _NOW.astimezone(ZONE).date(), _PAGES)
    heard: dict[str, asyncio.Event] = {}
    ready = asyncio.Semaphore(0)
    server = PagesServer(pages_config(services))
    async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
        group.create_task(server.serve(), name="pages")
        working = group.create_task(Worker(services, _plan(services)).run(), name="worker")
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        port: int = server.servers[0].sockets[0].getsockname()[1]
        client = await stack.enter_async_context(
            httpx2.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                timeout=None,
                limits=httpx2.Limits(max_connections=_PAGES + 10),
            )
        )
        async with asyncio.TaskGroup() as pages:
            listening = [
                pages.create_task(
                    _listen(
                        client,
                        services,
                        await _session(services, row["account_id"]),
                        heard,
                        ready,
                    ),
                    name="page",
                )
                for row in rows
            ]
            for _ in rows:
                await ready.acquire()
            waits = await _ring_each(owner, [row["subject"] for row in rows], heard, seconds)
            for page in listening:
                page.cancel()
        server.should_exit = True
        server.force_exit = True
        working.cancel()
    return waits


async def _ring_each(
    owner: Pool, subjects: Sequence[str], heard: dict[str, asyncio.Event], seconds: float
) -> list[float]:
    """One urgent alert after the other, each about another doctor's person."""
    waits: list[float] = []
    for number in range(round(seconds / _EVERY_S)):
        began_s = perf_counter()
        subject = subjects[number % len(subjects)]
        (alert_id,) = await _raise(owner, [subject], [Priority.URGENT])
        event = heard.setdefault(str(alert_id), asyncio.Event())
        async with asyncio.timeout(60):
            await event.wait()
        waits.append(perf_counter() - began_s)
        await asyncio.sleep(max(0.0, _EVERY_S - waits[-1]))
    return waits


async def _session(services: Services, account_id: UUID) -> str:
    token = secrets.token_urlsafe(32)
    until = _NOW + timedelta(hours=12)
    await services.store.open_session(sha256(token.encode()).digest(), account_id, _NOW, until)
    return token


async def _listen(
    client: httpx2.AsyncClient,
    services: Services,
    token: str,
    heard: dict[str, asyncio.Event],
    ready: asyncio.Semaphore,
) -> None:
    """One open page: notes every alert it hears of."""
    cookies = {"cookie": f"{services.settings.cookie_name}={token}"}
    async with client.stream("GET", "/events", headers=cookies) as response:
        async for line in response.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "event" and value == "ready":
                ready.release()
            elif name == "data" and value != "ready":
                heard.setdefault(value, asyncio.Event()).set()
