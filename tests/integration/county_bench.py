"""A county on a real database, without a broker: batches in, rows out."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import asyncpg

from gateway.arrivals import Arrival, read_arrival
from gateway.county import County, load_county, load_facts
from gateway.detect import Rulebook
from gateway.fact_desk import Desk
from gateway.facts import BindingFact, Fact, HubFact
from gateway.hub_rules import rules_for_hubs
from gateway.packs import load_first_pack
from gateway.pipeline import Outcome, walk
from gateway.sorting import Batch
from gateway.store.core_store import CoreStore, open_core_store
from rules.vocabulary import (
    Bound,
    DeviceRef,
    HubId,
    HubStamp,
    Observation,
    Origin,
    Profile,
    QualityFlag,
    Quantity,
    QuantityName,
    SubjectRef,
    Vital,
)
from rules.wire import WIRE_VERSION, Envelope, Lane, encode_envelope, uplink_topic

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)  # 08:00 in the county
HUB = HubId("hub-1")
WANG = SubjectRef("s-wang")
CUFF = DeviceRef(manufacturer="Acme", model="BP-1", serial="1")
METER = DeviceRef(manufacturer="Acme", model="GL-1", serial="2")


def pressure(  # noqa: PLR0913 - one argument a thing that varies
    at: datetime,
    systolic: int,
    diastolic: int,
    *,
    received: datetime | None = None,
    device: DeviceRef = CUFF,
    origin: Origin = Origin.LIVE,
    dated: bool = True,
    flags: tuple[QualityFlag, ...] = (),
) -> Observation:
    """A cuff's reading made at `at`; `dated=False` sends no device time."""
    return Observation(
        device=device,
        kind=Vital.BLOOD_PRESSURE,
        quantities={
            QuantityName.SYSTOLIC: Quantity(value=Decimal(systolic), unit="mm[Hg]"),
            QuantityName.DIASTOLIC: Quantity(value=Decimal(diastolic), unit="mm[Hg]"),
        },
        received=_stamp(received or at),
        hub=HUB,
        session=f"s-{at.isoformat()}",
        origin=origin,
        device_time=at.astimezone(ZONE).replace(tzinfo=None) if dated else None,
        flags=flags,
        source="2A35",
    )


def sugar(  # noqa: PLR0913 - one argument a thing that varies
    at: datetime,
    value: str,
    *,
    received: datetime | None = None,
    device: DeviceRef = METER,
    origin: Origin = Origin.LIVE,
    unit: str | None = "mmol/L",
    dated: bool = True,
) -> Observation:
    """A meter's reading made at `at`; `LO` is below its range, `HI` above."""
    censored = {"LO": Bound.BELOW, "HI": Bound.ABOVE}.get(value)
    number = None if censored else Decimal(value)
    quantity = Quantity(value=number, unit=unit, censored=censored)
    return Observation(
        device=device,
        kind=Vital.GLUCOSE,
        quantities={QuantityName.GLUCOSE: quantity},
        received=_stamp(received or at),
        hub=HUB,
        session=f"s-{at.isoformat()}",
        origin=origin,
        device_time=at.astimezone(ZONE).replace(tzinfo=None) if dated else None,
        source="2A18",
    )


def _stamp(at: datetime) -> HubStamp:
    return HubStamp(boot_id="b", monotonic_s=0, wall=at, wall_trusted=True)


def envelope(observation: Observation, sequence: int, lane: Lane = Lane.LIVE) -> Arrival:
    """The observation as a message of the hub's uplink."""
    message = Envelope(
        v=WIRE_VERSION, hub=HUB, epoch="e1", lane=lane, sequence=sequence, observation=observation
    )
    topic = uplink_topic(HUB, "e1", lane, sequence)
    return read_arrival(topic, encode_envelope(message), observation.received.wall)


