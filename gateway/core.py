"""The core process: it owns the county, turns arrivals into batches, and lets hubs forget.

One worker does all writing, one transaction at a time, on the connection that holds the lease. What
it publishes (receipts, commands) goes out after the commit and never before (law 1). If the outcome
of a commit is unknown the exception ends the process, and whoever starts it again loads the truth.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile

import structlog

from device_adapters.mqtt.client import MqttMessage, MqttSettings, MqttTls, MqttUnavailable
from device_adapters.mqtt.stream import MqttStream, mqtt_stream
from gateway.arrivals import Arrival, Spoken, read_arrival
from gateway.calm import fingerprint
from gateway.clock import ProcessClock
from gateway.core_settings import CoreSettings
from gateway.county import County, load_county, load_facts
from gateway.detect import Rulebook
from gateway.fact_desk import Desk, Publication, present_commands
from gateway.facts import BindingFact, FactError, ObservationFact, decode_fact
from gateway.filling import fill
from gateway.hub_rules import HubRules, rules_for_hubs
from gateway.hub_status import decode_status
from gateway.intake import Quarantined, Reason
from gateway.lanes import Lanes, Pace
from gateway.pack_desk import apply_packs, present_rules
from gateway.pipeline import Outcome, walk
from gateway.series import read_series
from gateway.settling import read_assignments
from gateway.sorting import Batch
from gateway.store.core_store import CoreStore, Mark
from gateway.store.inbox_store import InboxRow
from gateway.store.lease import LeaseLostError
from gateway.store.outage import (
    StoreFullError,
    StoreUnavailableError,
    newest_epoch,
    outages,
)
from gateway.suspicion_desk import read_said
from gateway.watchdog import Watchdog
from rules.pack import PackError
from rules.vocabulary import HubId, SubjectRef
from rules.wire import (
    CORE_TOPIC,
    RECEIPT_VERSION,
    TOPICS,
    Receipt,
    encode_receipt,
    receipt_topic,
)

INBOX_CHANNEL = "hearthwatch_inbox"
UPLINKS = f"{TOPICS}/up/#"
STATUSES = f"{TOPICS}/status/#"
STATUS_PREFIX = f"{TOPICS}/status/"

LEASE_RENEWAL_S = 3.0
SWEEP_S = 1.0
REPEAT_RECEIPTS = timedelta(seconds=60)
RECEIPTS_AT_ONCE, BETWEEN_RECEIPTS_S = 500, 0.1
"""Repeating tens of thousands in one go would keep everything else waiting for seconds."""

HEARD_AT_ONCE = 32
STATUSES_WAITING, BETWEEN_READS_S = 20_000, 0.05
"""Hubs' reports that may wait, as `lanes.ROOM` is for readings; then the connection is not read."""

OUTGOING_LIMIT = 500_000
"""A core that takes over tells every lane of every hub its mark, and must not choke on it."""

WOKEN_AT_ONCE = 50
"""A second, after the rules have changed: a tenth of a core, a quarter of an hour for a county of
45,000 people and the better part of a day for a province."""

READ_AT_ONCE = 100
"""Reading that many takes a few milliseconds, for which a batch may have to wait."""

IN_FLIGHT = 1000
"""Receipts under way at a time: a batch may owe as many."""

RECONNECT_S = (0.2, 1.0, 3.0)
TRY_AGAIN = timedelta(seconds=60)

POISON = (ValueError, ArithmeticError, LookupError, TypeError)
"""What one bad record, or a fault of ours that it brings to light, can raise. It must not end the
process: the hub would send the record again, and the county would stand still over it."""

_log = structlog.get_logger("core")


