"""`python -m tests.chaos.overload`: three times what the core can commit; what memory does then.

Two thousand hubs of villages carry fifty people each, so that nobody has more readings than a life
has: what a hundred thousand people measure in days comes in five minutes. What the core can commit
is seen first, in a county of its own where nobody was seen before, which costs more than later
readings do: so six times as much is measured for five minutes, with the memory of broker and core
looked at every second, and then nothing: the core must work off what the hubs hold, and everything
must be stored once. How many times its capacity it was is told by the run itself: what is committed
while more always waits. It must be three times.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import psutil

from firmware_sim.clock import run_on_wall
from firmware_sim.load import Load, LoadPlan
from gateway.clock import WallClock
from service.lab.load_county import LoadCounty, load_county

PATIENCE_S = 150.0
TIMES = 3.0
MOST_GROWTH_MB = {"broker": 30.0, "core": 60.0}
"""Memory counts as flat when the highest of the second half is not above that of the first by so
much: the broker's queue of 20,000 and the core's of 20,000 may be full at one time and not at
another."""

SILENT_S = 15.0
"""A core that has not reported for so long counts as dead."""

_FIRST_S, _FIRST_PER_S, _ABOVE = 10.0, 3000.0, 2.0
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Second:
    """What was seen in one second: resident MB, readings measured and receipted so far."""

    at_s: float
    broker_mb: float
    core_mb: float
    published: int
    receipted: int


@dataclass(slots=True, kw_only=True)
class Overloaded:
    """What a run measured.

    Attributes:
        worked_off_s: Seconds from the last reading until the last receipt.
        held: Readings that waited in their hubs, never sent, when the last one was made.
        repeated: Messages sent a second time.
        stored: Rows at the end; `published`: readings measured.
        reports: How often the core has reported of itself while it was worked off.
    """

    worked_off_s: float = 0.0
    held: int = 0
    repeated: int = 0
    stored: int = 0
    published: int = 0
    reports: int = 0
    seconds: list[Second] = field(default_factory=list[Second])

    @property
    def offered_per_s(self) -> float:
        """Readings measured a second."""
        return self.seconds[-1].published / self.seconds[-1].at_s

    @property
    def capacity_per_s(self) -> float:
        """Readings committed a second while more always waited: until the last receipt."""
        return self.published / (self.seconds[-1].at_s + self.worked_off_s)

    @property
    def times(self) -> float:
        """How many times its capacity was offered."""
        return self.offered_per_s / self.capacity_per_s

    @property
    def faults(self) -> list[str]:
        """What was not as it must be."""
        found = [
            f"{name} grew by {self.growth_mb(of):.1f} MB"
            for name, of in _MEMORY.items()
            if self.growth_mb(of) > MOST_GROWTH_MB[name]
        ]
        if self.stored != self.published:
            found.append(f"{self.published} measured, {self.stored} stored")
        if self.reports < self.worked_off_s / SILENT_S - 1:
            found.append(f"{self.reports} reports of the core in {self.worked_off_s:.0f} s")
        return found

    def growth_mb(self, of: Callable[[Second], float]) -> float:
        """Highest MB of the second half of the overload over the highest of its first half."""
        half = len(self.seconds) // 2
        return max(map(of, self.seconds[half:])) - max(map(of, self.seconds[:half]))


_MEMORY: dict[str, Callable[[Second], float]] = {
    "broker": lambda second: second.broker_mb,
    "core": lambda second: second.core_mb,
}


async def overload(
    folder: Path,
    *,
    homes: int,
    people_per_home: int,
    seconds: float,
    rate_per_s: float,
    say: Callable[[str], None],
) -> Overloaded:
    """Run it in an empty folder that other users may enter."""
    result = Overloaded()
    async with load_county(folder, homes, say, people_per_home=people_per_home) as county:
        plan = LoadPlan(
            homes=homes,
            people_per_home=people_per_home,
            rate_per_s=rate_per_s,
            seconds=seconds,
            report_every_s=60,
        )
        load = Load(plan, county.login_of)
        await load.connect(WallClock().now())
        clock = asyncio.get_running_loop().time
        async with _tended(load), asyncio.TaskGroup() as group:
            watching = group.create_task(_watch(county, load, result, say), name="watch")
            await run_on_wall(load.work)
            ended_s, result.held = clock(), load.held
            watching.cancel()
            listening = group.create_task(_listen(county, result), name="listen")
            await load.settled(PATIENCE_S + 10 * seconds)
            listening.cancel()
            result.worked_off_s = clock() - ended_s
        result.repeated, result.published = load.report().repeated, load.published
        load.close()
        result.stored = await _stored(county)
    return result


@contextlib.asynccontextmanager
async def _tended(load: Load) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as group:
        tending = group.create_task(load.tend(), name="tend")
        yield
        tending.cancel()


async def _watch(
    county: LoadCounty, load: Load, result: Overloaded, say: Callable[[str], None]
) -> None:
    core = county.children.pid_of("core")
    assert core is not None
    processes = psutil.Process(county.broker.pid), psutil.Process(core)
    began_s = asyncio.get_running_loop().time()
    while True:
        broker_mb, core_mb = (process.memory_info().rss / _MB for process in processes)
        report, at_s = load.report(), asyncio.get_running_loop().time() - began_s
        second = Second(at_s, broker_mb, core_mb, report.published, report.receipted)
        result.seconds.append(second)
        if len(result.seconds) % 10 == 1:
            say(_line(second))
        await asyncio.sleep(1)


async def _listen(county: LoadCounty, result: Overloaded) -> None:
    """Count the core's reports: who is busy must not look dead (`core_down` after 15 s)."""
    owner = await asyncpg.connect(county.postgres.dsn)
    try:
        last = await owner.fetchval("SELECT at FROM core.pulse")
        while True:
            await asyncio.sleep(1)
            at = await owner.fetchval("SELECT at FROM core.pulse")
            result.reports += at != last
            last = at
    finally:
        await owner.close()


