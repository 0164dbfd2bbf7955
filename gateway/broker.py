"""An MQTT broker that the program starts itself on loopback: mosquitto if installed, else amqtt."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from gateway import broker_access, child_process

Kind = Literal["mosquitto", "embedded"]
Choice = Literal["auto", "mosquitto", "embedded"]

HOST = "127.0.0.1"
DEFAULT_USERS = ("core", broker_access.FRONT, "hub-ingest", "hub-home", "bridge-sim")

_START_S = 20.0
_STOP_S = 5.0
_POLL_S = 0.02
_CONNECT_S = 2.0
_ATTEMPTS = 3

# Queues are bounded on purpose: a hub keeps what the core has not receipted and sends it again, so
# what mosquitto drops costs a delay, while an unbounded queue costs the machine's memory. Bounded
# in messages and in bytes for each client, and by `memory_limit` for all together.
_MOSQUITTO = """\
listener {port} {host}
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
persistence true
persistence_location {folder}/
persistence_file retained.db
autosave_interval 60
max_inflight_messages 200
max_queued_messages 20000
max_queued_bytes 67108864
max_connections 12000
memory_limit 536870912
persistent_client_expiration 1d
message_size_limit 262144
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
"""


class BrokerError(Exception):
    """The local broker cannot be started; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client logs in with."""

    username: str
    password: str


class LocalBroker:
    """`async with LocalBroker(data_dir, users=(...)) as broker: connect(broker.host, broker.port)`.

    Entering returns when the broker has accepted a real log-in; leaving stops it in bounded time.
    Every user has a generated secret, kept in `users.json` (0600) in the data directory, and the
    rights of `broker_access`. A broker promises no
    durability: what a hub sent is safe when the core's receipt says so, not before.

    Attributes:
        host: Always 127.0.0.1.
        port: The port in use.
        kind: `mosquitto` or `embedded` (amqtt, which forgets retained messages at a restart).
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        users: Iterable[str] = DEFAULT_USERS,
        choice: Choice = "auto",
    ) -> None:
        """Describe the broker; nothing happens before `async with`.

        Args:
            data_dir: Directory that belongs to this broker; made when missing.
            port: TCP port; 0 takes a free one.
            users: Who may connect; `core` is always among them.
            choice: Which broker; `auto` prefers mosquitto.
        """
        self._folder = data_dir.absolute()
        self._users = tuple(dict.fromkeys(("core", *users)))
        self._choice: Choice = choice
        self._process: asyncio.subprocess.Process | None = None
        self._secrets: dict[str, str] = {}
        self._any_port = port == 0
        self.host = HOST
        self.port = port
        self.kind: Kind = "embedded"

    @property
    def pid(self) -> int:
        """The broker's process id."""
        if self._process is None:
            raise BrokerError("the broker is not running")
        return self._process.pid

    def credentials(self, user: str) -> Credentials:
        """Return the log-in of one of the users named at construction.

        Raises:
            BrokerError: This broker does not know the user.
        """
        secret = self._secrets.get(user)
        if secret is None:
            raise BrokerError(f"the broker has no user {user}; it has {', '.join(self._users)}")
        return Credentials(username=user, password=secret)

    async def __aenter__(self) -> Self:
        """Start the broker.

        Raises:
            BrokerError: No broker program can be started, or the port is taken.
        """
        program = _find_mosquitto() if self._choice != "embedded" else None
        if program is None and self._choice == "mosquitto":
            raise BrokerError("mosquitto is not installed; run: sudo apt-get install -y mosquitto")
        self.kind = "mosquitto" if program else "embedded"
        self._secrets = _write_access(self._folder, self._users)
        for attempt in range(_ATTEMPTS):
            if self._any_port:
                self.port = _free_port()
            try:
                await self._start(program)
            except BrokerError:
                # a free port can be taken by somebody else between our look and the broker's bind
                if attempt == _ATTEMPTS - 1 or not self._any_port:
                    raise
                continue
            break
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the broker."""
        await self._stop()

    async def restart(self) -> None:
        """Start again on the same port, stopping first what still runs: after a kill."""
        await self._stop()
        await self._start(_find_mosquitto() if self.kind == "mosquitto" else None)

    async def _start(self, mosquitto: Path | None) -> None:
        command = self._mosquitto_command(mosquitto) if mosquitto else self._embedded_command()
        log = os.open(self._folder / "broker.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            self._process = await child_process.start(command, log=log, stop_signal=signal.SIGTERM)
        finally:
            os.close(log)
        try:
            async with asyncio.timeout(_START_S):
                while not await _accepts(self.port, self.credentials("core")):
                    if self._process.returncode is not None:
                        raise BrokerError(f"the broker ended at once: {self._last_words()}")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            await self._stop()
            raise BrokerError(
                f"no log-in on port {self.port} after {_START_S:.0f} s: {self._last_words()}"
            ) from None
        except BaseException:
            await self._stop()
            raise

    async def _stop(self) -> None:
        if self._process is not None:
            await child_process.stop(self._process, (signal.SIGTERM,), patience_s=_STOP_S)
            self._process = None

    def _mosquitto_command(self, program: Path) -> list[str | Path]:
        text = _MOSQUITTO.format(port=self.port, host=HOST, folder=self._folder)
        if os.geteuid() == 0:
            # else it becomes the user `mosquitto`, which cannot read a private data directory
            text += "user root\n"
        config = self._folder / "mosquitto.conf"
        config.write_text(text, encoding="utf-8")
        return [program, "-c", config]

    def _embedded_command(self) -> list[str | Path]:
        users = self._folder / "users.json"
        module = "gateway.broker_embedded"
        return [sys.executable, "-m", module, "--port", str(self.port), "--users", users]

    def _last_words(self) -> str:
        log = self._folder / "broker.log"
        return log.read_bytes()[-600:].decode(errors="replace").strip() or "it said nothing"


def _find_mosquitto() -> Path | None:
    # Debian keeps it in /usr/sbin, which an ordinary user's PATH leaves out
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _write_access(folder: Path, users: tuple[str, ...]) -> dict[str, str]:
    """Write users, passwords and ACL; secrets already given out stay. Return name to secret."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    known: dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError):
        known = json.loads((folder / "users.json").read_text(encoding="utf-8"))
    for user in users:
        known.setdefault(user, secrets.token_urlsafe(24))
    passwords = [
        broker_access.mosquitto_password_line(user, secret, secrets.token_bytes(12))
        for user, secret in known.items()
    ]
    _write_private(folder / "users.json", json.dumps(known, indent=1))
    _write_private(folder / "passwords", "\n".join(passwords) + "\n")
    _write_private(folder / "acl", broker_access.mosquitto_acl(known))
    return known


def _write_private(path: Path, text: str) -> None:
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


async def _accepts(port: int, credentials: Credentials) -> bool:
    """Tell whether a broker that knows our secret answers: another program may sit on the port."""
    fields = [b"hw-start", credentials.username.encode(), credentials.password.encode()]
    # MQTT 3.1.1 §3.1: protocol name and level 4, flags user + password + clean session, keep-alive
    # 5 s
    body = b"\x00\x04MQTT\x04\xc2\x00\x05" + b"".join(
        struct.pack("!H", len(field)) + field for field in fields
    )
    try:
        async with asyncio.timeout(_CONNECT_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(b"\x10" + bytes([len(body)]) + body)
                answer = await reader.readexactly(4)
                writer.write(b"\xe0\x00")
                await writer.drain()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, EOFError, TimeoutError):
        return False
    return answer == b"\x20\x02\x00\x00"
