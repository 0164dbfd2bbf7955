"""The processes of a demo: started, watched, restarted with the reason said, stopped in order."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway import child_process

_STOP_S = 4.0
_RESTART_S = 0.3
_MOST_RESTARTS = 5
_HEALTHY_S = 20.0


class ChildError(Exception):
    """A process does not stay up; the text names it and its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A process of ours: `hearthwatch ARGUMENTS...` with these variables beside our own."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


class Children:
    """`async with Children(folder, say) as children: children.start(child)`.

    A child that ends by itself is started again and `say` gets the reason; one that ends five times
    in a row within seconds ends the block with `ChildError`. Leaving the block stops all of them,
    the last one started first, each within some seconds.
    """

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        """Children whose output goes to `logs`/NAME.log."""
        self._logs = logs
        self._say = say
        self._group = asyncio.TaskGroup()
        self._watchers: list[asyncio.Task[None]] = []
        self._running: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        for process in reversed(self._running.values()):
            await child_process.stop(process, (signal.SIGTERM,), patience_s=_STOP_S)
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            await self._group.__aexit__(kind, error, trace)
        else:  # the block's own error travels on by itself, not wrapped into a group
            await self._group.__aexit__(None, None, None)

    def start(self, child: Child) -> None:
        """Start a process and keep it running."""
        self._watchers.append(self._group.create_task(self._keep(child), name=child.name))

    def pid_of(self, name: str) -> int | None:
        """The process id of a running child."""
        process = self._running.get(name)
        return None if process is None else process.pid

    async def _keep(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            started_s = loop.time()
            process = await self._spawn(child)
            code = await process.wait()
            healthy = loop.time() - started_s > _HEALTHY_S
            failures = 1 if healthy else failures + 1
            words = self._last_words(child)
            if failures > _MOST_RESTARTS:
                raise ChildError(f"{child.name} does not stay up (exit {code}): {words}")
            self._say(f"{child.name} ended (exit {code}), starting it again: {words}")
            await asyncio.sleep(_RESTART_S * failures)

    async def _spawn(self, child: Child) -> asyncio.subprocess.Process:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        log = os.open(self._logs / f"{child.name}.log", flags, 0o600)
        try:
            process = await child_process.start(
                [sys.executable, "-m", "service.cli", *child.arguments],
                log=log,
                stop_signal=signal.SIGTERM,
                environment=child.environment,
            )
        finally:
            os.close(log)
        self._running[child.name] = process
        return process

    def _last_words(self, child: Child) -> str:
        text = (self._logs / f"{child.name}.log").read_bytes()[-4000:].decode(errors="replace")
        lines = text.strip().splitlines()
        return lines[-1][:400] if lines else "it said nothing"
