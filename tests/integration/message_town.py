"""A broker with the county's access list, a core and the hub beside the broker, for messages."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import socket
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from firmware_sim.device_clock import DeviceClock
from firmware_sim.device_mishaps import Sender
from firmware_sim.hub_clock import HubClock
from firmware_sim.hub_mishaps import Home
from firmware_sim.identity import Identity
from firmware_sim.mqtt_line import Login, MqttLine
from firmware_sim.publisher import encode_reading
from firmware_sim.sim_hub import SimHub
from gateway.broker_access import mosquitto_password_line
from service.lab.children import Child, Children

ACL = Path(__file__).parents[2] / "deploy" / "acl"
MOSQUITTO = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
FENCE = Identity(manufacturer="Fence", model="F", serial="1")
KNOCK = Identity(manufacturer="Fence", model="F", serial="knock")
NEIGHBOUR = Identity(manufacturer="Hearth", model="BP", serial="NEIGHBOUR")
PATIENCE_S = 60.0


def device_of(fault: str) -> Identity:
    """Every fault has a device of its own."""
    return Identity(manufacturer="Hearth", model="BP", serial=fault)


def key_of(identity: Identity) -> str:
    """As the database names a device."""
    return f"{identity.manufacturer}/{identity.model}/{identity.serial}"


def hub_of(fault: str) -> str:
    """Every hub fault has a hub of its own."""
    return f"hub-{fault}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the database took: observations of one device, and what was set aside meanwhile."""

    observations: list[asyncpg.Record]
    aside: list[asyncpg.Record]


@dataclass(slots=True)
class MessageTown:
    """Everything that runs."""

    port: int
    password: str
    owner: "asyncpg.Connection[asyncpg.Record]"
    children: Children
    fences: int = 0
    knocks: int = 0
    lines: list[MqttLine] = field(default_factory=list[MqttLine])

    def login(self, user: str) -> Login:
        """How anybody enters: all share one password, the access list tells them apart."""
        return Login(
            host="127.0.0.1", port=self.port, client_id=user, user=user, password=self.password
        )

    @contextlib.asynccontextmanager
    async def sender(self, identity: Identity) -> AsyncGenerator[Sender]:
        """A device on its line."""
        line = await MqttLine.dial(self.login(identity.key), _ignore)
        try:
            yield Sender(
                line=line,
                identity=identity,
                at=now(),
                clock=DeviceClock.right(),
                neighbour=NEIGHBOUR,
            )
        finally:
            line.close()

    @contextlib.asynccontextmanager
    async def home(self, hub: str, cuff: Identity) -> AsyncGenerator[Home]:
        """A connected hub with a cuff."""
        at = now()
        sim = SimHub(hub, HubClock(at), monotonic=asyncio.get_running_loop().time)
        await sim.connect(self.login(hub))
        try:
            yield Home(hub=sim, login=self.login(hub), cuff=cuff, at=at, neighbour="hub-neighbour")
        finally:
            sim.disconnect()

    async def newest_aside(self) -> int:
        """The number of the newest record in quarantine."""
        return int(
            await self.owner.fetchval("SELECT coalesce(max(quarantine_id), 0) FROM core.quarantine")
        )

    async def kept(self, identity: Identity, since: int) -> Kept:
        """What there is of a device, and what was set aside after record `since`."""
        return Kept(
            observations=await self.owner.fetch(
                "SELECT * FROM core.observation WHERE device = $1",
                key_of(identity),
            ),
            aside=await self.owner.fetch(
                "SELECT * FROM core.quarantine WHERE quarantine_id > $1", since
            ),
        )

    async def everything_arrived(self) -> None:
        """Return when what was published before is committed: one reading behind it in each lane.

        The broker, the front hub and the core keep the order of a lane.
        """
        async with self.sender(FENCE) as fence:
            fence.sequence = 2 * self.fences
            await fence.send(fence.reading(), fence.reading(at=fence.at - timedelta(days=1)))
        self.fences += 1
        question = "SELECT count(*) >= $2 FROM core.observation WHERE device = $1"
        await self.until(question, key_of(FENCE), 2 * self.fences)

    async def until(self, question: str, *about: object) -> None:
        """Return when a query's first value is true."""
        async with asyncio.timeout(PATIENCE_S):
            while not await self.owner.fetchval(question, *about):  # noqa: ASYNC110 - a table
                await asyncio.sleep(0.02)

    async def somebody_listens(self) -> None:
        """Return when front hub and core both hear what is published from now on.

        The front hub has a connection of its own for devices: that it tells its status says nothing
        about that one, and what a device publishes before is lost. A retained reading is heard
        whenever the front subscribes.
        """
        self.knocks += 1
        async with self.sender(KNOCK) as knock:
            knock.sequence = self.knocks - 1
            payload = encode_reading(KNOCK, knock.reading())
            knock.line.publish(knock.topic, payload, retain=True)
            await knock.line.drain()
            question = "SELECT count(*) >= $2 FROM core.observation WHERE device = $1"
            await self.until(question, key_of(KNOCK), self.knocks)
            knock.line.publish(knock.topic, b"", retain=True)
            await knock.line.drain()

    async def restart(self) -> None:
        """Kill core and front hub (kill -9); returns when others have taken their places."""
        names = ("core", "hub")
        former = [self.children.pid_of(name) for name in names]
        for pid in former:
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while any(  # noqa: ASYNC110 - the children tell nobody
                self.children.pid_of(name) == pid for name, pid in zip(names, former, strict=True)
            ):
                await asyncio.sleep(0.02)
        await self.somebody_listens()


