"""Start a foreign server (database, broker) as a child that stops cleanly and never outlives us."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_KILL_GRACE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An operating-system user that a child runs as (only root may choose one)."""

    uid: int
    gid: int


def unprivileged_account(*names: str) -> Account | None:
    """Return the first existing user of `names` when we are root, None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in names:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    return None


def account_of(path: Path) -> Account:
    """Return the owner of an existing file or directory."""
    status = path.stat()
    return Account(uid=status.st_uid, gid=status.st_gid)


async def can_execute(path: Path, account: Account | None) -> bool:
    """Tell whether `account` may enter the directory or run the program: the kernel is asked."""
    return (await run(["test", "-x", path], account=account)).code == os.EX_OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a short-lived child ended: its exit code and everything it printed."""

    code: int
    output: str


async def run(command: Sequence[str | Path], *, account: Account | None = None) -> Finished:
    """Run a command to its end and return exit code and combined output.

    Cancelled, it ends the command (SIGTERM) and waits for that.

    Args:
        command: Program and arguments; never passed through a shell.
        account: The user to run as; None keeps ours. Needs root.

    Raises:
        OSError: The program cannot be started at all.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd="/",
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        # else it goes on writing into a folder that is being removed
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise
    return Finished(code=process.returncode or 0, output=output.decode(errors="replace"))


async def start(
    command: Sequence[str | Path],
    *,
    log: int,
    stop_signal: signal.Signals,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
) -> asyncio.subprocess.Process:
    """Start a server in a session of its own and return its process.

    A session of its own, because Ctrl-C in a terminal goes to the whole foreground group and would
    stop the database under the programs that still want to write their last batch. In exchange the
    kernel is asked (through util-linux `setpriv`, where there is one) to send `stop_signal` when we
    die, however we die.

    Args:
        command: Program and arguments.
        log: Open file descriptor that takes stdout and stderr.
        stop_signal: What makes this server stop cleanly.
        account: The user to run as; None keeps ours. Needs root.
        environment: Variables beside our own; secrets go here, a command line is public.
    """
    # handed on to the child, not read
    everything = None if environment is None else {**os.environ, **environment}  # noqa: TID251
    guarded = [*await _death_guard(stop_signal), *command]
    return await asyncio.create_subprocess_exec(
        *guarded,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd="/",
        env=everything,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


async def stop(
    process: asyncio.subprocess.Process, signals: Sequence[signal.Signals], *, patience_s: float
) -> None:
    """End a process: each signal in turn with `patience_s` seconds to obey, then SIGKILL."""
    for attempt in signals:
        if process.returncode is not None:
            return
        _signal(process, attempt)
        try:
            await asyncio.wait_for(process.wait(), patience_s)
        except TimeoutError:
            continue
    if process.returncode is None:
        _signal(process, signal.SIGKILL)
        await asyncio.wait_for(process.wait(), _KILL_GRACE_S)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    # not process.send_signal(): it reaps a dead child itself and asyncio then reports an unknown
    # one
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)


async def _death_guard(stop_signal: signal.Signals) -> list[str]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return []
    guard = [setpriv, "--pdeathsig", stop_signal.name.removeprefix("SIG")]
    # busybox and old util-linux have a setpriv without this option
    works = (await run([*guard, "true"])).code == os.EX_OK
    return guard if works else []
