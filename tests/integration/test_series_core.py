"""An anchor that a doctor confirmed, a new medicine, a new cuff: through the real store."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import msgspec
import pytest

from gateway.baselines import baseline_of, state_to_bytes
from gateway.county import load_county
from gateway.facts import AnchorFact, AnchorNumber, BindingFact, MarkFact
from gateway.series import read_series
from gateway.sorting import Batch
from gateway.store.inbox_store import InboxRow
from rules.explain import why
from rules.vocabulary import DeviceRef, QuantityName, SubjectRef
from rules.window import Baseline
from tests.fixtures.database import Database
from tests.integration.county_bench import START, WANG, Bench, county_bench, daily, pressure

pytestmark = pytest.mark.peer

SYSTOLIC = QuantityName.SYSTOLIC
LATER = START + timedelta(days=31)
NEW_CUFF = DeviceRef(manufacturer="Acme", model="BP-2", serial="7")


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    async with county_bench(database.dsn_as("hw_core"), database.dsn) as bench:
        yield bench


def usual(bench: Bench) -> Baseline:
    return baseline_of(bench.county.states.gather(WANG).row, SYSTOLIC)


def anchor(mean: float, *, day: int = 0, reason: str = "") -> AnchorFact:
    return AnchorFact(
        subject=WANG,
        quantities={SYSTOLIC: AnchorNumber(mean=mean, readings=9)},
        from_day=date(2026, 11, 1) + timedelta(days=day),
        by="account-1",
        at=START + timedelta(days=day, hours=1),
        reason=reason,
    )


async def test_a_confirmed_anchor_is_kept_as_confirmed_and_moves_only_by_a_person(
    bench: Bench,
) -> None:
    await bench.feed(*daily(days=20, systolic=[130]))
    assert usual(bench).anchor == 130.0
    assert not usual(bench).anchor_confirmed
    await bench.take(Batch(series=[anchor(131.5)]), LATER)
    assert (usual(bench).anchor, usual(bench).anchor_confirmed) == (131.5, True)
    # a late reading of the first week has everything folded again, and moves no anchor
    await bench.feed(pressure(START + timedelta(days=2, hours=5), 175, 95))
    assert (usual(bench).anchor, usual(bench).anchor_confirmed) == (131.5, True)
    await bench.take(Batch(series=[anchor(138.0, day=12, reason="new treatment")]), LATER)
    assert usual(bench).anchor == 138.0
    assert await bench.count("core.series_anchor") == 2


async def test_what_a_person_has_set_survives_a_restart_and_an_old_layout(bench: Bench) -> None:
    await bench.feed(*daily(days=12, systolic=[130]))
    await bench.take(Batch(series=[anchor(131.5)]), LATER)
    before = state_to_bytes(bench.county.states.gather(WANG).row)
    await bench.owner.execute("UPDATE core.subject_state SET layout = 1")
    bench.county = await load_county(bench.store)
    await bench.feed(pressure(START + timedelta(days=12, hours=3), 130, 80))
    after = bench.county.states.gather(WANG).row
    assert baseline_of(after, SYSTOLIC).anchor == 131.5
    assert baseline_of(after, SYSTOLIC).anchor_confirmed
    assert len(before) == len(state_to_bytes(after))


async def test_a_new_medicine_keeps_the_anchor_and_starts_a_fast_baseline(bench: Bench) -> None:
    await bench.feed(*daily(days=30, systolic=[150]))
    change = START + timedelta(days=20)
    mark = MarkFact(subject=WANG, change="drug", at=change, by="account-1", detail="C09")
    await bench.take(Batch(series=[mark]), LATER)
    marked = usual(bench)
    assert (marked.marked, marked.marked_on) == ("drug", date(2026, 11, 21))
    assert marked.anchor == 150.0
    # the last reading is of 30 November: the days to the 27th had ended 48 h before it
    assert marked.fast_days == 7
    assert marked.days == 27


async def test_another_cuff_marks_the_series_by_itself(bench: Bench) -> None:
    await bench.feed(*daily(days=12, systolic=[150]))
    change = START + timedelta(days=12)
    key = f"{NEW_CUFF.manufacturer}/{NEW_CUFF.model}/{NEW_CUFF.serial}"
    await bench.tell(BindingFact(device=key, subject=WANG, valid_from=change))
    rows = await bench.store.inbox.waiting()
    facts, refused = await read_series(rows, bench.store)
    assert refused == {}
    assert [(fact.subject, getattr(fact, "change", "")) for fact in facts] == [(WANG, "device")]
    await bench.take(Batch(series=facts), LATER)
    assert (usual(bench).marked, usual(bench).marked_on) == ("device", date(2026, 11, 13))


async def test_another_list_of_drugs_marks_the_series_by_itself(bench: Bench) -> None:
    """Once, from its telling on; a list that was not known, or is told again, says nothing new."""
    await bench.feed(*daily(days=12, systolic=[150]))
    known = bench.county.profile(WANG)
    change = START + timedelta(days=12)
    for drugs in (known.drug_classes, frozenset({"insulin", "arb"}), None, frozenset[str]()):
        await bench.tell(replace(known, drug_classes=drugs), now=change)
    facts, refused = await read_series(await bench.store.inbox.waiting(), bench.store)
    assert refused == {}
    assert [(fact.subject, getattr(fact, "change", "")) for fact in facts] == [(WANG, "drug")]
    await bench.take(Batch(series=facts), LATER)
    assert (usual(bench).marked, usual(bench).marked_on) == ("drug", date(2026, 11, 13))


async def test_a_fact_that_cannot_be_true_is_refused(bench: Bench) -> None:
    nobody = msgspec.structs.replace(anchor(130.0), subject=SubjectRef("s-nobody"))
    silly = msgspec.structs.replace(
        anchor(1.0), quantities={SYSTOLIC: AnchorNumber(mean=0.0, readings=3)}
    )
    other = msgspec.structs.replace(
        anchor(1.0), quantities={QuantityName.WEIGHT: AnchorNumber(mean=60.0, readings=3)}
    )
    rows = [
        InboxRow(inbox_id=number, kind="anchor", body=msgspec.json.encode(fact).decode())
        for number, fact in enumerate((nobody, silly, other, anchor(130.0)))
    ]
    facts, refused = await read_series(rows, bench.store)
    assert facts == [anchor(130.0)]
    assert {0, 1, 2} == refused.keys()
    assert "not known" in refused[0]


@pytest.mark.slow
async def test_creep_30_mmhg_in_180d_raises_case(bench: Bench) -> None:
    """Hazard 13: the slow baseline follows a slow rise, the anchor does not."""
    for begin in range(0, 180, 20):
        values = [128 + (begin + half // 2) // 6 for half in range(40)]
        start = START + timedelta(days=begin)
        await bench.feed(*daily(days=20, systolic=values, start=start))
    assert ("HW-11", "condition") in await bench.rang()
    creeping = usual(bench)
    assert creeping.anchor == pytest.approx(128.4, abs=0.6)
    assert creeping.recent_mean is not None
    assert creeping.recent_mean > 145  # the recent baseline alone has learned most of it


@pytest.mark.slow
async def test_drug_stopped_rise_is_not_new_normal(bench: Bench) -> None:
    """Hazard 14: the mark keeps the anchor, and the rise above it rings."""
    await bench.feed(*daily(days=40, systolic=[130, 132]))
    stopped = START + timedelta(days=40)
    mark = MarkFact(subject=WANG, change="drug", at=stopped, by="account-1")
    await bench.take(Batch(series=[mark]), stopped)
    for begin in (40, 60):
        risen = daily(days=20, systolic=[146, 148], start=START + timedelta(days=begin))
        await bench.feed(*risen)
    rows = [row for row in await bench.alerts() if row["rule_id"] == "HW-11"]
    assert rows
    card = why(rows[-1]["evidence"], "en")
    assert "Medicines changed on 2026-12-11" in card.baseline
    assert "First week 131" in card.baseline
    after = usual(bench)
    assert after.anchor == 131.0
    assert after.fast_mean is not None
    assert after.fast_mean == pytest.approx(147.0, abs=0.5)


@pytest.mark.slow
async def test_new_cuff_plus_8(bench: Bench) -> None:
    """Hazard 14: a new cuff's offset is told beside the old level, and subtracted from nothing."""
    await bench.feed(*daily(days=40, systolic=[130, 132]))
    key = f"{NEW_CUFF.manufacturer}/{NEW_CUFF.model}/{NEW_CUFF.serial}"
    change = START + timedelta(days=40)
    await bench.tell(BindingFact(device=key, subject=WANG, valid_from=change))
    facts, _ = await read_series(await bench.store.inbox.waiting(), bench.store)
    await bench.take(Batch(series=facts), change)
    shifted = [
        pressure(change + timedelta(days=day, hours=12 * half), 139, 84, device=NEW_CUFF)
        for day in range(20)
        for half in (0, 1)
    ]
    await bench.feed(*shifted)
    after = usual(bench)
    assert (after.marked, after.anchor) == ("device", 131.0)
    assert after.fast_mean == pytest.approx(139.0)
    assert after.recent_mean is not None
    assert 131.0 < after.recent_mean < 139.0  # the old level stays in it, nothing is taken off
    assert await bench.rang() == []
