"""Who was woken too early: what the columns say of a silence never comes after the exact stage."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.baselines import empty_state
from gateway.packs import load_shipped
from gateway.recent import BEGINNING, RecentRow, micros, no_recent
from gateway.silences import NEVER, earliest_silence, may_rest
from gateway.stored_state import StoredState
from rules.engine import evaluate
from rules.vocabulary import (
    Origin,
    Profile,
    QuantityName,
    Stage,
    SubjectRef,
    TimeConfidence,
    Vital,
)
from rules.window import Baseline, Point, Value, Window

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 3, 1, 8, tzinfo=UTC)
PACK = load_shipped().live
MARK = 7


def _row(newest: datetime | None) -> RecentRow:
    row = no_recent()
    row["rules"] = MARK
    row["systolic_at"] = 0 if newest is None else micros(newest)
    return row


def _person(*drugs: str) -> Profile:
    return Profile(subject=SubjectRef("p"), birth_year=1950, drug_classes=frozenset(drugs))


def _pressure(at: datetime) -> Point:
    return Point(
        identity="b",
        kind=Vital.BLOOD_PRESSURE,
        device="d",
        effective_at=at,
        received_at=at,
        confidence=TimeConfidence.GOOD,
        origin=Origin.LIVE,
        values={QuantityName.SYSTOLIC: Value(value=Decimal(130))},
    )


def test_whoever_measured_yesterday_is_missed_after_a_week_at_the_earliest() -> None:
    assert earliest_silence(PACK, _person(), _row(START)) == START + timedelta(days=7)


def test_of_a_glucose_nothing_is_known_so_that_whoever_takes_insulin_is_looked_at() -> None:
    assert earliest_silence(PACK, _person("insulin"), _row(START)) == BEGINNING
    assert earliest_silence(PACK, Profile(subject=SubjectRef("p")), _row(START)) == BEGINNING


def test_whoever_never_measured_is_looked_at() -> None:
    assert earliest_silence(PACK, _person(), _row(None)) == BEGINNING


def test_without_a_rule_about_silence_nobody_is_ever_missed() -> None:
    none = PACK.for_hub()
    assert not any(rule.absences for rule in none.rules)
    assert earliest_silence(none, _person("insulin"), _row(START)) is NEVER


@pytest.mark.parametrize(
    ("field", "value"), [("waits", 1), ("rules", MARK + 1), ("stale", True), ("recent", None)]
)
def test_a_wait_other_rules_or_missing_columns_ask_for_an_exact_look(
    field: str, value: object
) -> None:
    recent = _row(START)
    sound = StoredState(row=empty_state(), next_wake_at=None, recent=recent)
    assert may_rest(sound, MARK)
    if field in {"waits", "rules"}:
        recent[field] = value
        assert not may_rest(sound, MARK)
        return
    stale = field == "stale"
    other = StoredState(
        row=empty_state(), next_wake_at=None, stale=stale, recent=recent if stale else None
    )
    assert not may_rest(other, MARK)


@given(
    gap=st.one_of(st.none(), st.floats(min_value=0.5, max_value=60)),
    looked=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=15)),
)
@settings(max_examples=200)
def test_nobody_rests_of_whom_the_engine_says_that_they_are_silent(
    gap: float | None, looked: timedelta
) -> None:
    now = START + looked
    usual = Baseline(own_gap_days=gap, readings=30, days=20)
    window = Window(
        points=(_pressure(START),),
        profile=_person(),
        baselines={QuantityName.SYSTOLIC: usual},
        zone=ZONE,
    )
    found = evaluate(PACK, window, now, frozenset(), absent=True)
    silent = any(decision.stage is Stage.ABSENCE for decision in found.decisions)
    if silent:
        assert earliest_silence(PACK, _person(), _row(START)) <= now
    for wake in found.silences:
        assert earliest_silence(PACK, _person(), _row(START)) <= wake.due_at
