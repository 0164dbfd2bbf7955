"""One SQLite file and the one thread that works on it: jobs that wait together share one fsync.

A commit in WAL mode with `synchronous=FULL` costs an fsync of some milliseconds. While one is under
way further jobs queue up, and the next commit takes them all (group commit), so a burst of a
thousand records costs a handful of fsyncs and each caller still returns only after its own.
"""

import asyncio
import contextlib
import queue
import sqlite3
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

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
class _Job:
    """`perform` works inside the transaction and gives what is to be called after the commit."""

    perform: Callable[[sqlite3.Connection], Callable[[], None]]
    fail: Callable[[SpoolError], None]
    loop: asyncio.AbstractEventLoop
    durable: bool


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
        if self._closed:
            raise SpoolError("the spool is closed")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[_T] = loop.create_future()

        def perform(connection: sqlite3.Connection) -> Callable[[], None]:
            value = job(connection)
            return lambda: None if done.done() else done.set_result(value)

        def fail(error: SpoolError) -> None:
            if not done.done():
                done.set_exception(error)

        self._queue.put(_Job(perform, fail, loop, durable))
        return await done

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
        durable = any(job.durable for job in jobs)
        try:
            if durable is not self._durable:
                # NORMAL leaves the WAL's fsync to the next FULL commit or checkpoint.
                self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self._durable = durable
            self._connection.execute("BEGIN IMMEDIATE")
            done = [(job, self._perform(job)) for job in jobs]
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            if len(jobs) == 1:
                self._fail(jobs, error)
                return
            # A full disk undoes all of them: what only reads must not fail with what writes.
            for job in jobs:
                self._commit([job])
            return
        for job, notify in done:
            job.loop.call_soon_threadsafe(notify)

    def _perform(self, job: _Job) -> Callable[[], None]:
        # A savepoint keeps one failing job from taking its neighbours' work with it.
        self._connection.execute("SAVEPOINT job")
        try:
            notify = job.perform(self._connection)
        except Exception as error:
            if isinstance(error, sqlite3.Error) and not self._connection.in_transaction:
                raise  # SQLite has undone the whole transaction itself
            self._connection.execute("ROLLBACK TO job")
            complaint = error if isinstance(error, SpoolError) else _complaint(error)
            notify = lambda: job.fail(complaint)  # noqa: E731 - twin of the result above
        self._connection.execute("RELEASE job")
        return notify

    def _fail(self, jobs: list[_Job], error: sqlite3.Error) -> None:
        for job in jobs:
            job.loop.call_soon_threadsafe(job.fail, _complaint(error))


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
