"""The engine: a pure function of the set of points and now, whatever the batch."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.engine import Decision, Evaluation, evaluate, reconsider
from rules.identity import alert_id
from rules.pack import Pack, load
from rules.rule import OnUnknown
from rules.vocabulary import AlertKind, Priority, Profile, QuantityName, Stage, Ternary
from rules.window import Baseline, Point, Value, Window
from tests.unit.rules.readings import (
    FIRST_TEXT,
    START,
    answer,
    first_pack,
    flagged,
    glucose,
    identities,
    late,
    minutes,
    person,
    pressure,
    repeatable,
    symptom,
    undated,
    window,
)

MANY_DAYS = 10 * 24 * 60.0
AT_MIN = st.integers(min_value=0, max_value=90).map(float)
READINGS = st.one_of(
    st.builds(
        pressure,
        AT_MIN,
        st.sampled_from(["120", "179", "180", "219", "220"]),
        st.sampled_from(["80", "110", "130"]),
    ),
    st.builds(glucose, AT_MIN, st.sampled_from(["LO", "2.8", "2.9", "3.0", "5.5", "26.0", "HI"])),
    st.builds(symptom, AT_MIN, st.sampled_from(["confusion", "chest_pain"])),
    st.builds(answer, AT_MIN),
).flatmap(
    lambda reading: st.sampled_from(
        [reading, flagged(reading, "body_movement"), late(reading, 120.0), repeatable(reading)]
    )
)
SETS = st.lists(READINGS, max_size=8, unique_by=lambda reading: reading.identity)
CRISES = st.one_of(
    st.builds(pressure, AT_MIN, st.sampled_from(["180", "220"])),
    st.builds(glucose, AT_MIN, st.sampled_from(["LO", "2.5", "2.9"])),
).map(lambda reading: replace(reading, identity="x" + reading.identity))


FOLLOWING = {"HW-02b", "HW-06c", "HW-12b", "HW-12c", "HW-12d", "HW-12e", "HW-12f"}
"""Rules that follow up what others ring for; their worked cases are their tests."""


def _alone() -> Pack:
    rules = tuple(rule for rule in first_pack().rules if rule.id not in FOLLOWING)
    return replace(first_pack(), rules=rules)


def judge(*points: Point, at_min: float, new: frozenset[str] | None = None) -> Evaluation:
    fresh = identities(*points) if new is None else new
    return evaluate(_alone(), window(*points), START + minutes(at_min), fresh)


@pytest.mark.row("R3")
@settings(max_examples=60, deadline=None)
@given(points=SETS, data=st.data())
def test_order_and_repetition_of_points_change_nothing(
    points: list[Point], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(points))
    repeated = data.draw(st.lists(st.sampled_from(points))) if points else []
    now = data.draw(st.sampled_from([60.0, 130.0, MANY_DAYS]))
    new = identities(*points)
    assert judge(*shuffled, *repeated, at_min=now, new=new) == judge(*points, at_min=now)


@settings(max_examples=80, deadline=None)
@given(points=SETS, crisis=CRISES, pregnant=st.sampled_from(Ternary))
@example(points=[glucose(0, "2.8")], crisis=glucose(5, "2.5"), pregnant=Ternary.NO)
@example(points=[pressure(0, "180")], crisis=pressure(5, "220"), pregnant=Ternary.YES)
@example(points=[glucose(0, "HI")], crisis=pressure(5, "220"), pregnant=Ternary.NO)
def test_a_further_valid_crisis_reading_never_unfires_an_emergency(
    points: list[Point], crisis: Point, pregnant: Ternary
) -> None:
    profile = replace(person(), pregnant=pregnant)
    before = _emergencies(profile, *points)
    gone = before - _emergencies(profile, *points, crisis)
    # A HI alone that is retested below 25 was sugar on the fingers (HW-08): that wait may end.
    retested = QuantityName.GLUCOSE in crisis.values
    assert gone <= ({("HW-08", Stage.UNCONFIRMED)} if retested else set())


def _emergencies(profile: Profile, *points: Point) -> set[tuple[str, Stage | None]]:
    """Rules that ring as emergencies; of HW-08 also how."""
    seen = window(*points, profile=profile)
    found = evaluate(_alone(), seen, START + minutes(400), identities(*points)).decisions
    return {
        (d.rule_id, d.stage if d.rule_id == "HW-08" else None)
        for d in found
        if d.priority is Priority.EMERGENCY
    }


@settings(max_examples=60, deadline=None)
@given(points=SETS)
def test_what_needs_no_wait_fires_the_same_reading_by_reading_as_all_at_once(
    points: list[Point],
) -> None:
    """For the immediate limb, which looks at nothing else."""
    whole = _immediate(judge(*points, at_min=130))
    single = set[str]()
    for point in points:
        single |= _immediate(judge(*points, at_min=130, new=frozenset({point.identity})))
    assert single == whole


def _immediate(evaluation: Evaluation) -> set[str]:
    found = (d for d in evaluation.decisions if d.stage is Stage.IMMEDIATE)
    return {alert_id(rule_id=d.rule_id, stage=d.stage, trigger=d.trigger) for d in found}


def test_an_old_decision_is_not_given_again_for_an_unrelated_new_point() -> None:
    low, lower, fine = glucose(0, "3.5"), glucose(2000, "3.4"), glucose(2100, "6.0")
    assert [d.rule_id for d in judge(low, lower, at_min=2000).decisions] == ["HW-07"]
    later = judge(low, lower, fine, at_min=2100, new=identities(fine))
    assert later.decisions == ()


def test_waiting_for_a_confirmation_asks_to_be_woken_from_the_time_of_receipt() -> None:
    crisis = late(pressure(0, "185"), received_min=10)
    waiting = judge(crisis, at_min=10)
    assert waiting.decisions == ()
    (wake,) = waiting.wakes
    assert (wake.rule_id, wake.trigger) == ("HW-02", crisis.identity)
    assert wake.due_at == START + minutes(10 + 15)
    assert [miss.reason for miss in waiting.near] == ["pending"]
    early = judge(crisis, at_min=24.9, new=frozenset())
    assert early.decisions == ()
    (rang,) = judge(crisis, at_min=25, new=frozenset()).decisions
    assert rang.stage is Stage.UNCONFIRMED
    assert rang.priority is Priority.URGENT
    assert "unconfirmed" in rang.unknowns


def test_a_lower_reading_that_comes_in_time_is_told_as_nearly_fired() -> None:
    closed = judge(pressure(0, "185"), pressure(9, "150"), at_min=9)
    assert closed.decisions == ()
    assert closed.wakes == ()
    assert [miss.reason for miss in closed.near] == ["closed"]


def test_a_confirmed_crisis_is_not_told_as_closed_by_a_lower_reading() -> None:
    confirmed = judge(pressure(0, "185"), pressure(5, "186"), at_min=5)
    assert [d.stage for d in confirmed.decisions] == [Stage.CONFIRMED]
    assert confirmed.near == ()
    assert confirmed.wakes == ()


def test_an_unconfirmed_alert_missed_while_the_core_was_down_rings_under_the_same_id() -> None:
    crisis = pressure(0, "185")
    on_time = judge(crisis, at_min=15, new=frozenset()).decisions
    after_a_day = judge(crisis, at_min=24 * 60, new=frozenset()).decisions
    after_weeks = judge(crisis, at_min=MANY_DAYS, new=frozenset()).decisions
    every = (*on_time, *after_a_day, *after_weeks)
    assert [(d.stage, d.trigger) for d in every] == [(Stage.UNCONFIRMED, crisis.identity)] * 3
    assert [d.dated for d in every] == [False, True, True]


def test_old_and_undated_points_are_tasks_from_urgent_up_and_history_below() -> None:
    old = judge(pressure(0, "225"), at_min=121)
    assert [(d.stage, d.dated) for d in old.decisions] == [(Stage.IMMEDIATE, True)]
    fresh = judge(pressure(0, "225"), at_min=120)
    assert [(d.stage, d.dated) for d in fresh.decisions] == [(Stage.IMMEDIATE, False)]
    (task,) = judge(undated(pressure(0, "225")), at_min=0).decisions
    assert task.dated
    assert "time_unknown" in task.unknowns
    lows = (glucose(0, "3.5"), glucose(2000, "3.5"))
    assert judge(*lows, at_min=2000 + 72 * 60 + 1).decisions == ()


@pytest.mark.row("P13")
def test_a_device_without_a_number_neither_rings_nor_confirms_nor_clears() -> None:
    """NaN, 2047 and an unknown unit reach the rules as a point without that value."""
    crisis = pressure(0, "185")
    empty = replace(pressure(5, "0"), values={})
    half = replace(pressure(5, "0"), values={QuantityName.SYSTOLIC: Value(value=Decimal(150))})
    for nothing in (empty, half):
        assert judge(nothing, at_min=5).decisions == ()
        waiting = judge(crisis, nothing, at_min=5)
        assert waiting.decisions == ()
        assert [wake.trigger for wake in waiting.wakes] == [crisis.identity]
        rule, seen = first_pack().rule("HW-02"), window(crisis, nothing)
        assert rule.clears(seen, START + minutes(60), since=START) is False


def test_two_families_are_judged_apart_in_one_evaluation() -> None:
    found = judge(glucose(0, "LO"), pressure(1, "230"), at_min=1).decisions
    assert [(d.rule_id, d.family.value) for d in found] == [
        ("HW-02", "blood_pressure"),
        ("HW-05", "glucose"),
    ]
    assert all(d.undampable for d in found)


def test_a_minors_danger_passes_no_adult_rule() -> None:
    child = replace(window(pressure(0, "230")), profile=person(birth_year=2016))
    found = evaluate(first_pack(), child, START, identities(pressure(0, "230"))).decisions
    assert [d.rule_id for d in found] == ["HW-MIN"]


def test_who_has_come_of_age_was_not_when_the_reading_was_made() -> None:
    """Eighteen by the calendar year: a crisis of the old year is no adult's in the new one."""
    crisis = pressure(0, "230")
    told = replace(window(crisis), profile=person(birth_year=START.year - 17))
    assert told.points[0].effective_at.year == START.year
    year_on = START.replace(year=START.year + 1)
    found = evaluate(first_pack(), told, year_on, identities(crisis)).decisions
    assert {d.rule_id for d in found} == {"HW-MIN"}
    for name, stage in (("HW-02", Stage.IMMEDIATE), ("HW-MIN", Stage.IMMEDIATE)):
        rule = first_pack().rule(name)
        again = reconsider(rule, told, year_on, stage=stage, trigger=crisis.identity)
        assert (again is not None) is (name == "HW-MIN")


