"""A glucose that was told without its context, completed later: learned, counted and rung once.

The property that no split changes the store is in `test_any_order.py`; here it is what people's
columns have learned in between, and what rings.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from device_adapters.ble.origin import CONTEXT_FOLLOWS, CONTEXT_MISSING, DOUBTFUL_CLOCK
from gateway.facts import BindingFact
from gateway.store.reading_row import point_of
from rules.identity import SENT_AS, sent_as
from rules.vocabulary import (
    DeviceRef,
    Observation,
    Origin,
    Profile,
    Quantity,
    QuantityName,
    SubjectRef,
    Vital,
)
from tests.fixtures.database import Database
from tests.integration.county_bench import START, WANG, Bench, county_bench, daily, sugar

pytestmark = [pytest.mark.peer, pytest.mark.row("L2"), pytest.mark.row("P10")]

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
EVENING = START + timedelta(days=20, hours=9)


def bare(whole: Observation) -> Observation:
    """The same record as a hub tells it whose link broke before the context."""
    words = {CONTEXT_FOLLOWS: "true", CONTEXT_MISSING: "true"}
    return replace(whole, context=words, session=f"{whole.session}-cut")


def with_meal(value: str) -> Observation:
    reading = sugar(EVENING, value, origin=Origin.BACKLOG)
    return replace(reading, context={CONTEXT_FOLLOWS: "true", "meal": "fasting"})


async def lived(bench: Bench, *receipts: Observation) -> dict[str, object]:
    """Calm weeks around an evening whose reading comes as `receipts`, and what they leave."""
    pressures = daily(27, [128, 131, 126])
    sugars = [sugar(START + DAY * day + HOUR, f"6.{day % 4}") for day in range(27)]
    before = [one for one in (*pressures, *sugars) if one.received_at < EVENING]
    after = [one for one in (*pressures, *sugars) if one.received_at > EVENING + HOUR]
    for reading in sorted(before, key=lambda one: one.received_at):
        await bench.feed(reading)
    for place, receipt in enumerate(receipts):
        await bench.feed(receipt, now=EVENING + timedelta(minutes=5 * place))
    for reading in sorted(after, key=lambda one: one.received_at):
        await bench.feed(reading)
    calm = sum(one.states.calm is not None for one in bench.outcomes)
    assert calm > len(bench.outcomes) / 2, "who is always looked at exactly proves nothing"
    rows = await bench.owner.fetch("SELECT subject, state FROM core.subject_state ORDER BY 1")
    return {
        "stored": [tuple(row) for row in rows],
        "remembered": bench.county.states.gather(WANG).row.tobytes(),
        "readings": await bench.count("core.observation"),
        "alerts": [row["alert_id"] for row in await bench.alerts()],
    }


async def test_a_calm_reading_that_is_completed_is_learned_once(database: Database) -> None:
    whole = with_meal("6.3")
    found: list[dict[str, object]] = []
    for receipts in ((whole,), (bare(whole), whole), (bare(whole), bare(whole), whole, whole)):
        async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
            found.append(await lived(bench, *receipts))
            await bench.owner.execute(
                "TRUNCATE core.observation, core.subject_state, core.receipt, core.seen"
            )
    assert found[1] == found[0]
    assert found[2] == found[0]


async def test_a_reading_that_is_never_completed_is_learned_without_its_meal(
    database: Database,
) -> None:
    """Or the comparison above could not fail."""
    whole = with_meal("6.3")
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        told_bare = await lived(bench, bare(whole))
        await bench.owner.execute(
            "TRUNCATE core.observation, core.subject_state, core.receipt, core.seen"
        )
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        assert (await lived(bench, whole))["stored"] != told_bare["stored"]


async def test_a_ketone_that_was_taken_for_a_low_is_a_ketone_in_the_end(database: Database) -> None:
    """The LO has rung by then, once; the reading is a ketone in every column afterwards."""
    said = {
        QuantityName.GLUCOSE: Quantity(
            value=sugar(EVENING, "0.3").quantities[QuantityName.GLUCOSE].value, unit="mmol/L"
        )
    }
    as_sent = {SENT_AS: sent_as(Vital.GLUCOSE, said)}
    low = sugar(EVENING, "LO")
    cut = replace(bare(low), context={**bare(low).context, **as_sent})
    ketone = Quantity(value=said[QuantityName.GLUCOSE].value, unit="mmol/L")
    whole = replace(
        low,
        kind=Vital.KETONE,
        quantities={QuantityName.KETONE: ketone},
        context={CONTEXT_FOLLOWS: "true", "meal": "ketone_test", **as_sent},
    )
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        await bench.feed(cut)
        rang = await bench.rang()
        assert [rule for rule, _ in rang] == ["HW-05"]
        await bench.feed(whole, now=EVENING + timedelta(minutes=5))
        await bench.feed(cut, now=EVENING + timedelta(minutes=9))
        assert await bench.rang() == rang
        row = await bench.owner.fetchrow(
            "SELECT kind, glucose, number, beyond FROM core.observation"
        )
    assert row is not None
    assert tuple(row) == (Vital.KETONE.value, None, 0.3, None)


async def test_a_reading_in_doubt_stays_in_doubt_when_it_is_completed(database: Database) -> None:
    """Whose it is, a meal does not tell (`gateway/suspicion_desk.py` writes the column)."""
    whole = with_meal("6.3")
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        await bench.feed(bare(whole))
        await bench.owner.execute("UPDATE core.observation SET valid = false")
        await bench.feed(whole, now=EVENING + timedelta(minutes=5))
        row = await bench.owner.fetchrow("SELECT * FROM core.observation")
    assert row is not None
    assert (row["valid"], point_of(row).context) == (False, dict(whole.context))


def ketone_in_doubtful_time() -> tuple[Observation, Observation]:
    """A ketone told bare and dated, and ten days later whole, by a session in doubt of its time."""
    low = sugar(EVENING, "6.3", origin=Origin.BACKLOG)
    as_sent = {SENT_AS: sent_as(Vital.GLUCOSE, low.quantities)}
    meal = {CONTEXT_FOLLOWS: "true", "meal": "ketone_test", DOUBTFUL_CLOCK: "true"}
    whole = replace(
        low,
        kind=Vital.KETONE,
        quantities={QuantityName.KETONE: low.quantities[QuantityName.GLUCOSE]},
        context={**meal, **as_sent},
        received=replace(low.received, wall=EVENING + 10 * DAY),
    )
    return replace(bare(low), context={**bare(low).context, **as_sent}), whole


async def test_a_doubt_ends_when_what_was_doubted_turns_out_to_be_of_another_kind(
    database: Database,
) -> None:
    """A couple's meter: his 6.3 fits her sugars; with its context it is his ketone (law 2)."""
    meter, li = DeviceRef(manufacturer="Acme", model="GL-9", serial="9"), SubjectRef("s-li")

    def theirs(at: datetime, value: str, slot: int, origin: Origin = Origin.LIVE) -> Observation:
        return replace(sugar(at, value, device=meter, origin=origin), user_slot=slot)

    low = theirs(EVENING, "6.3", 1, Origin.BACKLOG)
    as_sent = {SENT_AS: sent_as(Vital.GLUCOSE, low.quantities)}
    whole = replace(
        low,
        kind=Vital.KETONE,
        quantities={QuantityName.KETONE: low.quantities[QuantityName.GLUCOSE]},
        context={CONTEXT_FOLLOWS: "true", "meal": "ketone_test", **as_sent},
    )
    cut = replace(bare(low), context={**bare(low).context, **as_sent})
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        await bench.tell(
            Profile(subject=li, birth_year=1950, household="h-1", area="t-1"),
            BindingFact(device=meter.key, user_slot=1, subject=WANG, valid_from=START - DAY),
            BindingFact(device=meter.key, user_slot=2, subject=li, valid_from=START - DAY),
        )
        for half in range(40):
            at = START + half // 2 * DAY + half % 2 * 11 * HOUR
            await bench.feed(theirs(at, f"{9.7 + half % 9 / 5:.1f}", 1))
            await bench.feed(theirs(at + HOUR / 6, f"{5.5 + half % 7 / 6:.1f}", 2))
        await bench.feed(cut)
        assert await bench.count("core.suspicion") == 1
        await bench.feed(whole, now=EVENING + HOUR)
        assert await bench.count("core.suspicion") == 0
        asked = "SELECT kind, valid FROM core.observation WHERE effective_at = $1"
        row = await bench.owner.fetchrow(asked, EVENING)
    assert row is not None
    assert tuple(row) == (Vital.KETONE, True)


