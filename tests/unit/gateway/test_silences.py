"""Who was woken too early: what the columns say of a silence never comes after the exact stage."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.baselines import STATE, TRACKED, StateRow, empty_state
from gateway.detect import Rulebook
from gateway.packs import load_shipped
from gateway.recent import BEGINNING, RECENT, RecentRow, micros, no_recent
from gateway.rehearsal import Rehearsal
from gateway.silences import LAST, NEVER, earliest_silence, earliest_silences, may_rest
from gateway.stored_state import StoredState
from rules.engine import evaluate
from rules.pack import Pack
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


MINUTE = 60_000_000


def _row(newest: datetime | None, sweet: datetime | None = None) -> RecentRow:
    row = no_recent()
    row["rules"] = MARK
    row["systolic_at"] = 0 if newest is None else micros(newest)
    row["glucose_at"] = 0 if sweet is None else micros(sweet) // MINUTE
    return row


def _state(glucoses: int = 1) -> StateRow:
    row = empty_state()
    row["readings"][TRACKED.index(QuantityName.GLUCOSE)] = glucoses
    return row


def _earliest(
    profile: Profile, row: RecentRow, *, pack: Pack = PACK, glucoses: int = 1
) -> datetime:
    return earliest_silence(pack, profile, _state(glucoses), row)


def _person(*drugs: str) -> Profile:
    return Profile(subject=SubjectRef("p"), birth_year=1950, drug_classes=frozenset(drugs))


def _point(at: datetime, name: QuantityName = QuantityName.SYSTOLIC) -> Point:
    sweet = name is QuantityName.GLUCOSE
    return Point(
        identity=name.value,
        kind=Vital.GLUCOSE if sweet else Vital.BLOOD_PRESSURE,
        device="d",
        effective_at=at,
        received_at=at,
        confidence=TimeConfidence.GOOD,
        origin=Origin.LIVE,
        values={name: Value(value=Decimal(8 if sweet else 130))},
    )


def test_whoever_measured_yesterday_is_missed_after_a_week_at_the_earliest() -> None:
    assert _earliest(_person(), _row(START)) == START + timedelta(days=7)


@pytest.mark.parametrize("profile", [_person("insulin"), Profile(subject=SubjectRef("p"))])
def test_whoever_may_take_insulin_is_missed_three_days_after_their_glucose(
    profile: Profile,
) -> None:
    sweet = START + timedelta(seconds=59)
    assert _earliest(profile, _row(START, sweet)) == START + timedelta(days=3)
    # One that is stored but not at hand: nothing is known of it.
    assert _earliest(profile, _row(START)) == BEGINNING
    # Nobody has asked for a glucose.
    assert _earliest(profile, _row(START), glucoses=0) == START + timedelta(days=7)


def test_a_rule_that_does_not_hear_every_glucose_is_looked_at() -> None:
    deaf = replace(PACK.rule("HW-12"), vitals=frozenset({Vital.BLOOD_PRESSURE, Vital.GLUCOSE}))
    pack = replace(PACK, rules=(deaf,))
    assert _earliest(_person("insulin"), _row(START, START), pack=pack) == BEGINNING
    assert _earliest(_person(), _row(START, START), pack=pack) == START + timedelta(days=7)


def test_whoever_never_measured_is_not_missed_and_whose_number_was_beyond_the_cuff_is() -> None:
    nothing, beyond = _row(None), _row(None)
    beyond["day"] = 1
    assert _earliest(_person(), nothing) is NEVER
    assert _earliest(_person(), beyond) == BEGINNING
    states, recent = np.array([_state()] * 2, dtype=STATE), np.array([nothing, beyond])
    assert (earliest_silences(PACK, states, recent) <= 0).all(), "a glucose is known to be known"
    states["readings"] = 0
    assert (earliest_silences(PACK, states, recent) == [LAST, 0]).all()


def test_without_a_rule_about_silence_nobody_is_ever_missed() -> None:
    none = PACK.for_hub()
    assert not any(rule.absences for rule in none.rules)
    assert _earliest(_person("insulin"), _row(START), pack=none) is NEVER


@pytest.mark.parametrize(
    ("field", "value"), [("open_since", 1), ("rules", MARK + 1), ("stale", True), ("recent", None)]
)
def test_a_wait_other_rules_or_missing_columns_ask_for_an_exact_look(
    field: str, value: object
) -> None:
    recent = _row(START)
    sound = StoredState(row=empty_state(), next_wake_at=None, recent=recent)
    assert may_rest(sound, MARK)
    if field in {"open_since", "rules"}:
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
    sweet=st.one_of(st.none(), st.timedeltas(timedelta(days=-8), timedelta(0))),
    drugs=st.sampled_from([(), ("insulin",)]),
)
@settings(max_examples=300)
def test_nobody_rests_of_whom_the_engine_says_that_they_are_silent(
    gap: float | None, looked: timedelta, sweet: timedelta | None, drugs: tuple[str, ...]
) -> None:
    now = START + looked
    usual = Baseline(own_gap_days=gap, readings=30, days=20)
    measured_at = None if sweet is None else START + sweet
    points = [_point(START)]
    points += [] if measured_at is None else [_point(measured_at, QuantityName.GLUCOSE)]
    baselines = {QuantityName.SYSTOLIC: usual}
    if measured_at is not None:
        baselines[QuantityName.GLUCOSE] = usual
    window = Window(points=tuple(points), profile=_person(*drugs), baselines=baselines, zone=ZONE)
    found = evaluate(PACK, window, now, frozenset(), absent=True)
    silent = any(decision.stage is Stage.ABSENCE for decision in found.decisions)
    glucoses = 0 if measured_at is None else 30
    earliest = _earliest(_person(*drugs), _row(START, measured_at), glucoses=glucoses)
    states = np.array([_state(glucoses)], dtype=STATE)
    recent = np.array([_row(START, measured_at)], dtype=RECENT)
    of_many = int(earliest_silences(PACK, states, recent)[0])
    assert earliest is NEVER or of_many <= micros(earliest), "who they are can only put it off"
    if silent:
        assert earliest <= now
    for wake in found.silences:
        assert earliest <= wake.due_at


@pytest.mark.row("R20")
@pytest.mark.parametrize(
    "flagged",
    [
        pytest.param([96.2], id="after a reading that the columns cannot tell of"),
        pytest.param([], id="after a look at a silence that was not long enough"),
    ],
)
async def test_who_measures_more_often_than_before_is_missed_the_sooner(
    flagged: list[float],
) -> None:
    """Every eight days until then, so that 24 days were a silence; then daily, and a week is one.

    Calm readings leave the wake-up where the last look has put it.
    """
    days = [*(8.0 * turn for turn in range(13)), *(96.0 + day for day in range(1, 8))]
    readings = [_measured(day) for day in days]
    readings += [replace(_measured(day), valid=False, flags=("body_movement",)) for day in flagged]
    screened, exact = [await _missed(readings, screened=screened) for screened in (True, False)]
    assert screened == exact
    assert screened[-1] == START + timedelta(days=days[-1] + 7)


@pytest.mark.row("R20")
async def test_who_has_a_meter_and_no_cuff_is_missed_the_sooner_as_well() -> None:
    """Of the pressure they never measured nothing is known; that must not hide their glucose."""
    days = [*(8.0 * turn for turn in range(8)), *(64.0 + day for day in range(14))]
    readings = [_sweet(day) for day in days]
    profile = _person("insulin")
    screened, exact = [
        await _missed(readings, screened=screened, profile=profile) for screened in (True, False)
    ]
    assert screened == exact
    assert screened[-1] == START + timedelta(days=days[-1] + 3)


@pytest.mark.row("R20")
async def test_who_stopped_one_kind_long_ago_is_missed_in_time_for_the_other() -> None:
    """Three glucoses, then pressures alone: every eight days, then daily for a week."""
    sweet = [_sweet(day) for day in (0.0, 1.0, 2.0)]
    days = [*(10 + 8.0 * turn for turn in range(8)), *(74.0 + day for day in range(14))]
    readings = [*sweet, *(_measured(day) for day in days)]
    screened, exact = [
        await _missed(readings, screened=screened, profile=_person("insulin"))
        for screened in (True, False)
    ]
    assert screened == exact
    assert screened[-1] == START + timedelta(days=days[-1] + 7)


@pytest.mark.row("R20")
async def test_readings_that_teach_nothing_are_no_silence() -> None:
    """A pressure every fifteen days, so 45 are a silence; the last three are at crisis level.

    A scale is stepped on daily, so that the pressures lie outside of what is looked at.
    """
    calm = [_measured(15.0 * turn) for turn in range(8)]
    crises = [_measured(15.0 * turn, 185, 112) for turn in range(8, 11)]
    weights = [_weight(day + 0.1) for day in range(220)]
    readings = sorted([*calm, *crises, *weights], key=lambda point: point.order)
    screened, exact = [await _missed(readings, screened=screened) for screened in (True, False)]
    assert screened == exact
    assert screened[-1] == START + timedelta(days=150 + 45)


def _weight(day: float) -> Point:
    at = START + timedelta(days=day)
    values = {QuantityName.WEIGHT: Value(value=Decimal(70))}
    name = f"{micros(at):032x}"
    return replace(
        _point(at), kind=Vital.WEIGHT, identity=name, received_at=at, values=values, device="scale"
    )


def _sweet(day: float) -> Point:
    at = START + timedelta(days=day)
    point = _point(at, QuantityName.GLUCOSE)
    return replace(point, identity=f"{micros(at):032x}", received_at=at)


def _measured(day: float, systolic: int = 130, diastolic: int = 80) -> Point:
    at = START + timedelta(days=day)
    values = {
        QuantityName.SYSTOLIC: Value(value=Decimal(systolic)),
        QuantityName.DIASTOLIC: Value(value=Decimal(diastolic)),
    }
    return replace(_point(at), identity=f"{micros(at):032x}", received_at=at, values=values)


async def _missed(
    readings: list[Point], *, screened: bool, profile: Profile | None = None
) -> list[datetime]:
    """When a rehearsal says that nothing has come for too long; somebody else measures on."""
    rules = Rulebook(pack=PACK, zone=ZONE)
    rehearsal = Rehearsal(rules, answered_after=timedelta(days=1), screened=screened, near=False)
    other = [replace(_measured(day), identity=f"other-{day}") for day in range(0, 240, 4)]
    people = {SubjectRef("p"): readings, SubjectRef("other"): other}
    profiles = {} if profile is None else {profile.subject: profile}
    found = await rehearsal.live_through(people, profiles, lambda _: None)
    mine = [alert for alert in found.alerts if alert.subject == "p"]
    return [alert.raised_at for alert in mine if alert.rule_id == "HW-12"]
