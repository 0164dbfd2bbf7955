"""A PostgreSQL that the program starts itself, on a unix socket, in its own data directory.

Layout of the data directory: `cluster/` (PostgreSQL's own, 0700), `postgres.log`, `owner.lock`.
PostgreSQL refuses to run as root; started by root it runs as `postgres`, else `nobody`. When that
user cannot reach the data directory because a parent is private (a checkout below /root), the
parents stay as they are and the cluster lives below /var/lib/hearthwatch instead, in a folder of
random name; `cluster.location` in the data directory is the only way to it, so that an empty data
directory is an empty database. Not below /var/tmp: its cleaner deletes files that have not changed
for 30 days, and an old partition is exactly that.
"""

import asyncio
import contextlib
import os
import shutil
import signal
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import asyncpg

from gateway import child_process
from gateway.child_process import Account
from gateway.store import cluster_folder
from gateway.store.binaries import Binaries, find_binaries, make_reachable
from gateway.store.cluster_folder import EmbeddedPostgresError

ROLE = "hearthwatch"
DATABASE = "hearthwatch"
SHELTER = Path("/var/lib/hearthwatch")

_START_S = 60.0
_STOP_S = 20.0
_CONNECT_S = 2.0
_POLL_S = 0.02
_RETRY_S = 0.2

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}
_SETTINGS_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class _ServerEndedError(Exception):
    """The server process ended before it answered."""


