"""The whole county in one command: database, broker, core, service, homes, and 60 days of history.

First the history is replayed through the same processes on stepped time, with doctors who answer;
then everybody follows the wall clock and alerts arrive while one looks. Everything lives in one
data directory; a later start goes on where the former ended.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

import httpx2
import msgspec

from gateway.broker import Choice, LocalBroker
from gateway.clock import SteppedClock, WallClock
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.migrate import migrate
from rules.vocabulary import HubId
from service.auth import hash_password
from service.db_command import ALL_MIGRATIONS
from service.lab.children import Child, Children
from service.lab.control import Order, order
from service.lab.demo_cluster import play_cluster
from service.lab.demo_county import TOWNSHIPS
from service.lab.demo_settings import HOST, DemoOptions, free_port
from service.lab.first_pairing import pair_own_device
from service.lab.homes_settings import (
    CANARY_EVERY_S,
    DEVICE_USER,
    HomesSettings,
    write_private,
    write_settings,
)
from service.lab.lab_store import LabStore
from service.lab.played import HOMES, Played
from service.lab.screen import Screen
from service.lab.seed import (
    FRONT,
    ZONE,
    DemoState,
    DemoStateError,
    keep_state,
    load_logins,
    load_state,
    new_state,
    seed,
)
from service.lab.staff import Staff
from service.lab.timekeeper import Timekeeper
from service.release_settings import ReleaseSettings
from service.store.canaries import unknown_password
from service.store.care_store import Store
from service.store.database import Pool, open_pool

_LONGEST_GAP = timedelta(days=60)
_INSTANT = timedelta.resolution
_LOOK_EVERY_S = 0.3
_CORE, _SERVICE, _POPULATION, _SHADOW = "core", "service", "population", "shadow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the processes of a demo stand on."""

    postgres: EmbeddedPostgres
    broker: LocalBroker
    state: DemoState
    first_start: bool

    @property
    def service_dsn(self) -> str:
        """The database as the service sees it."""
        return self.postgres.dsn_of("hearthwatch", role="hw_service")


async def run_demo(options: DemoOptions, screen: Screen) -> None:
    """Run until cancelled, or with `once` until the first alert that arrived live.

    Raises:
        EmbeddedPostgresError, BrokerError: a server does not start.
        DemoStateError: the data directory is no demo's, or another version's.
        TimekeeperError, ChildError: a process does not stay up or does not come to rest.
    """
    began_s = asyncio.get_running_loop().time()
    async with (
        _ground(options, screen) as ground,
        open_pool(ground.service_dsn, size=4) as pool,
    ):
        lab = LabStore(pool)
        lived = await _lived_until(options, lab)
        since = _resume_at(ground.state, lived)
        async with (
            Timekeeper(since) as keeper,
            Children(options.data / "logs", screen.say) as children,
        ):
            url = f"http://{HOST}:{free_port(options.port)}"
            demo = Demo(options, screen, ground, pool, keeper)
            # At the first start nothing was played, not even the first instant.
            played_until = since - _INSTANT if lived is None else since
            _start(children, options, ground, keeper, url, played_until)
            await demo.prepare()
            await demo.replay(url)
            await demo.go_live(url)
            took_s = asyncio.get_running_loop().time() - began_s
            screen.say(f"ready {took_s:.1f} s after the start; Ctrl-C ends everything")
            await demo.show_alerts()


