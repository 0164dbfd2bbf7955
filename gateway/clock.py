"""Where `now` comes from: the wall, a published stepped time (design D4), or a test's own hand.

The only file that reads the machine's clock. Stepped time is published by the lab over TCP, one
line of JSON a message: a tick `{"now": ...}` moves the clock, the process does everything that is
due, and answers `{"quiet": ..., "next": ...}` with the earliest instant at which it has something
to do by itself. `{"wall": true}` hands over to the wall clock for good.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

import msgspec

Settle = Callable[[datetime], Awaitable[datetime | None]]
"""Does all that is due at an instant, returns when at rest; the result is the next due instant."""

_LONGEST_SLEEP_S = 5.0
# Linux's CLOCK_MONOTONIC stands still while the machine sleeps, and so would every age.
_SINCE_BOOT = time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC


class ClockError(Exception):
    """The published time cannot be followed; the text says what the timekeeper did."""


class Clock(Protocol):
    """The time of one process; every `now` in it comes from the same clock."""

    def now(self) -> datetime:
        """The present instant, aware UTC; never earlier than it was before on a stepped clock."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start of this process, never going back."""
        ...

    async def wait_until(self, when: datetime | None) -> None:
        """Return once `now()` is at or past `when` (aware); None waits for ever."""
        ...


class ProcessClock(Clock, Protocol):
    """A clock at the top of a process: it also asks for rest before time moves on."""

    @property
    def is_published(self) -> bool:
        """Whether a timekeeper replays the past: what proves the present has to wait until then."""
        ...

    def on_tick(self, settle: Settle) -> None:
        """Name the function that brings this process to rest; the wall clock never calls it."""
        ...

    async def pause(self, seconds: float) -> None:
        """Return after a duration, whatever the wall clock does meanwhile."""
        ...