def test_an_unknown_age_is_an_adults() -> None:
    unknown = replace(window(pressure(0, "230")), profile=person(birth_year=None))
    (found,) = evaluate(first_pack(), unknown, START, identities(pressure(0, "230"))).decisions
    assert found.rule_id == "HW-02"
    assert "age_unknown" in found.unknowns


def test_facts_are_rounded_and_name_the_numbers_used() -> None:
    usual = Baseline(
        recent_mean=120.0 + 1 / 3,
        recent_sd=6.0,
        readings=41,
        days=30,
        first_day=date(2026, 8, 1),
    )
    points = tuple(pressure(12 * 60.0 * n, "140") for n in range(6))
    shifted = replace(window(*points), baselines={QuantityName.SYSTOLIC: usual})
    now = points[-1].effective_at
    (found,) = evaluate(first_pack(), shifted, now, identities(points[-1])).decisions
    assert found.limb == "up_recent"
    assert found.points == tuple(p.identity for p in points)
    assert found.facts["shift"] == Decimal("19.666667")
    assert found.facts["reference"] == Decimal("120.333333")
    assert found.facts["z_systolic"] == Decimal("3.277778")
    assert found.facts["mean_systolic_3d"] == 140


def test_a_confirmed_crisis_clears_after_two_quiet_days_and_never_by_silence() -> None:
    rule = first_pack().rule("HW-02")
    crisis = pressure(0, "185")
    since = crisis.effective_at
    day = 24 * 60.0
    quiet = [pressure(day, "174", "104"), pressure(2 * day, "150", "90")]
    now = START + timedelta(days=3)
    assert rule.clears(window(crisis), now, since=since) is False
    assert rule.clears(window(crisis, quiet[0]), now, since=since) is False
    assert rule.clears(window(crisis, *quiet), now, since=since) is True
    high = pressure(2 * day, "175", "90")
    assert rule.clears(window(crisis, quiet[0], high), now, since=since) is False
    moved = [flagged(reading, "body_movement") for reading in quiet]
    assert rule.clears(window(crisis, *moved), now, since=since) is False


