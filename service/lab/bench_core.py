"""`hearthwatch bench core`: the streaming core with very many people and readings behind it.

Real PostgreSQL (fsync on), real mosquitto, real MQTT (QoS 1), the program's own core process and a
publisher in a process of its own, all on this machine. What is measured and how is written in
`docs/performance.md`.
"""

import asyncio
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import psutil

from firmware_sim.template_people import Pattern
from gateway.baselines import STATE
from gateway.clock import WallClock
from gateway.recent import RECENT
from gateway.store.embedded import EmbeddedPostgres
from service.lab.bench_core_peers import measure_peers
from service.lab.bench_core_report import CoreReport, Stage
from service.lab.bench_core_run import (
    Phase,
    Say,
    Site,
    everybody_here,
    run_phase,
    running_core,
    seconds_to_first_commit,
)
from service.lab.bench_core_sampling import stages_of
from service.lab.bench_core_town import EMPTY, FULL, CoreOptions, prepared, site_of
from service.lab.bench_database import Counts, begin_run, counts, postpone, settle_disk, size
from service.lab.bench_publisher import Plan
from service.store.database import Pool, open_pool

_LIVE_PER_S, _BESIDE_PER_S = 2_000.0, 200.0
_BACKLOG_HUBS = 200
"""Their windows of 64 together stay well below the 20,000 messages that the broker keeps for a slow
reader: what it drops above that comes again only after 30 s."""

_BACKLOG_PER_S, _MOST_BACKLOG, _BACKLOG_A_PERSON = 25_000, 750_000, 4
_WARM_SHARE, _PATIENCE_S = 0.2, 45.0


async def bench_core(folder: Path, options: CoreOptions, say: Say) -> CoreReport:
    """Prepare (or take what `options.keep` holds) and measure.

    Raises:
        BenchError: a process did not come up or the folder holds something else.
    """
    place = options.keep or folder
    load = os.getloadavg()[0]
    town, pattern = await prepared(place, options, say)
    async with (
        EmbeddedPostgres(place / "postgres") as postgres,
        site_of(place, postgres, town, say) as site,
    ):
        return await _measure(site, pattern, options, load)


async def _measure(
    site: Site, pattern: Sequence[Pattern], options: CoreOptions, load: float
) -> CoreReport:
    say, town = site.say, site.town
    async with open_pool(site.postgres.dsn, size=1) as pool:
        say(f"{await postpone(pool, WallClock().now())} absences put off")
        # Readings of a backlog from before a former run's would be old news to the core.
        former = await begin_run(pool, WallClock().now())
        before = await size(pool)
        empty_rss = await _empty_rss(site)
        first_start_s = await seconds_to_first_commit(site, pattern, FULL)
        say(f"first start {first_start_s:.1f} s")
        restart_s = await seconds_to_first_commit(site, pattern, FULL)
        say(f"restart {restart_s:.1f} s")
        async with running_core(site, FULL) as pid:
            filled_s = await everybody_here(site)
            say(f"everybody's columns {filled_s:.1f} s")
            rss = psutil.Process(pid).memory_info().rss
            live = await _stage(site, _live_plan(site, options), pid, pool)
            catchup = await _stage(site, _catchup_plan(site, options, former, 1), pid, pool)
            stages = await _sampled(site, _catchup_plan(site, options, former, 2), pid)
            memory = _memory_mb(rss, site, pid)
        plan = _catchup_plan(site, options, former, 3)
        peers = await measure_peers(site, plan, options.peers, pool)
        await settle_disk(pool)
    bytes_per_person = round(max(0, rss - empty_rss) / town.people, 1)
    return CoreReport(
        live_2000_p99_ms=live.live_p99_ms,
        catchup_readings_per_s=catchup.backlog_per_s,
        catchup_live_p99_ms=catchup.live_p99_ms,
        bytes_per_person=bytes_per_person,
        restart_s=round(restart_s, 2),
        filled_s=filled_s,
        ratios=peers.ratios(catchup.backlog_per_s, bytes_per_person),
        people=town.people,
        stored=before.rows,
        hubs=len(site.hubs),
        columns_bytes=STATE.itemsize + RECENT.itemsize,
        first_start_s=round(first_start_s, 2),
        database_bytes=round(before.database / max(1, before.rows), 1),
        live=live,
        catchup=catchup,
        stages=stages,
        stage_us={name: round(share * catchup.cpu_us["core"], 1) for name, share in stages.items()},
        peers=peers,
        memory_mb=memory,
        load_average=round(load, 1),
        seconds=options.seconds,
    )