@dataclass(slots=True)
class Bench:
    """The county, its store and a counter of messages."""

    store: CoreStore
    county: County
    rules: Rulebook
    owner: "asyncpg.Connection[asyncpg.Record]"
    sent: int = 0
    outcomes: list[Outcome] = field(default_factory=list[Outcome])

    async def tell(self, *facts: Fact, now: datetime = START) -> None:
        """Apply facts, as the core does."""
        async with self.store.batch():
            desk = Desk(self.store, self.county, now, rules_for_hubs(self.rules.pack))
            for fact in facts:
                await desk.apply(fact)
            await desk.publications()
        await load_facts(self.store, self.county)

    async def feed(self, *observations: Observation, now: datetime | None = None) -> Outcome:
        """One batch of live readings, at the newest arrival unless told otherwise."""
        arrivals: list[Arrival] = []
        for observation in observations:
            self.sent += 1
            arrivals.append(envelope(observation, self.sent))
        at = now or max(observation.received_at for observation in observations)
        return await self.take(Batch(arrivals=arrivals), at)

    async def wake(self, now: datetime) -> Outcome:
        """Look at everybody whose absence is due."""
        return await self.take(Batch(waking=await self.store.states.due(now, 1000)), now)

    async def take(self, batch: Batch, now: datetime) -> Outcome:
        """One transaction."""
        async with self.store.batch():
            outcome = await walk(batch, self.county, self.store, self.rules, now)
        self.county.committed(outcome.done, outcome.marks)
        self.county.states.take(outcome.states)
        self.outcomes.append(outcome)
        return outcome

    async def alerts(self) -> list[asyncpg.Record]:
        """Every alert, oldest first."""
        return await self.owner.fetch("SELECT * FROM core.alert ORDER BY raised_at, rule_id, stage")

    async def rang(self) -> list[tuple[str, str]]:
        """(rule, stage) of every alert, oldest first."""
        return [(row["rule_id"], row["stage"]) for row in await self.alerts()]

    async def empty(self, tables: str) -> None:
        """Begin anew: no rows are left in these tables, nor in what refers to them.

        The service's record of alerts refuses to be emptied; here nobody has read it.
        """
        async with self.owner.transaction():
            await self.owner.execute("SET LOCAL session_replication_role = replica")
            await self.owner.execute(f"TRUNCATE {tables} CASCADE")

    async def count(self, table: str) -> int:
        """Rows of a table."""
        return int(await self.owner.fetchval(f"SELECT count(*) FROM {table}"))  # noqa: S608


@asynccontextmanager
async def county_bench(dsn: str, owner_dsn: str) -> AsyncGenerator[Bench]:
    """A county with one hub, a cuff and a meter worn by s-wang, a woman on insulin."""
    rules = Rulebook(pack=load_first_pack(), zone=ZONE)
    owner = await asyncpg.connect(owner_dsn)
    try:
        async with open_core_store(dsn, "core-test") as store:
            assert await store.take_lease()
            bench = Bench(store=store, county=await load_county(store), rules=rules, owner=owner)
            long_ago = START - timedelta(days=400)
            await bench.tell(
                HubFact(hub=HUB, household="h-1", area="t-1", secret_hex="00" * 32),
                Profile(
                    subject=WANG,
                    birth_year=1954,
                    drug_classes=frozenset({"insulin"}),
                    conditions=frozenset({"hypertension", "diabetes_2"}),
                    household="h-1",
                    area="t-1",
                ),
                BindingFact(device=CUFF.key, subject=WANG, valid_from=long_ago),
                BindingFact(device=METER.key, subject=WANG, valid_from=long_ago),
            )
            yield bench
    finally:
        await owner.close()


def minutes(count: float) -> timedelta:
    """A span."""
    return timedelta(minutes=count)


def daily(days: int, systolic: Sequence[int], start: datetime = START) -> list[Observation]:
    """Morning and evening readings for some days, the values taken in turn."""
    times = [start + timedelta(days=day, hours=12 * half) for day in range(days) for half in (0, 1)]
    return [pressure(at, systolic[i % len(systolic)], 84) for i, at in enumerate(times)]
