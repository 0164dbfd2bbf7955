import asyncio

import pytest

from device_adapters.mqtt.client import MqttUnavailable
from gateway.reconnect import Line


async def test_a_line_cancelled_in_the_moment_it_breaks_ends() -> None:
    line = Line("line", "hub-a")
    broken = asyncio.Event()
    served = 0

    async def breaks() -> None:
        await broken.wait()
        raise MqttUnavailable("cut")

    async def serve() -> None:
        nonlocal served
        served += 1
        line.note_up()
        async with asyncio.TaskGroup() as group:
            group.create_task(breaks())

    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(line.keep(serve))
        await asyncio.sleep(0.01)
        broken.set()
        await asyncio.sleep(0)
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(2):
                await keeping
    assert served == 1


async def test_a_broken_line_is_made_again() -> None:
    line = Line("line", "hub-a")
    again = asyncio.Event()
    states: list[bool] = []

    async def serve() -> None:
        states.append(line.up)
        line.note_up()
        if len(states) == 1:
            raise MqttUnavailable("cut")
        if len(states) == 2:
            async with asyncio.TaskGroup() as group:
                group.create_task(breaks())
        again.set()
        await asyncio.Event().wait()

    async def breaks() -> None:
        await asyncio.sleep(0.01)
        raise MqttUnavailable("cut in a child")

    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(line.keep(serve))
        async with asyncio.timeout(5):
            await again.wait()
        keeping.cancel()
    assert states == [False, False, False]