def _live_plan(site: Site, options: CoreOptions) -> Plan:
    return _with_live(site, options, _LIVE_PER_S, seed=1)


def _catchup_plan(site: Site, options: CoreOptions, former: datetime | None, turn: int) -> Plan:
    """Hubs take turns: whoever has caught up once has nothing older to tell."""
    step = max(1, len(site.hubs) // _BACKLOG_HUBS)
    hubs = site.hubs[turn % step :: step][:_BACKLOG_HUBS]
    people = sum(len(site.town.people_of(hub)) for hub in hubs) // 2
    wanted = min(round(_BACKLOG_PER_S * options.seconds), _MOST_BACKLOG, _BACKLOG_A_PERSON * people)
    plan = _with_live(site, options, _BESIDE_PER_S, seed=1 + turn)
    return msgspec.structs.replace(
        plan, backlog=wanted, backlog_hubs=tuple(hubs), backlog_since=former
    )


def _with_live(site: Site, options: CoreOptions, rate_per_s: float, *, seed: int) -> Plan:
    """So many live readings a second, but nobody (of even number) measures twice in the stage."""
    plan = site.plan(site.hubs, seconds=options.seconds)
    return msgspec.structs.replace(
        plan,
        live_per_s=min(rate_per_s, max(1.0, site.town.people / 2 / options.seconds)),
        live_hubs=tuple(site.hubs),
        warm_s=_WARM_SHARE * options.seconds,
        patience_s=_PATIENCE_S,
        seed=seed,
    )


async def _stage(site: Site, plan: Plan, pid: int, pool: Pool) -> Stage:
    site.say(f"encoding {round(plan.live_per_s * plan.seconds) + plan.backlog} readings")
    before = await counts(pool)
    phase = await run_phase(site, plan, pid, site.say)
    found = _figures(plan, phase, await counts(pool), before)
    site.say(
        f"live {found.live_per_s:.0f}/s, p99 {found.live_p99_ms} ms; backlog"
        f" {found.backlog_per_s:.0f}/s"
    )
    return found


def _figures(plan: Plan, phase: Phase, after: Counts, before: Counts) -> Stage:
    live, backlog = phase.published.live, phase.published.backlog
    committed = live.receipted + backlog.receipted
    spent = {
        "core": phase.cpu.core,
        "broker": phase.cpu.broker,
        "postgresql": phase.cpu.postgresql,
        "publisher": phase.published.cpu_s,
    }
    return Stage(
        offered_per_s=plan.live_per_s,
        committed=committed,
        live_p50_ms=live.p50_ms,
        live_p99_ms=live.p99_ms,
        live_max_ms=live.max_ms,
        live_per_s=live.per_s,
        backlog_per_s=backlog.per_s,
        repeated=phase.published.repeated,
        cpu_us={name: round(1e6 * cpu / max(1, committed), 1) for name, cpu in spent.items()},
        alerts=after.alerts - before.alerts,
    )


async def _sampled(site: Site, plan: Plan, pid: int) -> dict[str, float]:
    """Catch up once more, looked at from outside."""
    sampling: list[asyncio.Task[dict[str, float]]] = []
    async with asyncio.TaskGroup() as group:

        def begin(word: str) -> None:
            site.say(word)
            sampling.append(
                group.create_task(stages_of(pid, plan.seconds, site.folder), name="sampler")
            )

        await run_phase(site, plan, pid, begin)
    return sampling[0].result()


async def _empty_rss(site: Site) -> int:
    """Resident octets of a core that knows nobody."""
    async with running_core(site, EMPTY) as pid:
        await everybody_here(site)
        return psutil.Process(pid).memory_info().rss


def _memory_mb(before: int, site: Site, pid: int) -> dict[str, float]:
    after = {name: psutil.Process(one).memory_info().rss for name, one in
             (("core at the end", pid), ("broker", site.broker.pid))}  # fmt: skip
    return {name: round(rss / 1e6, 1) for name, rss in {"core at first": before, **after}.items()}
