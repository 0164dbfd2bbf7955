"""What the owning core knows of its own blindness, and what it reports of itself.

A core that is dead writes nothing: who takes over finds the last pulse of the former one and keeps
the time between as a downtime. A wait for a confirmation does not run while nothing could arrive.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
import structlog

from gateway.arrivals import Arrival
from gateway.blindness import HUB_REPORTS
from gateway.canary_device import is_canary
from gateway.canary_watch import CanaryNews, CanaryWatch
from gateway.clock import ProcessClock
from gateway.county import County
from gateway.fact_desk import Publication
from gateway.facts import Fact, ToldFact
from gateway.hub_status import HubStatus
from gateway.pipeline import Outcome
from gateway.pulse import Meter
from gateway.sorting import Batch
from gateway.store.core_store import CoreStore
from gateway.store.pulse_store import Downtime
from rules.vocabulary import HubId, Observation
from rules.wire import CANARY_TOPIC, Lane

NOTICED = timedelta(seconds=10)
"""A shorter gap loses nobody's wait: hubs send again within seconds."""

_log = structlog.get_logger("core")


class Watchdog:
    """One process's report and its record of downtimes; everything async runs inside a batch."""

    def __init__(self, store: CoreStore, clock: ProcessClock, county: County) -> None:
        self._store = store
        self._clock = clock
        self._county = county
        self._meter = Meter(clock.now())
        self._canaries = CanaryWatch()
        self._late: dict[HubId, datetime] = {}
        self._is_news = False
        self._beaten_at_s: float | None = None
        self._hubs: dict[HubId, tuple[float, bool]] = {}

    async def begin(self) -> None:
        """Keep for how long nobody owned the county until now."""
        now = self._clock.now()
        last = await self._store.pulses.last()
        if last is not None:
            await self._note("core", last, now)

    async def beat(
        self, waiting: int, *, rules: int | None = None, unsigned_ring: bool | None = None
    ) -> None:
        """Write the report; a process that was stalled notes for how long.

        `rules` may ring, those that nobody has signed among them where `unsigned_ring` says so.
        """
        now, at_s = self._clock.now(), _loop_s()
        if self._beaten_at_s is not None:
            stalled = timedelta(seconds=at_s - self._beaten_at_s)
            if stalled > NOTICED:
                await self._note("core", now - stalled, now)
        self._beaten_at_s = at_s
        pulse = self._meter.pulse(
            people=len(self._county.states),
            waiting=waiting,
            at_s=at_s,
            rules=rules,
            unsigned_ring=unsigned_ring,
            canaries_late=self._judge_canaries(now),
        )
        holder, epoch = self._store.holder, self._store.epoch
        await self._store.pulses.write(pulse, epoch=epoch, holder=holder, now=now)

    def committed(self, batch: Batch, outcome: Outcome, began_s: float) -> None:
        """Count a committed batch that began at `began_s` of the loop's clock.

        What canaries and drills bring is in no figure: a county without readings looked alive.
        """
        arrivals = _of_people(batch, outcome)
        counts = Counter(arrival.mark.lane for arrival in arrivals)
        if counts:
            at_s = _loop_s()
            self._meter.batch(_oldest(arrivals), counts, self._clock.now())
            self._meter.took(at_s - began_s, counts.total(), at_s)
        self._meter.outcome(outcome.kept, outcome.aside, outcome.alert_waits_s)
        self._canaries.rang(outcome.canaries, self._clock.now())

    def applied(self, fact: Fact) -> None:
        """Hear what the service says; of interest is that an alert was told."""
        if isinstance(fact, ToldFact):
            self._canaries.told(fact.alert_id)

    def news(self, *, only_new: bool = True) -> list[Publication]:
        """What must be published of the canaries, retained; nothing where nothing has changed."""
        if only_new and not self._is_news:
            return []
        self._is_news = False
        return [Publication(CANARY_TOPIC, msgspec.json.encode(CanaryNews(late=self._late)))]

    def _judge_canaries(self, now: datetime) -> dict[HubId, datetime]:
        late = {} if self._clock.is_published else self._canaries.late(now)
        for hub in late.keys() - self._late.keys():
            _log.error("nobody answers the canary", hub=hub, since=late[hub].isoformat())
        for hub in self._late.keys() - late.keys():
            _log.info("the canary is answered again", hub=hub)
        self._is_news = self._is_news or late != self._late
        self._late = late
        return late

    def broker_lost(self) -> None:
        """Note that nothing arrives from now on."""
        if self._meter.broker_lost_at is None:
            self._meter.broker_lost_at = self._clock.now()

    async def broker_back(self) -> None:
        """Keep how long the broker was away."""
        lost_at, self._meter.broker_lost_at = self._meter.broker_lost_at, None
        if lost_at is not None:
            await self._note("broker", lost_at, self._clock.now())

    async def heard(self, status: HubStatus) -> None:
        """Keep how long a hub was away, once it reports again.

        That a machine learns the time in between is no absence: ages are told by seconds that pass.
        """
        hub, now, at_s = HubId(status.hub), self._clock.now(), self._clock.monotonic()
        last_s, online = self._hubs.get(hub, (at_s, True))
        self._hubs[hub] = (at_s if status.online or online else last_s, status.online)
        away = timedelta(seconds=at_s - last_s)
        if status.online and (not online or away > HUB_REPORTS):
            await self._note("hub", now - away, now, hub)

    async def _note(
        self, what: str, began_at: datetime, ended_at: datetime, hub: HubId | None = None
    ) -> None:
        if ended_at - began_at <= NOTICED or self._clock.is_published:
            return  # a replayed past leaps from instant to instant, and nobody was away
        downtime = Downtime(what=what, began_at=began_at, ended_at=ended_at, hub=hub)
        await self._store.pulses.note(downtime)
        seconds = (ended_at - began_at).total_seconds()
        _log.info("downtime over", what=what, hub=hub, seconds=round(seconds, 1))


def _of_people(batch: Batch, outcome: Outcome) -> list[Arrival]:
    """The messages of a batch without those of people who do not exist."""
    return [
        arrival
        for arrival in batch.arrivals
        if not isinstance(arrival.content, Observation)
        or not (
            is_canary(arrival.content.device)
            or (outcome.unworn and arrival.content.device.key in outcome.unworn)
        )
    ]


def _oldest(arrivals: Iterable[Arrival]) -> Mapping[Lane, datetime]:
    """When the oldest reading of each lane was received by its hub."""
    oldest: dict[Lane, datetime] = {}
    for arrival in arrivals:
        if isinstance(arrival.content, Observation):
            lane, at = arrival.mark.lane, arrival.content.received_at
            oldest[lane] = min(oldest.get(lane, at), at)
    return oldest


def _loop_s() -> float:
    return asyncio.get_running_loop().time()
