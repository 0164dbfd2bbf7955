"""What is dark, from one look at the machine. Pure: `now` and what was seen go in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from service.blind import Trouble, TroubleKind, Unjudged
from service.store.health import HUB_SILENT, Canary, CorePulse, Seen

CORE_SILENT = timedelta(seconds=15)
"""A core reports every three seconds; a standby takes over within fifteen."""

BROKER_LOST = timedelta(seconds=15)
"""A core reconnects within three seconds to a broker that is there."""

CANARY_PATIENCE = timedelta(minutes=2)
"""How much later than expected a canary may reach the inbox; half the interval of a quicker one."""

SLOW_S = 1.0
"""A database that takes so long for one row makes every alert late."""

SLOW_LOOKS = 3
"""How many looks in a row must be slow: one is an accident."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Troubles found; of what is `unjudged` nothing can be said now, neither yes nor no."""

    troubles: tuple[Trouble, ...]
    unjudged: frozenset[Unjudged]


class Judge:
    """Judges look after look; remembers what one look cannot know."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._sighted_at = since
        self._slow: list[datetime] = []

    def verdict(self, seen: Seen, now: datetime, *, hubs: bool = True) -> Verdict:
        """What is dark at `now`; `hubs` False: this look left the hubs out.

        While no core hears anybody, silent hubs are its trouble and not theirs; they are judged
        again when it has listened for as long as a hub may be silent.
        """
        county = (*self._core(seen.core, now), *self._slowness(seen.ping_s, now))
        if any(t.kind is not TroubleKind.DATABASE_SLOW for t in county):
            self._sighted_at = now
        sighted = now - self._sighted_at >= HUB_SILENT
        dark = [
            Trouble(
                kind=TroubleKind.HUBS_SILENT,
                place=area.area,
                since=area.since,
                silent=area.silent,
                hubs=area.hubs,
            )
            for area in seen.dark
        ]
        judged = sighted and hubs
        unjudged: set[Unjudged] = set() if judged else {(TroubleKind.HUBS_SILENT, None)}
        late: list[Trouble] = []
        for canary in seen.canaries:
            # A service that was away itself gives each canary the time to come again.
            if now - self._since < _expected(canary):
                unjudged.add((TroubleKind.CANARY_LATE, canary.hub))
            else:
                late += _late(canary, now)
        return Verdict(
            troubles=(*county, *late, *(dark if judged else ())), unjudged=frozenset(unjudged)
        )

    def _core(self, core: CorePulse | None, now: datetime) -> Iterator[Trouble]:
        last = self._since if core is None else core.at
        if now - last >= CORE_SILENT:
            yield Trouble(kind=TroubleKind.CORE_DOWN, since=last)
        elif core is not None and core.pulse is not None:
            lost_at = core.pulse.broker_lost_at
            if lost_at is not None and now - lost_at >= BROKER_LOST:
                yield Trouble(kind=TroubleKind.BROKER_LOST, since=lost_at)

    def _slowness(self, ping_s: float, now: datetime) -> Iterator[Trouble]:
        self._slow = [*self._slow, now] if ping_s >= SLOW_S else []
        if len(self._slow) >= SLOW_LOOKS:
            yield Trouble(kind=TroubleKind.DATABASE_SLOW, since=self._slow[0])


def _expected(canary: Canary) -> timedelta:
    """How long nothing may be seen of a canary."""
    return canary.every + min(CANARY_PATIENCE, canary.every / 2)


def _late(canary: Canary, now: datetime) -> Iterator[Trouble]:
    last = canary.arrived_at or canary.since
    if now - last >= _expected(canary):
        since = last + canary.every
        yield Trouble(kind=TroubleKind.CANARY_LATE, place=canary.hub, since=since)
