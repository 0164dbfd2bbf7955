"""Who somebody is becomes known after they have measured: the reading is judged by it too."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from gateway.county import load_county
from gateway.facts import ClosingFact
from gateway.profile_changes import ProfileChange
from gateway.rehearsal import Rehearsal
from rules.vocabulary import Ternary
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    START,
    WANG,
    Bench,
    county_bench,
    minutes,
    pressure,
    sugar,
)
from tests.integration.test_shadow import following


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        yield bench


async def test_a_crisis_that_waits_rings_once_it_is_known_to_be_a_childs(bench: Bench) -> None:
    """HW-02 is not for a child any more, and HW-MIN would never have seen the reading."""
    known = bench.county.profile(WANG)
    await bench.tell(replace(known, birth_year=None))
    await bench.feed(pressure(START, 186, 116))
    assert await bench.rang() == []
    await bench.tell(replace(known, birth_year=2014), now=START + minutes(5))
    await bench.wake(START + minutes(5))
    assert await bench.rang() == [("HW-MIN", "immediate")]


async def test_a_past_that_is_lived_again_tells_the_same(bench: Bench) -> None:
    unknown = replace(bench.county.profile(WANG), birth_year=None)
    child = replace(unknown, birth_year=2014)
    await bench.feed(pressure(START, 186, 116))
    await bench.feed(pressure(START + timedelta(days=1), 118, 70))  # the recording goes on
    points = (await bench.store.windows({WANG: START}))[WANG]
    later = {WANG: [ProfileChange(at=START + minutes(5), profile=child)]}
    for screened in (True, False):
        lived = Rehearsal(bench.rules, answered_after=timedelta(days=1), screened=screened)
        found = await lived.live_through({WANG: points}, {WANG: unknown}, _unheard, later)
        assert [(one.rule_id, one.raised_at) for one in found.alerts] == [
            ("HW-MIN", START + minutes(5))
        ]


async def test_rules_in_shadow_hear_it_too(database: Database, bench: Bench) -> None:
    unknown = replace(bench.county.profile(WANG), birth_year=None)
    child = replace(unknown, birth_year=2014)
    await bench.tell(unknown)
    async with following(database, bench.rules.pack, "candidate", START) as follower:
        await bench.feed(pressure(START, 186, 116))
        await follower.catch_up(START + minutes(1))
        await bench.tell(child, now=START + minutes(5))
        await bench.owner.execute(
            "INSERT INTO core.inbox (created_at, kind, body, applied_at)"
            " VALUES ($1, 'profile', $2::text::jsonb, $1)",
            START + minutes(5),
            msgspec.json.encode(child).decode(),
        )
        await follower.catch_up(START + minutes(6))
    rows = await bench.owner.fetch("SELECT rule_id, raised_at FROM core.shadow_alert")
    assert [tuple(row) for row in rows] == [("HW-MIN", START + minutes(5))]


def _unheard(count: int) -> None:
    """Nobody waits for the progress of so little."""


async def test_two_high_pressures_ring_once_the_pregnancy_is_known(bench: Bench) -> None:
    known = replace(bench.county.profile(WANG), birth_year=1996)
    await bench.tell(known)
    await bench.feed(pressure(START, 165, 105))
    await bench.feed(pressure(START + minutes(4), 166, 105))
    assert await bench.rang() == []
    await bench.tell(replace(known, pregnant=Ternary.YES), now=START + minutes(5))
    bench.county = await load_county(bench.store)  # a core that was restarted meanwhile
    await bench.wake(START + minutes(6))
    assert await bench.rang() == [("HW-03", "condition")]


async def test_what_is_learnt_hours_later_makes_no_crisis_of_now(bench: Bench) -> None:
    known = replace(bench.county.profile(WANG), birth_year=1996)
    await bench.tell(known)
    await bench.feed(pressure(START, 165, 105))
    await bench.feed(pressure(START + minutes(4), 166, 105))
    await bench.tell(replace(known, pregnant=Ternary.YES), now=START + minutes(130))
    await bench.wake(START + minutes(130))
    assert await bench.rang() == []


async def test_what_has_rung_does_not_ring_again_for_a_new_profile(bench: Bench) -> None:
    """Nor does a case open anew that a doctor has closed meanwhile."""
    await bench.feed(pressure(START, 186, 112), sugar(START, "2.7"))
    await bench.feed(pressure(START + minutes(6), 184, 111), sugar(START + minutes(6), "5.0"))
    await bench.feed(sugar(START + minutes(22), "5.1"))
    rang = await bench.rang()
    assert ("HW-02", "confirmed") in rang
    closed = await bench.owner.fetch("SELECT case_id::text AS id FROM core.case")
    for each in closed:
        at = START + minutes(30)
        fact = ClosingFact(case_id=each["id"], outcome="treated", by="dr", at=at)
        await bench.tell(fact, now=at)
    known = bench.county.profile(WANG)
    for number, drugs in enumerate((None, frozenset[str](), frozenset({"sulfonylurea"}))):
        at = START + minutes(31 + number)
        await bench.tell(replace(known, drug_classes=drugs), now=at)
        await bench.wake(at)
    assert await bench.rang() == rang
    states = await bench.owner.fetch("SELECT DISTINCT state FROM core.case")
    assert [row["state"] for row in states] == ["closed"]
