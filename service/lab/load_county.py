"""A county for a load: broker, database and core of its own, thousands of homes registered."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from firmware_sim.load import devices_of, hub_name
from firmware_sim.mqtt_line import Login, MqttLine
from firmware_sim.uplink_words import CORE_TOPIC
from gateway.broker import LocalBroker
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.migrate import migrate
from service.db_command import ALL_MIGRATIONS
from service.lab.children import Child, Children
from service.store.database import load_statements, open_pool

_SQL = load_statements("load.sql", "service.lab")
_CORE_S = 60.0
_BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What the database holds: readings, what was set aside, alerts, hubs that reported."""

    readings: int
    quarantined: int
    alerts: int
    reported: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadCounty:
    """Where things are, and their processes."""

    postgres: EmbeddedPostgres
    broker: LocalBroker
    children: Children

    def login_of(self, hub: str) -> Login:
        """How a registered hub enters the broker."""
        return login_at(self.broker, hub)

    async def stored(self) -> Stored:
        """Count what is in the database now."""
        return await stored_in(self.postgres.dsn)


def login_at(broker: LocalBroker, hub: str) -> Login:
    """How a hub whose user the broker knows enters it."""
    secret = broker.credentials(hub).password
    return Login(host=broker.host, port=broker.port, client_id=hub, user=hub, password=secret)


@asynccontextmanager
async def load_county(
    folder: Path, homes: int, say: Callable[[str], None], *, people_per_home: int = 1
) -> AsyncGenerator[LoadCounty]:
    """Everything real and empty but for the registered homes; core on the wall clock, fsync on."""
    names = [hub_name(number) for number in range(homes)]
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(EmbeddedPostgres(folder / "postgres"))
        broker = await stack.enter_async_context(
            LocalBroker(folder / "broker", users=("core", *names))
        )
        await migrate(postgres.dsn, ALL_MIGRATIONS)
        await register_homes(postgres.dsn, homes, people_per_home)
        children = await stack.enter_async_context(Children(folder / "logs", say))
        children.start(core_of(broker, postgres.dsn_of("hearthwatch", role="hw_core")))
        await core_is_there(broker)
        yield LoadCounty(postgres=postgres, broker=broker, children=children)


async def core_is_there(broker: LocalBroker) -> None:
    """Return when a core has announced itself: what hubs send before that they send again.

    Raises:
        TimeoutError: none did within a minute.
        LineError: the broker cannot be reached.
    """
    announced = asyncio.Event()
    login = replace(login_at(broker, "core"), client_id="load-watch")
    line = await MqttLine.dial(login, lambda _topic, _payload, _retained: announced.set())
    try:
        await line.subscribe(CORE_TOPIC)
        async with asyncio.timeout(_CORE_S):
            await announced.wait()
    finally:
        line.close()


def core_of(broker: LocalBroker, dsn: str) -> Child:
    """A core on the wall clock over a broker and a database."""
    login = broker.credentials("core")
    return Child(
        name="core",
        arguments=("core",),
        environment={
            "HEARTHWATCH_CORE_DSN": dsn,
            "HEARTHWATCH_CORE_MQTT_HOST": broker.host,
            "HEARTHWATCH_CORE_MQTT_PORT": str(broker.port),
            "HEARTHWATCH_CORE_MQTT_USER": login.username,
            "HEARTHWATCH_CORE_MQTT_PASSWORD": login.password,
            "HEARTHWATCH_CORE_UNSIGNED_RULES": "ring",
        },
    )


async def register_homes(dsn: str, homes: int, people_per_home: int = 1) -> None:
    """Write hubs, their people and everybody's devices where the core reads them when it starts.

    Not through the service's inbox, which takes a minute for ten thousand homes: what is measured
    is the way of the readings.
    """
    told = [(home, person) for home in range(homes) for person in range(people_per_home)]
    names = [hub_name(home) for home, _ in told]
    subjects = [f"s-{hub_name(home)}" + (f"-{person}" if person else "") for home, person in told]
    devices = [devices_of(home, person) for home, person in told]
    keys = [
        [f"{one.manufacturer}/{one.model}/{one.serial}" for one in kind]
        for kind in zip(*devices, strict=True)
    ]
    async with open_pool(dsn, size=1) as pool:
        await pool.execute(_SQL["register_homes"], names, subjects, *keys, _BEGINNING)


async def stored_in(dsn: str) -> Stored:
    """Count what a database holds."""
    async with open_pool(dsn, size=1) as pool:
        row = await pool.fetchrow(_SQL["stored"])
        assert row is not None
        return Stored(**dict(row))
