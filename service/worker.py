"""The loop over the outbox, the timers and the deliveries; woken by NOTIFY, swept when it is lost.

Tasks in one TaskGroup: rounds (new alerts, timers, cleared cases, pages, patients), what leaves the
house (slow, so apart, one message at a time over all ways), prompts at home, chores, daily counts.
All state stands in the store: kill the process at any instant and the next one goes on, repeating
at most the one message that was under way, under the same id.

On the stepped clock the lab calls `settle` at every tick; the loops rest until the wall takes over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from rules.pack import PackError
from rules.vocabulary import Priority
from service.alerts.escalation import Timings
from service.alerts.rule_routes import RuleRoute
from service.auth import FAILURE_WINDOW
from service.chores import Chores
from service.notify.notifier import PERSONAL, Channel, Message, Notifier, Outcome, Result
from service.notify.under_way import Aside, Turns
from service.operations.notices import Messenger
from service.prompter import Prompter
from service.services import Services
from service.store.database import DATABASE_ERRORS
from service.store.listen import follow
from service.store.ringing import Ways
from service.store.withdrawals import Uncounted
from service.surveillance.cluster_store import Clusters
from service.surveillance.daily import refresh
from service.surveillance.daily_signals import form_signals, next_morning
from service.surveillance.push import Pusher
from service.surveillance.signal_store import Signals

_log = structlog.get_logger()

_SWEEP_S = 2.0
_AFTER_ERROR_S = 1.0
_QUICK = frozenset({Channel.PAGE, Channel.PATIENT})
_WAYS_OUT = (
    Channel.WEBHOOK,
    Channel.WECOM,
    Channel.DINGTALK,
    Channel.FEISHU,
    Channel.NTFY,
    Channel.SMS,
    Channel.EMAIL,
)
"""What leaves the house; while nothing else is known, in the order in which answers come."""
_PAGES_AT_ONCE = 100
_NOTICES = ("hearthwatch_alert", "hearthwatch_live", "hearthwatch_hub", "hearthwatch_reading")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the worker goes by: answering times, channels (those that are configured).

    `routes` is what single rules say of theirs. `messenger` tells the operator of troubles, over
    the same webhook; `pusher` sends released counts to another platform.
    """

    timings: Timings
    notifiers: Mapping[Channel, Notifier]
    routes: Mapping[str, RuleRoute] = field(default_factory=dict[str, RuleRoute])
    messenger: Messenger | None = None
    pusher: Pusher | None = None

    @property
    def ways(self) -> Ways:
        """How somebody can be reached by this process."""
        return Ways(timings=self.timings, routes=self.routes, channels=frozenset(self.notifiers))


class Worker:
    """`await worker.run()` until cancelled, or `await worker.settle(now)` on a stepped clock."""

    def __init__(self, services: Services, plan: Plan, *, stepped: bool = False) -> None:
        self._services = services
        self._store = services.store
        self._plan = plan
        self._quick_wake = asyncio.Event()
        self._ways_out = [channel for channel in _WAYS_OUT if channel in plan.notifiers]
        self._turns = Turns(self._ways_out)
        self._out_wake = asyncio.Event()
        self._quick_lock = asyncio.Lock()
        self._counts_lock = asyncio.Lock()
        self._signals_lock = asyncio.Lock()
        self._signals = Signals(
            services.store.pool, services.settings.county_zone, services.settings.release_floor
        )
        aside = Aside(services.under_way, self._alert_waits)
        self._chores = Chores(services, plan.notifiers, aside)
        self._prompter = Prompter(services, plan.notifiers, aside)
        self._counts_due: datetime | None = None
        self._uncounted: Uncounted | None = None
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
            out = self._loop("out", self._out_wake, self._send_out)
            group.create_task(out, name="out")
            prompts = self._loop("prompts", asyncio.Event(), self._prompter.tick)
            group.create_task(prompts, name="prompts")
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
        await self._send_out(now)
        while await self._prompter.tick(now):
            pass
        while await self._chores.tick(now):
            pass
        await self._counts(now)
        await self._watch_signals(now)
        dues = (
            await self._store.next_due(),
            await self._store.next_people_due(),
            await self._prompter.next_due(),
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
        self._out_wake.set()

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
                now = self._moment(now)
                rang = await self._store.take_alerts(ways, now)
                rang = rang or await self._store.ring_due(ways, now)
                rang = rang or await self._store.mind_people(ways.timings, now)
                delivered = await self._deliver(_QUICK, now)
                busy = bool(rang) or delivered
                if rang:
                    self._rang = True
                    self._out_wake.set()

    async def _send_out(self, now: datetime) -> None:
        """Everything due that leaves the house, one message at a time, the most urgent first."""
        resting = set[Channel]()
        while ways := [channel for channel in self._ways_out if channel not in resting]:
            async with self._services.under_way.turn():
                moment = self._moment(now)
                due = await self._store.due_ways(ways, moment)
                if not due:
                    return
                channel = self._turns.choose(due)
                message = await self._next_on(channel, moment)
                if message is None:  # it may not leave yet, or another process has it
                    resting.add(channel)
                    continue
                outcome = await self._sent(message, due[channel], moment)
                await self._store.note_delivery(message, outcome, self._moment(now))
                resting.clear()  # that took time

    async def _sent(self, message: Message, priority: Priority, now: datetime) -> Outcome:
        """Sends once; gives way to an emergency, if it is one itself to one on another way."""
        ways = set(self._ways_out)
        if priority is Priority.EMERGENCY:
            ways.discard(message.channel)
        others = sorted(ways)

        async def send() -> Outcome:
            try:
                return await self._plan.notifiers[message.channel].send(message, now)
            except DATABASE_ERRORS:  # before it left: its key could not be written
                return Outcome(result=Result.RETRY_LATER, detail="store lost")

        async def waits() -> bool:
            moment = self._moment(now)
            return await self._store.is_waiting(others, moment, least=Priority.EMERGENCY)

        loop = asyncio.get_running_loop()
        began_s = loop.time()
        outcome = await self._services.under_way.attempt(send, waits, number=message.attempt)
        self._turns.note(message.channel, loop.time() - began_s)
        return outcome

    async def _alert_waits(self) -> bool:
        """Whether what is no alert should give way now."""
        now = self._services.clock.now()
        return await self._store.is_waiting(self._ways_out, now, least=Priority.URGENT)

    def _moment(self, now: datetime) -> datetime:
        """The clock's time: what takes long must not lease and note by when it began."""
        return max(now, self._services.clock.now())

    async def _next_on(self, channel: Channel, now: datetime) -> Message | None:
        if channel in PERSONAL:
            return await self._store.claim_bundle(channel, now)
        claimed = await self._store.claim_deliveries(frozenset({channel}), now, most=1)
        return claimed[0] if claimed else None

    async def _counts(self, now: datetime) -> None:
        async with self._counts_lock:
            await self._look_for_clusters(now)
            uncounted = await self._store.uncounted()
            is_due = self._counts_due is None or now >= self._counts_due
            if not is_due and uncounted == self._uncounted:
                return
            self._uncounted = uncounted  # who withdraws is out of what is shown, not only tonight
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
            while self._plan.pusher is not None and await self._plan.pusher.tick(self._moment(now)):
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