async def test_what_is_completed_rings_at_the_time_that_another_receipt_knew(
    database: Database,
) -> None:
    cut, whole = ketone_in_doubtful_time()
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        await bench.feed(cut)
        assert await bench.rang() == []
        await bench.feed(whole)
        assert [rule for rule, _ in await bench.rang()] == ["HW-08"]
        (alert,) = await bench.alerts()
        assert alert["effective_at"] == EVENING


async def test_what_is_completed_is_learned_at_the_time_that_another_receipt_knew(
    database: Database,
) -> None:
    cut, whole = ketone_in_doubtful_time()
    sugars = [sugar(START + DAY * day + HOUR, f"6.{day % 4}") for day in range(36)]
    found: list[object] = []
    for early, late in (((cut,), (whole,)), ((), (whole, cut))):
        async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
            told = [*early, *sugars, *late]
            for reading in sorted(told, key=lambda one: max(one.received_at, _heard(one, late))):
                await bench.feed(reading, now=max(reading.received_at, _heard(reading, late)))
            rows = await bench.owner.fetch("SELECT subject, state FROM core.subject_state")
            found.append([tuple(row) for row in rows])
            await bench.owner.execute(
                "TRUNCATE core.observation, core.subject_state, core.receipt, core.seen"
            )
    assert found[0] == found[1]


def _heard(one: Observation, late: tuple[Observation, ...]) -> datetime:
    return EVENING + 10 * DAY if one in late else START
