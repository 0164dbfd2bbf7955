"""`python -m tests.chaos.journey`: a county under load is hit again and again, and loses nothing.

The same seed gives the same readings and the same blows in the same order; the instants within a
run depend on the machine. Ends with 1 when anything was lost, stored twice, or judged otherwise.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

import asyncpg

from gateway.store.core_store import open_core_store
from gateway.store.migrate import migrate
from service.db_command import ALL_MIGRATIONS
from tests.chaos import ledger
from tests.chaos.county import DATABASE, HitCounty, hit_county
from tests.chaos.hubs import OurHubs, TheirHubs
from tests.chaos.ledger import Books, History, books_of
from tests.chaos.plan import OTHERS, Blow, Measured, blows, facts_of, hub_of, readings
from tests.chaos.strikes import Strikes

WELL_S = 120.0
"""How long everything may take to be well again after a blow."""

BACKED_UP_AFTER = 6
"""The backup is taken when one of so many parts of a run is over: it stands for yesterday's."""

_AWAITED = "SELECT count(*) FROM core.subject_state WHERE next_wake_at <= $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of it.

    Attributes:
        ours: Homes with a hub of ours; `theirs`: with one of the simulator.
        seconds: For how long readings are made.
        live: Readings a home tells as they are made; `backlog`: out of a memory.
        calm_s: Between two blows, at least and at most.
    """

    ours: int
    theirs: int
    seconds: float
    live: int
    backlog: int
    calm_s: tuple[float, float] = (0.2, 1.5)

    @property
    def homes(self) -> int:
        """All of them."""
        return self.ours + self.theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """One blow: when (seconds from the start), and after how long a reading was committed again."""

    blow: Blow
    at_s: float
    well_after_s: float
    lost: int
    doubled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a run; every list is empty when all is well."""

    struck: Sequence[Struck]
    told: int
    told_in_former_version: int
    alerts: int
    cases: int
    lost: Sequence[str]
    doubled: Sequence[str]
    cases_differ: Sequence[str]
    alerts_differ: Sequence[str]
    exits: Sequence[int]
    ended_by_itself: Sequence[str]

    @property
    def faults(self) -> list[str]:
        """Everything that is wrong."""
        differ = (*self.cases_differ, *self.alerts_differ)
        return [*self.lost, *self.doubled, *differ, *self.ended_by_itself]


@dataclass(slots=True)
class _Run:
    county: HitCounty
    ours: OurHubs
    theirs: TheirHubs
    scale: Scale
    say: Callable[[str], None]
    told: list[Measured] = field(default_factory=list[Measured])
    struck: list[Struck] = field(default_factory=list[Struck])

    def tell(self, reading: Measured) -> None:
        self.told.append(reading)
        (self.ours if reading.home < self.scale.ours else self.theirs).measure(reading)

    async def feed(self, planned: Sequence[Measured]) -> None:
        for reading in planned:
            await asyncio.sleep(max(0.0, (reading.at - _now()).total_seconds()))
            self.tell(reading)

    async def probe(self) -> float:
        """Seconds until a reading made now is receipted."""
        home = self.scale.homes - 1
        hub, now = self.theirs.hubs[home], _now()
        shown = [one.made_at for one in self.told if one.home == home]
        made_at = max([now.replace(microsecond=0), *(at + timedelta(seconds=1) for at in shown)])
        self.tell(Measured(home=home, at=now, made_at=made_at, session=f"probe-{now}"))
        async with asyncio.timeout(WELL_S):
            while hub.waiting != (0, 0):  # noqa: ASYNC110 - a hub of the simulator tells nobody
                await asyncio.sleep(0.02)
        return (_now() - now).total_seconds()

    async def at_rest(self) -> None:
        """Wait while the core gets on: it may have minutes of backlog to take in yet."""
        left, since = self.theirs.left, _now()
        while not (self.theirs.at_rest() and await self.ours.at_rest()):
            if self.theirs.left != left:
                left, since = self.theirs.left, _now()
            elif (_now() - since).total_seconds() > WELL_S:
                raise TimeoutError(f"nothing moves: {left} and the hubs of ours")
            await asyncio.sleep(0.1)

    async def live_on(self) -> None:
        """Let all that the core waits for come to its end, as the other runs do."""
        owner = await asyncpg.connect(self.county.postgres.dsn)
        self.county.set_clock(ledger.WAITS_OVER.total_seconds())
        try:
            async with asyncio.timeout(WELL_S):
                while await owner.fetchval(_AWAITED, _now() + ledger.WAITS_OVER):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
        finally:
            await owner.close()