async def _stored(county: LoadCounty) -> int:
    """Rows of the database; no identity twice."""
    owner = await asyncpg.connect(county.postgres.dsn)
    try:
        rows, names = await owner.fetchrow(
            "SELECT count(*), count(DISTINCT identity) FROM core.observation"
        ) or (0, 0)
        assert rows == names
        return int(rows)
    finally:
        await owner.close()


def _line(second: Second) -> str:
    return (
        f"{second.at_s:6.0f} s  broker {second.broker_mb:7.1f} MB  core {second.core_mb:7.1f} MB"
        f"  measured {second.published:8}  committed {second.receipted:8}"
    )


def table(result: Overloaded) -> str:
    """The run, for people: twelve lines of it, and what it comes to."""
    every = max(1, len(result.seconds) // 12)
    lines = [_line(second) for second in result.seconds[::every]]
    broker, core = (result.growth_mb(of) for of in _MEMORY.values())
    summary = (
        f"offered {result.offered_per_s:.0f}/s, committed {result.capacity_per_s:.0f}/s"
        f" ({result.times:.1f} times its capacity);"
        f" growth in the second half: broker {broker:+.1f} MB, core {core:+.1f} MB;"
        f" {result.held} held by hubs at the end, worked off in {result.worked_off_s:.1f} s;"
        f" {result.repeated} sent again; {result.reports} reports of the core meanwhile;"
        f" {result.published} measured, {result.stored} stored"
    )
    return "\n".join([*lines, summary])


def main(words: Sequence[str] | None = None) -> int:
    """Run it and print the table; 1 when memory grew, anything was lost or it was no overload."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--homes", type=int, default=2000)
    parser.add_argument("--people", type=int, default=50, help="at each of them")
    parser.add_argument("--rate", type=float, help="readings a second instead of what is found")
    arguments = parser.parse_args(words)
    rate = arguments.rate
    if rate is None:
        first = _run(arguments.homes, arguments.people, _FIRST_S, _FIRST_PER_S)
        sys.stderr.write(f"capacity about {first.capacity_per_s:.0f}/s\n")
        rate = TIMES * _ABOVE * first.capacity_per_s
    result = _run(arguments.homes, arguments.people, arguments.seconds, rate)
    faults = result.faults
    if arguments.rate is None and result.times < TIMES:
        faults.append(f"offered {result.times:.1f} times its capacity only")
    sys.stdout.write("\n".join([table(result), *faults]) + "\n")
    return 1 if faults else 0


def _run(homes: int, people: int, seconds: float, rate_per_s: float) -> Overloaded:
    def say(text: str) -> None:
        sys.stderr.write(text + "\n")

    with tempfile.TemporaryDirectory(prefix="hw-over-") as folder:
        Path(folder).chmod(0o711)
        return asyncio.run(
            overload(
                Path(folder),
                homes=homes,
                people_per_home=people,
                seconds=seconds,
                rate_per_s=rate_per_s,
                say=say,
            )
        )


if __name__ == "__main__":
    sys.exit(main())