class WallClock:
    """The machine's own clock."""

    @property
    def is_published(self) -> bool:
        """False: it is the present."""
        return False

    def now(self) -> datetime:
        """The machine's time, aware UTC; it may jump when the machine learns the time."""
        return datetime.now(UTC)  # noqa: TID251 - the one reader of the machine's clock

    def monotonic(self) -> float:
        """Seconds since the machine's boot, those that it slept through included."""
        return time.clock_gettime(_SINCE_BOOT)

    async def wait_until(self, when: datetime | None) -> None:
        """Sleep until `when`; None sleeps for ever.

        Sleeps in pieces, because a machine that learns the time jumps past its alarm.
        """
        if when is None:
            await asyncio.Event().wait()
            return
        while (left := (when - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - time passes
            await asyncio.sleep(min(left, _LONGEST_SLEEP_S))

    async def pause(self, seconds: float) -> None:
        """Sleep for a duration; a machine that learns the time does not disturb it."""
        await asyncio.sleep(seconds)

    def on_tick(self, settle: Settle) -> None:
        """Nothing: wall time waits for nobody."""
        del settle


class ManualClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, start: datetime) -> None:
        _check_aware(start)
        self._start = self._now = start
        self._moved = asyncio.Event()

    @property
    def is_published(self) -> bool:
        """False: a test's time is its present."""
        return False

    def now(self) -> datetime:
        """The instant set last, aware UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds since the start instant."""
        return (self._now - self._start).total_seconds()

    async def wait_until(self, when: datetime | None) -> None:
        """Return once the clock was advanced to `when` or beyond; None waits for ever."""
        while when is None or self._now < when:
            await self._moved.wait()

    async def pause(self, seconds: float) -> None:
        """Return once the clock was advanced by so many seconds."""
        await self.wait_until(self._now + timedelta(seconds=seconds))

    def advance_to(self, when: datetime) -> None:
        """Set the clock and wake who waited.

        Raises:
            ValueError: `when` is naive or earlier than the clock already shows.
        """
        _check_aware(when)
        if when < self._now:
            raise ValueError(f"time does not go back: {when} is before {self._now}")
        self._now = when
        self.wake()

    def advance(self, step: timedelta) -> None:
        """Move the clock by a step of zero or more."""
        self.advance_to(self._now + step)

    def wake(self) -> None:
        """Let everybody who waits look at the clock again."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def moved(self) -> None:
        """Return at the next movement of the clock."""
        await self._moved.wait()

    def on_tick(self, settle: Settle) -> None:
        """Nothing: the test calls `settle` itself."""
        del settle


class SteppedClock:
    """Published time: a participant of the clock protocol, made by `SteppedClock.connect`."""

    def __init__(self, start: datetime) -> None:
        self._stepped = ManualClock(start)
        self._wall: WallClock | None = None
        self._handed_over_at = 0.0
        self._settle: asyncio.Future[Settle] = asyncio.get_running_loop().create_future()

    @property
    def is_published(self) -> bool:
        """Whether the timekeeper has not handed over to the wall yet."""
        return self._wall is None

    @staticmethod
    @contextlib.asynccontextmanager
    async def connect(
        *, address: str, participant: str, phase: int
    ) -> AsyncGenerator["SteppedClock"]:
        """Join the timekeeper at `HOST:PORT` and give the clock once its first tick has come.

        The first tick is answered only after `on_tick` was called, so a process may take its
        time to start. `phase` is the place in the walk: 0 devices, 1 hub, 2 core, 3 service,
        4 answering people.

        Raises:
            ClockError: no timekeeper there, no tick from it, or (as an exception group out of
                the block) it went away before it had handed over to the wall clock.
        """
        reader, writer = await _open(address)
        try:
            hello = {"participant": participant, "phase": phase}
            writer.write(msgspec.json.encode(hello) + b"\n")
            first = await _read(reader)
            if first is None or (first.now is None and not first.wall):
                raise ClockError(f"{address} closed or sent no tick")
            clock = SteppedClock(first.now or WallClock().now())
            async with asyncio.TaskGroup() as group:
                follow = group.create_task(clock._follow(first, reader, writer), name="clock")
                try:
                    yield clock
                finally:
                    follow.cancel()
        finally:
            writer.close()

    def now(self) -> datetime:
        """The published instant; after the hand-over the wall's, never earlier than the former."""
        if self._wall is None:
            return self._stepped.now()
        return max(self._stepped.now(), self._wall.now())

    def monotonic(self) -> float:
        """Seconds of published time since the first tick, then of the machine's."""
        stepped = self._stepped.monotonic()
        if self._wall is None:
            return stepped
        return stepped + self._wall.monotonic() - self._handed_over_at

    async def wait_until(self, when: datetime | None) -> None:
        """Return once published (later: wall) time has reached `when`; None waits for ever."""
        while when is None or self.now() < when:
            if self._wall is not None:
                await self._wall.wait_until(when)
            else:
                await self._stepped.moved()

    async def pause(self, seconds: float) -> None:
        """Return after a duration of published (later: wall) time."""
        if self._wall is not None:
            await self._wall.pause(seconds)
        else:
            await self.wait_until(self.now() + timedelta(seconds=seconds))

    def on_tick(self, settle: Settle) -> None:
        """Name the function that is awaited at every tick, from the first one on; once only."""
        self._settle.set_result(settle)

    async def _follow(
        self, first: "_FromTimekeeper", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        message: _FromTimekeeper | None = first
        settle = await self._settle
        while message is not None and not message.wall:
            if message.now is None:
                raise ClockError("the timekeeper sent neither now nor wall")
            self._stepped.advance_to(message.now)
            due = await settle(message.now)
            answer = _Quiet(quiet=message.now, next=due)
            writer.write(msgspec.json.encode(answer) + b"\n")
            message = await _read(reader)
        if message is None:
            raise ClockError("the timekeeper went away")
        self._wall = WallClock()
        self._handed_over_at = self._wall.monotonic()
        self._stepped.wake()


@contextlib.asynccontextmanager
async def open_clock(spec: str, *, participant: str, phase: int) -> AsyncGenerator[ProcessClock]:
    """The clock a process was told to use: `wall`, or `stepped:HOST:PORT`.

    Raises:
        ClockError: the text is neither, or as `SteppedClock.connect`.
    """
    kind, _, address = spec.partition(":")
    if spec == "wall":
        yield WallClock()
    elif kind == "stepped" and address:
        connecting = SteppedClock.connect(address=address, participant=participant, phase=phase)
        async with connecting as clock:
            yield clock
    else:
        raise ClockError(f"clock {spec!r} is neither 'wall' nor 'stepped:HOST:PORT'")


class _FromTimekeeper(msgspec.Struct, frozen=True, kw_only=True):
    now: datetime | None = None
    wall: bool = False


class _Quiet(msgspec.Struct, frozen=True, kw_only=True):
    quiet: datetime
    next: datetime | None


async def _open(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.rpartition(":")
    try:
        return await asyncio.open_connection(host, int(port))
    except (OSError, ValueError) as error:
        raise ClockError(f"no timekeeper at {address!r}: {error}") from error


async def _read(reader: asyncio.StreamReader) -> _FromTimekeeper | None:
    """The next message, None at the end of the stream."""
    try:
        line = await reader.readline()
    except (OSError, ValueError) as error:
        raise ClockError(f"timekeeper: {error}") from error
    if not line:
        return None
    try:
        message = msgspec.json.decode(line, type=_FromTimekeeper)
    except msgspec.DecodeError as error:
        raise ClockError(f"timekeeper: {error}") from error
    if message.now is not None:
        _check_aware(message.now)
    return message


def _check_aware(when: datetime) -> None:
    if when.tzinfo is None:
        raise ValueError(f"{when} has no offset from UTC")
