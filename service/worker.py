"""The loop over the outbox, the timers and the deliveries; woken by NOTIFY, swept when it is lost.

Tasks in one TaskGroup: rounds (new alerts, timers, cleared cases, pages, patients), one lane for
each channel that leaves the house (slow, so apart, one message at a time), chores and the daily
counts. All state stands in the store: kill the process at any instant and the next one goes on,
repeating at most the one message that was under way on a lane, under the same id.

On the stepped clock the lab calls `settle` at every tick; the loops rest until the wall takes over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import structlog

from rules.pack import PackError
from service.alerts.escalation import Timings
from service.auth import FAILURE_WINDOW
from service.chores import Chores
from service.notify.notifier import PERSONAL, Channel, Message, Notifier, Outcome
from service.operations.notices import Messenger
from service.services import Services
from service.store.database import DATABASE_ERRORS
from service.store.listen import follow
from service.store.ringing import Ways
from service.surveillance.cluster_store import Clusters
from service.surveillance.daily import refresh
from service.surveillance.daily_signals import form_signals, next_morning
from service.surveillance.push import Pusher
from service.surveillance.signal_store import Signals

_log = structlog.get_logger()

_SWEEP_S = 2.0
_AFTER_ERROR_S = 1.0
_QUICK = frozenset({Channel.PAGE, Channel.PATIENT})
_LANES = (Channel.WEBHOOK, *sorted(PERSONAL))
_PAGES_AT_ONCE = 100
_NOTICES = ("hearthwatch_alert", "hearthwatch_live", "hearthwatch_hub", "hearthwatch_reading")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the worker goes by: answering times, channels (those that are configured).

    `several` names the rules that want more than one answer. `messenger` tells the operator of
    troubles, over the same webhook; `pusher` sends released counts to another platform.
    """

    timings: Timings
    notifiers: Mapping[Channel, Notifier]
    several: Mapping[str, int] = field(default_factory=dict[str, int])
    messenger: Messenger | None = None
    pusher: Pusher | None = None

    @property
    def ways(self) -> Ways:
        """How somebody can be reached by this process."""
        return Ways(timings=self.timings, several=self.several, channels=frozenset(self.notifiers))


