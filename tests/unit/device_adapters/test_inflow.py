"""Silence is what the hub has listened to, not what passed while its process was held up."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from device_adapters.ble.inflow import Inflow
from rules.vocabulary import HubStamp

WAIT_S = 0.5
STAMP = HubStamp(
    boot_id="b", monotonic_s=0.0, wall=datetime(2026, 3, 1, tzinfo=UTC), wall_trusted=True
)


async def test_a_value_that_waits_behind_a_pause_of_the_process_is_no_silence() -> None:
    inflow = Inflow(lambda: STAMP)
    loop = asyncio.get_running_loop()

    def deliver_after(turns: int) -> None:
        # A radio's value takes several turns of the loop from the socket to here.
        if turns:
            loop.call_soon(deliver_after, turns - 1)
        else:
            inflow.taker("2A35")(b"\x01")

    def held_up() -> None:
        time.sleep(WAIT_S * 1.5)
        deliver_after(10)

    loop.call_soon(held_up)
    arrival = await inflow.next(WAIT_S)
    assert arrival is not None
    assert arrival.payload == b"\x01"


async def test_a_silence_that_was_listened_to_ends_the_wait() -> None:
    inflow = Inflow(lambda: STAMP)
    with pytest.raises(TimeoutError):
        await inflow.next(0.01)
