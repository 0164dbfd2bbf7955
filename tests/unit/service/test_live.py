"""The live bus: topics apart, slow pages lose the oldest, closed pages leave nothing behind."""

import asyncio

import pytest

from service.live import LiveBus


async def test_a_page_hears_its_own_topics_in_order() -> None:
    bus = LiveBus()
    async with bus.subscribe("account:1", "hub:a") as messages:
        assert bus.publish("account:1", "alert x") == 1
        assert bus.publish("account:2", "alert y") == 0
        assert bus.publish("hub:a", "pairing") == 1
        assert [await anext(messages), await anext(messages)] == ["alert x", "pairing"]


async def test_a_page_that_does_not_read_loses_the_oldest_and_blocks_nobody() -> None:
    bus = LiveBus()
    async with bus.subscribe("t") as messages:
        for number in range(1000):
            bus.publish("t", str(number))
        heard = [await anext(messages) for _ in range(64)]
    assert heard == [str(number) for number in range(936, 1000)]


async def test_a_closed_page_is_forgotten() -> None:
    bus = LiveBus()
    async with bus.subscribe("t"), bus.subscribe("t"):
        assert bus.publish("t", "both") == 2
    assert bus.publish("t", "none") == 0


async def test_a_wait_that_was_given_up_costs_no_message() -> None:
    bus = LiveBus()
    async with bus.subscribe("t") as messages:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(messages), 0.01)
        bus.publish("t", "after all")
        assert await anext(messages) == "after all"