class Worker:
    """`await worker.run()` until cancelled, or `await worker.settle(now)` on a stepped clock."""

    def __init__(self, services: Services, plan: Plan, *, stepped: bool = False) -> None:
        self._services = services
        self._store = services.store
        self._plan = plan
        self._quick_wake = asyncio.Event()
        self._lanes = [channel for channel in _LANES if channel in plan.notifiers]
        self._lane_wakes = {channel: asyncio.Event() for channel in self._lanes}
        self._lane_locks = {channel: asyncio.Lock() for channel in self._lanes}
        self._quick_lock = asyncio.Lock()
        self._counts_lock = asyncio.Lock()
        self._signals_lock = asyncio.Lock()
        self._signals = Signals(
            services.store.pool, services.settings.county_zone, services.settings.release_floor
        )
        self._chores = Chores(services.store, plan.notifiers)
        self._counts_due: datetime | None = None
        self._signals_due: datetime | None = None
        self._clusters = Clusters(services.store.pool, services.settings.county_zone)
        self._rang = True  # since the last look for clusters; unknown after a start
        self._tick: datetime | None = services.clock.now() if stepped else None

    async def run(self) -> None:
        """Works until cancelled; a lost database is waited for, its loss and return are logged."""
        dsn = self._services.settings.dsn
        async with asyncio.TaskGroup() as group:
            listening = follow(dsn, _NOTICES, self.hear, self._wake_all)
            group.create_task(listening, name="listen")
            rounds = self._loop("rounds", self._quick_wake, self._quick)
            group.create_task(rounds, name="rounds")
            for channel in self._lanes:
                wake = self._lane_wakes[channel]
                lane = self._loop(channel.value, wake, partial(self._lane, channel))
                group.create_task(lane, name=channel.value)
            chores = self._loop("chores", asyncio.Event(), self._chores.tick)
            group.create_task(chores, name="chores")
            counts = self._loop("counts", asyncio.Event(), self._counts)
            group.create_task(counts, name="counts")
            signals = self._loop("signals", asyncio.Event(), self._watch_signals)
            group.create_task(signals, name="signals")

    async def settle(self, now: datetime) -> datetime | None:
        """Does everything due at `now`, then returns the next due instant; None when nothing is."""
        self._tick = now
        await self._quick(now)
        for channel in self._lanes:
            await self._lane(channel, now)
        while await self._chores.tick(now):
            pass
        await self._counts(now)
        await self._watch_signals(now)
        dues = (
            await self._store.next_due(),
            await self._store.next_people_due(),
            await self._chores.next_due(),
            self._counts_due,
            await self._signals.next_due(),
            self._signals_due,
        )
        return min(filter(None, dues), default=None)

    def hear(self, channel: str, payload: str) -> None:
        """Takes one database notification: wakes the rounds or tells open pages."""
        bus = self._services.bus
        if channel == "hearthwatch_alert":
            self._quick_wake.set()
        elif channel == "hearthwatch_live":
            topic, _, message = payload.partition(" ")
            bus.publish(topic, message)
        elif channel == "hearthwatch_hub":
            bus.publish(f"hub:{payload}", "pairing")
        elif channel == "hearthwatch_reading":
            for subject in payload.split("\n"):
                bus.publish(f"subject:{subject}", "reading")

    def _wake_all(self) -> None:
        self._quick_wake.set()
        self._wake_lanes()

    def _wake_lanes(self) -> None:
        for wake in self._lane_wakes.values():
            wake.set()

    async def _loop(
        self, name: str, wake: asyncio.Event, work: Callable[[datetime], Awaitable[object]]
    ) -> None:
        healthy = True
        while True:
            try:
                if not self._is_stepping():
                    await work(self._services.clock.now())
                if not healthy:
                    _log.info("store back", task=name)
                healthy = True
            except DATABASE_ERRORS as error:
                if healthy:
                    _log.warning("store lost", task=name, error=type(error).__name__)
                healthy = False
                await asyncio.sleep(_AFTER_ERROR_S)
                continue
            await _woken(wake, _SWEEP_S)

    def _is_stepping(self) -> bool:
        """Whether the lab still publishes the time: the clock shows exactly the last tick."""
        return self._tick is not None and self._services.clock.now() <= self._tick

    async def _quick(self, now: datetime) -> None:
        async with self._quick_lock:
            ways = self._plan.ways
            await self._store.heed_returns(now)
            while await self._store.end_withdrawn(now):
                pass
            busy = True
            while busy:
                rang = await self._store.take_alerts(ways, now)
                rang = rang or await self._store.ring_due(ways, now)
                rang = rang or await self._store.mind_people(ways.timings, now)
                delivered = await self._deliver(_QUICK, now)
                busy = bool(rang) or delivered
                if rang:
                    self._rang = True
                    self._wake_lanes()

    async def _lane(self, channel: Channel, now: datetime) -> None:
        """Everything due on one channel, the most urgent first, one message at a time."""
        async with self._lane_locks[channel]:
            while message := await self._next_on(channel, now):
                outcome = await self._plan.notifiers[channel].send(message, now)
                await self._store.note_delivery(message, outcome, now)

    async def _next_on(self, channel: Channel, now: datetime) -> Message | None:
        if channel in PERSONAL:
            return await self._store.claim_bundle(channel, now)
        claimed = await self._store.claim_deliveries(frozenset({channel}), now, most=1)
        return claimed[0] if claimed else None

    async def _counts(self, now: datetime) -> None:
        async with self._counts_lock:
            await self._look_for_clusters(now)
            if self._counts_due is not None and now < self._counts_due:
                return
            zone = self._services.settings.county_zone
            floor = self._services.settings.release_floor
            self._counts_due = await refresh(self._store.pool, now, zone, floor=floor)
            await self._review(now)
            await self._look_ahead(now)
            await self._store.forget_old_sessions(now, now - FAILURE_WINDOW)

    async def _look_ahead(self, now: datetime) -> None:
        """Once a day: will anybody be without an owner in the days to come."""
        found = await self._store.check_coverage_daily(now)
        if found is not None and found.without_owner:
            _log.error("people will be without an owner", people=found.without_owner)

    async def _look_for_clusters(self, now: datetime) -> None:
        """Several people of one home or village: looked for after alerts were taken."""
        if not self._rang:
            return
        self._rang = False
        try:
            await self._clusters.look_for_clusters(now)
        except DATABASE_ERRORS:
            self._rang = True
            raise

    async def _watch_signals(self, now: datetime) -> None:
        """Form the morning's warning signals, take up unanswered ones, send what was released."""
        async with self._signals_lock:
            zone = self._services.settings.county_zone
            if self._signals_due is None or now >= self._signals_due:
                await self._counts(now)  # yesterday's own counts first
                floor = self._services.settings.release_floor
                await form_signals(self._store.pool, now, zone, floor=floor)
                self._signals_due = next_morning(now, zone)
            while await self._signals.tick(now):
                pass
            while self._plan.pusher is not None and await self._plan.pusher.tick(now):
                pass

    async def _review(self, now: datetime) -> None:
        """Propose rest for rules that lead to too little; people decide (docs/rule_changes.md)."""
        try:
            for change in await self._store.review(now):
                _log.info("a rule is proposed to rest", change=change)
        except PackError as error:
            _log.error("the county's packs cannot be read", why=str(error))

    async def _deliver(self, channels: frozenset[Channel], now: datetime) -> bool:
        """Claims, sends and notes a batch on the channels of this house; whether there was any.

        Nothing leaves the house here: a page is woken, a patient's page is written. So several are
        noted together; but a batch at a time, because a new alert comes before an old page.
        """
        channels &= self._plan.notifiers.keys()
        found = await self._store.claim_deliveries(channels, now, most=_PAGES_AT_ONCE)
        sent: list[tuple[Message, Outcome]] = []
        for message in found:
            outcome = await self._plan.notifiers[message.channel].send(message, now)
            sent.append((message, outcome))
        if sent:
            await self._store.note_deliveries(sent, now)
        return bool(sent)


async def _woken(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
    event.clear()
