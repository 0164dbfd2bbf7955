"""Publishes stepped time to the processes of a demo and hands them over to the wall clock (D4).

Lines of JSON over TCP on loopback. A participant says `{"participant": NAME, "phase": N}`; it gets
`{"now": ...}` for every instant and answers `{"quiet": ..., "next": ...}`; at the end it gets
`{"wall": true}`. Phases follow the walk: 0 devices, 1 hubs, 2 core, 3 service, 4 people who answer.

An instant has two passes. First the clocks of hubs and core are moved, because they work on what
arrives at any time: nobody receives anything from later than its own now. Then everybody is ticked
in the direction of the walk and must be quiet before the next phase is. Time never goes back and
never moves on before everybody was quiet.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Self

import msgspec

PHASES = range(5)
_RECEIVING_PHASES = (1, 2)
_MOST_ROUNDS = 20
_CLOSE_ENOUGH = timedelta(seconds=5)
_QUIET_S = 60.0
_JOIN_S = 60.0


class TimekeeperError(Exception):
    """Time cannot go on; the text names the participant and what it failed to do."""


class _LostError(Exception):
    """The participant closed its connection."""


class _Hello(msgspec.Struct, frozen=True, kw_only=True):
    participant: str
    phase: int


class _Quiet(msgspec.Struct, frozen=True, kw_only=True):
    quiet: datetime
    next: datetime | None


class _Member:
    """One participant's connection."""

    def __init__(
        self, hello: _Hello, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.name, self.phase = hello.participant, hello.phase
        self.next: datetime | None = None
        self._reader, self._writer = reader, writer
        self._unanswered: datetime | None = None

    def send(self, message: dict[str, object]) -> None:
        """Write one line; a peer that has gone is noticed when its answer is read."""
        self._writer.write(msgspec.json.encode(message) + b"\n")

    def publish(self, now: datetime) -> None:
        """Send a tick whose answer is awaited later."""
        self.send({"now": now.isoformat()})
        self._unanswered = now

    async def tick(self, now: datetime) -> None:
        """Move the participant to `now` and wait until it is at rest there."""
        if self._unanswered is not None:
            before = self._unanswered
            await self._rest()
            if before == now:
                return
        self.publish(now)
        await self._rest()

    async def _rest(self) -> None:
        asked, self._unanswered = self._unanswered, None
        try:
            line = await self._reader.readline()
        except OSError as error:
            raise _LostError from error
        if not line:
            raise _LostError
        try:
            answer = msgspec.json.decode(line, type=_Quiet)
        except msgspec.DecodeError as error:
            raise TimekeeperError(f"{self.name} answered {line!r}: {error}") from error
        if answer.quiet != asked:
            raise TimekeeperError(f"{self.name} is quiet at {answer.quiet}, not at {asked}")
        self.next = answer.next

    def close(self) -> None:
        """End the connection."""
        self._writer.close()


class Timekeeper:
    """`async with Timekeeper(start) as keeper:` serves the clock protocol on 127.0.0.1.

    A participant may leave and join again under its name (a process that was restarted): the
    instant waits for it, and its first tick is the present instant.

    Attributes:
        address: `HOST:PORT` to tell the participants.
        now: The published instant, aware UTC.
        ticks: How many instants were published.
    """

    def __init__(self, start: datetime, *, quiet_s: float = _QUIET_S) -> None:
        """A timekeeper that stands at `start` (aware).

        Args:
            start: The first instant.
            quiet_s: Real seconds a participant may take for one instant, or to come back.
        """
        self.now = start.astimezone(UTC)
        self.address = ""
        self.ticks = 0
        self._quiet_s = quiet_s
        self._members: dict[str, _Member] = {}
        self._changed = asyncio.Event()
        self._on_wall = False
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for member in self._members.values():
            member.close()
        if self._server is not None:
            self._server.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            hello = msgspec.json.decode(await reader.readline(), type=_Hello)
        except (msgspec.DecodeError, OSError):
            writer.close()
            return
        if hello.phase not in PHASES:
            writer.close()
            return
        member = _Member(hello, reader, writer)
        former = self._members.get(member.name)
        if former is not None:
            former.close()
        self._members[member.name] = member
        if self._on_wall:
            member.send({"wall": True})
        else:
            member.publish(self.now)
        self._changed.set()

    async def joined(self, *names: str, timeout_s: float = _JOIN_S) -> None:
        """Return when all of `names` take part; they start up meanwhile, side by side.

        Raises:
            TimekeeperError: one did not come in time.
        """
        for name in names:
            await self._present(name, timeout_s)

    async def replay(self, until: Callable[[], datetime]) -> AsyncGenerator[datetime]:
        """Publish instant after instant; yields each after everybody was quiet at it.

        `until` is asked anew at every step, because the wall clock goes on meanwhile; the replay
        ends within seconds of its answer. Instants are those at which a participant said it has
        something to do, and that end.

        Raises:
            TimekeeperError: somebody does not come to rest, answers nonsense, or stays away.
        """
        while True:
            await self._settle(self.now)
            self.ticks += 1
            yield self.now
            horizon = until()
            if self.now >= horizon - _CLOSE_ENOUGH:
                return
            waiting = [member.next for member in self._members.values() if member.next is not None]
            self.now = min([*waiting, horizon])

    def hand_over(self) -> None:
        """Let everybody follow the wall clock from now on, whoever joins later included."""
        self._on_wall = True
        for member in sorted(self._members.values(), key=lambda one: -one.phase):
            member.send({"wall": True})

    async def _settle(self, now: datetime) -> None:
        await self._tick_phases(_RECEIVING_PHASES, now)
        restless = [""]
        for _ in range(_MOST_ROUNDS):
            for phase in PHASES:
                await self._tick_phases((phase,), now)
            members = self._members.values()
            restless = [one.name for one in members if one.next is not None and one.next <= now]
            if not restless:
                return
        raise TimekeeperError(f"{', '.join(restless)}: not at rest at {now.isoformat()}")

    async def _tick_phases(self, phases: Collection[int], now: datetime) -> None:
        names = sorted(name for name, member in self._members.items() if member.phase in phases)
        if len(names) == 1:
            await self._tick(names[0], now)
            return
        try:
            async with asyncio.TaskGroup() as group:
                for name in names:
                    group.create_task(self._tick(name, now), name=f"tick {name}")
        except* TimekeeperError as several:
            raise several.exceptions[0] from None

    async def _tick(self, name: str, now: datetime) -> None:
        while True:
            member = await self._present(name, self._quiet_s)
            try:
                async with asyncio.timeout(self._quiet_s):
                    await member.tick(now)
            except TimeoutError:
                text = f"{name} was not quiet at {now.isoformat()} within {self._quiet_s:.0f} s"
                raise TimekeeperError(text) from None
            except _LostError:
                member.close()
                if self._members.get(name) is member:
                    del self._members[name]
            else:
                return

    async def _present(self, name: str, timeout_s: float) -> _Member:
        try:
            async with asyncio.timeout(timeout_s):
                while name not in self._members:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimekeeperError(f"{name} did not join within {timeout_s:.0f} s") from None
        return self._members[name]
