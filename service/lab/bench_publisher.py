"""The publisher of the core's bench: a process of its own that has everything ready beforehand.

Run as `python -m service.lab.bench_publisher` with a `Plan` as JSON on standard input. Prints a
line `begin` when it starts to send, `end` when it stops, and a `Published` as JSON at last.
"""

import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import msgspec

from firmware_sim.mqtt_line import Login
from firmware_sim.replay import LaneFigures, Replay, ReplayHub, ReplayLane
from firmware_sim.template_people import Pattern
from firmware_sim.uplink_words import Lane
from gateway.clock import WallClock
from service.lab.bench_people import (
    OFFLINE,
    BacklogPlan,
    LivePlan,
    Town,
    backlog_packets,
    hub_name,
    live_packets,
    past_packets,
    read_patterns,
)

_SURE = 1.3  # of the time that encoding is expected to take
_SOON_S = 1.0
_TRIED = 200


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send.

    Attributes:
        host: Of the broker.
        port: Of the broker.
        users: Name and password of every hub that connects.
        town: Who lives there.
        patterns: File with the patterns.
        epoch: Of the hubs' spools.
        seconds: How long to send.
        warm_s: How much of that counts in no percentile.
        patience_s: How long to wait for receipts afterwards.
        past: Send what the patterns have measured so far, and nothing else.
        live_per_s: Live readings a second.
        live_hubs: Numbers of the hubs at which they are made.
        backlog: Readings to catch up with.
        backlog_hubs: Numbers of the hubs that have kept them.
        backlog_since: When they lost their county; None for twelve hours ago.
        seed: Another one, other people measure.
    """

    host: str
    port: int
    users: dict[str, str]
    town: Town
    patterns: str
    epoch: str
    seconds: float
    warm_s: float = 0.0
    patience_s: float = 30.0
    past: bool = False
    live_per_s: float = 0.0
    live_hubs: tuple[int, ...] = ()
    backlog: int = 0
    backlog_hubs: tuple[int, ...] = ()
    backlog_since: datetime | None = None
    seed: int = 1


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it; `cpu_s` is this process's own while it sent."""

    live: LaneFigures
    backlog: LaneFigures
    repeated: int
    seconds: float
    cpu_s: float


async def publish(plan: Plan, patterns: list[Pattern]) -> Published:
    """Encode, connect, send, wait.

    Raises:
        LineError: a hub cannot connect (in an exception group).
    """
    hubs = _hubs(plan, patterns)
    replay = Replay(list(hubs.values()), warm_s=plan.warm_s)
    try:
        await replay.connect()
        await _give_live(plan, patterns, hubs)
        _tell("begin")
        cpu_s, began_s = process_time(), perf_counter()
        await replay.run(plan.seconds, patience_s=plan.patience_s)
        cpu_s, took_s = process_time() - cpu_s, perf_counter() - began_s
        _tell("end")
        live, backlog = (replay.figures(lane) for lane in Lane)
        return Published(
            live=live,
            backlog=backlog,
            repeated=replay.repeated,
            seconds=round(took_s, 3),
            cpu_s=round(cpu_s, 3),
        )
    finally:
        replay.close()


def _hubs(plan: Plan, patterns: list[Pattern]) -> dict[int, ReplayHub]:
    backlog = _backlog(plan, patterns)
    return {
        hub: ReplayHub(
            login=Login(
                host=plan.host,
                port=plan.port,
                client_id=hub_name(hub),
                user=hub_name(hub),
                password=plan.users[hub_name(hub)],
            ),
            epoch=plan.epoch,
            lanes={Lane.BACKLOG: ReplayLane(backlog[hub])} if hub in backlog else {},
        )
        for hub in dict.fromkeys((*backlog, *plan.live_hubs))
    }


def _backlog(plan: Plan, patterns: list[Pattern]) -> dict[int, list[bytes]]:
    if plan.past:
        return past_packets(plan.town, patterns, plan.epoch)
    if not plan.backlog:
        return {}
    now = WallClock().now()
    wanted = BacklogPlan(
        hubs=plan.backlog_hubs,
        count=plan.backlog,
        since=max(now - OFFLINE, plan.backlog_since or now - OFFLINE),
        now=now,
        seed=plan.seed,
    )
    return backlog_packets(plan.town, patterns, plan.epoch, wanted)


async def _give_live(plan: Plan, patterns: list[Pattern], hubs: dict[int, ReplayHub]) -> None:
    """Encode what is made live, with the instants at which it will be sent, and wait for them."""
    if not plan.live_per_s:
        return
    clock, began_s = WallClock(), perf_counter()
    _live(plan, patterns, clock.now(), _TRIED / plan.live_per_s)
    one_s = (perf_counter() - began_s) / _TRIED
    ready_s = _SURE * one_s * plan.live_per_s * plan.seconds + _SOON_S
    begins_at = clock.now() + timedelta(seconds=ready_s)
    for hub, (packets, due_s) in _live(plan, patterns, begins_at, plan.seconds).items():
        hubs[hub].lanes = {Lane.LIVE: ReplayLane(packets, due_s), **hubs[hub].lanes}
    await asyncio.sleep(max(0.0, (begins_at - clock.now()).total_seconds()))


def _live(
    plan: Plan, patterns: list[Pattern], begins_at: datetime, seconds: float
) -> dict[int, tuple[list[bytes], list[float]]]:
    wanted = LivePlan(
        hubs=plan.live_hubs,
        rate_per_s=plan.live_per_s,
        seconds=seconds,
        begins_at=begins_at,
        seed=plan.seed,
    )
    return live_packets(plan.town, patterns, plan.epoch, wanted)


def _tell(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    _patterns = read_patterns(Path(_plan.patterns).read_bytes())
    _tell(msgspec.json.encode(asyncio.run(publish(_plan, _patterns))).decode())
