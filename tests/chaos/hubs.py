"""The hubs of a chaos run: ours in a process that can be killed, and the simulator's own kind."""

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from firmware_sim.hub_clock import HubClock
from firmware_sim.mqtt_line import LineError, Login
from firmware_sim.sim_hub import SimHub
from firmware_sim.uplink_words import FORMER_VERSION, VERSION, Lane
from rules.wire import encode_observation
from tests.chaos.plan import Key, Measured, hub_of, observation_of, simulated

ROOT = Path(__file__).parents[2]
_TEND_S = 0.5
_PING_IDLE_S = 10.0
_REPORT_S = 3.0
_FORMER_EACH = 3
"""Every so many homes one whose hub is a version behind: a county is never upgraded in a day."""


@dataclass(slots=True)
class OurHubs:
    """`homes.py` as a child: what it has not called spooled is told again after its death.

    Attributes:
        where: What the child is told first: broker, spools, hubs with their secrets.
        spooled: Numbers of the readings that are on its disk.
    """

    where: Mapping[str, object]
    log: Path
    environment: Mapping[str, str]
    spooled: set[int] = field(default_factory=set[int])
    _told: dict[int, Measured] = field(default_factory=dict[int, Measured])
    _process: asyncio.subprocess.Process | None = None
    _rest: asyncio.Future[bool] | None = None

    def measure(self, reading: Measured) -> None:
        """A device tells one of these hubs a reading, again and again until it is spooled."""
        self._told[len(self._told)] = reading
        self._tell(len(self._told) - 1)

    def kill(self) -> None:
        """Kill -9; `keep_running` starts it again."""
        if self._process is not None and self._process.returncode is None:
            os.kill(self._process.pid, signal.SIGKILL)

    async def at_rest(self) -> bool:
        """Whether everything told is spooled and receipted by the core."""
        process = self._process
        if len(self.spooled) < len(self._told) or process is None or process.stdin is None:
            return False
        self._rest = asyncio.get_running_loop().create_future()
        process.stdin.write(b"{}\n")
        return await self._rest

    async def keep_running(self) -> None:
        """Start the child, and again whenever it has ended: for ever."""
        while True:
            await self._start()
            assert self._process is not None
            assert self._process.stdout is not None
            for number in self._told.keys() - self.spooled:
                self._tell(number)
            while line := await self._process.stdout.readline():
                self._hear(cast("dict[str, object]", json.loads(line)))
            await self._process.wait()
            if self._rest is not None and not self._rest.done():
                self._rest.set_result(False)

    def stop(self) -> None:
        """End the child for good."""
        self.kill()

    async def _start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.chaos.homes"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=dict(self.environment),
            )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(self.where).encode() + b"\n")

    def _tell(self, number: int) -> None:
        if self._process is None or self._process.stdin is None:
            return
        reading = self._told[number]
        message = {
            "spool": str(number),
            "hub": hub_of(reading.home),
            "observation": base64.b64encode(encode_observation(observation_of(reading))).decode(),
        }
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    def _hear(self, said: Mapping[str, object]) -> None:
        if "spooled" in said:
            self.spooled.add(int(str(said["spooled"])))
        elif self._rest is not None and not self._rest.done():
            self._rest.set_result(said["at_rest"] is True)


class TheirHubs:
    """Hubs of the independent simulator, whose memory outlives every blow."""

    def __init__(
        self, homes: Sequence[int], login_of: Callable[[str], Login], now: datetime
    ) -> None:
        """One hub a home, not connected yet."""
        clock = asyncio.get_running_loop().time
        self._login_of = login_of
        self.hubs = {
            home: SimHub(
                *(hub_of(home), HubClock(now)),
                monotonic=clock,
                version=FORMER_VERSION if place % _FORMER_EACH == 0 else VERSION,
            )
            for place, home in enumerate(homes)
        }
        self._keys: dict[tuple[int, Lane], list[Key]] = {}

    def measure(self, reading: Measured) -> None:
        """A device tells one of these hubs a reading."""
        hub = self.hubs[reading.home]
        identity, said = simulated(reading)
        lane = Lane.BACKLOG if reading.is_backlog else Lane.LIVE
        self._keys.setdefault((reading.home, lane), []).append(reading.key)
        try:
            hub.measure(identity, said, at=reading.at, lane=lane)
        except LineError:  # spooled all the same; `tend` sees to the line
            hub.disconnect()

    def receipted(self) -> set[Key]:
        """What the core has said that it has."""
        return {
            key
            for (home, lane), keys in self._keys.items()
            for key in keys[: self.hubs[home].lanes[lane].through]
        }

    @property
    def told_in_former_version(self) -> int:
        """How many readings hubs told that are a version behind."""
        behind = {home for home, hub in self.hubs.items() if hub.version == FORMER_VERSION}
        return sum(len(keys) for (home, _), keys in self._keys.items() if home in behind)

    @property
    def left(self) -> dict[str, tuple[int, int]]:
        """How many readings of which hubs wait, live and backlog."""
        return {hub.name: hub.waiting for hub in self.hubs.values() if hub.waiting != (0, 0)}

    def at_rest(self) -> bool:
        """Whether the core has receipted everything."""
        return not self.left

    async def tend(self) -> None:
        """Connect, connect again, notice lanes without progress, report: for ever."""
        loop = asyncio.get_running_loop()
        reported_s = loop.time()
        while True:
            reports = loop.time() - reported_s >= _REPORT_S
            reported_s = loop.time() if reports else reported_s
            for hub in self.hubs.values():
                line = hub.line
                try:
                    if line is None or line.lost is not None:
                        hub.line = None
                        async with asyncio.timeout(5):
                            await hub.connect(self._login_of(hub.name))
                    else:
                        line.beat(_PING_IDLE_S)
                        hub.mind()
                        if reports:
                            hub.report(datetime.now(UTC))  # noqa: TID251 - a test's own wall
                except (LineError, OSError):
                    break  # the broker is not back yet: the next round tries again
            await asyncio.sleep(_TEND_S)

    def close(self) -> None:
        """Hang up everywhere."""
        for hub in self.hubs.values():
            if hub.line is not None:
                hub.line.abort()
