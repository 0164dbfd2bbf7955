"""Everybody's columns survive a restart: written by batches, read back in blocks, found by name."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import numpy as np
import pytest
from msgspec import structs

from gateway.bank import Bank
from gateway.baselines import LAYOUT, STATE
from gateway.case_ends import ANY, NONE, URGENT
from gateway.county import County, load_county
from gateway.facts import BindingFact
from gateway.filling import fill
from gateway.recent import RECENT
from gateway.stored_state import StoredState
from rules.vocabulary import DeviceRef, Priority, Profile, SubjectRef
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    START,
    WANG,
    Bench,
    county_bench,
    daily,
    minutes,
    pressure,
    sugar,
)

pytestmark = [pytest.mark.peer, pytest.mark.row("R20")]

LONG = SubjectRef("s-" + "ä" * 40)
MANY = 2_500


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as county:
        yield county


def same(one: StoredState, other: StoredState) -> bool:
    assert one.recent is not None
    assert other.recent is not None
    return (
        one.row.tobytes() == other.row.tobytes()
        and one.recent.tobytes() == other.recent.tobytes()
        and (one.stale, one.ends_on) == (other.stale, other.ends_on)
    )


async def filled(bench: Bench) -> County:
    """What a core that starts now knows when everybody's columns have come."""
    county = await load_county(bench.store)
    await fill(county.states, bench.store.states, asyncio.Lock())
    return county


async def test_a_restarted_core_knows_what_the_former_one_knew(bench: Bench) -> None:
    other = DeviceRef(manufacturer="Acme", model="BP-1", serial="9")
    await bench.tell(Profile(subject=LONG, birth_year=1950))
    await bench.tell(
        BindingFact(device=other.key, subject=LONG, valid_from=START - timedelta(days=9))
    )
    for reading in daily(12, [128, 131, 126]):
        await bench.feed(reading)
    await bench.feed(pressure(START + timedelta(days=12), 131, 80, device=other))
    calm = [outcome for outcome in bench.outcomes if outcome.states.calm is not None]
    assert len(calm) > 10
    again = await filled(bench)
    assert len(again.states) == len(bench.county.states)
    for subject in (WANG, LONG):
        assert same(again.states.gather(subject), bench.county.states.gather(subject))
    bench.county = again
    outcome = await bench.feed(pressure(START + timedelta(days=12, hours=12), 129, 80))
    assert outcome.states.calm is not None


async def test_a_profile_that_changed_has_the_next_reading_judged_exactly(bench: Bench) -> None:
    """Medicines that became known decide what yesterday's low means; also after a restart."""
    for reading in daily(6, [128, 131]):
        await bench.feed(reading)
    await bench.tell(Profile(subject=WANG, birth_year=1954, drug_classes=frozenset()))
    bench.county = await load_county(bench.store)
    first = await bench.feed(pressure(START + timedelta(days=6), 128, 80))
    second = await bench.feed(pressure(START + timedelta(days=6, hours=12), 128, 80))
    assert WANG in first.states.exact
    assert second.states.calm is not None


async def test_rows_of_another_layout_are_folded_again_and_waits_are_kept(bench: Bench) -> None:
    for reading in daily(4, [128, 131]):
        await bench.feed(reading)
    learned = bench.county.states.gather(WANG)
    await bench.owner.execute("UPDATE core.subject_state SET layout = layout - 1")
    bench.county = await filled(bench)
    assert bench.county.states.unknown([WANG]) == [WANG]
    await bench.county.know(bench.store, [WANG])
    assert bench.county.states.gather(WANG).stale
    await bench.feed(sugar(START + timedelta(days=4), "2.9"))
    due = bench.county.states.next_wake_at()
    assert due == START + timedelta(days=4) + minutes(20)
    assert (await load_county(bench.store)).states.next_wake_at() == due
    row = bench.county.states.gather(WANG).row
    assert not bench.county.states.gather(WANG).stale
    assert row["readings"][0] >= learned.row["readings"][0] > 0


async def many(bench: Bench, count: int) -> None:
    """Rows of people of whom nothing else is known; the first octet tells them apart."""
    await bench.owner.execute(
        "INSERT INTO core.subject_state (subject, layout, state, recent)"
        " SELECT 's-' || n, $4, set_byte(decode(repeat('00', $2), 'hex'), 0, n % 256),"
        " decode(repeat('01', $3), 'hex') FROM generate_series(1, $1::int) AS n",
        *(count, STATE.itemsize, RECENT.itemsize, LAYOUT),
    )


