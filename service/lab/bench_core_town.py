"""The place where the core is measured: made once, kept if wanted, entered for every run."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import msgspec

from firmware_sim.template_people import Pattern, patterns
from gateway.broker import LocalBroker
from gateway.calm import fingerprint
from gateway.clock import WallClock
from gateway.packs import load_first_pack
from gateway.store.embedded import EmbeddedPostgres
from gateway.store.migrate import migrate
from service.db_command import ALL_MIGRATIONS
from service.lab.bench_core_run import Say, Site, run_phase, running_core
from service.lab.bench_database import (
    empty_database,
    is_prepared,
    mark_prepared,
    multiply,
    register,
    tune,
)
from service.lab.bench_people import OFFLINE, Town, hub_name, read_patterns, write_patterns
from service.lab.bench_stages import BenchError
from service.store.database import open_pool

FULL, EMPTY = "hearthwatch", "bench_empty"
"""The two databases: with everybody, and with nobody."""

_MOST_HUBS, _FEWEST_A_HUB = 1_000, 2
_MOST_PATTERNS, _FEWEST_PATTERNS = 1_000, 10
_PAST_S = 900.0
_LARGE = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreOptions:
    """What to measure.

    Attributes:
        people: Known people with warm state.
        stored: Readings in the store before the first one is sent.
        seconds: Length of each stage.
        keep: Folder that keeps the prepared database for a later run; None for none.
        peers: Which peers to measure beside it.
    """

    people: int
    stored: int
    seconds: float
    keep: Path | None
    peers: frozenset[str]


async def prepared(place: Path, options: CoreOptions, say: Say) -> tuple[Town, list[Pattern]]:
    """The town in the folder's database, made now if there is none."""
    async with EmbeddedPostgres(place / "postgres", durable=False) as postgres:
        await migrate(postgres.dsn, ALL_MIGRATIONS)
        async with open_pool(postgres.dsn, size=1) as pool:
            try:
                town = await is_prepared(pool, options.people, options.stored, _memory())
            except ValueError as error:
                raise BenchError(str(error)) from error
            if town is None:
                town = await _prepare(place, postgres, options, say)
    await asyncio.to_thread(os.sync)
    return town, read_patterns(await asyncio.to_thread((place / "patterns").read_bytes))


async def _prepare(place: Path, postgres: EmbeddedPostgres, options: CoreOptions, say: Say) -> Town:
    began_s, now = perf_counter(), WallClock().now()
    count = min(_MOST_PATTERNS, max(_FEWEST_PATTERNS, options.people // 2))
    say(f"the course of {count} people")
    each = options.stored / options.people
    pattern = patterns(count, now - OFFLINE, readings=each)
    await asyncio.to_thread((place / "patterns").write_bytes, write_patterns(pattern))
    town = Town(
        people=options.people,
        people_per_hub=max(_FEWEST_A_HUB, -(-options.people // _MOST_HUBS)),
        patterns=len(pattern),
    )
    async with open_pool(postgres.dsn, size=1) as pool:
        await tune(pool, large=options.stored >= _LARGE)
        await empty_database(pool, EMPTY)
        await migrate(postgres.dsn_of(EMPTY), ALL_MIGRATIONS)
        await register(pool, town, pattern)
        say("their readings through the core")
        async with site_of(place, postgres, town, say) as site, running_core(site, FULL) as pid:
            hubs = range(min(town.hubs, len(pattern)))
            plan = msgspec.structs.replace(site.plan(hubs, seconds=_PAST_S), past=True)
            walked = await run_phase(site, plan, pid, say)
        past = walked.published.backlog
        if past.receipted < past.sent:
            raise BenchError(f"the core took {past.receipted} of {past.sent} readings")
        await multiply(pool, town, say)
        await mark_prepared(pool, town, options.stored, _memory(), now)
    say(f"prepared in {perf_counter() - began_s:.0f} s")
    return town


@asynccontextmanager
async def site_of(
    place: Path, postgres: EmbeddedPostgres, town: Town, say: Say
) -> AsyncGenerator[Site]:
    """A broker that knows the town's hubs, beside the database."""
    hubs = range(town.hubs)
    users = ("core", *(hub_name(hub) for hub in hubs))
    async with LocalBroker(place / "broker", users=users) as broker:
        yield Site(
            folder=place,
            postgres=postgres,
            broker=broker,
            town=town,
            patterns=place / "patterns",
            hubs=hubs,
            say=say,
        )


def _memory() -> int:
    """Names the rules and the layout under which people's states are made."""
    return fingerprint(load_first_pack())