async def chaos(
    folder: Path, seed: int, scale: Scale, planned: Sequence[Blow], say: Callable[[str], None]
) -> Verdict:
    """Run it all in an empty folder that other users may enter."""
    chance, homes = Random(seed), scale.homes  # noqa: S311 - a seed, not a secret
    users = ("core", *(hub_of(home) for home in range(homes)))
    async with hit_county(folder, users, say) as county:
        say(f"seed {seed}: {homes} homes, {len(planned)} blows")
        async with open_core_store(county.postgres.dsn_of(DATABASE, role="hw_core"), "x") as store:
            await ledger.register(store, facts_of(homes))
            await store.release_lease()
        county.start_core()
        ours = OurHubs(_where(county, scale), folder / "hubs.log", dict(os.environ))  # noqa: TID251
        theirs = TheirHubs(range(scale.ours, homes), county.login_of, _now())
        run = _Run(county, ours, theirs, scale, say)
        history = History()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(ours.keep_running(), name="our hubs"),
                group.create_task(theirs.tend(), name="their hubs"),
            ]
            await run.probe()
            await _strike_all(run, Strikes(county, ours, history, chance), planned, chance)
            await run.at_rest()
            await run.live_on()
            for task in tasks:
                task.cancel()
        ours.stop()
        theirs.close()
        await county.stop_core()
        return await _judge(run, history)


