"""What the disk does not take now (full, locked): held in memory, in order, and tried again.

The hub lives on meanwhile: its red path and its page need no disk. What is held here is lost with
the process, so nothing that depends on it (a device's high water) may be remembered before it.
"""

from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from gateway.sqlite_writer import SpoolDamagedError, SpoolError

_log = structlog.get_logger()

MOST_HELD = 10_000
"""Writes held at most: some weeks of a home's readings."""


class Hold:
    """Does writes in the order of the calls; `fault` says why they wait, empty when none does.

    `lost` counts the writes that did not even find room in memory.
    """

    def __init__(self) -> None:
        self.fault = ""
        self.lost = 0
        self._held: deque[Callable[[], Awaitable[object]]] = deque()

    async def do(self, job: Callable[[], Awaitable[object]]) -> bool:
        """Do a write now, or hold it behind those that wait; True when it is on disk.

        Raises:
            SpoolDamagedError: the file is broken: a restart puts it aside.
        """
        if not self._held and await self._is_done(job):
            return True
        if len(self._held) < MOST_HELD:
            self._held.append(job)
        else:
            self.lost += 1
            _log.error("no room to hold a write", lost=self.lost)
        return False

    async def retry(self) -> bool:
        """Do what is held, oldest first, until one fails; True when anything was done.

        Raises:
            SpoolDamagedError: as `do`.
        """
        some = False
        while self._held and await self._is_done(self._held[0]):
            self._held.popleft()
            some = True
        return some

    async def _is_done(self, job: Callable[[], Awaitable[object]]) -> bool:
        try:
            await job()
        except SpoolDamagedError:
            raise
        except SpoolError as error:
            if not self.fault:
                _log.error("spool cannot be written, holding in memory", reason=str(error))
            self.fault = str(error)
            return False
        if self.fault:
            _log.info("spool can be written again")
        self.fault = ""
        return True
