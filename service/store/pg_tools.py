"""PostgreSQL's own programs for a copy of a database: `pg_dump` and `pg_restore`."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from gateway import child_process
from gateway.store.binaries import BinariesNotFoundError, find_binaries

_LAST_WORDS = 2000
_NEWEST_MAJOR = 18
_LOOK_S = 1.0
_PATIENCE_S = 20.0


class ToolError(Exception):
    """A program is missing or failed; the text is its own last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A database address without its password, which travels in the environment."""

    dsn: str
    environment: dict[str, str]


def address_of(dsn: str) -> Address:
    """`dsn` as a command line may show it: everybody on the machine reads command lines."""
    parts = urlsplit(dsn)
    if parts.password is None:
        return Address(dsn=dsn, environment={})
    place = f"{parts.username or ''}@{parts.netloc.rpartition('@')[2]}"
    bare = urlunsplit(parts._replace(netloc=place))
    return Address(dsn=bare, environment={"PGPASSWORD": unquote(parts.password)})


async def find_tool(name: str, major: int) -> Path:
    """The program `name` of the server's version or a later one: they read older servers.

    Raises:
        ToolError: there is none.
    """
    for version in range(major, _NEWEST_MAJOR + 1):
        with contextlib.suppress(BinariesNotFoundError):
            beside = (await find_binaries(None, major=version)).folder / name
            if os.access(beside, os.X_OK):
                return beside
    on_path = shutil.which(name)
    if on_path is None:
        raise ToolError(
            f"{name} of PostgreSQL {major} is needed: install postgresql-client-{major}"
        )
    return Path(on_path)


async def run_tool(
    command: Sequence[str | Path], environment: dict[str, str], look: Callable[[], None]
) -> None:
    """Run a program to its end, and call `look` each second meanwhile.

    Raises:
        ToolError: it failed.
    """
    with tempfile.TemporaryFile() as words:
        process = await child_process.start(
            command, log=words.fileno(), stop_signal=signal.SIGTERM, environment=environment
        )
        try:
            while process.returncode is None:
                look()
                try:
                    async with asyncio.timeout(_LOOK_S):
                        await process.wait()
                except TimeoutError:
                    continue
        finally:
            await child_process.stop(process, (signal.SIGTERM,), patience_s=_PATIENCE_S)
        if process.returncode:
            words.seek(0)
            said = words.read().decode(errors="replace").strip()[-_LAST_WORDS:]
            raise ToolError(f"{Path(command[0]).name}: {said}")
