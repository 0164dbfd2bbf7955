"""What else carries the core's load in the same run: bare receiving, river objects, Node-RED, COPY.

Consumers get the catch-up stage: the same messages through the same broker from the same publisher,
with the core stopped. None of them stores anything, so each has less to do than the core.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec
import psutil

from service.lab.bench_core_run import Phase, Site, run_phase
from service.lab.bench_database import copy_again
from service.lab.bench_node_red import NODE_RED, NodeRedMissingError, node_red
from service.lab.bench_publisher import Plan
from service.lab.bench_stages import BenchError
from service.store.database import Pool

CHOICES = ("mqtt", "river", "node-red", "copy")
_READY_S = 60.0
_MEMORY_PEOPLE = 5_000
_COPIED = 100_000


class Consumer(msgspec.Struct, frozen=True, kw_only=True):
    """How a peer carried the catch-up stage: readings a second, and its own CPU a reading."""

    readings_per_s: float
    cpu_us: float
    live_p99_ms: float | None


class Peers(msgspec.Struct, frozen=True, kw_only=True):
    """What the peers did; None for one that was not asked for or cannot run here.

    Attributes:
        mqtt: Receiving without work.
        river: The same statistics on river objects in a dict.
        river_bytes_per_person: Resident memory of those objects.
        node_red: A flow with a keyed baseline and a 2-of-3 rule.
        node_red_bytes_per_person: Growth of its resident memory for each person it met.
        node_red_says: Why it did not run.
        copy_rows_per_s: A bare COPY of stored readings into an empty table with those indexes.
    """

    mqtt: Consumer | None = None
    river: Consumer | None = None
    river_bytes_per_person: float | None = None
    node_red: Consumer | None = None
    node_red_bytes_per_person: float | None = None
    node_red_says: str = ""
    copy_rows_per_s: float | None = None

    def lines(self) -> list[str]:
        """The figures for people."""
        consumers = (
            ("bare MQTT", self.mqtt),
            ("river objects in a dict", self.river),
            ("Node-RED", self.node_red),
        )
        lines = ["peers, same load"] if any(one for _, one in consumers) else []
        lines += [
            f"  {name:<26} {one.readings_per_s:>10.1f} readings/s, {one.cpu_us:.0f} us CPU each"
            for name, one in consumers
            if one is not None
        ]
        if self.copy_rows_per_s:
            lines.append(f"  {'COPY of the same rows':<26} {self.copy_rows_per_s:>10.1f} rows/s")
        return lines + ([f"  {self.node_red_says}"] if self.node_red_says else [])

    def ratios(self, core_per_s: float, core_bytes: float) -> dict[str, float]:
        """Throughput of the core by the peer's; memory of the peer by the core's."""
        rates = {
            "throughput_to_bare_mqtt": self.mqtt and self.mqtt.readings_per_s,
            "throughput_to_river": self.river and self.river.readings_per_s,
            "throughput_to_node_red": self.node_red and self.node_red.readings_per_s,
            "throughput_to_copy": self.copy_rows_per_s,
        }
        sizes = {
            "memory_of_river": self.river_bytes_per_person,
            "memory_of_node_red": self.node_red_bytes_per_person,
        }
        found = {name: round(core_per_s / rate, 3) for name, rate in rates.items() if rate}
        if core_bytes:
            found |= {name: round(one / core_bytes, 2) for name, one in sizes.items() if one}
        return found


async def measure_peers(site: Site, plan: Plan, which: frozenset[str], pool: Pool) -> Peers:
    """Run those asked for, one after another.

    Raises:
        BenchError: one that can run here failed.
    """
    found = Peers()
    change = msgspec.structs.replace
    if "copy" in which:
        site.say("peer: COPY")
        found = change(found, copy_rows_per_s=round(await copy_again(pool, _COPIED), 1))
    if "mqtt" in which:
        site.say("peer: bare MQTT")
        async with _consumer(site, "bare") as pid:
            found = change(found, mqtt=await _carry(site, plan, pid))
    if "river" in which:
        site.say("peer: river objects in a dict")
        async with _consumer(site, "river") as pid:
            found = change(found, river=await _carry(site, plan, pid))
        found = change(found, river_bytes_per_person=await _river_memory(site))
    if "node-red" in which:
        site.say(f"peer: Node-RED {NODE_RED}")
        try:
            async with node_red(site.folder, site.broker, site.say) as pid:
                before = psutil.Process(pid).memory_info().rss
                carried = await _carry(site, plan, pid)
                grown = psutil.Process(pid).memory_info().rss - before
            people = _met(plan)
            found = change(
                found, node_red=carried, node_red_bytes_per_person=round(max(0, grown) / people, 1)
            )
        except NodeRedMissingError as error:
            site.say(str(error))
            found = change(found, node_red_says=str(error))
    return found


def _met(plan: Plan) -> int:
    """How many people have measured by the plan, at most."""
    backlog = sum(len(plan.town.people_of(hub)) for hub in plan.backlog_hubs) // 2
    return max(1, min(plan.backlog, backlog))


async def _carry(site: Site, plan: Plan, pid: int) -> Consumer:
    fresh = msgspec.structs.replace(plan, epoch=f"{plan.epoch}-{pid}")
    phase: Phase = await run_phase(site, fresh, pid, site.say)
    backlog, live = phase.published.backlog, phase.published.live
    committed = max(1, backlog.receipted + live.receipted)
    return Consumer(
        readings_per_s=backlog.per_s,
        cpu_us=round(1e6 * phase.cpu.core / committed, 1),
        live_p99_ms=live.p99_ms,
    )


@asynccontextmanager
async def _consumer(site: Site, mode: str) -> AsyncGenerator[int]:
    words = (mode, site.broker.host, str(site.broker.port))
    async with _peer(words) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(site.broker.credentials("core").password.encode() + b"\n")
        async with asyncio.timeout(_READY_S):
            if (await process.stdout.readline()).strip() != b"ready":
                raise BenchError(f"the peer {mode} does not come up")
        yield process.pid


async def _river_memory(site: Site) -> float:
    words = ("memory", str(site.patterns), str(_MEMORY_PEOPLE))
    async with _peer(words) as process:
        assert process.stdout is not None
        line = await process.stdout.readline()
    if not line.strip():
        raise BenchError("the river objects could not be weighed")
    return float(line)


@asynccontextmanager
async def _peer(words: Sequence[str]) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "service.lab.bench_peer", *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
