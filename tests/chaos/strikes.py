"""How each blow is struck, and when it is over."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import asyncpg

from tests.chaos.county import DATABASE, HitCounty
from tests.chaos.hubs import ROOT, OurHubs
from tests.chaos.ledger import History
from tests.chaos.lines import Line
from tests.chaos.plan import Blow


@dataclass(slots=True)
class Strikes:
    """Everything that can be done to a county."""

    county: HitCounty
    ours: OurHubs
    history: History
    chance: Random
    _is_backed_up: bool = False

    async def strike(self, blow: Blow) -> None:
        """Do it; returns when what was broken on purpose is whole again, not when all is well."""
        await self._ways()[blow]()

    def _ways(self) -> Mapping[Blow, Callable[[], Awaitable[None]]]:
        county = self.county
        return {
            Blow.KILL_CORE: self._kill_core,
            Blow.KILL_BROKER: lambda: county.kill_broker(self._pause()),
            Blow.KILL_DATABASE: lambda: county.kill_database(self._pause()),
            Blow.KILL_HUBS: self._kill_hubs,
            Blow.KILL_ALL: self._kill_all,
            Blow.CUT_HUBS: lambda: self._broken(county.hubs_to_broker, Line.cut),
            Blow.CUT_BROKER: lambda: self._broken(county.to_broker, Line.cut),
            Blow.CUT_DATABASE: lambda: self._broken(county.to_database, Line.cut),
            Blow.HOLD_HUBS: lambda: self._broken(county.hubs_to_broker, Line.hold),
            Blow.HOLD_BROKER: lambda: self._broken(county.to_broker, Line.hold),
            Blow.HOLD_DATABASE: lambda: self._broken(county.to_database, Line.hold),
            Blow.SLOW: self._slow,
            Blow.DISK_FULL: self._fill,
            Blow.CLOCK_FORWARD: lambda: self._jump(3600),
            Blow.CLOCK_BACK: lambda: self._jump(-3600),
            Blow.RESTORE: self._restore,
        }

    def _pause(self) -> float:
        return self.chance.uniform(0.05, 1.0)

    async def _kill_core(self) -> None:
        self.county.kill_core()

    async def _kill_hubs(self) -> None:
        self.ours.kill()

    async def _kill_all(self) -> None:
        pauses = self._pause(), self._pause()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.county.kill_broker(pauses[0]))
            group.create_task(self.county.kill_database(pauses[1]))
            self.county.kill_core()

    async def _broken(self, line: Line, how: Callable[[Line], None]) -> None:
        how(line)
        await asyncio.sleep(self.chance.uniform(1.0, 4.0))
        line.heal()

    async def _slow(self) -> None:
        lines = (self.county.to_database, self.county.to_broker, self.county.hubs_to_broker)
        for line in lines:
            line.delay_s = 0.2
        await asyncio.sleep(4)
        for line in lines:
            line.heal()

    async def _fill(self) -> None:
        self.county.fill_disk()
        await asyncio.sleep(5)
        self.county.empty_disk()
        try:
            await (await asyncpg.connect(self.county.postgres.dsn, timeout=5)).close()
        except (OSError, asyncpg.PostgresError):  # it gave up when its log could not be written
            await self.county.restart_database()

    async def _jump(self, offset_s: float) -> None:
        self.county.set_clock(offset_s)
        await asyncio.sleep(4)
        self.county.set_clock(0)

    async def back_up(self) -> None:
        """Take the backup that a restore puts back, while everything runs; only one."""
        if self._is_backed_up:
            return
        await self._database("backup", self._backup)
        self._is_backed_up = True

    @property
    def _backup(self) -> Path:
        return self.county.folder / "yesterday.dump"

    async def _restore(self) -> None:
        """Lose the database, and put back what was copied long ago."""
        if not self._is_backed_up:
            await self.back_up()
            await asyncio.sleep(4)
        await self.county.stop_core()
        owner = await asyncpg.connect(self.county.postgres.dsn)
        before = await self.history.batches(owner)
        await owner.close()
        admin = await asyncpg.connect(self.county.postgres.dsn_of("postgres"))
        await admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
        await admin.execute(f"CREATE DATABASE {DATABASE}")
        await admin.close()
        await self._database("restore", self._backup)
        owner = await asyncpg.connect(self.county.postgres.dsn)
        await self.history.restored(before, owner)
        await owner.close()
        self.county.start_core()

    async def _database(self, action: str, backup: Path) -> None:
        """`hearthwatch db backup` or `restore`, as an operator calls it."""
        command = (sys.executable, "-m", "service.cli", "db", action, str(backup))
        process = await asyncio.create_subprocess_exec(
            *(*command, "--dsn", self.county.postgres.dsn),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, f"db {action}: {output.decode()}"
