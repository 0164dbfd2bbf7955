"""One SQLite file and the one thread that works on it: jobs that wait together share one fsync.

A commit in WAL mode with `synchronous=FULL` costs an fsync of some milliseconds. While one is under
way further jobs queue up, and the next commit takes them all (group commit), so a burst of a
thousand records costs a handful of fsyncs and each caller still returns only after its own. Beside
a busy event loop each call into SQLite, and each word to the loop, waits for the interpreter's lock
(`take_short_turns`): rows that wait together go in with one statement, and all callers of a commit
are told at once.
"""

import asyncio
import contextlib
import queue
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeVar, cast

_T = TypeVar("_T")

_MOST_JOBS_A_COMMIT = 500

_TURN_S = 0.0005


def take_short_turns() -> None:
    """Let this process's threads change places every half millisecond, not every five.

    A commit is half a dozen calls into SQLite, and after each the writer's thread waits for its
    turn: beside a busy event loop that is 5 ms a call, several times what the disk takes.
    """
    sys.setswitchinterval(_TURN_S)


class SpoolError(Exception):
    """The spool's file cannot be used: unreadable, full, or closed; the text says which."""


class SpoolDamagedError(SpoolError):
    """The file itself is broken: no free space and no waiting will make it readable again."""


_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_IOERR_READ,
        sqlite3.SQLITE_IOERR_SHORT_READ,
        sqlite3.SQLITE_IOERR_CORRUPTFS,
    }
)
"""What a broken file or card answers. A full disk or somebody else's lock is none of these: such a
file is whole, and to put it aside would leave what it holds unsent."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row to be added; `into` is the statement up to VALUES."""

    into: str
    values: tuple[str | bytes, ...]


@dataclass(frozen=True, slots=True)
class _Job:
    """Work inside a transaction (done again when that was undone), or only a row to be added."""

    work: Callable[[sqlite3.Connection], object] | _Row
    done: asyncio.Future[object]
    loop: asyncio.AbstractEventLoop
    durable: bool

    @property
    def into(self) -> str | None:
        """Where it only adds a row; None for any other work."""
        return self.work.into if isinstance(self.work, _Row) else None

    def succeed(self, value: object) -> None:
        """Tell the caller, who may have been cancelled meanwhile; in its own thread."""
        if not self.done.done():
            self.done.set_result(value)

    def fail(self, error: SpoolError) -> None:
        """As `succeed`."""
        if not self.done.done():
            self.done.set_exception(error)


class SqliteWriter:
    """Runs jobs on one connection in order; what a job did is on disk when `run` returns."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._durable = True
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[sqlite3.Connection], _T], *, durable: bool = True) -> _T:
        """Do `job` and return its result after the commit, which is an fsync when `durable`.

        Without it a power cut (not a crash of the process) may undo the job, and nothing that was
        done before it. A cancelled caller does not stop the job. Jobs run in the order of the
        calls.

        Raises:
            SpoolError: the job or the commit failed (nothing of the job is stored), or closed.
        """
        return cast("_T", await self._queue_up(job, durable=durable))

    async def add(self, into: str, *values: str | bytes) -> None:
        """Add a row by `into` (`INSERT INTO ... (...)`), durably; rows that wait go in together.

        Raises:
            SpoolError: as `run`.
        """
        await self._queue_up(_Row(into, values), durable=True)

    async def _queue_up(
        self, work: Callable[[sqlite3.Connection], object] | _Row, *, durable: bool
    ) -> object:
        if self._closed:
            raise SpoolError("the spool is closed")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future(), loop, durable)
        self._queue.put(job)
        return await job.done

    async def close(self) -> None:
        """Finish the jobs that wait, close the file and end the thread."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _work(self) -> None:
        stop = False
        while not stop:
            taken = [self._queue.get()]
            while len(taken) < _MOST_JOBS_A_COMMIT and not self._queue.empty():
                taken.append(self._queue.get())
            stop = None in taken
            self._commit([job for job in taken if job is not None])
        self._connection.close()

    def _commit(self, jobs: list[_Job]) -> None:
        if not jobs:
            return
        durable = any(job.durable for job in jobs)
        try:
            if durable is not self._durable:
                # NORMAL leaves the WAL's fsync to the next FULL commit or checkpoint.
                self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            self._connection.execute("BEGIN IMMEDIATE")
            values = self._perform(jobs)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - a caller's own work; its caller is told
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            if len(jobs) == 1:
                complaint = error if isinstance(error, SpoolError) else _complaint(error)
                jobs[0].loop.call_soon_threadsafe(jobs[0].fail, complaint)
                return
            # A bad job, or a full disk, undid all of them: none may fail with its neighbours.
            for job in jobs:
                self._commit([job])
            return
        for loop in {job.loop for job in jobs}:
            pairs = [pair for pair in zip(jobs, values, strict=True) if pair[0].loop is loop]
            loop.call_soon_threadsafe(_tell_all, pairs)

    def _perform(self, jobs: Sequence[_Job]) -> list[object]:
        """What the jobs give, in their order."""
        values: list[object] = []
        for _, alike in groupby(jobs, key=lambda job: job.into):
            works = [job.work for job in alike]
            rows = [work for work in works if isinstance(work, _Row)]
            if rows:
                _add_rows(self._connection, rows)
            values += [None if isinstance(work, _Row) else work(self._connection) for work in works]
        return values


def _add_rows(connection: sqlite3.Connection, rows: Sequence[_Row]) -> None:
    """Add rows of one table, in their order, with one statement."""
    one = f"({','.join('?' * len(rows[0].values))})"
    statement = f"{rows[0].into} VALUES {','.join([one] * len(rows))}"
    connection.execute(statement, [value for row in rows for value in row.values])


def _tell_all(pairs: Iterable[tuple[_Job, object]]) -> None:
    for job, value in pairs:
        job.succeed(value)


def _complaint(error: Exception) -> SpoolError:
    if isinstance(error, sqlite3.DatabaseError):
        code: int = getattr(error, "sqlite_errorcode", 0)  # absent where Python itself complains
        damaged = not _DAMAGE.isdisjoint({code, code & 0xFF})
        return (SpoolDamagedError if damaged else SpoolError)(str(error))
    return SpoolError(repr(error))


def open_connection(path: Path, schema: str) -> sqlite3.Connection:
    """A connection to `path` in WAL mode with `synchronous=FULL`, its tables made if new.

    Raises:
        SpoolDamagedError: the file is not a database or fails its check.
        SpoolError: it cannot be opened now: no space, no permission, locked by another program.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise SpoolDamagedError(f"{path.name}: {verdict}")
        connection.executescript(schema)
    except sqlite3.DatabaseError as error:
        connection.close()
        primary = error.sqlite_errorcode & 0xFF
        damaged = not _DAMAGE.isdisjoint({error.sqlite_errorcode, primary})
        kind = SpoolDamagedError if damaged else SpoolError
        raise kind(f"{path.name}: {error}") from error
    except SpoolError:
        connection.close()
        raise
    return connection
