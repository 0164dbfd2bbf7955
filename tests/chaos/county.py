"""A county that can be hit: broker, database, core and hubs as processes, lines that can be cut."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from firmware_sim.mqtt_line import Login
from gateway import child_process
from gateway.broker import LocalBroker
from gateway.core_command import EXIT_NO_DATABASE
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.migrate import migrate
from service.db_command import ALL_MIGRATIONS
from tests.chaos.hubs import ROOT
from tests.chaos.lines import Line, tcp_line, unix_line

DATABASE = "hearthwatch"
DISK_MB = 700
_SOCKET = ".s.PGSQL.5432"
_LEAVE_BYTES = 2**20
_WORDS = 3000
EXPECTED = frozenset({-9, 0, EXIT_NO_DATABASE})
"""How the core may end here: killed, asked to, or because its database is gone."""


class DiskError(Exception):
    """This user may not mount a small disk to fill."""


@dataclass(slots=True)
class HitCounty:
    """Handles on the processes and the lines between them.

    Attributes:
        exits: With what the core has ended so far, in order; negative for a signal.
        last_words: The end of the core's log whenever it ended by a fault of its own.
    """

    folder: Path
    users: tuple[str, ...]
    postgres: EmbeddedPostgres
    broker: LocalBroker
    to_database: Line
    to_broker: Line
    hubs_to_broker: Line
    say: Callable[[str], None]
    is_small_disk: bool
    exits: list[int] = field(default_factory=list[int])
    last_words: list[str] = field(default_factory=list[str])
    _core: asyncio.subprocess.Process | None = None
    _may_run: asyncio.Event = field(default_factory=asyncio.Event)

    def login_of(self, user: str) -> Login:
        """How a hub enters the broker, over the hubs' line."""
        host, port = _tcp(self.hubs_to_broker)
        secret = self.broker.credentials(user).password
        return Login(host=host, port=port, client_id=user, user=user, password=secret)

    def kill_core(self) -> None:
        """Kill -9; it is started again as a supervisor does."""
        if self._core is not None and self._core.returncode is None:
            os.kill(self._core.pid, signal.SIGKILL)

    async def kill_broker(self, away_s: float) -> None:
        """Kill -9, and start it again on the same files after so long."""
        os.killpg(self.broker.pid, signal.SIGKILL)
        await self.broker.__aexit__(None, None, None)
        await asyncio.sleep(away_s)
        self.broker = LocalBroker(
            self.broker_folder, port=_tcp(self.to_broker, upstream=True)[1], users=self.users
        )
        await self.broker.__aenter__()

    async def kill_database(self, away_s: float) -> None:
        """Kill -9 the server with all its processes; its next start recovers from its log."""
        os.killpg(self.postgres.pid, signal.SIGKILL)
        await asyncio.sleep(away_s)
        await self.restart_database()

    async def restart_database(self) -> None:
        """Start the server again after it has ended by whatever."""
        await self.postgres.__aexit__(None, None, None)
        self.postgres = EmbeddedPostgres(self.postgres_folder)
        await self.postgres.__aenter__()
        self.to_database.upstream = _socket_of(self.postgres)

    @property
    def postgres_folder(self) -> Path:
        """Where the database lies: on the small disk where there is one."""
        return self.folder / "disk" / "postgres"

    @property
    def broker_folder(self) -> Path:
        """Where the broker keeps what is retained: on the same disk."""
        return self.folder / "disk" / "broker"

    def set_clock(self, offset_s: float) -> None:
        """Let the core's machine show another time."""
        (self.folder / "clock").write_text(str(offset_s))

    def fill_disk(self) -> None:
        """Leave database, broker and the core's log no room at all.

        Raises:
            DiskError: they do not lie on a disk of their own.
        """
        if not self.is_small_disk:
            raise DiskError("needs a disk of its own for the county, which root can mount")
        disk = self.folder / "disk"
        with (disk / "filler").open("wb", buffering=0) as filler:
            free = shutil.disk_usage(disk).free
            os.posix_fallocate(filler.fileno(), 0, max(1, free - _LEAVE_BYTES))
            with contextlib.suppress(OSError):
                filler.seek(0, os.SEEK_END)
                while filler.write(b"\0" * 4096):
                    pass

    def empty_disk(self) -> None:
        """Give the room back."""
        (self.folder / "disk" / "filler").unlink()

    async def stop_core(self) -> None:
        """An operator stops the core and keeps it stopped."""
        self._may_run.clear()
        if self._core is not None and self._core.returncode is None:
            self._core.terminate()
            await self._core.wait()

    async def end_core(self) -> None:
        """Kill -9, and wait until it is gone."""
        self.kill_core()
        if self._core is not None:
            await self._core.wait()

    def start_core(self) -> None:
        """Let the core run (again)."""
        self._may_run.set()

    async def supervise(self) -> None:
        """Start the core whenever it has ended: for ever."""
        while True:
            await self._may_run.wait()
            with (self.folder / "disk" / "core.log").open("ab") as log:
                self._core = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "tests.chaos.shifted_core"),
                    *(self.folder / "clock", "core", "--holder", "core-chaos"),
                    env=self._environment(),
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                )
            self.exits.append(await self._core.wait())
            if self.exits[-1] not in EXPECTED:
                text = (self.folder / "disk" / "core.log").read_text(errors="replace")
                self.last_words.append(f"the core ended with {self.exits[-1]}: {text[-_WORDS:]}")
            await asyncio.sleep(0.2)

    def _environment(self) -> dict[str, str]:
        credentials = self.broker.credentials("core")
        host, port = _tcp(self.to_broker)
        socket = self.to_database.address
        assert isinstance(socket, Path)
        where = quote(str(socket.parent), safe="")
        return {
            **os.environ,  # noqa: TID251 - a child process inherits the test's environment
            "HEARTHWATCH_CORE_DSN": f"postgresql://hw_core@/{DATABASE}?host={where}",
            "HEARTHWATCH_CORE_MQTT_HOST": host,
            "HEARTHWATCH_CORE_MQTT_PORT": str(port),
            "HEARTHWATCH_CORE_MQTT_USER": credentials.username,
            "HEARTHWATCH_CORE_MQTT_PASSWORD": credentials.password,
            "HEARTHWATCH_CORE_UNSIGNED_RULES": "ring",
        }


