"""`hearthwatch ingest`: takes readings over HTTP, and those that devices publish over MQTT."""

import argparse
import asyncio
import os
import secrets
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
import uvicorn
from pydantic import SecretStr, ValidationError

from gateway.clock import ClockError, ProcessClock, open_clock
from gateway.hub import Hub
from gateway.hub_settings import HubSettings, TimeSource
from gateway.sqlite_writer import SpoolError
from gateway.stamps import Stamps, always
from gateway.structured_log import configure_logs
from rules.vocabulary import HubId
from service.ingest import Front, create_ingest_app
from service.ingest_door import IngestDoor
from service.ingest_limits import Limits
from service.ingest_settings import INGEST_HUB, IngestSettings
from service.service_command import PagesServer
from service.store.database import DATABASE_ERRORS, open_pool
from service.store.ingest_tokens import IngestTokens, NoCountyError

_log = structlog.get_logger()
_OUTSIDE = (ClockError, SpoolError, NoCountyError, *DATABASE_ERRORS)
_PHASE = 1
_KEY_BYTES = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments; everything else comes from HEARTHWATCH_INGEST_*."""
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument("--data-dir", type=Path, help="folder of the spool")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM; 2 for unusable settings, 1 when something outside refuses."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    try:
        settings = IngestSettings(**given)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        sys.stderr.write("settings: " + "; ".join(lines) + "\n")
        return 2
    configure_logs()
    status = 0
    try:
        asyncio.run(serve(settings))
    except* _OUTSIDE as group:
        sys.stderr.write(f"{group.exceptions[0]!r}\n")
        status = 1
    return status


async def serve(settings: IngestSettings) -> None:
    """Take readings in until a signal.

    Raises:
        SpoolError: the data folder cannot be written.
        NoCountyError: no county is registered in the database.
        OSError: the database or the port cannot be had.
    """
    async with (
        open_clock(settings.clock, participant=INGEST_HUB, phase=_PHASE) as clock,
        open_front(settings, clock) as front,
    ):
        config = uvicorn.Config(
            create_ingest_app(front),
            host=settings.host,
            port=settings.port,
            lifespan="off",
            log_level="warning",
            log_config=None,  # our own form
            access_log=False,
            server_header=False,
        )
        server = PagesServer(config)

        def end() -> None:
            server.should_exit = True

        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, end)
        _log.info("ingest starts", host=settings.host, port=settings.port)
        await server.serve()


@asynccontextmanager
async def open_front(settings: IngestSettings, clock: ProcessClock) -> AsyncGenerator[Front]:
    """The front with its pool and its hub, registered with the core; closed in reverse order."""
    secret = _secret(settings.data_dir)
    zone = ZoneInfo(settings.zone)
    async with open_pool(settings.dsn, size=4) as pool:
        tokens = IngestTokens(pool, zone)
        await tokens.register_ingest_front(INGEST_HUB, secret, clock.now())
        async with Hub(_hub_settings(settings, secret), clock) as hub:
            door = IngestDoor(
                hub,
                name=HubId(INGEST_HUB),
                stamps=Stamps(clock, always),
                zone=zone,
                receipt_s=settings.receipt_s,
            )
            yield Front(
                door=door,
                tokens=tokens,
                clock=clock,
                limits=Limits(burst=settings.burst, rate_per_s=settings.rate_per_s),
                most_waiting=settings.most_waiting,
            )


def _hub_settings(settings: IngestSettings, secret: bytes) -> HubSettings:
    return HubSettings(
        hub_id=INGEST_HUB,
        secret_hex=SecretStr(secret.hex()),
        data_dir=settings.data_dir,
        time_source=TimeSource.ALWAYS,
        broker_host=settings.broker_host,
        broker_port=settings.broker_port,
        broker_password=settings.broker_password,
        broker_ca=settings.broker_ca,
        broker_certificate=settings.broker_certificate,
        broker_key=settings.broker_key,
        zone=settings.zone,
        bluetooth=False,
        mqtt_devices=settings.mqtt_devices,
    )


def _secret(folder: Path) -> bytes:
    """The key that signs this front's commands, made at its first start."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "hub.key"
    if not path.exists():
        draft = path.with_suffix(".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        draft.replace(path)
    return path.read_bytes()