async def test_thousands_of_rows_come_back_in_blocks(bench: Bench) -> None:
    await many(bench, MANY)
    states = (await filled(bench)).states
    names = [SubjectRef(f"s-{number}") for number in range(1, MANY + 1)]
    rows = states.rows(names)
    assert len(set(rows.tolist())) == MANY
    found, recent = states.copies(rows)
    assert [row.tobytes()[0] for row in found] == [number % 256 for number in range(1, MANY + 1)]
    assert np.all(recent["rules"] == 0x01010101)
    assert states.rows([SubjectRef("s-0"), SubjectRef("nobody")]).tolist() == [-1, -1]


async def test_a_county_of_nobody_takes_its_first_reading(bench: Bench) -> None:
    bench.county = await filled(bench)
    assert len(bench.county.states) == 0
    await bench.feed(pressure(START, 131, 80))
    assert bench.county.states.unknown([WANG]) == []


async def test_who_measures_is_served_before_everybody_is_here(bench: Bench) -> None:
    """The fill reads a page on which somebody stood before they measured, and after."""
    await many(bench, MANY)
    for reading in daily(5, [128, 131]):
        await bench.feed(reading)
    bench.county = await load_county(bench.store)
    states, store = bench.county.states, bench.store.states
    extent = await store.extent()
    assert extent.rows >= MANY
    states.begin_filling(2 * extent.rows)
    block = await store.block(0, extent.pages)
    assert block is not None
    states.fill(block)  # holds them as they were
    assert states.unknown([WANG]) == [WANG]
    outcome = await bench.feed(pressure(START + timedelta(days=5), 127, 80))
    assert outcome.states.calm is not None  # their row was asked for
    block = await store.block(0, (await store.extent()).pages)
    assert block is not None
    states.fill(block)  # as they are now, and everybody else once more
    known = states.gather(WANG)
    states.found_by(states.filled().sorted())
    assert same(states.gather(WANG), known)
    stored = (await store.of([WANG]))[WANG]
    assert same(structs.replace(stored, ends_on=known.ends_on), known)
    await bench.feed(pressure(START + timedelta(days=5, hours=12), 129, 80))
    assert same(states.gather(WANG), (await store.of([WANG]))[WANG])


async def test_an_open_case_is_known_before_and_after_everybody_is_here(bench: Bench) -> None:
    await bench.feed(pressure(START, 190, 125))
    await bench.feed(pressure(START + minutes(2), 192, 126))
    asked = (await bench.store.states.of([WANG]))[WANG]
    assert asked.ends_on == ANY
    assert (await filled(bench)).states.gather(WANG).ends_on == ANY
    await bench.owner.execute("UPDATE core.case SET priority = $1", Priority.SOON)
    assert (await filled(bench)).states.gather(WANG).ends_on == ANY & ~URGENT
    await bench.owner.execute("UPDATE core.case SET state = 'cleared', ended_at = opened_at")
    assert (await filled(bench)).states.gather(WANG).ends_on == NONE
    assert (await bench.store.states.of([WANG]))[WANG].ends_on == NONE


async def test_a_profile_that_changes_while_others_come_in_is_not_forgotten(bench: Bench) -> None:
    for reading in daily(6, [128, 131]):
        await bench.feed(reading)
    bench.county = await load_county(bench.store)
    states, store = bench.county.states, bench.store.states
    extent = await store.extent()
    states.begin_filling(extent.rows)
    block = await store.block(0, extent.pages)
    assert block is not None
    states.fill(block)
    await bench.tell(Profile(subject=WANG, birth_year=1954, drug_classes=frozenset()))
    states.found_by(states.filled().sorted())
    outcome = await bench.feed(pressure(START + timedelta(days=6), 128, 80))
    assert WANG in outcome.states.exact


async def test_places_of_rows_that_came_twice_are_used_again(bench: Bench) -> None:
    await many(bench, 10)
    states, store = Bank(), bench.store.states
    extent = await store.extent()
    names = [SubjectRef(f"s-{number}") for number in range(1, 11)]
    states.begin_filling(extent.rows)
    states.replace(await store.of(names[:4]))
    block = await store.block(0, extent.pages)
    assert block is not None
    states.fill(block)
    states.found_by(states.filled().sorted())
    assert len(states) == 10
    rows = states.rows(names)
    assert (rows >= 0).all()
    states.replace({SubjectRef("s-new"): states.gather(names[9])})
    assert len(states) == 11
    assert states.rows([SubjectRef("s-new")])[0] not in rows
    assert states.rows([SubjectRef("s-new")])[0] < 14