def _tcp(line: Line, *, upstream: bool = False) -> tuple[str, int]:
    address = line.upstream if upstream else line.address
    assert isinstance(address, tuple)
    return address


def _socket_of(postgres: EmbeddedPostgres) -> Path:
    (folder,) = parse_qs(urlsplit(postgres.dsn).query)["host"]
    return Path(folder) / _SOCKET


@contextlib.asynccontextmanager
async def hit_county(
    folder: Path, users: tuple[str, ...], say: Callable[[str], None]
) -> AsyncGenerator[HitCounty]:
    """Broker, migrated database (fsync on) and lines; the core waits for `start_core`."""
    folder.chmod(0o711)  # the database's own user must be able to enter
    async with contextlib.AsyncExitStack() as stack:
        is_small = await stack.enter_async_context(_small_disk(folder / "disk"))
        postgres = EmbeddedPostgres(folder / "disk" / "postgres")
        await postgres.__aenter__()
        broker = LocalBroker(folder / "disk" / "broker", users=users)
        await broker.__aenter__()
        await migrate(postgres.dsn, ALL_MIGRATIONS)
        sockets = folder / "line"
        sockets.mkdir()
        upstream = (broker.host, broker.port)
        county = HitCounty(
            folder=folder,
            users=users,
            postgres=postgres,
            broker=broker,
            to_database=await stack.enter_async_context(
                unix_line(_socket_of(postgres), sockets / _SOCKET)
            ),
            to_broker=await stack.enter_async_context(tcp_line(upstream)),
            hubs_to_broker=await stack.enter_async_context(tcp_line(upstream)),
            say=say,
            is_small_disk=is_small,
        )
        county.set_clock(0)
        supervisor = asyncio.TaskGroup()
        async with supervisor:
            task = supervisor.create_task(county.supervise())
            try:
                yield county
            finally:
                task.cancel()
                await county.end_core()
                await county.broker.__aexit__(None, None, None)
                await county.postgres.__aexit__(None, None, None)


@contextlib.asynccontextmanager
async def _small_disk(folder: Path) -> AsyncGenerator[bool]:
    """A disk of its own for the county's host, in memory; False where this user may mount none."""
    folder.mkdir(mode=0o711)
    size = f"size={DISK_MB}m,mode=0711"
    done = await child_process.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder])
    try:
        yield done.code == 0
    finally:
        if done.code == 0:
            await child_process.run(["umount", "-l", folder])
