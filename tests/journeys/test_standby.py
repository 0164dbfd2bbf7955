"""A second core takes over within 15 s when the first dies or stalls; a stalled one writes not."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import asyncpg
import pytest

from firmware_sim.device_clock import CHINA
from firmware_sim.hub_clock import HubClock
from firmware_sim.load import devices_of, hub_name
from firmware_sim.readings import typical_reading
from firmware_sim.sim_hub import SimHub
from gateway.broker import LocalBroker
from gateway.core_command import EXIT_LEASE_LOST
from service.lab.load_county import core_of, login_at, register_homes
from tests.fixtures.database import Database

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.row("L1")]

TAKEN_OVER_S = 15.0
ROOT = Path(__file__).parents[2]


@dataclass(slots=True)
class Pair:
    """Two cores over one database and one broker, and a home that measures."""

    broker: LocalBroker
    dsn: str
    owner: "asyncpg.Connection[asyncpg.Record]"
    folder: Path
    hub: SimHub
    cores: dict[str, asyncio.subprocess.Process]
    measured: int = 0

    async def start(self, name: str) -> asyncio.subprocess.Process:
        """A core of that name."""
        child = core_of(self.broker, self.dsn)
        with (self.folder / f"{name}.log").open("ab") as log:
            self.cores[name] = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "service.cli", *child.arguments, "--holder", name),
                env={**os.environ, **child.environment},  # noqa: TID251 - the test's own, and more
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        return self.cores[name]

    async def owned_by(self, name: str, *, within_s: float) -> float:
        """Seconds until a core of that name has the lease."""
        clock = asyncio.get_running_loop().time
        began = clock()
        async with asyncio.timeout(within_s):
            holder = "SELECT holder FROM core.lease"
            while await self.owner.fetchval(holder) != name:  # noqa: ASYNC110 - another's row
                await asyncio.sleep(0.05)
        return clock() - began

    def measure(self) -> None:
        """The home's hub takes a reading and sends it."""
        now = datetime.now(UTC)  # noqa: TID251 - a test's own wall
        self.measured += 1
        shown = now.astimezone(CHINA).replace(tzinfo=None, microsecond=0)
        reading = typical_reading(
            "blood_pressure", self.chance(), shown=shown, sequence=self.measured
        )
        self.hub.measure(devices_of(0)[0], reading, at=now)

    async def receipted(self, *, within_s: float) -> float:
        """Seconds until everything measured is committed; the hub's own timers are not waited for.

        Raises:
            TimeoutError: it is not.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        async with asyncio.timeout(within_s):
            while self.hub.waiting != (0, 0):  # noqa: ASYNC110 - a hub of the simulator
                await asyncio.sleep(0.02)
        return clock() - began

    def chance(self) -> Random:
        """The same readings every time."""
        return Random(self.measured)  # noqa: S311 - a test's dice


@contextlib.asynccontextmanager
async def pair_of_cores(database: Database, folder: Path) -> AsyncGenerator[Pair]:
    await register_homes(database.dsn, 1)
    name = hub_name(0)
    async with LocalBroker(folder / "broker", users=("core", name), choice="mosquitto") as broker:
        owner = await asyncpg.connect(database.dsn)
        now = datetime.now(UTC)  # noqa: TID251 - a test's own wall
        clock = asyncio.get_running_loop().time
        hub = SimHub(name, HubClock(now), monotonic=clock)
        pair = Pair(broker, database.dsn_as("hw_core"), owner, folder, hub, {})
        try:
            await pair.start("first")
            await pair.owned_by("first", within_s=30)
            await hub.connect(login_at(broker, name))
            pair.measure()
            await pair.receipted(within_s=30)
            await pair.start("second")
            yield pair
        finally:
            hub.disconnect()
            for core in pair.cores.values():
                if core.returncode is None:
                    core.kill()
                    await core.wait()
            await owner.close()


async def standing_by(pair: Pair) -> None:
    """Return when the second core has asked for the lease and was refused."""
    log = pair.folder / "second.log"
    async with asyncio.timeout(30):
        while "standing by" not in log.read_text():  # noqa: ASYNC110 - a log
            await asyncio.sleep(0.05)


async def test_a_dead_core_is_followed_at_once(database: Database, tmp_path: Path) -> None:
    async with pair_of_cores(database, tmp_path) as pair:
        await standing_by(pair)
        pair.cores["first"].kill()
        pair.measure()
        assert await pair.receipted(within_s=TAKEN_OVER_S) < TAKEN_OVER_S
        assert await pair.owner.fetchval("SELECT holder FROM core.lease") == "second"
        assert await pair.owner.fetchval("SELECT count(*) FROM core.observation") == pair.measured


@pytest.mark.parametrize("in_a_batch", [False, True])
async def test_a_stalled_core_is_followed_and_cannot_commit_when_it_wakes(
    database: Database, tmp_path: Path, *, in_a_batch: bool
) -> None:
    """Stalled between two batches, and in the middle of one, with the lease's row locked."""
    async with pair_of_cores(database, tmp_path) as pair:
        await standing_by(pair)
        first = pair.cores["first"]
        blocker = await asyncpg.connect(database.dsn)
        if in_a_batch:
            transaction = blocker.transaction()
            await transaction.start()
            await blocker.execute("LOCK TABLE core.receipt IN EXCLUSIVE MODE")
            pair.measure()
            await _waits_for_a_lock(pair)
            first.send_signal(signal.SIGSTOP)
            await transaction.rollback()
        else:
            first.send_signal(signal.SIGSTOP)
            pair.measure()
        await blocker.close()
        taken_s = await pair.receipted(within_s=TAKEN_OVER_S)
        assert taken_s < TAKEN_OVER_S
        assert await pair.owner.fetchval("SELECT holder FROM core.lease") == "second"

        first.send_signal(signal.SIGCONT)
        assert await asyncio.wait_for(first.wait(), 20) == EXIT_LEASE_LOST
        pair.measure()
        await pair.receipted(within_s=TAKEN_OVER_S)
        assert await pair.owner.fetchval("SELECT count(*) FROM core.observation") == pair.measured
        assert await pair.owner.fetchval("SELECT holder FROM core.lease") == "second"


async def _waits_for_a_lock(pair: Pair) -> None:
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::regclass"
    async with asyncio.timeout(20):
        while not await pair.owner.fetchval(waits, "core.receipt"):  # noqa: ASYNC110 - the server's
            await asyncio.sleep(0.02)
