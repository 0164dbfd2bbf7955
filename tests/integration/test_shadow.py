"""Rules in shadow follow the core's commits: the same alerts as live, and none that rings."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import msgspec
import pytest

from gateway.detect import Rulebook
from gateway.facts import ClosingFact
from gateway.packs import load_first_pack, load_shipped
from gateway.rehearsal import Rehearsal
from gateway.shadow import Shadow
from gateway.shadow_follow import KEPT, Follower
from gateway.shadow_worker import LAG, ShadowWorker
from gateway.store.case_row import alert_row
from gateway.store.shadow_store import open_shadow_link
from rules.pack import Pack
from rules.pack_set import load_set
from rules.vocabulary import Origin
from tests.fixtures.database import Database
from tests.integration.county_bench import START, WANG, ZONE, Bench, county_bench, daily, pressure
from tests.integration.scales import heart_failure, weight
from tests.integration.troubled import told_by_the_troubled
from tests.integration.village import EVERYTHING, FIRST, live, settled
from tests.unit.rules.readings import FIRST_TEXT, PACKS
from tests.unit.rules.test_pack_set import EXTRA

pytestmark = [pytest.mark.peer, pytest.mark.row("R13")]

BEFORE = datetime.combine(FIRST, datetime.min.time(), ZONE)
COLUMNS = (
    "alert_id, case_id, subject, kind, priority, family, rule_id, rule_version, rule_hash, stage,"
    " dated, raised_at, effective_at, synthetic, evidence"
)


@asynccontextmanager
async def following(
    database: Database, pack: Pack, variant: str, now: datetime, *, at_once: int = 500
) -> AsyncGenerator[Follower]:
    """A follower on a connection of its own, as the process is."""
    async with open_shadow_link(database.dsn_as("hw_core")) as link:
        store = link.variant(variant)
        await store.begin({pack.name: pack.version}, [rule.id for rule in pack.rules], now)
        shadow = Shadow(Rulebook(pack=pack, zone=ZONE), link.core, store)
        yield Follower(shadow, store, at_once=at_once)


async def rang(bench: Bench, table: str) -> list[dict[str, object]]:
    query = f"SELECT {COLUMNS} FROM {table} ORDER BY alert_id"  # noqa: S608 - our own words
    return [dict(row) for row in await bench.owner.fetch(query)]


async def close_as_the_service_does(bench: Bench, case_id: str, at: datetime) -> None:
    """Through the inbox: that is where a follower hears of it."""
    fact = ClosingFact(case_id=case_id, outcome="advice", by="dr", at=at)
    body = msgspec.json.encode(fact).decode()
    await bench.tell(fact, now=at)
    await bench.owner.execute(
        "INSERT INTO core.inbox (created_at, kind, body, applied_at)"
        " VALUES ($1, 'closing', $2::text::jsonb, $1)",
        at,
        body,
    )


@pytest.mark.slow
async def test_shadow_gives_what_live_gave_on_the_same_stream(database: Database) -> None:
    """Two months of a village, cases closed by a doctor meanwhile: 0 differences."""
    pack = load_first_pack()
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        told = await settled(bench, 24)

        async def answer(now: datetime) -> None:
            """Every third case is closed nine hours after it rang."""
            due = now - timedelta(hours=9)
            rows = await bench.owner.fetch(
                "SELECT case_id::text FROM core.case WHERE state = 'open' AND last_rang_at < $1"
                " AND abs(hashtext(case_id::text)) % 3 = 0",
                due,
            )
            for row in rows:
                await close_as_the_service_does(bench, row["case_id"], now)

        async with following(database, pack, "same", BEFORE, at_once=100) as follower:
            await live(bench, told, answer)
            last = told[-1].at
            assert await follower.catch_up(last) == await bench.count("core.observation")
        there, here = await rang(bench, "core.alert"), await rang(bench, "core.shadow_alert")
        assert len(there) > 20, "nothing rang: nothing was compared"
        assert here == there


@pytest.mark.slow
async def test_live_shadow_and_backtest_are_one_engine(database: Database) -> None:
    """The same receipts, every pack live, a doctor who closes each case 25 h after: no difference.

    As many people measure with scales and oximeters as will; several packs must ring.
    """
    # An hour more than a recheck is waited for: both at one instant have no order.
    packs, day = load_shipped(), timedelta(hours=25)
    pack = packs.beside
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        bench.rules = Rulebook(pack=pack, zone=ZONE)
        told = await settled(bench, 7, names=EVERYTHING)
        told += await told_by_the_troubled(bench, told[0].at + 3 * day)
        told.sort(key=lambda one: (one.at, one.observation.session))

        async def answer(now: datetime) -> None:
            rows = await bench.owner.fetch(
                "SELECT case_id::text, last_rang_at FROM core.case"
                " WHERE state = 'open' AND last_rang_at BETWEEN opened_at AND $1",
                now - day,
            )
            for row in rows:
                await close_as_the_service_does(bench, row["case_id"], row["last_rang_at"] + day)

        async with following(database, pack, "same", BEFORE) as follower:
            await live(bench, told, before=answer, span=timedelta(0))
            await follower.catch_up(told[-1].at)
        live_alerts = await rang(bench, "core.alert")
        assert await rang(bench, "core.shadow_alert") == live_alerts
        people = [
            row["subject"] for row in await bench.owner.fetch("SELECT subject FROM core.profile")
        ]
        points = await bench.store.windows(dict.fromkeys(people, BEFORE - timedelta(days=400)))
        rehearsal = Rehearsal(Rulebook(pack=pack, zone=ZONE), answered_after=day)
        rehearsed = await rehearsal.live_through(
            {subject: own for subject, own in points.items() if own},
            await bench.store.facts.profiles(people),
            lambda _: None,
        )
    names = [name.strip() for name in COLUMNS.split(",")]
    told_by = [alert_row(alert, synthetic=False) for alert in rehearsed.alerts]
    found = sorted(
        (dict(zip(names, row, strict=True)) for row in told_by),
        key=lambda row: str(row["alert_id"]),
    )
    assert len(live_alerts) > 10
    rang_in = {packs.pack_of(str(row["rule_id"])).name for row in live_alerts}
    assert len(rang_in) > 2, "too few packs rang: too little was compared"
    silent = {rule.id for rule in packs.first.rules} - {row["rule_id"] for row in live_alerts}
    assert silent <= {"HW-11"}, "of the first pack all but the shift of a month rang"
    assert [_plain(row) for row in found] == [_plain(row) for row in live_alerts]


def _plain(row: dict[str, object]) -> dict[str, str]:
    return {name: str(row[name]) for name in row}


async def test_what_a_shadow_pack_asks_for_rings_for_nobody(database: Database) -> None:
    packs = load_set({"first.yaml": FIRST_TEXT, "extra.yaml": EXTRA})
    async with (
        county_bench(database.dsn_as("hw_core"), database.dsn) as bench,
        following(database, packs.beside, "extra", START) as follower,
    ):
        for reading in daily(4, [128, 131]):
            await bench.feed(reading)
        await bench.feed(pressure(START + timedelta(days=5), 205, 90))
        await follower.catch_up(START + timedelta(days=6))
        assert "ZZ-01" not in {row["rule_id"] for row in await rang(bench, "core.alert")}
        found = await rang(bench, "core.shadow_alert")
        assert "ZZ-01" in {row["rule_id"] for row in found}
        assert await bench.count("core.outbox") == await bench.count("core.alert")
        assert {row["subject"] for row in found} == {WANG}


async def test_what_is_old_is_forgotten_and_open_cases_are_not(database: Database) -> None:
    pack, at = load_first_pack(), START + timedelta(days=1)
    async with (
        county_bench(database.dsn_as("hw_core"), database.dsn) as bench,
        following(database, pack, "same", START - timedelta(days=1)) as follower,
    ):
        await bench.feed(pressure(at, 190, 112))
        await bench.feed(pressure(at + timedelta(minutes=6), 188, 110))
        await follower.catch_up(at + timedelta(hours=1))
        assert len(await rang(bench, "core.shadow_alert")) == 1
        await follower.catch_up(at + KEPT + timedelta(days=2))
        assert "HW-02" not in {row["rule_id"] for row in await rang(bench, "core.shadow_alert")}
        rows = await bench.owner.fetch("SELECT rule_id, state FROM core.shadow_case")
        assert ("HW-02", "open") in {(row["rule_id"], row["state"]) for row in rows}
        assert await bench.count("core.alert") == 1


async def test_a_follower_that_was_away_goes_on_where_it_was(database: Database) -> None:
    """A wait for a confirmation from before it was killed is neither lost nor rung for twice."""
    pack = load_first_pack()
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        for reading in daily(4, [128, 131]):
            await bench.feed(reading)
        at = START + timedelta(days=5)
        async with following(database, pack, "same", START - timedelta(days=1)) as follower:
            await follower.catch_up(at)
            await bench.feed(pressure(at, 190, 112))
            await follower.catch_up(at)
        due = bench.county.states.next_wake_at()
        assert due is not None
        await bench.wake(due)
        async with following(database, pack, "same", at) as follower:
            assert await follower.next_wake() == due
            await follower.catch_up(due)
            await follower.catch_up(due)
        assert await rang(bench, "core.shadow_alert") == await rang(bench, "core.alert")
        assert [row["stage"] for row in await rang(bench, "core.alert")] == ["unconfirmed"]


async def test_a_record_that_is_dated_by_a_later_receipt_is_followed_too(
    database: Database,
) -> None:
    """Its device was days ahead: the first receipt cannot date it, one after that day can."""
    pack, at = load_first_pack(), START + timedelta(days=3)
    async with (
        county_bench(database.dsn_as("hw_core"), database.dsn) as bench,
        following(database, pack, "same", START - timedelta(days=1)) as follower,
    ):
        ahead = pressure(at, 192, 114, received=START, origin=Origin.BACKLOG)
        await bench.feed(ahead)
        await follower.catch_up(START)
        later = at + timedelta(minutes=5)
        again = pressure(at, 192, 114, received=later, origin=Origin.BACKLOG)
        assert (await bench.feed(again)).kept == 1
        await bench.feed(pressure(at + timedelta(minutes=8), 190, 112))
        await follower.catch_up(at + timedelta(minutes=8))
        assert await bench.count("core.observation") == 2
        live = await rang(bench, "core.alert")
        assert live
        assert await rang(bench, "core.shadow_alert") == live


async def test_a_variant_begins_with_what_is_open_and_repeats_nothing(database: Database) -> None:
    pack = load_first_pack()
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        at = START + timedelta(days=1)
        await bench.feed(pressure(at, 190, 112))
        await bench.feed(pressure(at + timedelta(minutes=6), 188, 110))
        begun = at + timedelta(hours=1)
        async with following(database, pack, "later", begun) as follower:
            await follower.catch_up(begun)
            assert await rang(bench, "core.shadow_alert") == []
            await bench.feed(pressure(at + timedelta(hours=3), 225, 132))
            await follower.catch_up(at + timedelta(hours=4))
        late = await bench.owner.fetch(
            "SELECT alert_id FROM core.alert WHERE raised_at > $1 ORDER BY alert_id", begun
        )
        found = await rang(bench, "core.shadow_alert")
        assert [row["alert_id"] for row in found] == [row["alert_id"] for row in late]
        assert late


async def test_who_was_silent_before_a_candidate_came_is_missed_in_it(database: Database) -> None:
    """As in the core after a roll-out (D88): what backtest and roll-out tell, shadow tells too."""
    sooner = load_set(
        {"first.yaml": FIRST_TEXT, "adherence.yaml": (PACKS / "adherence.yaml").read_text()}
    )
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        await bench.tell(*heart_failure())
        for day in range(10):
            await bench.feed(weight(START + timedelta(days=day, minutes=5)))
        begun = START + timedelta(days=30)
        assert await bench.owner.fetchval("SELECT count(next_wake_at) FROM core.subject_state") == 0
        async with following(database, sooner.beside, "candidate", begun) as follower:
            await follower.catch_up(begun)
            assert await rang(bench, "core.shadow_alert") == []
            await follower.catch_up(begun + timedelta(seconds=2))
            (missed,) = await rang(bench, "core.shadow_alert")
            assert (missed["rule_id"], missed["stage"]) == ("DQ-09", "absence")
            assert missed["raised_at"] == begun + timedelta(seconds=1)
            await follower.catch_up(begun + timedelta(days=2))
            assert len(await rang(bench, "core.shadow_alert")) == 1
        assert await rang(bench, "core.alert") == []


async def test_a_process_that_begins_while_somebody_waits_loses_no_wait(database: Database) -> None:
    """It begins a minute behind: what was measured in that minute is known, and its wait stays."""
    async with (
        county_bench(database.dsn_as("hw_core"), database.dsn) as bench,
        open_shadow_link(database.dsn_as("hw_core")) as link,
    ):
        for reading in daily(2, [128]):
            await bench.feed(reading)
        at = START + timedelta(days=3)
        await bench.feed(pressure(at, 190, 112))
        worker = ShadowWorker(link, ZONE)
        for after_s in (10, 12, 40, 70, 600):
            await worker.settle(at + timedelta(seconds=after_s) - LAG)
        await bench.wake(at + timedelta(minutes=15))
        for after_m in (16, 17, 60):
            await worker.settle(at + timedelta(minutes=after_m) - LAG)
        live, shadow = await rang(bench, "core.alert"), await rang(bench, "core.shadow_alert")
        assert [(row["rule_id"], row["stage"]) for row in live] == [("HW-02", "unconfirmed")]
        assert {str(row["alert_id"]) for row in live} <= {str(row["alert_id"]) for row in shadow}


async def test_the_process_follows_the_packs_in_shadow_and_drops_former_ones(
    database: Database,
) -> None:
    """`hearthwatch shadow` with the packs that ship: nothing of it reaches the core's tables."""
    async with (
        county_bench(database.dsn_as("hw_core"), database.dsn) as bench,
        open_shadow_link(database.dsn_as("hw_core")) as link,
    ):
        await link.variant("old").begin({"old": 1}, [], START)
        worker = ShadowWorker(link, ZONE)
        await worker.settle(START)
        for reading in daily(3, [128, 131]):
            await bench.feed(reading)
        at = START + timedelta(days=4)
        await bench.feed(pressure(at, 190, 112), pressure(at + timedelta(minutes=6), 188, 110))
        await worker.settle(at + timedelta(hours=1))
        kept = await bench.owner.fetch("SELECT variant FROM core.shadow")
        assert [row["variant"].split("-")[0] for row in kept] == ["shadow"]
        live = {str(row["alert_id"]) for row in await rang(bench, "core.alert")}
        shadow = {str(row["alert_id"]) for row in await rang(bench, "core.shadow_alert")}
        assert live
        assert live <= shadow
        assert await bench.count("core.outbox") == len(live)
