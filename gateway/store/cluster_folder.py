"""The directory of an embedded PostgreSQL: its owner, cluster, socket and log."""

import asyncio
import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

from gateway.child_process import Account

_POLL_S = 0.05
_LOG_LIMIT_BYTES = 5_000_000
_LOG_TAIL_BYTES = 1_500
_NAME_BYTES = 8
# sockaddr_un holds 108 bytes, and the socket's own name takes part of them
_LONGEST_SOCKET_ROOT = 70
# what PostgreSQL says while processes of a killed predecessor are still leaving
_SETTLING = ("shared memory block", "already exists", "already in use")


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be started; the message says why and what to do."""


def make_folder(folder: Path) -> None:
    """Make a missing data directory, open enough for the database's user to reach its cluster."""
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(0o711)


def recorded_place(data_dir: Path) -> Path | None:
    """Return where the cluster of `data_dir` lies: in it, or where `sheltered` once put it."""
    location = data_dir / "cluster.location"
    if location.exists():
        return Path(location.read_text(encoding="utf-8").strip())
    own = data_dir / "cluster"
    return own if own.exists() else None


def sheltered(data_dir: Path, shelter: Path) -> Path:
    """Return a new cluster's place below `shelter` for a data directory its user cannot reach.

    The folder has a random name that only `cluster.location` in the data directory knows. A name
    made of the path would bring an old database back under a new directory's new passwords.
    """
    folder = shelter / secrets.token_hex(_NAME_BYTES)
    for part in (shelter, folder):
        if not part.exists():
            part.mkdir(parents=True)
            part.chmod(0o711)
    # whole or not at all: half an address would open a third place
    draft = data_dir / "cluster.location.new"
    draft.write_text(f"{folder / 'cluster'}\n", encoding="utf-8")
    draft.replace(data_dir / "cluster.location")
    return folder / "cluster"


@contextlib.contextmanager
def owned(lock: Path) -> Generator[None]:
    """Hold the directory of `lock`; the kernel lets go of it however this process ends.

    Raises:
        EmbeddedPostgresError: Another process holds it; the message names that process.
    """
    with lock.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EACCES, errno.EAGAIN}:
                raise
            file.seek(0)
            raise EmbeddedPostgresError(
                f"{lock.parent} is in use by process {file.read().strip() or 'unknown'}; "
                "stop it first, or give this one a directory of its own"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def socket_folder(account: Account | None, record: Path) -> Generator[Path]:
    """Make a short 0700 directory for the socket, owned by the database's user; remove it later.

    `record` remembers it over a kill, so that the next start removes what the killed one left.
    """
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(record.read_text(encoding="utf-8"), ignore_errors=True)
    root = Path(tempfile.gettempdir())
    # a per-user TMPDIR is closed to the database's own user, and a long one does not fit a socket
    if account is not None or len(os.fsencode(root)) > _LONGEST_SOCKET_ROOT:
        root = Path("/tmp")  # noqa: S108 - mkdtemp makes a private folder in it
    folder = Path(tempfile.mkdtemp(prefix="hw-pg-", dir=root))
    record.write_text(str(folder), encoding="utf-8")
    try:
        if account is not None:
            os.chown(folder, account.uid, account.gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        record.unlink(missing_ok=True)


async def end_orphan(cluster: Path, *, patience_s: float) -> None:
    """Stop a server that a killed owner left behind on this cluster; the caller holds the lock.

    Raises:
        EmbeddedPostgresError: It does not stop within `patience_s` seconds.
    """
    pid = _server_pid(cluster)
    if pid is None:
        return
    os.kill(pid, signal.SIGINT)
    try:
        async with asyncio.timeout(patience_s):
            # another process's child: there is nothing to wait on but its disappearance
            while _server_pid(cluster) is not None:  # noqa: ASYNC110
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise EmbeddedPostgresError(
            f"an earlier database server (process {pid}) on {cluster} does not stop; end it by hand"
        ) from None


def open_log(path: Path) -> int:
    """Return a descriptor that appends to the server's log, begun anew past 5 MB."""
    if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def last_words(log: Path) -> str:
    """Return the end of the server's log."""
    with contextlib.suppress(FileNotFoundError):
        return log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace").strip()
    return ""


def is_settling(log: Path) -> bool:
    """Tell whether the server gave up because a killed predecessor has not quite gone yet."""
    return any(phrase in last_words(log) for phrase in _SETTLING)


def _server_pid(cluster: Path) -> int | None:
    """Return the id of a server that really runs on `cluster`: the pid file may be stale."""
    try:
        pid = int((cluster / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return pid if os.fsencode(cluster) in command else None