def test_a_severe_low_clears_at_39_twice_a_quarter_of_an_hour_apart() -> None:
    rule = first_pack().rule("HW-05")
    low, since = glucose(0, "LO"), START
    now = START + minutes(60)
    first, soon, then = glucose(10, "3.9"), glucose(24, "4.5"), glucose(25, "4.5")
    assert rule.clears(window(low, first, soon), now, since=since) is False
    assert rule.clears(window(low, first, then), now, since=since) is True
    assert rule.clears(window(low, first, then, glucose(40, "3.8")), now, since=since) is False


def test_a_shift_clears_against_the_reference_that_fired() -> None:
    rule = first_pack().rule("HW-11")
    points = [pressure(24 * 60.0 * n, "132") for n in range(1, 7)]
    seen, now = window(*points), START + timedelta(days=7)
    facts = {"reference": Decimal(128)}
    assert rule.clears(seen, now, since=START, limb="up_recent", facts=facts) is True
    nearer = {"reference": Decimal(127)}
    assert rule.clears(seen, now, since=START, limb="up_recent", facts=nearer) is False
    assert rule.clears(seen, now, since=START, limb="down", facts=facts) is True
    assert rule.clears(seen, now, since=START, limb="up_recent") is None
    assert (
        rule.clears(window(*points[:5]), now, since=START, limb="up_recent", facts=facts) is False
    )


