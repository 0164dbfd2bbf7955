"""A heart-rate strap tells a value each second for as long as it is worn: a sample of it is taken.

Three values, the last of each ten seconds with skin contact, then the link is given back: three
points confirm each other, and thirty seconds are what a resting pulse is counted over. A value
without contact is no pulse and is not taken. What a strap has buffered before counts as its newest.
"""

import asyncio

from device_adapters.adapter import DecodeError
from device_adapters.ble.characteristics import HEART_RATE
from device_adapters.ble.hand_over import HandOver
from device_adapters.ble.inflow import Arrival, Inflow
from device_adapters.ble.link import Link
from device_adapters.ble.registry import decode
from device_adapters.ble.session import SessionReason, SessionSetup

SAMPLES = 3
"""Values of a session, see above."""


async def sample(
    link: Link, inflow: Inflow, hand_over: HandOver, setup: SessionSetup
) -> SessionReason:
    """Listen for at most `SAMPLES` steps and hand on one value of each.

    Returns:
        SAMPLED when there was something, QUIET for a silent strap, HUNG_UP for one that left.

    Raises:
        LinkError: the strap refuses, or the link broke.
    """
    await link.subscribe(HEART_RATE, inflow.taker(HEART_RATE))
    reason = SessionReason.QUIET
    wait_s = setup.first_wait_s
    for _ in range(SAMPLES):
        first = await _next(inflow, wait_s)
        if isinstance(first, _Nothing):
            break
        if first is None:
            reason = SessionReason.HUNG_UP
            break
        taken, over = await _last_of_a_step(first, inflow, setup.stream_step_s)
        if taken is not None:
            await hand_over.take(taken)
        if over:
            reason = SessionReason.HUNG_UP
            break
        wait_s = setup.quiet_s
    return SessionReason.SAMPLED if hand_over.began else reason


class _Nothing:
    """Silence."""


async def _next(inflow: Inflow, wait_s: float) -> Arrival | _Nothing | None:
    try:
        return await inflow.next(wait_s)
    except TimeoutError:
        return _Nothing()


async def _last_of_a_step(
    first: Arrival, inflow: Inflow, step_s: float
) -> tuple[Arrival | None, bool]:
    """The last usable value of a step, and whether the strap left during it."""
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + step_s
    taken = first if _is_usable(first) else None
    while (left_s := ends_s - loop.time()) > 0:
        arrival = await _next(inflow, left_s)
        if isinstance(arrival, _Nothing):
            break
        if arrival is None:
            return taken, True
        if _is_usable(arrival):
            taken = arrival
    return taken, False


def _is_usable(arrival: Arrival) -> bool:
    """Whether the strap touched skin; a value that cannot be read is kept, to be refused."""
    try:
        records = decode(arrival.characteristic, arrival.payload)
    except DecodeError:
        return True
    return all(record.context.get("skin_contact") != "false" for record in records)
