"""The published clock between the lab's timekeeper and both implementations of its other end."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from firmware_sim.clock import PublishedTime
from gateway.clock import ProcessClock, SteppedClock
from service.lab.timekeeper import Timekeeper, TimekeeperError

START = datetime(2026, 9, 22, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
END = START + 10 * MINUTE


class Part:
    """A process that wants to act at given instants and writes down when it did."""

    def __init__(self, name: str, log: list[tuple[str, datetime]], *due: datetime) -> None:
        self.name, self.log, self.due = name, log, sorted(due)
        self.clock: ProcessClock | None = None

    async def settle(self, now: datetime) -> datetime | None:
        self.log.append((self.name, now))
        self.due = [when for when in self.due if when > now]
        return self.due[0] if self.due else None

    async def follow(self, keeper: Timekeeper, phase: int) -> None:
        connecting = SteppedClock.connect(
            address=keeper.address, participant=self.name, phase=phase
        )
        async with connecting as clock:
            self.clock = clock
            clock.on_tick(self.settle)
            await asyncio.Event().wait()


async def test_instants_are_those_asked_for_and_the_walk_keeps_its_direction() -> None:
    log: list[tuple[str, datetime]] = []
    core = Part("core", log, START + 3 * MINUTE, START + 7 * MINUTE)
    hub = Part("hub-a", log, START + 5 * MINUTE)
    devices = Part("devices", log, START + 3 * MINUTE)
    async with Timekeeper(START) as keeper, asyncio.TaskGroup() as group:
        host, _, port = keeper.address.rpartition(":")
        published = PublishedTime(host, int(port))
        running = [
            group.create_task(core.follow(keeper, 2)),
            group.create_task(hub.follow(keeper, 1)),
            group.create_task(published.run(devices.settle)),
        ]
        await keeper.joined("core", "hub-a", "devices", timeout_s=5)
        instants = [now async for now in keeper.replay(lambda: END)]
        assert instants == [START + n * MINUTE for n in (0, 3, 5, 7, 10)]
        at_three = [name for name, now in log if now == START + 3 * MINUTE]
        assert at_three == ["core", "hub-a", "devices", "hub-a", "core"]
        keeper.hand_over()
        await asyncio.sleep(0.1)
        assert core.clock is not None
        assert core.clock.now() > END + timedelta(days=1)
        assert published.now > END + timedelta(days=1)
        for task in running:
            task.cancel()


async def test_a_receiver_is_never_behind_its_sender() -> None:
    seen: list[tuple[datetime, datetime]] = []

    async with Timekeeper(START) as keeper, asyncio.TaskGroup() as group:
        core = Part("core", [])

        async def send(now: datetime) -> datetime | None:
            assert core.clock is not None
            seen.append((now, core.clock.now()))
            return START + 4 * MINUTE if now < START + 4 * MINUTE else None

        host, _, port = keeper.address.rpartition(":")
        following = group.create_task(core.follow(keeper, 2))
        await keeper.joined("core", timeout_s=5)
        sending = group.create_task(PublishedTime(host, int(port)).run(send))
        await keeper.joined("devices", timeout_s=5)
        async for _ in keeper.replay(lambda: END):
            pass
        assert [now for now, _ in seen] == [START, START + 4 * MINUTE, END]
        assert all(sent_at == core_now for sent_at, core_now in seen)
        following.cancel()
        sending.cancel()


async def test_an_instant_waits_for_a_process_that_was_restarted() -> None:
    log: list[tuple[str, datetime]] = []
    async with Timekeeper(START, quiet_s=5) as keeper, asyncio.TaskGroup() as group:
        first = group.create_task(Part("core", log, START + MINUTE).follow(keeper, 2))
        await keeper.joined("core", timeout_s=5)
        instants = keeper.replay(lambda: END)
        assert await anext(instants) == START
        first.cancel()
        await asyncio.sleep(0.05)
        again = Part("core again", log)
        again.name = "core"
        second = group.create_task(again.follow(keeper, 2))
        assert await anext(instants) == START + MINUTE
        assert again.clock is not None
        assert again.clock.now() == START + MINUTE
        second.cancel()
        await instants.aclose()


async def test_who_never_rests_is_named() -> None:
    async with Timekeeper(START) as keeper, asyncio.TaskGroup() as group:

        async def restless(now: datetime) -> datetime | None:
            return now

        host, _, port = keeper.address.rpartition(":")
        task = group.create_task(PublishedTime(host, int(port)).run(restless))
        await keeper.joined("devices", timeout_s=5)
        with pytest.raises(TimekeeperError, match="devices: not at rest"):
            await anext(keeper.replay(lambda: END))
        task.cancel()


async def test_who_does_not_come_or_does_not_answer_is_named() -> None:
    async with Timekeeper(START, quiet_s=0.1) as keeper, asyncio.TaskGroup() as group:
        with pytest.raises(TimekeeperError, match="core did not join"):
            await keeper.joined("core", timeout_s=0.05)

        async def stuck(_: datetime) -> datetime | None:
            await asyncio.Event().wait()

        host, _, port = keeper.address.rpartition(":")
        task = group.create_task(PublishedTime(host, int(port)).run(stuck))
        await keeper.joined("devices", timeout_s=5)
        with pytest.raises(TimekeeperError, match="devices was not quiet"):
            await anext(keeper.replay(lambda: END))
        task.cancel()


async def test_who_joins_after_the_hand_over_follows_the_wall() -> None:
    async with Timekeeper(START) as keeper, asyncio.TaskGroup() as group:
        keeper.hand_over()
        core = Part("core", [])
        task = group.create_task(core.follow(keeper, 2))
        await keeper.joined("core", timeout_s=5)
        await asyncio.sleep(0.05)
        assert core.clock is not None
        assert core.clock.now() > START + timedelta(days=1)
        task.cancel()
