"""The simulator's side of the clock protocol against a timekeeper that speaks it line by line."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from firmware_sim.clock import PublishedTime

T0 = datetime(2026, 9, 22, tzinfo=UTC)
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def timekeeper(script: Script) -> AsyncGenerator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_tick_is_answered_after_the_work_with_the_next_instant() -> None:
    said: list[object] = []
    done: list[datetime] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.append(json.loads(await reader.readline()))
        for step in (0, 1):
            writer.write(json.dumps({"now": (T0 + step * timedelta(hours=1)).isoformat()}).encode())
            writer.write(b"\n")
            said.append(json.loads(await reader.readline()))

    async with timekeeper(script) as port:
        time = PublishedTime("127.0.0.1", port)
        with pytest.raises(LookupError):
            _ = time.now

        async def work(now: datetime) -> datetime | None:
            assert time.now == now
            done.append(now)
            return now + timedelta(hours=1) if now == T0 else None

        await asyncio.wait_for(time.run(work), 5)
    assert done == [T0, T0 + timedelta(hours=1)]
    assert said == [
        {"participant": "devices", "phase": 0},
        {"quiet": "2026-09-22T00:00:00+00:00", "next": "2026-09-22T01:00:00+00:00"},
        {"quiet": "2026-09-22T01:00:00+00:00", "next": None},
    ]


async def test_on_the_wall_clock_work_runs_when_its_instant_comes() -> None:
    twice = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"wall":true}\n')
        await twice.wait()

    calls: list[datetime] = []

    async def work(now: datetime) -> datetime | None:
        calls.append(now)
        if len(calls) == 2:
            twice.set()
            return None
        return now + timedelta(milliseconds=30)

    async with timekeeper(script) as port:
        await asyncio.wait_for(PublishedTime("127.0.0.1", port).run(work), 5)
    assert len(calls) == 2
    assert calls[1] - calls[0] >= timedelta(milliseconds=30)


@pytest.mark.parametrize(
    "lines",
    [
        b'{"now":"2026-09-22T00:00:00+00:00"}\n{"now":"2026-09-21T00:00:00+00:00"}\n',
        b'{"now":"2026-09-22T00:00:00"}\n',
        b'{"now":7}\n',
        b"[1]\n",
        b"hello\n",
    ],
    ids=["backwards", "no zone", "not a text", "not an object", "not JSON"],
)
async def test_what_is_not_the_protocol_is_refused(lines: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(lines)
        while await reader.readline():
            pass

    async def work(_now: datetime) -> datetime | None:
        return None

    async with timekeeper(script) as port:
        with pytest.raises(ValueError, match=r"."):
            await asyncio.wait_for(PublishedTime("127.0.0.1", port).run(work), 5)