class EmbeddedPostgres:
    """`async with EmbeddedPostgres(data_dir) as pg: asyncpg.connect(pg.dsn)`.

    Entering returns when the server answers a real connection; leaving asks for a fast shutdown and
    takes at most some 30 s. A cluster left by a killed process (ours, the server's or both) is
    recovered. One process owns a data directory at a time.

    Whoever can open the socket is trusted without a password: the socket lies in a 0700 directory,
    so that is the user who could read the data files anyway. There is no TCP listener.

    Attributes:
        dsn: asyncpg address of the database `hearthwatch` as its owner.
        folder: Where the cluster lies.
        binaries: The PostgreSQL in use.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        pg_bin: Path | None = None,
        shelter: Path = SHELTER,
    ) -> None:
        """Describe the server; nothing happens before `async with`.

        Args:
            data_dir: Directory that belongs to this server; made when missing.
            durable: False turns fsync off: for tests, whose data nobody misses.
            pg_bin: Folder with the PostgreSQL programs (setting `PG_BIN`); None finds them.
            shelter: Where the cluster goes when root's data directory cannot be reached.
        """
        self._data_dir = data_dir.absolute()
        self._log = self._data_dir / "postgres.log"
        self._durable = durable
        self._pg_bin = pg_bin
        self._shelter = shelter
        self._resources = contextlib.AsyncExitStack()
        self._server: asyncio.subprocess.Process | None = None
        self._socket_folder = Path()
        self._account: Account | None = None
        self.folder = Path()
        self.binaries: Binaries

    @property
    def dsn(self) -> str:
        """The address of the default database."""
        return self.dsn_of(DATABASE)

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._server is None:
            raise EmbeddedPostgresError("the server is not running")
        return self._server.pid

    def dsn_of(self, database: str, *, role: str = ROLE) -> str:
        """Return the asyncpg address of one database on this server, for one role."""
        host = quote(str(self._socket_folder), safe="")
        return f"postgresql://{quote(role)}@/{quote(database)}?host={host}"

    async def __aenter__(self) -> Self:
        """Start the server, making the cluster on first use.

        Raises:
            EmbeddedPostgresError: Another process owns the directory, or the server stays down.
            BinariesNotFoundError: No fitting PostgreSQL is installed.
        """
        async with contextlib.AsyncExitStack() as stack:
            await self._enter(stack)
            self._resources = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server (fast shutdown) and release the directory."""
        await self._resources.aclose()
        self._server = None

    async def _enter(self, stack: contextlib.AsyncExitStack) -> None:
        cluster_folder.make_folder(self._data_dir)
        stack.enter_context(cluster_folder.owned(self._data_dir / "owner.lock"))
        await self._settle()
        await cluster_folder.end_orphan(self.folder, patience_s=_STOP_S)
        if not (self.folder / "PG_VERSION").exists():
            await self._make_cluster()
        record = self._data_dir / "socket.location"
        self._socket_folder = stack.enter_context(
            cluster_folder.socket_folder(self._account, record)
        )
        stack.push_async_callback(self._stop)
        try:
            async with asyncio.timeout(_START_S):
                # nothing signals that the predecessor's last process has gone
                while not await self._starts():  # noqa: ASYNC110
                    await asyncio.sleep(_RETRY_S)
        except TimeoutError:
            raise EmbeddedPostgresError(
                f"PostgreSQL did not answer within {_START_S:.0f} s: "
                f"{cluster_folder.last_words(self._log)}"
            ) from None

    async def _settle(self) -> None:
        """Decide who runs the server, where the cluster lies and with which programs."""
        self._account = child_process.unprivileged_account("postgres", "nobody")
        recorded = cluster_folder.recorded_place(self._data_dir)
        if recorded is not None:
            self.folder = recorded
        elif await child_process.can_execute(self._data_dir, self._account):
            self.folder = self._data_dir / "cluster"
        else:
            self.folder = cluster_folder.sheltered(self._data_dir, self._shelter)
        version = self.folder / "PG_VERSION"
        major: int | None = None
        if version.exists():
            major = int(version.read_text(encoding="ascii"))
            if self._account is not None:
                # the cluster may have been made by an ordinary user before root came
                self._account = child_process.account_of(self.folder)
        found = await find_binaries(self._pg_bin, major=major)
        self.binaries = await make_reachable(found, self._account, self._shelter)

    async def _make_cluster(self) -> None:
        # made under another name first: an initdb that was killed leaves nothing that looks like a
        # cluster
        draft = self.folder.with_name("cluster.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        if self._account is not None:
            os.chown(draft, self._account.uid, self._account.gid)
        command = [self.binaries.initdb, "-D", draft, "-U", ROLE, "-A", "trust", "-E", "UTF8"]
        if not self._durable:
            command.append("--no-sync")
        # C.UTF-8 is missing on small images; C orders the same way and only lacks case rules
        for locale in ("C.UTF-8", "C"):
            made = await child_process.run([*command, f"--locale={locale}"], account=self._account)
            if made.code == os.EX_OK:
                draft.rename(self.folder)
                return
        raise EmbeddedPostgresError(f"initdb failed: {made.output.strip()[-800:]}")

    async def _starts(self) -> bool:
        """Start the server once; False when a killed predecessor is still in its way."""
        settings = _SETTINGS | ({} if self._durable else _SETTINGS_NOT_DURABLE)
        settings = settings | {"unix_socket_directories": str(self._socket_folder)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = cluster_folder.open_log(self._log)
        try:
            self._server = await child_process.start(
                [self.binaries.postgres, "-D", self.folder, *options],
                log=log,
                stop_signal=signal.SIGINT,
                account=self._account,
            )
        finally:
            os.close(log)
        try:
            await self._answers(self._server)
        except _ServerEndedError:
            if cluster_folder.is_settling(self._log):
                return False
            words = cluster_folder.last_words(self._log)
            raise EmbeddedPostgresError(f"PostgreSQL ended at once: {words}") from None
        return True

    async def _answers(self, server: asyncio.subprocess.Process) -> None:
        """Return after a real connection, and only then: the pid file is stale after a kill."""
        while True:
            try:
                connection = await asyncpg.connect(self.dsn_of("postgres"), timeout=_CONNECT_S)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if server.returncode is not None:
                    raise _ServerEndedError from None
                await asyncio.sleep(_POLL_S)
                continue
            try:
                if not await connection.fetchval(
                    "SELECT 1 FROM pg_database WHERE datname = $1", DATABASE
                ):
                    await connection.execute(f"CREATE DATABASE {DATABASE}")
            finally:
                await connection.close()
            return

    async def _stop(self) -> None:
        if self._server is not None:
            # INT is PostgreSQL's fast shutdown, QUIT its immediate one (recovers at the next start)
            await child_process.stop(
                self._server, (signal.SIGINT, signal.SIGQUIT), patience_s=_STOP_S
            )