class Demo:
    """One run over its ground: what happens after the processes were started."""

    def __init__(
        self,
        options: DemoOptions,
        screen: Screen,
        ground: Ground,
        pool: Pool,
        keeper: Timekeeper,
    ) -> None:
        self._options = options
        self._screen = screen
        self._ground = ground
        self._pool = pool
        self._store = Store(pool, ZONE)
        self._lab = LabStore(pool)
        self._keeper = keeper
        self._wall = WallClock()
        self._live_since = keeper.now

    async def prepare(self) -> None:
        """Fill the registry while the processes start; return when all of them take part."""
        seeding = seed(self._options.data, self._ground.service_dsn, self._ground.state)
        hubs = self._ground.state.hub_secrets
        async with asyncio.TaskGroup() as group:
            group.create_task(seeding, name="seed")
            beside = (_POPULATION, _SHADOW)
            joining = self._keeper.joined(_CORE, _SERVICE, *beside, "devices", *hubs)
            group.create_task(joining, name="joined")

    async def replay(self, url: str) -> None:
        """Live through the history, up to the present instant."""
        since = self._keeper.now
        length = self._wall.now() - since
        self._screen.begin_replay(length / timedelta(days=1))
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            async with self._answering(url):
                async for now in self._keeper.replay(self._wall.now):
                    if not self._ground.state.paired and now == since:
                        await self._pair()
                    self._screen.replayed((now - since) / length, now)
        finally:
            self._screen.end_replay()
        took_s = loop.time() - began_s
        self._screen.summary(await self._lab.sums(), ticks=self._keeper.ticks, took_s=took_s)

    async def go_live(self, url: str) -> None:
        """Hand over to the wall clock and let the programme begin."""
        await self._expect_canary()
        await self._report_cluster()
        self._live_since = self._wall.now()
        self._keeper.hand_over()
        self._screen.logins(url, load_logins(self._options.data))
        await order(self._options.data, Order(do="go_live", first_start=self._ground.first_start))

    async def _report_cluster(self) -> None:
        """Other institutions have reported too, so that the CDC's page has something to say."""
        state = self._ground.state
        await play_cluster(
            self._pool,
            list(TOWNSHIPS),
            officer="cdc",
            first_end=(state.start + timedelta(days=state.days)).astimezone(ZONE).date(),
            now=self._wall.now(),
            zone=ZONE,
            floor=ReleaseSettings().release_floor,
        )

    async def _expect_canary(self) -> None:
        """The hub beside the broker sends test measurements from now on; the core knows of whom."""
        password = await hash_password(unknown_password())
        every = timedelta(seconds=CANARY_EVERY_S)
        await self._store.register_canary(HubId(FRONT), every, password, self._keeper.now)
        while await self._lab.inbox_waiting():  # noqa: ASYNC110 - another process's work
            await asyncio.sleep(_LOOK_EVERY_S)

    async def show_alerts(self) -> None:
        """One line for every ring from now on; for ever, or until the first with `once`."""
        shown: set[UUID] = set()
        since = self._live_since
        while True:
            told = [
                one for one in await self._lab.told_since(since) if one.delivery_id not in shown
            ]
            told.sort(key=lambda one: (one.raised_at, one.alert_id))
            for _, people in groupby(told, key=lambda one: one.alert_id):
                self._screen.alert(people)
            shown |= {one.delivery_id for one in told}
            if any(one.raised_at >= self._live_since for one in told) and self._options.once:
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _pair(self) -> None:
        """Pair the homes' own devices, at the history's first instant."""
        logins = [login.login for login in load_logins(self._options.data)]
        at_home = [login for login in logins if f"hub-{login}" in self._ground.state.hub_secrets]
        async with asyncio.TaskGroup() as group:
            for login in at_home:
                pairing = pair_own_device(
                    self._options.data, self._store, self._lab, login, lambda: self._keeper.now
                )
                group.create_task(pairing, name=f"pair {login}")
        state = load_state(self._options.data)
        assert state is not None
        keep_state(self._options.data, msgspec.structs.replace(state, paired=True))

    @asynccontextmanager
    async def _answering(self, url: str) -> AsyncGenerator[None]:
        passwords = {one.login: one.password for one in load_logins(self._options.data)}
        async with (
            httpx2.AsyncClient(base_url=url) as client,
            SteppedClock.connect(
                address=self._keeper.address, participant="staff", phase=4
            ) as clock,
        ):
            clock.on_tick(Staff(self._lab, client, passwords).settle)
            yield


@asynccontextmanager
async def _ground(options: DemoOptions, screen: Screen) -> AsyncGenerator[Ground]:
    """Database and broker, migrated; what the data directory remembers, or a new demo."""
    options.data.mkdir(parents=True, exist_ok=True)
    state = load_state(options.data)
    first_start = state is None
    if state is None:
        start = WallClock().now().replace(microsecond=0) - timedelta(days=options.days)
        state = new_state(options.data, seed=options.seed, days=options.days, start=start)
    choice: Choice = _choice(options.broker)
    postgres = EmbeddedPostgres(options.data / "postgres")
    users = ("core", DEVICE_USER, *state.hub_secrets)
    broker = LocalBroker(options.data / "broker", users=users, choice=choice)
    async with AsyncExitStack() as stack:
        async with asyncio.TaskGroup() as group:
            group.create_task(stack.enter_async_context(postgres), name="postgres")
            group.create_task(stack.enter_async_context(broker), name="broker")
        screen.say(f"PostgreSQL {postgres.binaries.major}, broker {broker.kind}")
        await migrate(postgres.dsn, ALL_MIGRATIONS)
        write_private(options.dsn_file, postgres.dsn.encode())
        stack.callback(options.dsn_file.unlink, missing_ok=True)
        yield Ground(postgres=postgres, broker=broker, state=state, first_start=first_start)


