"""After a roll-out everybody is looked at once: who is silent already, and who waits for longer."""

from datetime import timedelta

import msgspec
import pytest

from gateway.clock import WallClock
from gateway.core import Core
from gateway.core_settings import CoreSettings
from gateway.facts import PackFact
from gateway.pack_book import digest_of
from gateway.pack_desk import present_rules
from tests.fixtures.database import Database
from tests.integration.county_bench import (
    START,
    Bench,
    county_bench,
    daily,
    minutes,
    pressure,
)
from tests.integration.scales import heart_failure, weight
from tests.integration.test_packs_rolled_out import HIGHER, STARTED, signatures
from tests.unit.rules.readings import PACKS, counted_up

pytestmark = [pytest.mark.peer, pytest.mark.row("R13")]

ADHERENCE = (
    (PACKS / "adherence.yaml").read_text().replace("version: 1\nmode", "version: 2\nmode", 1)
)
SOONER = counted_up(
    HIGHER.replace(
        "      when: at_level()\n      wait: 15m\n      unless: level_left()",
        "      when: at_level()\n      wait: 5m\n      unless: level_left()",
        1,
    ).replace("numbers: [1m, 30m, 15m]", "numbers: [1m, 30m, 5m]", 1),
    "HW-02",
)


ALONE = counted_up(
    HIGHER.replace("ge('systolic', 220)", "ge('systolic', 200)").replace(
        "numbers: [220, 130, 175", "numbers: [200, 130, 175"
    ),
    "HW-02",
)


async def _rolled_out(bench: Bench, pack: str, text: str) -> None:
    digest = digest_of(text)
    proposed = PackFact(action="propose", pack=pack, by="a", at=START, text=text, digest=digest)
    signed = PackFact(
        action="roll_out",
        pack=pack,
        by="a",
        at=START,
        digest=digest,
        signatures=signatures(text),
    )
    for fact in (proposed, signed):
        await bench.owner.execute(
            "INSERT INTO core.inbox (created_at, kind, body) VALUES ($1, 'pack', $2::text::jsonb)",
            START,
            msgspec.json.encode(fact).decode(),
        )


def _core(bench: Bench, dsn: str) -> Core:
    settings = CoreSettings(dsn=dsn, holder="core-test")
    return Core(settings, WallClock(), bench.store, bench.county, bench.rules)


async def _is_walking(bench: Bench) -> bool:
    return bool(await bench.owner.fetchval("SELECT NOT is_done FROM core.rules_walk"))


@pytest.mark.parametrize("rolled_out_at", [0, 30])
async def test_who_was_silent_before_a_rule_on_silence_came_is_missed_too(
    database: Database, rolled_out_at: int
) -> None:
    dsn = database.dsn_as("hw_core")
    async with county_bench(dsn, database.dsn) as bench:
        await bench.tell(*heart_failure())
        core = _core(bench, dsn)
        await core.renew_commands()
        for day in range(41):
            at = START + timedelta(days=day)
            if day == rolled_out_at:
                await _rolled_out(bench, "adherence", ADHERENCE)
                await core.settle(at)
                bench.rules = await present_rules(STARTED, STARTED, bench.store.packs)
            if day < 10:
                await bench.feed(weight(at + minutes(5)))
            await core.settle(at + minutes(10))
        rang = await bench.alerts()
        assert [(row["rule_id"], row["stage"]) for row in rang] == [("DQ-09", "absence")]
        assert rang[0]["raised_at"] >= START + timedelta(days=max(12, rolled_out_at))
        assert not await _is_walking(bench)


async def test_a_wait_that_became_shorter_is_over_sooner(database: Database) -> None:
    dsn = database.dsn_as("hw_core")
    async with county_bench(dsn, database.dsn) as bench:
        core = _core(bench, dsn)
        await core.renew_commands()
        for reading in daily(2, [128]):
            await bench.feed(reading)
        at = START + timedelta(days=3)
        await bench.feed(pressure(at, 190, 112))
        await core.settle(at + minutes(6))
        assert await bench.rang() == []
        await _rolled_out(bench, "first", SOONER)
        await core.settle(at + minutes(7))
        assert ("HW-02", "unconfirmed") in await bench.rang()


async def test_the_walk_goes_on_where_it_stood_and_only_under_other_rules(
    database: Database,
) -> None:
    dsn = database.dsn_as("hw_core")
    async with county_bench(dsn, database.dsn) as bench:
        for reading in daily(2, [128]):
            await bench.feed(reading)
        await bench.owner.execute(
            "INSERT INTO core.subject_state (subject, layout, state) "
            "SELECT 'z-' || lpad(n::text, 5, '0'), 0, '' FROM generate_series(1, 4500) n"
        )
        states = bench.store.states
        async with bench.store.batch():
            assert await states.begin_walk(7, START)
        pieces = 0
        going_on = True
        while going_on:
            async with bench.store.batch():
                assert await states.begin_walk(7, START), "another core goes on"
                going_on = await states.wake_some(7, START, 1000)
            pieces += 1
        woken = "SELECT count(*) FROM core.subject_state WHERE next_wake_at = $1"
        assert await bench.owner.fetchval(woken, START) == await bench.count("core.subject_state")
        assert pieces > 4, "a few at a time"
        async with bench.store.batch():
            assert not await states.begin_walk(7, START), "nobody is looked at twice"
            assert await states.begin_walk(8, START)


async def test_what_waited_rings_alone_where_it_does_under_the_new_rules(
    database: Database,
) -> None:
    """It waits for nothing any more, and was measured before what rings for it was there."""
    dsn = database.dsn_as("hw_core")
    async with county_bench(dsn, database.dsn) as bench:
        core = _core(bench, dsn)
        await core.renew_commands()
        for reading in daily(2, [128]):
            await bench.feed(reading)
        at = START + timedelta(days=3)
        await bench.feed(pressure(at, 205, 105))
        await core.settle(at + minutes(6))
        assert await bench.rang() == []
        await _rolled_out(bench, "first", ALONE)
        await core.settle(at + minutes(7))
        assert await bench.rang() == [("HW-02", "immediate")]
        await core.settle(at + minutes(60))
        assert ("HW-02", "unconfirmed") not in await bench.rang()
