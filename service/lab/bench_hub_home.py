"""The home of `hearthwatch bench hub`: a hub, its radio and five cuffs, in a process of their own.

Runs as `python -m service.lab.bench_hub_home FOLDER HOST PORT PASSWORD` and imports nothing that a
hub does not: what the other benches bring along would count as the hub's memory. It says `ready`
when the hub serves, and again when each cuff has measured, for which a line of input asks.
"""

import asyncio
import secrets
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from firmware_sim.peripheral import BloodPressureCuff
from gateway.clock import WallClock
from gateway.hub import Hub
from gateway.hub_settings import HubSettings, TimeSource
from gateway.spool_devices import PairedDevice
from rules.vocabulary import DeviceRef
from service.lab.bench_hub_air import READY, cuffs

HUB = "hub-bench"


@asynccontextmanager
async def home(
    folder: Path, host: str, port: int, password: str
) -> AsyncGenerator[list[BloodPressureCuff]]:
    """A hub that knows five cuffs; they sleep, as cuffs do between measurements."""
    settings = HubSettings(
        hub_id=HUB,
        secret_hex=SecretStr(secrets.token_hex(32)),
        data_dir=folder,
        time_source=TimeSource.ALWAYS,
        broker_host=host,
        broker_port=port,
        broker_password=SecretStr(password),
        page_port=0,
    )
    async with cuffs() as (radio, found), AsyncExitStack() as stack:
        hub = await stack.enter_async_context(
            Hub(
                settings,
                WallClock(),
                scanner_backend=radio.scanner_backend,
                client_backend=radio.client_backend,
            )
        )
        assert hub.radio is not None
        for cuff in found:
            plate = cuff.identity
            ref = DeviceRef(manufacturer=plate.manufacturer, model=plate.model, serial=plate.serial)
            paired = PairedDevice(address=plate.address, device=ref, command_version=0)
            await hub.radio.remember(paired)
        yield found


async def _live(arguments: Sequence[str]) -> None:
    folder, host, port, password = arguments
    async with home(Path(folder), host, int(port), password) as cuffs_:
        _say()
        await asyncio.to_thread(sys.stdin.readline)
        for cuff in cuffs_:
            await cuff.measure(systolic=138, diastolic=88, pulse=70, at=WallClock().now())
        for cuff in cuffs_:
            await cuff.transferred()
        _say()
        await asyncio.to_thread(sys.stdin.readline)


def _say() -> None:
    sys.stdout.write(READY)
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_live(sys.argv[1:]))
