"""What a database holds after a chaos run, and what it would hold without one.

Two further runs, in this process, with no broker, no crash and a clock that is handed in: one in
which every hub is heard at once (*undisturbed*), and one in which every reading arrives in the very
batch, at the very instant at which the disturbed core stored it (*the same receipts*).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from gateway.arrivals import Arrival, read_arrival
from gateway.county import load_county, load_facts
from gateway.detect import Rulebook
from gateway.fact_desk import Desk
from gateway.facts import Fact
from gateway.hub_rules import rules_for_hubs
from gateway.packs import load_first_pack
from gateway.pipeline import walk
from gateway.sorting import Batch
from gateway.store.core_store import CoreStore, open_core_store
from rules.vocabulary import HubId
from rules.wire import WIRE_VERSION, Envelope, Lane, encode_envelope, uplink_topic
from tests.chaos.plan import ZONE, Key, Measured, hub_of, observation_of

WAITS_OVER = timedelta(hours=1)
"""After the last reading all waits for a confirmation are lived through, with a jump of the clock
or without one: a jump may end one that the other runs would still be waiting for."""

_TOGETHER = 20
_BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """One batch of a core: when, and which readings were new in it; none when only time passed."""

    now: datetime
    keys: tuple[Key, ...]


@dataclass(slots=True)
class History:
    """The batches of a disturbed core in their order, over a restore of its database too."""

    _kept: list[Heard] = field(default_factory=list[Heard])
    _alerts_kept: set[str] = field(default_factory=set[str])

    async def batches(self, owner: "asyncpg.Connection[asyncpg.Record]") -> list[Heard]:
        """Every batch that is in the database now, in the order of their transactions."""
        keys: dict[int, tuple[datetime, list[Key]]] = {}
        kept = {key for one in self._kept for key in one.keys}
        for row in await owner.fetch(_READINGS):
            if (row["device"], row["effective_at"]) not in kept:
                _, found = keys.setdefault(row["transaction"], (row["at"], []))
                found.append((row["device"], row["effective_at"]))
        for row in await owner.fetch(_ALERTS):
            if row["alert_id"] not in self._alerts_kept:
                keys.setdefault(row["transaction"], (row["at"], []))
        later = [Heard(at, tuple(found)) for _, (at, found) in sorted(keys.items())]
        return self._kept + later

    async def restored(
        self, before: Sequence[Heard], owner: "asyncpg.Connection[asyncpg.Record]"
    ) -> None:
        """Remember, of the batches `before` a restore, those that the restored database holds."""
        there = {(row["device"], row["effective_at"]) for row in await owner.fetch(_READINGS)}
        alerts = await owner.fetch(_ALERTS)
        self._alerts_kept = {row["alert_id"] for row in alerts}
        rang = {row["at"] for row in alerts}
        self._kept = [
            Heard(one.now, tuple(key for key in one.keys if key in there))
            for one in before
            if not there.isdisjoint(one.keys) or (not one.keys and one.now in rang)
        ]


_READINGS = (
    "SELECT xmin::text::bigint AS transaction, recorded_at AS at, device, effective_at"
    " FROM core.observation ORDER BY 1, device, effective_at"
)
_ALERTS = (
    "SELECT xmin::text::bigint AS transaction, raised_at AS at, alert_id::text AS alert_id"
    " FROM core.alert"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What one database holds at the end."""

    readings: Counter[Key]
    cases: frozenset[Row]
    alerts: Mapping[str, Row]


async def books_of(owner: "asyncpg.Connection[asyncpg.Record]") -> Books:
    """Read them.

    When nothing could arrive (`blind`) is left out of the alerts' evidence: it tells of the very
    disturbance that the other runs are spared.
    """
    cases = await owner.fetch(
        "SELECT subject, family, rule_id, priority, state, last_point_at, outcome, limb,"
        " facts::text FROM core.case WHERE state <> 'withdrawn'"
    )
    alerts = await owner.fetch(
        "SELECT alert_id::text, subject, rule_id, stage, dated, priority, effective_at, raised_at,"
        " (evidence::jsonb - 'blind')::text FROM core.alert"
    )
    return Books(
        readings=Counter(
            (row["device"], row["effective_at"]) for row in await owner.fetch(_READINGS)
        ),
        cases=frozenset(tuple(row) for row in cases),
        alerts={row["alert_id"]: tuple(row) for row in alerts},
    )


class Reference:
    """A county in this process, on a database of its own, that is told everything by hand."""

    def __init__(self, store: CoreStore) -> None:
        """Nothing is known yet."""
        self._store = store
        self._sent: Counter[tuple[str, Lane]] = Counter()

    async def run(self, facts: Iterable[Fact], batches: Iterable[Sequence[Measured]]) -> None:
        """Facts, then batches, each taken when its last reading was heard by its hub.

        At the end everything that is waited for comes to its end.
        """
        timed = [(batch[-1].at, batch) for batch in batches]
        await self.replay(facts, [*timed, (timed[-1][0] + WAITS_OVER, ())])

    async def replay(
        self, facts: Iterable[Fact], batches: Iterable[tuple[datetime, Sequence[Measured]]]
    ) -> None:
        """Facts, then batches at given instants, with whose absence is due at each."""
        await register(self._store, facts)
        rules = Rulebook(pack=load_first_pack(), zone=ZONE)
        county = await load_county(self._store)
        for now, readings in batches:
            waking = await self._store.states.due(now, 1000)
            arrivals = [self._arrival(reading, now) for reading in readings]
            async with self._store.batch():
                batch = Batch(arrivals=arrivals, waking=waking)
                outcome = await walk(batch, county, self._store, rules, now)
            county.committed(outcome.done, outcome.marks)
            county.states.take(outcome.states)

    def _arrival(self, reading: Measured, now: datetime) -> Arrival:
        hub, lane = hub_of(reading.home), Lane.BACKLOG if reading.is_backlog else Lane.LIVE
        self._sent[hub, lane] += 1
        sequence = self._sent[hub, lane]
        message = Envelope(
            v=WIRE_VERSION,
            hub=HubId(hub),
            epoch="e1",
            lane=lane,
            sequence=sequence,
            observation=observation_of(reading),
        )
        topic = uplink_topic(HubId(hub), "e1", lane, sequence)
        return read_arrival(topic, encode_envelope(message), now)


async def register(store: CoreStore, facts: Iterable[Fact]) -> None:
    """Tell a county its homes, as the service would through the inbox."""
    if not store.epoch:
        assert await store.take_lease()
    county = await load_county(store)
    pack = load_first_pack()
    async with store.batch():
        desk = Desk(store, county, _BEGINNING, rules_for_hubs(pack))
        for fact in facts:
            await desk.apply(fact)
    await load_facts(store, county)


async def undisturbed(dsn: str, facts: Iterable[Fact], told: Sequence[Measured]) -> None:
    """Fill a database with what nobody disturbs."""
    async with open_core_store(dsn, "undisturbed") as store:
        batches = (told[begin : begin + _TOGETHER] for begin in range(0, len(told), _TOGETHER))
        await Reference(store).run(facts, batches)


async def same_receipts(
    dsn: str, facts: Iterable[Fact], told: Sequence[Measured], history: Sequence[Heard]
) -> None:
    """Fill a database with the batches of a disturbed core."""
    by_key = {reading.key: reading for reading in told}
    async with open_core_store(dsn, "same receipts") as store:
        batches = [(one.now, [by_key[key] for key in one.keys]) for one in history]
        await Reference(store).replay(facts, batches)