class Core:
    """The owner of a county, between its broker and its database."""

    def __init__(
        self,
        settings: CoreSettings,
        clock: ProcessClock,
        store: CoreStore,
        county: County,
        rules: Rulebook,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._store = store
        self._county = county
        self._rules = self._started = rules
        self._lanes = Lanes()
        self._pace = Pace()
        self._statuses: deque[bytes] = deque()
        self._inbox_may_wait = True
        self._woken = asyncio.Event()
        self._turn = asyncio.Lock()
        self._session: MqttStream | None = None
        self._unpublished: list[Publication] = []
        self._is_full = False
        self._walking = False
        self._watchdog = Watchdog(store, clock, county)

    def wake(self) -> None:
        """The service has appended something to the inbox."""
        self._inbox_may_wait = True
        self._woken.set()

    async def serve(self) -> None:
        """Run until cancelled; ends with an exception when the lease or the database is lost."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._talk(), name="broker")
            group.create_task(self._work(), name="batches")
            group.create_task(self._fill(), name="columns")
            group.create_task(self._mind_time(), name="wake-ups")
            group.create_task(self._sweep(), name="sweep")
            group.create_task(self._keep_lease(), name="lease")
            group.create_task(self._repeat_receipts(), name="receipts")

    async def settle(self, now: datetime) -> datetime | None:
        """Do all that is due at `now`; the next instant at which absence becomes due."""
        self._inbox_may_wait = True
        async with self._turn:
            while await self._step(now) or await self._walk(now):
                pass
        return self._county.states.next_wake_at()

    async def _work(self) -> None:
        while True:
            await self._woken.wait()
            self._woken.clear()
            busy = True
            while busy:
                # A turn a step: report, lease and a new connection wait for no end of the work.
                async with self._turn:
                    busy = await self._try_step()
                await asyncio.sleep(0)  # the reader takes what has arrived meanwhile

    async def _fill(self) -> None:
        """Have everybody's columns at hand; until then they are asked for, batch by batch."""
        began_s = asyncio.get_running_loop().time()
        await fill(self._county.states, self._store.states, self._turn)
        took_s = asyncio.get_running_loop().time() - began_s
        _log.info("columns", people=len(self._county.states), seconds=round(took_s, 2))

    async def _walk(self, now: datetime) -> bool:
        """Have a few people looked at who were not yet under these rules; whether there are more.

        Whoever is silent already measures nothing that could begin a clock of a new rule.
        """
        if not self._walking:
            return False
        states = self._store.states
        async with self._store.batch():
            mark = fingerprint(self._rules.pack)
            self._walking = await states.wake_some(mark, now, WOKEN_AT_ONCE)
            postponed = list(self._county.states.postponed())
            self._county.states.wakes_at(await states.next_wake_at(postponed))
        return True

    async def _try_step(self) -> bool:
        """A step; without room in the database queues and hubs hold what came, and wait."""
        try:
            busy = await self._step(self._clock.now())
        except StoreFullError as error:
            if not self._is_full:
                _log.error("no room in the database, nothing is receipted", why=str(error))
            self._is_full = True
            return False
        self._is_full = False
        return busy

    async def _step(self, now: datetime) -> bool:
        """One transaction, if there is anything to do; facts come before readings.

        Of the hubs' reports only some go before: ten thousand homes report 170 times a second,
        and all of them at once when the broker is back. Readings never wait for that.
        """
        if self._statuses:
            await self._hear(now)
        if self._inbox_may_wait and await self._take_inbox(now):
            return True
        waking = await self._due(now)
        limit = min(self._settings.batch_limit, self._pace.live())
        arrivals = self._lanes.take(limit, self._pace.backlog())
        if not arrivals and not waking:
            return bool(self._statuses)
        batch = Batch(arrivals=arrivals, waking=waking)
        began_s = asyncio.get_running_loop().time()
        try:
            await self._commit(batch, now)
            self._pace.note(len(arrivals), asyncio.get_running_loop().time() - began_s)
        except StoreFullError:
            self._lanes.put_back(arrivals)
            raise
        except POISON as error:
            _log.exception("batch failed, taking its records one by one", why=str(error))
            await self._commit_each(batch, now)
        return True

    async def _due(self, now: datetime) -> list[SubjectRef]:
        """Whose absence must be looked at; the database knows, and is asked only if anybody's."""
        states, limit = self._county.states, self._settings.batch_limit
        at = states.next_wake_at()
        if at is None or at > now:
            return []
        later = [subject for subject, until in states.postponed().items() if until > now]
        return await self._store.states.due(now, limit, later)

    async def _postpone(self, subject: SubjectRef, until: datetime) -> None:
        states = self._county.states
        states.postpone(subject, until)
        states.wakes_at(await self._store.states.next_wake_at(list(states.postponed())))

    async def _commit_each(self, batch: Batch, now: datetime) -> None:
        """What fails alone is kept aside with its reason, and the stream goes on."""
        for arrival in batch.arrivals:
            try:
                await self._commit(Batch(arrivals=[arrival]), now)
            except POISON as error:
                await self._commit(Batch(arrivals=[_failed(arrival, error)]), now)
        for subject in batch.waking:
            try:
                await self._commit(Batch(waking=[subject]), now)
            except POISON as error:
                _log.exception("absence could not be judged", subject=subject, why=str(error))
                await self._postpone(subject, now + TRY_AGAIN)

    async def _take_inbox(self, now: datetime) -> bool:
        rows = await self._store.inbox.waiting()
        self._inbox_may_wait = bool(rows)
        if not rows:
            return False
        take = self._way_of(rows[0])
        await take(list(takewhile(lambda row: self._way_of(row) == take, rows)), now)
        return True

    def _way_of(self, row: InboxRow) -> Callable[[list[InboxRow], datetime], Awaitable[None]]:
        match row.kind:
            case "observation":
                return self._take_spoken
            case "assign":
                return self._take_assigned
            case "owner":
                return self._take_said
            case "anchor" | "mark":
                return self._take_series
            case "pack":
                return self._take_packs
            case _:
                return self._take_facts

    def _desk(self, now: datetime) -> Desk:
        return Desk(self._store, self._county, now, self._for_hubs(self._rules))

    def _for_hubs(self, rules: Rulebook) -> HubRules:
        """Where unsigned rules ring for nobody there may be none for the hubs either."""
        return rules_for_hubs(rules.pack, may_be_none=not self._settings.unsigned_ring)

    async def _present_rules(self) -> Rulebook:
        unsigned = self._settings.unsigned_ring
        return await present_rules(self._started, self._rules, self._store.packs, unsigned=unsigned)

    async def recall_rules(self) -> None:
        """Run the county's packs; the program's own where the county's cannot run with it.

        Raises:
            PackError: and none of the program's own would ring either, for nobody has signed them.
                A core that served on would silence the county, and its hubs with the next command.
        """
        try:
            self._rules = await self._present_rules()
        except PackError as error:
            if not self._rules.pack.rules:
                raise
            _log.error("the county's packs cannot run, the program's own do", why=str(error))

    async def renew_commands(self) -> None:
        """Give the hubs the rules of this core, where they run others; sent when connected."""
        async with self._turn, self._store.batch():
            await self._watchdog.begin()
            now = self._clock.now()
            desk = self._desk(now)
            await desk.renew_rules()
            await desk.publications()
            await self._begin_walk(self._rules, now)

    async def _begin_walk(self, rules: Rulebook, now: datetime) -> None:
        states = self._county.states
        self._walking = await self._store.states.begin_walk(fingerprint(rules.pack), now)
        states.wakes_at(await self._store.states.next_wake_at(list(states.postponed())))

    async def _take_facts(self, rows: list[InboxRow], now: datetime) -> None:
        async with self._store.batch():
            desk = self._desk(now)
            for row in rows:
                refused: str | None = None
                try:
                    async with self._store.part():
                        fact = decode_fact(row.kind, row.body)
                        await desk.apply(fact)
                        self._watchdog.applied(fact)
                except POISON as error:
                    refused = str(error)
                    _log.warning("fact refused", inbox_id=row.inbox_id, why=refused)
                await self._store.inbox.done(row.inbox_id, now, refused)
            publications = await desk.publications()
        await load_facts(self._store, self._county)
        self._publish(publications)

    async def _take_packs(self, rows: list[InboxRow], now: datetime) -> None:
        """Run other rules from the next batch on; the hubs are told theirs."""
        async with self._store.batch():
            unsigned = self._settings.unsigned_ring
            refused = await apply_packs(rows, self._store.packs, unsigned=unsigned)
            for row in rows:
                why = refused.get(row.inbox_id)
                await self._store.inbox.done(row.inbox_id, now, why)
            rules = await self._present_rules()
            desk = Desk(self._store, self._county, now, self._for_hubs(rules))
            await desk.renew_rules()
            publications = await desk.publications()
            await self._begin_walk(rules, now)
        _log.info("packs", refused=len(refused), live=rules.pack.name)
        self._rules = rules
        self._publish(publications)

    async def _take_spoken(self, rows: list[InboxRow], now: datetime) -> None:
        spoken: list[Spoken] = []
        refusals: dict[int, str] = {}
        for row in rows:
            try:
                fact = decode_fact(row.kind, row.body)
                assert isinstance(fact, ObservationFact)
                spoken.append(Spoken(subject=fact.subject, observation=fact.observation))
            except FactError as error:
                refusals[row.inbox_id] = str(error)
        done = [(row.inbox_id, refusals.get(row.inbox_id)) for row in rows]
        try:
            await self._commit(Batch(spoken=spoken), now, done)
        except POISON as error:
            if len(rows) > 1:
                for row in rows:
                    await self._take_spoken([row], now)
                return
            await self._commit(Batch(), now, [(rows[0].inbox_id, str(error))])

    async def _take_assigned(self, rows: list[InboxRow], now: datetime) -> None:
        wanted = await read_assignments(rows, self._store, self._rules)
        for inbox_id, why in wanted.refused.items():
            _log.warning("fact refused", inbox_id=inbox_id, why=why)
        done = [(row.inbox_id, wanted.refused.get(row.inbox_id)) for row in rows]
        try:
            await self._commit(Batch(assigned=wanted.assigned), now, done, wanted.bindings)
        except POISON as error:
            if len(rows) > 1:
                for row in rows:
                    await self._take_assigned([row], now)
                return
            await self._commit(Batch(), now, [(rows[0].inbox_id, str(error))])

    async def _take_said(self, rows: list[InboxRow], now: datetime) -> None:
        said, refused = await read_said(rows, self._store)
        for inbox_id, why in refused.items():
            _log.warning("fact refused", inbox_id=inbox_id, why=why)
        done = [(row.inbox_id, refused.get(row.inbox_id)) for row in rows]
        try:
            await self._commit(Batch(said=said), now, done)
        except POISON as error:
            if len(rows) > 1:
                for row in rows:
                    await self._take_said([row], now)
                return
            await self._commit(Batch(), now, [(rows[0].inbox_id, str(error))])

    async def _take_series(self, rows: list[InboxRow], now: datetime) -> None:
        facts, refused = await read_series(rows, self._store)
        for inbox_id, why in refused.items():
            _log.warning("fact refused", inbox_id=inbox_id, why=why)
        done = [(row.inbox_id, refused.get(row.inbox_id)) for row in rows]
        try:
            await self._commit(Batch(series=facts), now, done)
        except POISON as error:
            if len(rows) > 1:
                for row in rows:
                    await self._take_series([row], now)
                return
            await self._commit(Batch(), now, [(rows[0].inbox_id, str(error))])

    async def _commit(
        self,
        batch: Batch,
        now: datetime,
        inbox: Sequence[tuple[int, str | None]] = (),
        bindings: Sequence[BindingFact] = (),
    ) -> None:
        began_s = asyncio.get_running_loop().time()
        async with self._store.batch():
            outcome = await walk(batch, self._county, self._store, self._rules, now)
            for inbox_id, refused in inbox:
                await self._store.inbox.done(inbox_id, now, refused)
            publications = await self._bind(bindings, self._store.suspicions.take_touched(), now)
        self._county.committed(outcome.done, outcome.marks)
        self._county.states.take(outcome.states)
        self._watchdog.committed(batch, outcome, began_s)
        if bindings:
            await load_facts(self._store, self._county)
        self._publish(_receipts(outcome) + publications)

    async def _bind(
        self, bindings: Sequence[BindingFact], asked: set[HubId], now: datetime
    ) -> list[Publication]:
        """Bind devices, and have hubs ask whose a reading was, or no longer ask."""
        if not bindings and not asked:
            return []
        desk = self._desk(now)
        for binding in bindings:
            await desk.apply(binding)
        desk.hubs_to_tell |= asked
        return await desk.publications()

    async def _hear(self, now: datetime) -> None:
        count = min(len(self._statuses), HEARD_AT_ONCE)
        heard = [self._statuses.popleft() for _ in range(count)]
        forgotten: dict[Mark, int] = {}
        async with self._store.batch():
            desk = self._desk(now)
            for payload in heard:
                try:
                    async with self._store.part():
                        status = decode_status(payload)
                        await desk.hear(status, payload.decode())
                        await self._watchdog.heard(status)
                    forgotten |= self._county.forgotten(status)
                except POISON as error:
                    _log.warning("hub report refused", why=str(error))
            publications = await desk.publications()
        if publications:
            await load_facts(self._store, self._county)
        self._publish(publications + _all_receipts(forgotten))

    def _publish(self, publications: list[Publication]) -> None:
        """Hand retained messages to the broker; without one they wait for the next connection."""
        session = self._session
        if session is None:
            return
        with contextlib.suppress(MqttUnavailable):
            session.publish_all_nowait(((p.topic, p.payload) for p in publications), retain=True)

    async def _talk(self) -> None:
        failures = 0
        while True:
            try:
                async with mqtt_stream(self._mqtt()) as session:
                    failures = 0
                    _log.info("broker connected", epoch=self._store.epoch)
                    await self._greet(session)
                    await self._read(session)
            except MqttUnavailable as error:
                if failures == 0:
                    _log.warning("broker lost", why=error.reason)
                await asyncio.sleep(RECONNECT_S[min(failures, len(RECONNECT_S) - 1)])
                failures += 1
            finally:
                self._session = None
                self._lanes.forget()
                self._watchdog.broker_lost()

    async def _greet(self, session: MqttStream) -> None:
        await session.subscribe(UPLINKS, STATUSES)
        async with self._turn:
            self._session = session
            async with self._store.batch():
                await self._watchdog.broker_back()
            self._publish(_all_receipts(self._county.receipts))
            self._publish(await present_commands(self._store))
            self._publish(self._watchdog.news(only_new=False))
            self._publish([Publication(CORE_TOPIC, str(self._store.epoch).encode())])

    async def _read(self, session: MqttStream) -> None:
        while True:
            await self._lanes.room()
            if len(self._statuses) >= STATUSES_WAITING:
                await asyncio.sleep(BETWEEN_READS_S)  # the broker holds the rest
                continue
            for message in await session.take(READ_AT_ONCE):
                if message.topic.startswith(STATUS_PREFIX):
                    self._statuses.append(message.payload)
                else:
                    self._lanes.put(self._arrived(message))
            self._woken.set()
            await asyncio.sleep(0)  # what the database has answered goes first

    def _arrived(self, message: MqttMessage) -> Arrival:
        now = self._clock.now()
        try:
            return read_arrival(message.topic, message.payload, now, self._rules.zone)
        except POISON:
            # Measured again with its batch, it fails there, where records are told apart.
            return read_arrival(message.topic, message.payload, now)

    async def _mind_time(self) -> None:
        while True:
            await self._clock.wait_until(self._county.states.next_wake_at() or _far(self._clock))
            self._woken.set()
            await asyncio.sleep(SWEEP_S)

    async def _sweep(self) -> None:
        """A notification may be lost; nothing may wait for one for longer than this."""
        while True:
            await asyncio.sleep(SWEEP_S)
            with contextlib.suppress(StoreFullError):  # the worker says it
                async with self._turn:
                    await self._walk(self._clock.now())
            self.wake()

    async def _keep_lease(self) -> None:
        while True:
            with contextlib.suppress(StoreFullError):  # the worker says it
                async with self._turn, self._store.batch():
                    await self._watchdog.beat(
                        len(self._lanes),
                        rules=len(self._rules.pack.rules),
                        unsigned_ring=self._settings.unsigned_ring,
                    )
                self._publish(self._watchdog.news())
            await asyncio.sleep(LEASE_RENEWAL_S)

    async def _repeat_receipts(self) -> None:
        while True:
            await self._clock.wait_until(self._clock.now() + REPEAT_RECEIPTS)
            marks = list(self._county.receipts)
            for begin in range(0, len(marks), RECEIPTS_AT_ONCE):
                some = marks[begin : begin + RECEIPTS_AT_ONCE]
                # As they stand now: one that went back would make a hub send again.
                self._publish(_all_receipts({mark: self._county.receipts[mark] for mark in some}))
                await asyncio.sleep(BETWEEN_RECEIPTS_S)

    def _mqtt(self) -> MqttSettings:
        password = self._settings.mqtt_password
        return MqttSettings(
            host=self._settings.mqtt_host,
            port=self._settings.mqtt_port,
            client_id=f"hearthwatch-{self._settings.holder}-{self._store.epoch}",
            user=self._settings.mqtt_user,
            password=password.get_secret_value() if password else None,
            tls=self._tls(),
            in_flight=IN_FLIGHT,
            outgoing_limit=OUTGOING_LIMIT,
        )

    def _tls(self) -> MqttTls | None:
        authority = self._settings.mqtt_ca_file
        if authority is None:
            return None
        return MqttTls(
            ca_file=authority,
            certificate_file=self._settings.mqtt_certificate_file,
            key_file=self._settings.mqtt_key_file,
        )


@contextlib.asynccontextmanager
async def owning(store: CoreStore) -> AsyncGenerator[None]:
    """Wait until the county is ours, and let go of it at the end."""
    waiting = False
    while not await store.take_lease():
        if not waiting:
            _log.info("standing by")
        waiting = True
        await asyncio.sleep(SWEEP_S)
    _log.info("owner", epoch=store.epoch)
    try:
        yield
    finally:
        await store.release_lease()


async def run_core(
    settings: CoreSettings, clock: ProcessClock, store: CoreStore, rules: Rulebook
) -> None:
    """Own the county and serve it until cancelled.

    Raises:
        LeaseLostError: another core owns the county now (in an exception group, as the others).
        StoreUnavailableError: the database is gone, or does not answer.
        StoreFullError: it has no room, and the county is not loaded yet.
        PackError: the county's packs cannot run with this program, and nothing else would ring.
    """
    try:
        with outages():
            await _own_and_serve(settings, clock, store, rules)
    except* StoreUnavailableError as group:
        newest = await newest_epoch(settings.dsn)
        if newest is not None and newest > store.epoch > 0:
            text = f"epoch {store.epoch} of {settings.holder} is over, {newest} owns the county"
            raise LeaseLostError(text) from group
        raise


async def _own_and_serve(
    settings: CoreSettings, clock: ProcessClock, store: CoreStore, rules: Rulebook
) -> None:
    async with owning(store):
        county = await load_county(store, screens=settings.screen)
        await store.lease.hold()
        core = Core(settings, clock, store, county, rules)
        await core.recall_rules()
        await core.renew_commands()
        await store.listen(INBOX_CHANNEL, core.wake)
        clock.on_tick(core.settle)
        await core.serve()


def _failed(arrival: Arrival, error: Exception) -> Arrival:
    detail = f"{type(error).__name__}: {error}".replace("\x00", "\\0")
    why = Quarantined(reason=Reason.FAILED, field="", detail=detail)
    return replace(arrival, content=why)


def _receipts(outcome: Outcome) -> list[Publication]:
    return _all_receipts(outcome.marks)


def _all_receipts(marks: dict[Mark, int]) -> list[Publication]:
    return [
        Publication(
            receipt_topic(mark.hub, mark.epoch, mark.lane),
            encode_receipt(
                Receipt(
                    v=RECEIPT_VERSION,
                    hub=mark.hub,
                    epoch=mark.epoch,
                    lane=mark.lane,
                    through=through,
                )
            ),
        )
        for mark, through in marks.items()
    ]


def _far(clock: ProcessClock) -> datetime:
    """With nobody waiting, look again after this long."""
    return clock.now() + timedelta(seconds=SWEEP_S)
