"""The devices of `hearthwatch bench hub` without a hub: what their simulator costs by itself.

Runs as a process of its own (`python -m service.lab.bench_hub_air`) and imports nothing of the hub.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from firmware_sim.bleak_backend import VirtualRadio
from firmware_sim.identity import Identity
from firmware_sim.link import VirtualLink
from firmware_sim.peripheral import BloodPressureCuff

DEVICES = 5
RADIO = "C0:FF:EE:00:00:01"
MAKER, MODEL = "Hearth", "BP-200"
READY = "ready\n"


@asynccontextmanager
async def cuffs() -> AsyncGenerator[tuple[VirtualRadio, list[BloodPressureCuff]]]:
    """A radio and five cuffs that sleep, as cuffs do between measurements."""
    link = VirtualLink()
    async with AsyncExitStack() as stack:
        radio = await stack.enter_async_context(VirtualRadio(link, RADIO))
        found: list[BloodPressureCuff] = []
        for number in range(DEVICES):
            identity = Identity(
                manufacturer=MAKER,
                model=MODEL,
                serial=f"H-{number}",
                address=f"C0:00:00:00:02:0{number}",
                name=f"HEARTH-BP-H{number}",
            )
            cuff = BloodPressureCuff(link, identity)
            found.append(await stack.enter_async_context(cuff))
        yield radio, found


async def _play() -> None:
    async with cuffs():
        sys.stdout.write(READY)
        sys.stdout.flush()
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(_play())
