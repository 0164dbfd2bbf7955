"""The loop over the outbox, the timers and the deliveries; woken by NOTIFY, swept when it is lost.

Three tasks in one TaskGroup: rounds (new alerts, timers, pages, patients), webhooks (slow, so
apart), and the daily counts. All state stands in the store: kill the process at any instant and the
next one goes on, repeating at most the one delivery that was under way, under the same id.

On the stepped clock the lab calls `settle` at every tick; the loops rest until the wall takes over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from rules.pack import PackError
from service.alerts.escalation import Timings
from service.auth import FAILURE_WINDOW
from service.notify.notifier import Channel, Notifier
from service.operations.notices import Messenger
from service.services import Services
from service.store.database import DATABASE_ERRORS
from service.store.listen import follow
from service.surveillance.daily import refresh

_log = structlog.get_logger()

_SWEEP_S = 2.0
_AFTER_ERROR_S = 1.0
_QUICK = frozenset({Channel.PAGE, Channel.PATIENT})
_SLOW = frozenset({Channel.WEBHOOK})
_NOTICES = ("hearthwatch_alert", "hearthwatch_live", "hearthwatch_hub", "hearthwatch_reading")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the worker goes by: answering times, channels (webhook only where configured).

    `messenger` tells the operator of troubles, over the same webhook.
    """

    timings: Timings
    notifiers: Mapping[Channel, Notifier]
    messenger: Messenger | None = None


class Worker:
    """`await worker.run()` until cancelled, or `await worker.settle(now)` on a stepped clock."""

    def __init__(self, services: Services, plan: Plan, *, stepped: bool = False) -> None:
        self._services = services
        self._store = services.store
        self._plan = plan
        self._quick_wake = asyncio.Event()
        self._slow_wake = asyncio.Event()
        self._quick_lock = asyncio.Lock()
        self._slow_lock = asyncio.Lock()
        self._counts_lock = asyncio.Lock()
        self._counts_due: datetime | None = None
        self._tick: datetime | None = services.clock.now() if stepped else None

    async def run(self) -> None:
        """Works until cancelled; a lost database is waited for, its loss and return are logged."""
        dsn = self._services.settings.dsn
        async with asyncio.TaskGroup() as group:
            listening = follow(dsn, _NOTICES, self.hear, self._wake_all)
            group.create_task(listening, name="listen")
            rounds = self._loop("rounds", self._quick_wake, self._quick)
            group.create_task(rounds, name="rounds")
            webhooks = self._loop("webhooks", self._slow_wake, self._slow)
            group.create_task(webhooks, name="webhooks")
            counts = self._loop("counts", asyncio.Event(), self._counts)
            group.create_task(counts, name="counts")

    async def settle(self, now: datetime) -> datetime | None:
        """Does everything due at `now`, then returns the next due instant; None when nothing is."""
        self._tick = now
        await self._quick(now)
        await self._slow(now)
        await self._counts(now)
        due = await self._store.next_due()
        return min(filter(None, (due, self._counts_due)), default=None)

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
        self._slow_wake.set()

    async def _loop(
        self, name: str, wake: asyncio.Event, work: Callable[[datetime], Awaitable[None]]
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
            webhook = Channel.WEBHOOK in self._plan.notifiers
            busy = True
            while busy:
                taken = await self._store.take_alert(self._plan.timings, webhook=webhook, now=now)
                rang = taken or await self._store.ring_due(
                    self._plan.timings, webhook=webhook, now=now
                )
                delivered = await self._deliver(_QUICK, now)
                busy = bool(rang) or delivered
                if rang and webhook:
                    self._slow_wake.set()

    async def _slow(self, now: datetime) -> None:
        async with self._slow_lock:
            while await self._deliver(_SLOW, now):
                pass

    async def _counts(self, now: datetime) -> None:
        async with self._counts_lock:
            if self._counts_due is not None and now < self._counts_due:
                return
            zone = self._services.settings.county_zone
            self._counts_due = await refresh(self._store.pool, now, zone)
            await self._review(now)
            await self._store.forget_old_sessions(now, now - FAILURE_WINDOW)

    async def _review(self, now: datetime) -> None:
        """Propose rest for rules that lead to too little; people decide (docs/rule_changes.md)."""
        try:
            for change in await self._store.review(now):
                _log.info("a rule is proposed to rest", change=change)
        except PackError as error:
            _log.error("the county's packs cannot be read", why=str(error))

    async def _deliver(self, channels: frozenset[Channel], now: datetime) -> bool:
        """Claims, sends and notes every delivery that is due; whether there was one."""
        channels &= self._plan.notifiers.keys()
        done = False
        while message := await self._store.claim_delivery(channels, now):
            outcome = await self._plan.notifiers[message.channel].send(message, now)
            await self._store.note_delivery(message, outcome, now)
            done = True
        return done


async def _woken(event: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return
    event.clear()