def now() -> datetime:
    """The present, for what is measured live."""
    return datetime.now(UTC)  # noqa: TID251 - a test's own wall


def _ignore(_topic: str, _payload: bytes, _retained: bool) -> None:
    return


@contextlib.asynccontextmanager
async def message_town(
    dsn: str, core_dsn: str, folder: Path, *, devices: Sequence[Identity], hubs: Sequence[str]
) -> AsyncGenerator[MessageTown]:
    """Everything running; each device has one wearer in slot 1 and another in slot 2."""
    password = secrets.token_urlsafe(12)
    owner = await asyncpg.connect(dsn)
    people = [FENCE, KNOCK, NEIGHBOUR, *devices]
    users = ["core", "hub-front", "hub-neighbour", *hubs, *(one.key for one in people)]
    await _register(owner, people, ["hub-front", "hub-neighbour", *hubs])
    try:
        async with (
            _mosquitto(folder, users, password) as port,
            Children(folder / "logs", lambda _: None) as children,
        ):
            town = MessageTown(port=port, password=password, owner=owner, children=children)
            for child in _programs(town, core_dsn, folder):
                children.start(child)
            await town.somebody_listens()
            yield town
    finally:
        await owner.close()


def _programs(town: MessageTown, core_dsn: str, folder: Path) -> list[Child]:
    return [
        Child(
            name="core",
            arguments=("core",),
            environment={
                "HEARTHWATCH_CORE_DSN": core_dsn,
                "HEARTHWATCH_CORE_MQTT_HOST": "127.0.0.1",
                "HEARTHWATCH_CORE_MQTT_PORT": str(town.port),
                "HEARTHWATCH_CORE_MQTT_USER": "core",
                "HEARTHWATCH_CORE_MQTT_PASSWORD": town.password,
                "HEARTHWATCH_CORE_UNSIGNED_RULES": "ring",
            },
        ),
        Child(
            name="hub",
            arguments=("hub", "--no-bluetooth", "--mqtt-devices"),
            environment={
                "HEARTHWATCH_HUB_HUB_ID": "hub-front",
                "HEARTHWATCH_HUB_SECRET_HEX": "00" * 32,
                "HEARTHWATCH_HUB_DATA_DIR": str(folder / "hub"),
                "HEARTHWATCH_HUB_TIME_SOURCE": "always",
                "HEARTHWATCH_HUB_BROKER_PORT": str(town.port),
                "HEARTHWATCH_HUB_BROKER_PASSWORD": town.password,
            },
        ),
    ]


async def _register(
    owner: "asyncpg.Connection[asyncpg.Record]", devices: Sequence[Identity], hubs: Sequence[str]
) -> None:
    long_ago = now() - timedelta(days=900)
    await owner.executemany(
        "INSERT INTO core.hub (hub, household, area, secret) VALUES ($1, $1, 'a', '')",
        [(hub,) for hub in hubs],
    )
    await owner.executemany(
        "INSERT INTO core.binding (device, user_slot, subject, valid_from) VALUES ($1, $2, $3, $4)",
        [
            (key_of(one), slot, f"s-{one.serial}-{slot}", long_ago)
            for one in devices
            if one.serial != "unregistered-device"
            for slot in ((1, 2) if _is_shared(one) else (None,))
        ],
    )


def _is_shared(identity: Identity) -> bool:
    return identity.serial in {"wrong-user", "user-missing", "several-users"}


@contextlib.asynccontextmanager
async def _mosquitto(folder: Path, users: Sequence[str], password: str) -> AsyncGenerator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    lines = [mosquitto_password_line(user, password, secrets.token_bytes(12)) for user in users]
    (folder / "passwords").write_text("\n".join(lines) + "\n")
    (folder / "broker.conf").write_text(
        f"listener {port} 127.0.0.1\nuser root\nallow_anonymous false\n"
        f"password_file {folder / 'passwords'}\nacl_file {ACL}\nmessage_size_limit 262144\n"
        "persistence false\nset_tcp_nodelay true\n"
    )
    process = await asyncio.create_subprocess_exec(
        MOSQUITTO, "-c", str(folder / "broker.conf"), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.02)
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
