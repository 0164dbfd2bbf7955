"""Who wears what since when: a swapped device keeps the person's series, a re-issued one begins."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid5

import asyncpg
import pytest

from gateway.baselines import baseline_of
from gateway.facts import BindingFact, decode_fact
from rules.vocabulary import DeviceRef, QuantityName, SubjectRef
from service.care.written import Outcome
from service.people import Person
from service.store.care_store import Store
from service.store.database import open_pool
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    CUFF,
    METER,
    START,
    WANG,
    ZONE,
    Bench,
    county_bench,
    daily,
    pressure,
)
from tests.integration.service_county import IDS

pytestmark = pytest.mark.peer

SYSTOLIC = QuantityName.SYSTOLIC
NEW_CUFF = DeviceRef(manufacturer="Acme", model="BP-1", serial="7")
LIU = SubjectRef("s-liu")
SWAPPED = START + timedelta(days=20)
REISSUED = START + timedelta(days=22)


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as opened:
        yield opened


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    async with open_pool(database.dsn_as("hw_service"), size=2) as pool:
        yield Store(pool, ZONE)


async def apply_inbox(bench: Bench) -> None:
    """What the core does with what the service has appended."""
    rows = await bench.owner.fetch(
        "UPDATE core.inbox SET applied_at = created_at WHERE applied_at IS NULL"
        " RETURNING inbox_id, kind, body::text AS body"
    )
    for row in sorted(rows, key=lambda row: row["inbox_id"]):
        await bench.tell(decode_fact(row["kind"], row["body"]), now=START)


async def subjects(owner: "asyncpg.Connection[asyncpg.Record]") -> dict[str, int]:
    rows = await owner.fetch("SELECT subject, count(*) AS n FROM core.observation GROUP BY 1")
    return {row["subject"]: row["n"] for row in rows}


@pytest.mark.row("P23")
async def test_a_swapped_cuff_goes_on_with_the_persons_series_and_a_reissued_one_begins(
    bench: Bench, store: Store
) -> None:
    for subject in (WANG, LIU):
        person = Person(person_id=uuid5(IDS, subject), subject=subject, name=subject)
        await store.register_person(person, START)
    await apply_inbox(bench)
    await bench.feed(*daily(days=20, systolic=[150]))
    before = baseline_of(bench.county.states.gather(WANG).row, SYSTOLIC)
    stored = (await subjects(bench.owner))[WANG]
    given = BindingFact(device=NEW_CUFF.key, subject=WANG, valid_from=SWAPPED)
    reissued = BindingFact(device=CUFF.key, subject=LIU, valid_from=REISSUED)
    unknown = BindingFact(device=CUFF.key, subject=SubjectRef("s-none"), valid_from=REISSUED)
    outcomes = [
        (await store.give_device(None, one, START)).outcome
        for one in (given, given, reissued, unknown)
    ]
    assert outcomes == [
        Outcome.ADDED,
        Outcome.UNCHANGED,
        Outcome.ADDED,
        Outcome.UNKNOWN_PERSON,
    ]
    await apply_inbox(bench)
    for day in range(21, 26):
        at = START + timedelta(days=day, hours=1)
        await bench.feed(
            pressure(at, 151, 90, device=NEW_CUFF),
            pressure(at + timedelta(minutes=5), 118, 75, device=CUFF),
        )
    found = await subjects(bench.owner)
    # on the 21st day the old cuff was still Wang's; from the 22nd it is Liu's
    assert found == {WANG: stored + 5 + 1, LIU: 4}
    after = baseline_of(bench.county.states.gather(WANG).row, SYSTOLIC)
    assert after.first_day == before.first_day
    assert after.anchor == before.anchor
    assert after.days > before.days
    fresh = baseline_of(bench.county.states.gather(LIU).row, SYSTOLIC)
    assert fresh.days < after.days
    worn = await store.worn_by(WANG)
    assert [(one.device, one.valid_to) for one in worn] == [
        (NEW_CUFF.key, None),
        (CUFF.key, REISSUED),
        (METER.key, None),
    ]
    assert [(one.device, one.valid_from) for one in await store.worn_by(LIU)] == [
        (CUFF.key, REISSUED)
    ]
    marks = "SELECT body->>'change' FROM core.inbox WHERE kind = 'mark' AND body->>'subject' = $1"
    assert await bench.owner.fetchval(marks, WANG) == "device"
