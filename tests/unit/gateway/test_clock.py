import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.clock import ClockError, ManualClock, SteppedClock, WallClock, open_clock

START = datetime(2026, 9, 22, tzinfo=UTC)


class Timekeeper:
    """The lab's side of one connection, driven by hand."""

    def __init__(self) -> None:
        self.address = ""
        self._joined: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.get_running_loop().create_future()
        )

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._joined.set_result((reader, writer))

    async def receive(self) -> dict[str, object]:
        reader, _ = await self._joined
        return json.loads(await asyncio.wait_for(reader.readline(), 5))

    async def send(self, message: dict[str, object]) -> None:
        _, writer = await self._joined
        writer.write(json.dumps(message).encode() + b"\n")

    async def close(self) -> None:
        _, writer = await self._joined
        writer.close()


@contextlib.asynccontextmanager
async def timekeeper() -> AsyncGenerator[Timekeeper]:
    keeper = Timekeeper()
    server = await asyncio.start_server(keeper.accept, "127.0.0.1", 0)
    keeper.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield keeper
    finally:
        with contextlib.suppress(OSError):
            await keeper.close()
        server.close()


async def test_manual_clock_wakes_exactly_who_is_due() -> None:
    clock = ManualClock(START)
    woken: list[int] = []

    async def sleeper(minutes: int) -> None:
        await clock.wait_until(START + timedelta(minutes=minutes))
        woken.append(minutes)

    async with asyncio.TaskGroup() as group:
        for minutes in (3, 1, 2):
            group.create_task(sleeper(minutes))
        await asyncio.sleep(0)
        clock.advance(timedelta(minutes=2))
        await asyncio.sleep(0.01)
        assert sorted(woken) == [1, 2]
        clock.advance_to(START + timedelta(minutes=3))
    assert woken[-1] == 3
    assert clock.monotonic() == 180.0


def test_manual_clock_refuses_the_past_and_naive_times() -> None:
    clock = ManualClock(START)
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance_to(START - timedelta(seconds=1))
    with pytest.raises(ValueError, match="no offset"):
        clock.advance_to(datetime(2026, 9, 23))  # noqa: DTZ001 - naive is the point


async def test_wall_clock_waits_no_shorter_than_asked() -> None:
    clock = WallClock()
    due = clock.now() + timedelta(milliseconds=30)
    await clock.wait_until(due)
    assert clock.now() >= due


async def test_stepped_clock_answers_quiet_with_next_due() -> None:
    async with timekeeper() as keeper, asyncio.TaskGroup() as group:
        seen: list[datetime] = []

        async def settle(now: datetime) -> datetime | None:
            seen.append(now)
            return now + timedelta(minutes=5) if len(seen) == 1 else None

        await_hello = group.create_task(keeper.receive())
        await keeper_ready(keeper, START, group)
        async with open_clock(f"stepped:{keeper.address}", participant="core", phase=2) as clock:
            assert await await_hello == {"participant": "core", "phase": 2}
            assert clock.now() == START
            clock.on_tick(settle)
            answer = await keeper.receive()
            assert answer["quiet"] == "2026-09-22T00:00:00Z"
            assert answer["next"] == "2026-09-22T00:05:00Z"
            await keeper.send({"now": "2026-09-22T00:05:00+00:00"})
            assert (await keeper.receive())["next"] is None
            assert clock.now() == START + timedelta(minutes=5)
            assert clock.monotonic() == 300.0
        assert seen == [START, START + timedelta(minutes=5)]


async def keeper_ready(keeper: Timekeeper, start: datetime, group: asyncio.TaskGroup) -> None:
    group.create_task(keeper.send({"now": start.isoformat()}))
    await asyncio.sleep(0)


async def test_stepped_clock_follows_the_wall_after_the_hand_over() -> None:
    async with timekeeper() as keeper, asyncio.TaskGroup() as group:
        await keeper_ready(keeper, START - timedelta(days=40_000), group)

        async def settle(_: datetime) -> datetime | None:
            return None

        async with SteppedClock.connect(
            address=keeper.address, participant="hub", phase=1
        ) as clock:
            clock.on_tick(settle)
            await keeper.receive()
            due = WallClock().now() + timedelta(milliseconds=50)
            waiting = group.create_task(clock.wait_until(due))
            await keeper.receive()
            await asyncio.sleep(0.01)
            assert not waiting.done()
            await keeper.send({"wall": True})
            await asyncio.wait_for(waiting, 5)
            assert abs((clock.now() - WallClock().now()).total_seconds()) < 1


async def test_a_lost_timekeeper_ends_the_process() -> None:
    async with timekeeper() as keeper, asyncio.TaskGroup() as group:
        await keeper_ready(keeper, START, group)

        async def settle(_: datetime) -> datetime | None:
            return None

        with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - the block is the subject
            async with SteppedClock.connect(
                address=keeper.address, participant="hub", phase=1
            ) as clock:
                clock.on_tick(settle)
                await keeper.receive()
                await keeper.receive()
                await keeper.close()
                await asyncio.sleep(5)
        assert isinstance(caught.value.exceptions[0], ClockError)


@pytest.mark.parametrize("spec", ["", "sundial", "stepped:", "stepped:127.0.0.1:nine", "wall:1"])
async def test_an_unknown_clock_is_refused(spec: str) -> None:
    with pytest.raises(ClockError):
        async with open_clock(spec, participant="hub", phase=1):
            pass
