"""A hub's Bluetooth side to be measured: the real adapter, sessions and spool, on a virtual link.

What is left out of a hub is what comes after the disk: red path, uplink, page.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from device_adapters.adapter import DecodeError, Frame
from device_adapters.ble.central import BleCentral, CentralSettings
from device_adapters.ble.clocks import ClockSet
from device_adapters.ble.radio import BleakRadio
from device_adapters.ble.session import SessionSummary
from firmware_sim.bleak_backend import VirtualRadio
from gateway.clock import Clock, WallClock
from gateway.hub_sessions import Sessions
from gateway.spool import Spool
from rules.identity import observation_identity
from rules.vocabulary import HubId, HubStamp, Observation

HUB = HubId("hub-bench")
ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(slots=True)
class Ear:
    """Takes what devices say, as a hub does, and notes when each record was on the disk.

    Attributes:
        sessions: The hub's own ear behind this one.
        first_heard_s: When the first advertisement of a served device arrived, on the monotonic
            clock; None before.
        durable_s: When each record was durable, on the same clock, in order of arrival.
        fsync_s: From the radio's callback to durable, for each of them.
        identities: Which record each of them is; a repetition has the same one.
    """

    sessions: Sessions
    first_heard_s: float | None = None
    durable_s: list[float] = field(default_factory=list[float])
    fsync_s: list[float] = field(default_factory=list[float])
    identities: set[str] = field(default_factory=set[str])

    async def on_observation(self, observation: Observation) -> None:
        """Keep it, and note how long that took since the callback."""
        await self.sessions.on_observation(observation)
        now_s = time.perf_counter()
        self.durable_s.append(now_s)
        self.fsync_s.append(now_s - observation.received.monotonic_s)
        self.identities.add(observation_identity(observation))

    async def on_refused(self, frame: Frame, error: DecodeError) -> None:
        """Keep the octets."""
        await self.sessions.on_refused(frame, error)

    async def on_clock_set(self, address: str, sets: tuple[ClockSet, ...]) -> bool:
        """Keep when a device's clock was set."""
        return await self.sessions.on_clock_set(address, sets)

    async def on_session_end(self, summary: SessionSummary) -> None:
        """Decide the session's records."""
        await self.sessions.on_session_end(summary)

    async def holds(self, records: int) -> None:
        """Return once so many different records are durable."""
        while len(self.identities) < records:  # noqa: ASYNC110 - what is measured gets no hook
            await asyncio.sleep(0.001)


@asynccontextmanager
async def serving(
    folder: Path, radio: VirtualRadio, addresses: Collection[str]
) -> AsyncGenerator[Ear]:
    """A hub that serves these bonded devices until the end of the block; the spool is in `folder`.

    Raises:
        SpoolError: the folder cannot be written (in an exception group).
    """
    clock: Clock = WallClock()
    async with Spool.open(folder / "spool.db") as spool:
        ear = Ear(Sessions(spool=spool, zone=ZONE, on_spooled=_nobody, on_end=_nothing))

        def served() -> Collection[str]:
            if ear.first_heard_s is None:
                ear.first_heard_s = time.perf_counter()
            return addresses

        central = BleCentral(
            CentralSettings(hub=HUB, zone=ZONE),
            stamps=lambda: _stamp(clock),
            listener=ear,
            radio=BleakRadio(radio.scanner_backend, radio.client_backend),
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(central.sessions(served), name="served")
            try:
                yield ear
            finally:
                task.cancel()


def _stamp(clock: Clock) -> HubStamp:
    return HubStamp(
        boot_id="bench", monotonic_s=time.perf_counter(), wall=clock.now(), wall_trusted=True
    )


async def _nobody(_observations: list[Observation]) -> None:
    """Nobody shows them."""


async def _nothing(_summary: SessionSummary) -> None:
    """Nobody is told."""
