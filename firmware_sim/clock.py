"""The simulated devices' part in the clock protocol: phase 0, ticked before everybody else.

The timekeeper publishes the time as lines of JSON over TCP; between two ticks time stands still. An
independent implementation: it shares no code with the processes it is ticked beside.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import cast

Work = Callable[[datetime], Awaitable[datetime | None]]
"""Do all that is due at or before an instant, come to rest, return the next instant or None."""


class PublishedTime:
    """A clock that stands where the timekeeper put it, until told to follow the wall clock."""

    def __init__(self, host: str, port: int, *, participant: str = "devices") -> None:
        self._host, self._port, self._participant = host, port, participant
        self._now: datetime | None = None
        self._follows_wall = False

    @property
    def now(self) -> datetime:
        """The current instant, UTC.

        Raises:
            LookupError: No tick has come yet.
        """
        if self._follows_wall:
            return _wall()
        if self._now is None:
            message = "no time has been published yet"
            raise LookupError(message)
        return self._now

    async def run(self, work: Work) -> None:
        """Take part until the timekeeper closes the connection.

        Every tick is answered after `work` returned. On the wall clock `work` runs whenever the
        instant that it named has come.

        Raises:
            OSError: The timekeeper does not answer.
            ValueError: A line is not of the protocol, or time would go backwards.
        """
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            await _send(writer, {"participant": self._participant, "phase": 0})
            while not self._follows_wall:
                line = await reader.readline()
                if not line:
                    return
                await self._obey(line, writer, work)
            await self._follow_wall(reader, work)
        finally:
            writer.close()

    async def _obey(self, line: bytes, writer: asyncio.StreamWriter, work: Work) -> None:
        message = _parse(line)
        if message.get("wall") is True:
            self._follows_wall = True
            return
        now = _instant(message)
        if self._now is not None and now < self._now:
            text = f"time would go back from {self._now} to {now}"
            raise ValueError(text)
        self._now = now
        following = await work(now)
        await _send(writer, {"quiet": now.isoformat(), "next": following and following.isoformat()})

    async def _follow_wall(self, reader: asyncio.StreamReader, work: Work) -> None:
        following = await work(_wall())
        while True:
            wait_s = None if following is None else (following - _wall()).total_seconds()
            try:
                async with asyncio.timeout(None if wait_s is None else max(0.0, wait_s)):
                    line = await reader.readline()
            except TimeoutError:
                following = await work(_wall())
                continue
            if not line:
                return


async def run_on_wall(work: Work) -> None:
    """Let `work` run on the wall clock whenever the instant it named has come; ends with None.

    The same `work` may take part in published time instead (`PublishedTime.run`).
    """
    following = await work(_wall())
    while following is not None:
        await asyncio.sleep(max(0.0, (following - _wall()).total_seconds()))
        following = await work(_wall())


def _wall() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - this file is the simulator's clock


def _parse(line: bytes) -> dict[str, object]:
    message: object = json.loads(line)
    if not isinstance(message, dict):
        text = f"not a message of the clock protocol: {line!r}"
        raise ValueError(text)  # noqa: TRY004 - one error for everything wrong on the wire
    return cast("dict[str, object]", message)


def _instant(message: dict[str, object]) -> datetime:
    stamp = message.get("now")
    if not isinstance(stamp, str):
        text = f"no instant in {message!r}"
        raise ValueError(text)  # noqa: TRY004 - one error for everything wrong on the wire
    now = datetime.fromisoformat(stamp)
    if now.tzinfo is None:
        text = f"an instant without a zone: {stamp}"
        raise ValueError(text)
    return now.astimezone(UTC)


async def _send(writer: asyncio.StreamWriter, message: dict[str, object]) -> None:
    writer.write(json.dumps(message).encode() + b"\n")
    await writer.drain()