def _choice(word: str) -> Choice:
    if word == "mosquitto" or word == "embedded":  # noqa: PLR1714 - narrows the type
        return word
    return "auto"


async def _lived_until(options: DemoOptions, lab: LabStore) -> datetime | None:
    """The newest instant that any process reached; None where nothing has happened yet.

    Devices may have measured what the interrupted core had not stored yet.
    """
    reached = (await lab.lived_until(), Played(options.data / HOMES).until())
    return max(filter(None, reached), default=None)


def _resume_at(state: DemoState, lived: datetime | None) -> datetime:
    lived = lived or state.start
    now = WallClock().now()
    if lived > now + timedelta(minutes=1):
        raise DemoStateError(f"the data were measured until {lived}, later than this clock's {now}")
    return max(min(lived, now), now - _LONGEST_GAP, state.start)


def _start(
    children: Children,
    options: DemoOptions,
    ground: Ground,
    keeper: Timekeeper,
    url: str,
    played_until: datetime,
) -> None:
    clock = f"stepped:{keeper.address}"
    broker = ground.broker
    write_settings(
        options.data,
        HomesSettings(
            timekeeper=keeper.address,
            broker_host=broker.host,
            broker_port=broker.port,
            passwords={
                user: broker.credentials(user).password
                for user in (DEVICE_USER, *ground.state.hub_secrets)
            },
            hub_secrets=ground.state.hub_secrets,
            seed=ground.state.seed,
            days=ground.state.days,
            start=ground.state.start,
            played_until=played_until,
        ),
    )
    children.start(_core(ground, clock))
    children.start(_service(ground, clock, url))
    children.start(_beside(ground, clock, _POPULATION))
    children.start(_beside(ground, clock, _SHADOW))
    children.start(
        Child(name="homes", arguments=("sim", "homes", "--data", str(options.data.absolute())))
    )


def _core(ground: Ground, clock: str) -> Child:
    credentials = ground.broker.credentials("core")
    return Child(
        name=_CORE,
        arguments=("core", "--holder", _CORE, "--clock", clock),
        environment={
            "HEARTHWATCH_CORE_DSN": ground.postgres.dsn_of("hearthwatch", role="hw_core"),
            "HEARTHWATCH_CORE_MQTT_HOST": ground.broker.host,
            "HEARTHWATCH_CORE_MQTT_PORT": str(ground.broker.port),
            "HEARTHWATCH_CORE_MQTT_USER": credentials.username,
            "HEARTHWATCH_CORE_MQTT_PASSWORD": credentials.password,
            "HEARTHWATCH_CORE_UNSIGNED_RULES": "ring",
        },
    )


def _beside(ground: Ground, clock: str, name: str) -> Child:
    """A process that reads what the core has committed."""
    return Child(
        name=name,
        arguments=(name, "--clock", clock),
        environment={"HEARTHWATCH_DSN": ground.postgres.dsn_of("hearthwatch", role="hw_core")},
    )


def _service(ground: Ground, clock: str, url: str) -> Child:
    return Child(
        name=_SERVICE,
        arguments=("service", "--clock", clock),
        environment={
            "HEARTHWATCH_DSN": ground.service_dsn,
            "HEARTHWATCH_HOST": HOST,
            "HEARTHWATCH_PORT": url.rpartition(":")[2],
            "HEARTHWATCH_PUBLIC_URL": url,
            "HEARTHWATCH_SECURE_COOKIE": "false",
            "HEARTHWATCH_DEMO": "true",
            # the doctors of the replay would sign in twice a simulated day otherwise
            "HEARTHWATCH_SESSION_HOURS": "72",
            "HEARTHWATCH_SESSION_IDLE_MINUTES": "1440",
        },
    )
