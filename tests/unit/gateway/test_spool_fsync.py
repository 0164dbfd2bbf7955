"""What the spool promises is behind an fsync: `synchronous=FULL` at the very commit.

SQLite syncs the WAL at a commit when the connection's level is FULL (2), and not when it is NORMAL
(1). The connection here is a real one that notes its level at each COMMIT.
"""

import functools
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from device_adapters.ble.clocks import ClockSet
from gateway.refused import Refused
from gateway.spool import Spool
from gateway.spool_devices import PairedDevice
from rules.vocabulary import CoincidentClocks, Origin
from rules.wire import Lane
from tests.unit.gateway.observations import CUFF, START, blood_pressure

pytestmark = pytest.mark.row("P22")

FULL, NORMAL = 2, 1
Write = Callable[[Spool], Awaitable[object]]


class Watched(sqlite3.Connection):
    """A connection that notes with which `synchronous` each transaction is committed."""

    levels: list[int]

    def execute(self, sql: str, parameters: object = (), /) -> sqlite3.Cursor:
        if sql == "COMMIT":
            (level,) = super().execute("PRAGMA synchronous").fetchone()
            self.levels.append(level)
        return super().execute(sql, parameters)  # pyright: ignore[reportArgumentType] - handed on


@dataclass
class Levels:
    """Those of every connection that was opened meanwhile."""

    all: list[int] = field(default_factory=list[int])

    async def of(self, write: Awaitable[object]) -> list[int]:
        """Those of the commits until the promise is given."""
        self.all.clear()
        await write
        return list(self.all)


@asynccontextmanager
async def watched(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> AsyncGenerator[tuple[Spool, Levels]]:
    levels = Levels()
    Watched.levels = levels.all
    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Watched))
    async with Spool.open(folder / "spool.db") as spool:
        yield spool, levels


PAIRED = PairedDevice(address="C0:01", device=CUFF, command_version=0)
PAIR = CoincidentClocks(device_time=START.replace(tzinfo=None), hub_time=START)
REFUSED = Refused(source="2A35", reason="too short", field="byte 6", raw=b"\x1e")


async def _decide(spool: Spool) -> None:
    """The session's record was added before the levels are looked at."""
    await spool.decide("s1", [Origin.LIVE])


PROMISES: dict[str, Write] = {
    "add": lambda spool: spool.add(blood_pressure(2, session="s2")),
    "add_decided": lambda spool: spool.add_decided([blood_pressure(3, origin=Origin.LIVE)]),
    "add_refused": lambda spool: spool.add_refused(REFUSED, "s3"),
    "decide": _decide,
    "remember_paired": lambda spool: spool.remember_paired(PAIRED),
    "remember_clock_sets": lambda spool: spool.remember_clock_sets("C0:01", [ClockSet(seen=PAIR)]),
    "remember_command": lambda spool: spool.remember_command(b"{}"),
}


@pytest.mark.parametrize("promise", PROMISES)
async def test_what_is_promised_was_committed_with_an_fsync(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, promise: str
) -> None:
    async with watched(monkeypatch, tmp_path) as (spool, levels):
        await spool.add(blood_pressure(1))
        await spool.waiting()  # a look needs none, and must not weaken what follows
        assert set(await levels.of(PROMISES[promise](spool))) == {FULL}


async def test_a_look_costs_no_fsync_and_a_receipt_that_comes_again_neither(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with watched(monkeypatch, tmp_path) as (spool, levels):
        await spool.add_decided([blood_pressure(1, origin=Origin.LIVE)])
        assert await levels.of(spool.waiting()) == [NORMAL]
        assert await levels.of(spool.receipt(Lane.LIVE, 1, START)) == [NORMAL]