async def _strike_all(run: _Run, strikes: Strikes, planned: Sequence[Blow], chance: Random) -> None:
    scale, begin = run.scale, _now()
    made = readings(
        chance,
        begin,
        homes=scale.homes - 1,  # the last one measures for `probe` only
        seconds=scale.seconds,
        live=scale.live,
        backlog=scale.backlog,
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(run.feed(made), name="readings")
        for number, blow in enumerate(planned, 1):
            if number == len(planned) // BACKED_UP_AFTER and Blow.RESTORE in planned:
                await strikes.back_up()
                run.say("backed up")
            await asyncio.sleep(chance.uniform(*scale.calm_s))
            at_s = (_now() - begin).total_seconds()
            await strikes.strike(blow)
            whole = _now()
            await run.probe()
            lost, doubled = await _check(run, blow)
            well_after_s = (_now() - whole).total_seconds()
            struck = Struck(
                blow=blow, at_s=at_s, well_after_s=well_after_s, lost=lost, doubled=doubled
            )
            run.struck.append(struck)
            run.say(f"{number:3}/{len(planned)} {_row(struck)}  told {len(run.told)}")


async def _check(run: _Run, blow: Blow) -> tuple[int, int]:
    """Lost: receipted to a hub of the simulator, but not stored; doubled: stored more than once.

    What was receipted after the backup is gone until the hubs have sent it again; soon, then.
    """
    owner = await asyncpg.connect(run.county.postgres.dsn)
    deadline = _now() + timedelta(seconds=WELL_S if blow is Blow.RESTORE else 0)
    try:
        while True:
            receipted = run.theirs.receipted()  # first: what comes meanwhile is stored
            stored = (await books_of(owner)).readings
            lost = sum(key not in stored for key in receipted)
            if not lost or _now() > deadline:
                return lost, sum(count - 1 for count in stored.values())
            await asyncio.sleep(0.2)
    finally:
        await owner.close()


async def _judge(run: _Run, history: History) -> Verdict:
    homes = run.scale.homes
    server = run.county.postgres
    run.say("comparing with the undisturbed run and with the same receipts")
    owner = await asyncpg.connect(server.dsn)
    books, batches = await books_of(owner), await history.batches(owner)
    await owner.close()
    in_order = sorted(run.told, key=lambda reading: (reading.at, reading.key))
    calm = await _reference(
        run, "undisturbed", lambda dsn: ledger.undisturbed(dsn, facts_of(homes), in_order)
    )
    same = await _reference(
        run,
        "same_receipts",
        lambda dsn: ledger.same_receipts(dsn, facts_of(homes), run.told, batches),
    )
    told = {reading.key for reading in run.told}
    return Verdict(
        struck=run.struck,
        told=len(told),
        told_in_former_version=run.theirs.told_in_former_version,
        alerts=len(books.alerts),
        cases=len(books.cases),
        lost=[f"lost: {key}" for key in sorted(told - set(books.readings))],
        doubled=[f"stored {n} times: {key}" for key, n in books.readings.items() if n > 1]
        + [f"nobody told: {key}" for key in sorted(set(books.readings) - told)],
        cases_differ=[f"case: {row}" for row in books.cases ^ calm.cases],
        alerts_differ=[
            f"alert: {books.alerts.get(name)} is with the same receipts {same.alerts.get(name)}"
            for name in sorted(books.alerts.keys() | same.alerts.keys())
            if books.alerts.get(name) != same.alerts.get(name)
        ],
        exits=run.county.exits,
        ended_by_itself=run.county.last_words,
    )


async def _reference(run: _Run, name: str, fill: Callable[[str], Awaitable[None]]) -> Books:
    server = run.county.postgres
    admin = await asyncpg.connect(server.dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    await migrate(server.dsn_of(name), ALL_MIGRATIONS)
    await fill(server.dsn_of(name, role="hw_core"))
    owner = await asyncpg.connect(server.dsn_of(name))
    try:
        return await books_of(owner)
    finally:
        await owner.close()


def _where(county: HitCounty, scale: Scale) -> dict[str, object]:
    login = county.login_of("core")
    hubs = [hub_of(home) for home in range(scale.ours)]
    return {
        "host": login.host,
        "port": login.port,
        "folder": str(county.folder),
        "hubs": {hub: county.broker.credentials(hub).password for hub in hubs},
    }


def _row(struck: Struck) -> str:
    return (
        f"{struck.blow.value:<34}{struck.at_s:8.1f} s {struck.well_after_s:8.2f} s"
        f" {struck.lost:6} {struck.doubled:8}"
    )


def table(verdict: Verdict) -> str:
    """The run, for people."""
    head = f"{'blow':<34}{'at':>10}{'well after':>11} {'lost':>6} {'doubled':>8}"
    by_blow: dict[Blow, list[float]] = {}
    for one in verdict.struck:
        by_blow.setdefault(one.blow, []).append(one.well_after_s)
    ends = [
        f"{blow.value:<34}{len(times):4} times, well again after {median(times):.1f} s (median),"
        f" {max(times):.1f} s (longest)"
        for blow, times in sorted(by_blow.items())
    ]
    codes = {code: verdict.exits.count(code) for code in sorted(set(verdict.exits))}
    summary = (
        f"{verdict.told} readings told ({verdict.told_in_former_version} by hubs a version behind),"
        f" {len(verdict.lost)} lost, {len(verdict.doubled)} doubled;"
        f" {verdict.cases} cases, {len(verdict.cases_differ)} differ from the undisturbed run;"
        f" {verdict.alerts} alerts, {len(verdict.alerts_differ)} differ from the same receipts;"
        f" the core ended with {codes}"
    )
    rows = [_row(one) for one in verdict.struck]
    return "\n".join([head, *rows, "", *ends, "", *verdict.faults[:40], summary])


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a test's own wall


def main() -> int:
    """Run it and print the table."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--only", nargs="*", choices=[blow.name for blow in Blow])
    arguments = parser.parse_args()
    chance = Random(arguments.seed)  # noqa: S311 - a seed, not a secret
    planned = (
        [Blow[name] for name in arguments.only]
        if arguments.only
        else blows(chance, arguments.kills, OTHERS)
    )
    seconds = 6.0 * len(planned)
    each = min(60, max(4, int(seconds / 6)))
    scale = Scale(ours=8, theirs=73, seconds=seconds, live=each, backlog=each)

    def say(text: str) -> None:
        sys.stderr.write(text + "\n")

    with tempfile.TemporaryDirectory(prefix="hw-chaos-") as folder:
        verdict = asyncio.run(chaos(Path(folder), arguments.seed, scale, planned, say))
    sys.stdout.write(table(verdict) + "\n")
    return 1 if verdict.faults else 0


if __name__ == "__main__":
    sys.exit(main())