@pytest.mark.row("R6")
def test_rearming_by_next_day_by_span_and_never_by_time() -> None:
    pack, zone = first_pack(), Window(points=(), profile=person()).zone
    rang = START + timedelta(hours=23)
    assert not pack.rule("HW-02").rearms(rang, rang + timedelta(minutes=59), zone)
    assert pack.rule("HW-02").rearms(rang, rang + timedelta(minutes=61), zone)
    assert not pack.rule("HW-07").rearms(rang, rang + timedelta(days=6, hours=23), zone)
    assert pack.rule("HW-07").rearms(rang, rang + timedelta(days=7), zone)
    assert not pack.rule("HW-05").rearms(rang, rang + timedelta(days=365), zone)


def test_a_rule_that_prompts_asks_for_the_missing_fact_instead_of_ringing() -> None:
    """HW-07 with nobody's drugs recorded: fire rings, skip is silent, prompt asks for the drugs."""
    points = (glucose(0, "3.5"), glucose(24 * 60, "3.6"))
    head, tail = FIRST_TEXT.split("id: HW-07\n")
    found: dict[str, list[Decision]] = {}
    for word in OnUnknown:
        text = f"{head}id: HW-07\n" + tail.replace("on_unknown: fire", f"on_unknown: {word}", 1)
        pack = load(text, name="first.yaml")
        seen = window(*points, profile=person(drugs=None))
        new = identities(points[-1])
        every = evaluate(pack, seen, START + minutes(24 * 60), new).decisions
        found[word] = [d for d in every if d.rule_id == "HW-07"]
        known = evaluate(pack, window(*points), START + minutes(24 * 60), new).decisions
        assert [d.priority for d in known if d.rule_id == "HW-07"] == [Priority.SOON]
    (fires,), (asks,) = found["fire"], found["prompt"]
    assert found["skip"] == []
    assert (fires.priority, fires.kind) == (Priority.SOON, AlertKind.PHYSIOLOGICAL)
    assert (asks.priority, asks.kind) == (Priority.ROUTINE, AlertKind.TECHNICAL)
    assert set(asks.unknowns) == {"drugs_unknown", "fact_wanted"}
    assert "fact_wanted" not in fires.unknowns
