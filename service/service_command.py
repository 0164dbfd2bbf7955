"""`hearthwatch service`: the pages and the worker of a county, in one process on one clock."""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import httpx2
import structlog
import uvicorn
from pydantic import ValidationError

from gateway.clock import ClockError, ProcessClock, open_clock
from gateway.structured_log import configure_logs
from rules.vocabulary import Priority
from service.alerts.priorities import PrioritiesError, routes_with, shipped_timings
from service.app import create_app
from service.credentials.authority import AuthorityError
from service.doors.sealer import keep_sealing
from service.enrolment.opening import open_enrolment, open_keeper
from service.live import LiveBus
from service.notify.channels import carried
from service.notify.notifier import OUTSIDE, Channel, Notifier
from service.notify.page import PageNotifier
from service.notify.patient import PatientNotifier
from service.notify.under_way import Aside
from service.notify.webhook import SignedPost, WebhookNotifier
from service.operations.notices import Messenger
from service.operations.watch import Watch
from service.services import Services
from service.settings import ServiceSettings
from service.store.care_store import Store
from service.store.database import DATABASE_ERRORS, open_pool
from service.surveillance.push import Pusher, SignalWay, Way, WeekWay
from service.worker import Plan, Worker

_log = structlog.get_logger()
_OUTSIDE = (AuthorityError, ClockError, PrioritiesError, *DATABASE_ERRORS)
_PHASE = 3  # of the stepped clock: after devices, hub and core, before people who answer
_LAST_STREAMS_S = 2  # open event streams hold the exit no longer than this


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments; everything else comes from HEARTHWATCH_* variables."""
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument("--clock", help="wall, or stepped:HOST:PORT")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; 1 when the settings, the clock or the database refuse."""
    given = {
        name: value
        for name in ("host", "port", "clock")
        if (value := getattr(arguments, name)) is not None
    }
    configure_logs()
    try:
        settings = ServiceSettings(**given)
        asyncio.run(serve(settings))
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        sys.stderr.write("settings: " + "; ".join(lines) + "\n")
        return 1
    except _OUTSIDE as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    except BaseExceptionGroup as group:
        outside, ours = group.split(_OUTSIDE)
        if ours is not None or outside is None:
            raise
        sys.stderr.write(f"{outside.exceptions[0]!r}\n")
        return 1
    return 0


async def serve(settings: ServiceSettings) -> None:
    """Pages and worker until a signal; shut down in reverse order, bounded in time.

    Raises:
        ClockError: the stepped clock cannot be followed.
        OSError: the database or the port cannot be had.
        PrioritiesError: the county's file of routes is none.
    """
    async with (
        open_clock(settings.clock, participant="service", phase=_PHASE) as clock,
        open_services(settings, clock) as services,
        open_plan(services) as plan,
        asyncio.TaskGroup() as group,
    ):
        worker = Worker(services, plan, stepped=settings.clock != "wall")
        clock.on_tick(worker.settle)
        watch = Watch(services, clock, plan.messenger)
        tasks = [
            group.create_task(worker.run(), name="worker"),
            group.create_task(watch.run(), name="watch"),
            group.create_task(keep_sealing(services), name="sealer"),
        ]
        if services.enrolment is not None:
            keeper = open_keeper(settings, services.enrolment, clock)
            tasks.append(group.create_task(keeper.run(settings.dsn), name="keeper"))
        await _serve_pages(services)
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def open_services(settings: ServiceSettings, clock: ProcessClock) -> AsyncGenerator[Services]:
    """The bundle for one process: a pool, the store over it, and an empty live bus."""
    async with open_pool(settings.dsn, size=settings.pool_size) as pool:
        if pool.keys.ring.current is None and not settings.demo:
            _log.warning("names lie open", missing="HEARTHWATCH_KEY_FILE", see="hearthwatch keys")
        store = Store(pool, settings.county_zone)
        yield Services(
            settings=settings,
            clock=clock,
            store=store,
            bus=LiveBus(),
            enrolment=open_enrolment(settings, pool, clock.now()),
            routes=routes_with(settings.routes_file),
        )


@asynccontextmanager
async def open_plan(services: Services) -> AsyncGenerator[Plan]:
    """Answering times from the rule packs, and every channel that is configured."""
    notifiers: dict[Channel, Notifier] = {
        Channel.PAGE: PageNotifier(services.bus),
        Channel.PATIENT: PatientNotifier(services.store),
    }
    settings = services.settings
    messenger: Messenger | None = None

    async def alert_waits() -> bool:
        ways = [channel for channel in notifiers if channel in OUTSIDE]
        now = services.clock.now()
        return await services.store.is_waiting(ways, now, least=Priority.URGENT)

    aside = Aside(services.under_way, alert_waits)
    async with httpx2.AsyncClient() as client:
        if settings.webhook_url is not None and settings.webhook_secret is not None:
            post = SignedPost(
                client,
                url=settings.webhook_url,
                secret=settings.webhook_secret.get_secret_value(),
            )
            notifiers[Channel.WEBHOOK] = WebhookNotifier(post, public_url=settings.public_url)
            messenger = Messenger(post, public_url=settings.public_url, aside=aside)
        notifiers |= carried(settings, services.store, client)
        yield Plan(
            timings=shipped_timings(),
            routes=services.routes,
            notifiers=notifiers,
            messenger=messenger,
            pusher=open_pusher(services, client, aside),
        )


def open_pusher(services: Services, client: httpx2.AsyncClient, aside: Aside) -> Pusher | None:
    """What surveillance sends out, by what is configured; None where that is nothing."""
    settings = services.settings
    ways: list[Way] = []
    if settings.push_url is not None and settings.push_secret is not None:
        authorization = settings.push_authorization
        platform = SignedPost(
            client,
            url=settings.push_url,
            secret=settings.push_secret.get_secret_value(),
            authorization=None if authorization is None else authorization.get_secret_value(),
        )
        ways.append(WeekWay(post=platform))
    if settings.webhook_url is not None and settings.webhook_secret is not None:
        secret = settings.webhook_secret.get_secret_value()
        messenger = SignedPost(client, url=settings.webhook_url, secret=secret)
        ways.append(
            SignalWay(post=messenger, public_url=settings.public_url, floor=settings.release_floor)
        )
    return Pusher(services.store.pool, ways, aside) if ways else None


class PagesServer(uvicorn.Server):
    """Signals belong to the process, which also has a worker to end; uvicorn is told."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leaves the process's handlers alone."""
        yield


def pages_config(services: Services) -> uvicorn.Config:
    """How the pages are served; `request.client` is whom the county's own proxy names."""
    settings = services.settings
    return uvicorn.Config(
        create_app(services),
        host=settings.host,
        port=settings.port,
        lifespan="off",
        log_level="warning",
        log_config=None,  # our own form
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        timeout_graceful_shutdown=_LAST_STREAMS_S,
    )


async def _serve_pages(services: Services) -> None:
    settings = services.settings
    server = PagesServer(pages_config(services))

    def end() -> None:
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, end)
    _log.info("service starts", host=settings.host, port=settings.port, clock=settings.clock)
    try:
        await server.serve()
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)
