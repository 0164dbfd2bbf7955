"""The models beside the core: what they learn from committed readings, on a real database."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from gateway.facts import BindingFact
from gateway.intake import Admitted, attributed
from gateway.population_worker import PopulationWorker
from gateway.store.population_store import PopulationStore, open_population_store
from rules.vocabulary import CoincidentClocks, DeviceRef, Profile, QuantityName, Sex, SubjectRef
from tests.fixtures.database import Database
from tests.integration.county_bench import START, ZONE, Bench, county_bench, minutes, pressure

pytestmark = [pytest.mark.peer, pytest.mark.row("R10")]

DAY = timedelta(days=1)
PEOPLE, DAYS, FAULT = 36, 66, 45
MODELS = ("BP-1", "BP-2", "BP-3")


@dataclass(slots=True)
class Town:
    """Thirty-six homes with three cuff models; one of them reads 12 more from day 45 on."""

    bench: Bench
    store: PopulationStore

    async def findings(self) -> list[tuple[str, str, date, int]]:
        rows = await self.bench.owner.fetch(
            "SELECT kind, key, found_on, homes FROM core.population_finding ORDER BY found_on"
        )
        return [tuple(row.values()) for row in rows]


@pytest.fixture
async def town(database: Database) -> AsyncIterator[Town]:
    core = database.dsn_as("hw_core")
    async with county_bench(core, database.dsn) as bench, open_population_store(core) as store:
        await fill(bench)
        yield Town(bench=bench, store=store)


async def fill(bench: Bench) -> None:
    chance = Random(2)  # noqa: S311 - a test's dice
    cuffs = [
        DeviceRef(manufacturer="Acme", model=MODELS[n % 3], serial=str(n)) for n in range(PEOPLE)
    ]
    level = [chance.gauss(132, 10) for _ in cuffs]
    for n, cuff in enumerate(cuffs):
        subject = SubjectRef(f"s-{n:02d}")
        await bench.tell(
            Profile(
                subject=subject, birth_year=1955, sex=Sex.FEMALE, household=f"h-{n}", area="t-1"
            ),
            BindingFact(device=cuff.key, subject=subject, valid_from=START - 400 * DAY),
        )
    for day in range(DAYS):
        admitted: list[Admitted] = []
        for n, cuff in enumerate(cuffs):
            at = START + day * DAY + minutes(n)
            shift = 12 if n % 3 == 1 and day >= FAULT else 0
            reading = pressure(at, round(level[n] + chance.gauss(0, 6) + shift), 80, device=cuff)
            admitted.append(attributed(reading, SubjectRef(f"s-{n:02d}"), ZONE, at))
        async with bench.store.batch():
            await bench.store.keep(admitted, START + day * DAY)


@pytest.mark.slow
async def test_a_drifting_model_is_found_once_and_by_whoever_starts_again(town: Town) -> None:
    early = PopulationWorker(town.store, ZONE)
    await early.settle(START + (FAULT - 1) * DAY)
    assert await town.findings() == []
    await early.settle(START + DAYS * DAY)
    ((kind, key, found_on, homes),) = await town.findings()
    assert (kind, key, homes) == ("model", "Acme/BP-2", PEOPLE // 3)
    assert START.date() + FAULT * DAY < found_on <= START.date() + (FAULT + 14) * DAY
    again = PopulationWorker(town.store, ZONE)
    due = await again.settle(START + DAYS * DAY)
    assert len(await town.findings()) == 1, "what was told is not told again"
    assert due is not None
    assert due > START + DAYS * DAY


@pytest.mark.slow
async def test_an_alert_is_ranked_among_similar_people_and_never_raised(town: Town) -> None:
    worker = PopulationWorker(town.store, ZONE)
    now = START + DAYS * DAY
    await worker.settle(now)
    before = await town.bench.count("core.alert")
    crisis = DeviceRef(manufacturer="Acme", model="BP-1", serial="0")
    await town.bench.feed(pressure(now, 226, 131, device=crisis))
    await worker.settle(now)
    rows = await town.bench.owner.fetch(
        "SELECT r.percentile, r.stratum, r.readings FROM core.alert_rank r"
        " JOIN core.alert a USING (alert_id) WHERE a.effective_at = $1",
        now,
    )
    assert await town.bench.count("core.alert") == before + len(rows)
    for row in rows:
        assert row["stratum"] == "bp/female/60-74"
        assert row["readings"] >= 500
        assert row["percentile"] >= 95


async def learned(store: PopulationStore, first: date, last: date) -> dict[date, list[float]]:
    """The systolic values that models are given, by day."""
    return {
        day: [each.values[QuantityName.SYSTOLIC] for each in readings]
        async for day, readings in store.days(first, last, ZONE)
    }


async def test_a_reading_is_learned_on_its_day_whatever_its_device_claims(
    database: Database,
) -> None:
    """A battery was changed: the cuff lives 26 years ago, a year ahead, or an hour behind."""
    core = database.dsn_as("hw_core")
    async with county_bench(core, database.dsn) as bench, open_population_store(core) as store:
        for n, off in enumerate((0 * DAY, -9600 * DAY, 400 * DAY, -DAY / 24)):
            at = START + 40 * n * DAY
            reading = pressure(at, 130 + n, 80)
            assert reading.device_time is not None
            shown = reading.device_time + off
            clocks = CoincidentClocks(device_time=shown, hub_time=at)
            await bench.feed(replace(reading, device_time=shown, clocks=clocks))
        rows = await bench.owner.fetch(
            "SELECT effective_at - claimed_at AS off FROM core.observation ORDER BY effective_at"
        )
        assert [abs(row["off"]) > 2 * DAY for row in rows] == [False, True, True, False]
        days = [(START + 40 * n * DAY).astimezone(ZONE).date() for n in range(4)]
        assert await store.first_day(START - DAY, ZONE.key) == days[0]
        found = await learned(store, days[0], days[-1])
        assert len(found) == 121
        assert {day: values for day, values in found.items() if values} == {
            day: [130.0 + n] for n, day in enumerate(days)
        }


async def test_a_reading_in_doubt_is_learned_when_somebody_has_said_whose_it_was(
    database: Database,
) -> None:
    """A crisis rings although it is in doubt, so it is valid; models wait."""
    core = database.dsn_as("hw_core")
    day = START.astimezone(ZONE).date()
    async with county_bench(core, database.dsn) as bench, open_population_store(core) as store:
        await bench.feed(pressure(START, 186, 102))
        await bench.owner.execute(
            "INSERT INTO core.suspicion (identity, claimed_at, subject, other, device,"
            " effective_at, point, ratio, waits) SELECT replace(identity::text, '-', ''),"
            " claimed_at, subject, 's-li', device, effective_at, '{}', 9, false"
            " FROM core.observation"
        )
        assert await learned(store, day, day) == {day: []}
        await bench.owner.execute(
            "UPDATE core.suspicion SET answer = subject, answered_by = 'a', answered_at = $1", START
        )
        assert await learned(store, day, day) == {day: [186.0]}


async def test_what_a_model_is_told_of_nobody(database: Database) -> None:
    """An empty county, and alerts whose evidence cannot be read, stop nobody."""
    core = database.dsn_as("hw_core")
    async with county_bench(core, database.dsn) as bench, open_population_store(core) as store:
        worker = PopulationWorker(store, ZONE)
        assert await worker.settle(START) is not None
        await bench.feed(pressure(START, 226, 131))
        await worker.settle(START)
        ranks = await bench.owner.fetch("SELECT percentile FROM core.alert_rank")
        assert [row["percentile"] for row in ranks] == [None] * await bench.count("core.alert")
        evidence = await bench.owner.fetchval("SELECT evidence FROM core.alert LIMIT 1")
        assert json.loads(evidence)["decision"]["rule_id"]


async def test_the_models_learn_in_a_process_of_their_own_that_waits_for_no_commit(
    database: Database,
) -> None:
    """The core stands in the middle of a batch; the worker reads what is committed, and ends."""
    core, now = database.dsn_as("hw_core"), datetime.now(UTC)  # noqa: TID251 - a test's own wall
    async with county_bench(core, database.dsn) as bench:
        for days in (9, 8):
            await bench.feed(pressure(now - days * DAY, 131, 84), now=now)
        async with bench.store.batch():
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "service.cli", "population", "--dsn", core, "--once"),
                cwd=Path(__file__).parents[2],
            )
            assert await asyncio.wait_for(process.wait(), 60) == 0
        learned = await bench.owner.fetchval("SELECT learned_through FROM core.population_position")
    assert (now - 4 * DAY).date() <= learned <= (now - 2 * DAY).date()
