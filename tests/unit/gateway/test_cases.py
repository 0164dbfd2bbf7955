"""Cases: silence never ends one, an emergency always rings, a coded closing starts afresh."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from gateway.cases import Trigger, clear, close, step
from rules.vocabulary import Case, CaseState, Family, Priority, SubjectRef

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SOON = Trigger(
    subject=SubjectRef("s-1"),
    family=Family.BLOOD_PRESSURE,
    rule_id="HW-11",
    priority=Priority.SOON,
    undampable=False,
    dated=False,
    trigger="t1",
    effective_at=NOW,
    rearmed=False,
    limb="shift_up",
    facts={},
    began_at=NOW,
)


def opened(trigger: Trigger = SOON) -> Case:
    return step(None, trigger, NOW).case


def test_the_first_decision_opens_a_case_and_rings() -> None:
    taken = step(None, SOON, NOW)
    assert taken.raises_alert
    assert taken.case.state is CaseState.OPEN


def test_a_further_point_extends_without_ringing() -> None:
    later = replace(SOON, trigger="t2", effective_at=NOW + timedelta(hours=3))
    taken = step(opened(), later, NOW + timedelta(hours=3))
    assert not taken.raises_alert
    assert taken.case.case_id == opened().case_id
    assert taken.case.last_point_at == later.effective_at


def test_a_rise_of_priority_rings_and_takes_over_the_case() -> None:
    worse = replace(SOON, rule_id="HW-02", priority=Priority.URGENT, limb="pair")
    taken = step(opened(), worse, NOW)
    assert taken.raises_alert
    assert (taken.case.rule_id, taken.case.priority) == ("HW-02", Priority.URGENT)
    milder = step(taken.case, SOON, NOW)
    assert (milder.case.rule_id, milder.raises_alert) == ("HW-02", False)


@pytest.mark.parametrize("change", [{"undampable": True}, {"priority": Priority.EMERGENCY}])
def test_an_open_case_holds_no_emergency(change: dict[str, object]) -> None:
    emergency = replace(SOON, **change)  # type: ignore[arg-type]
    assert step(step(None, emergency, NOW).case, emergency, NOW).raises_alert


def test_a_case_rings_again_after_its_rearm_time() -> None:
    assert step(opened(), replace(SOON, rearmed=True), NOW).raises_alert


def test_an_old_would_be_emergency_is_work_of_today_even_in_an_open_case() -> None:
    dated = step(opened(), replace(SOON, dated=True, priority=Priority.URGENT), NOW)
    assert dated.raises_alert


def test_a_dated_task_does_not_count_as_a_ring() -> None:
    task = step(None, replace(SOON, dated=True), NOW)
    assert task.raises_alert
    assert task.case.last_rang_at is None
    assert step(task.case, SOON, NOW).raises_alert


def test_an_unknown_clear_condition_clears_nothing() -> None:
    case = opened()
    assert clear(case, condition=None, needs_outcome=False, at=NOW) == case
    assert clear(case, condition=False, needs_outcome=False, at=NOW) == case
    cleared = clear(case, condition=True, needs_outcome=False, at=NOW)
    assert cleared.state is CaseState.CLEARED


def test_an_urgent_case_needs_an_outcome_before_readings_may_clear_it() -> None:
    case = opened(replace(SOON, priority=Priority.URGENT))
    assert clear(case, condition=True, needs_outcome=True, at=NOW).state is CaseState.OPEN
    coded = replace(case, outcome="medication_changed")
    assert clear(coded, condition=True, needs_outcome=True, at=NOW).state is CaseState.CLEARED


def test_a_settled_case_opens_quietly_until_its_rearm_time_has_passed() -> None:
    closed = close(opened(), outcome="medication_changed", now=NOW)
    quiet = step(None, replace(SOON, ended=closed), NOW + timedelta(days=1))
    assert not quiet.raises_alert
    assert quiet.case.last_rang_at == NOW
    assert step(quiet.case, replace(SOON, rearmed=True), NOW + timedelta(days=8)).raises_alert
    assert step(None, replace(SOON, ended=closed, rearmed=True), NOW).raises_alert
    worse = replace(SOON, ended=closed, priority=Priority.URGENT)
    assert step(None, worse, NOW).raises_alert


def test_a_point_after_a_closing_opens_a_new_case_and_rings() -> None:
    closed = close(opened(), outcome="advice", now=NOW)
    assert closed.state is CaseState.CLOSED
    taken = step(closed, replace(SOON, trigger="t9"), NOW)
    assert taken.raises_alert
    assert taken.case.case_id != closed.case_id


@pytest.mark.row("L2")
@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_what_speaks_for_a_case_does_not_depend_on_what_came_first(order: tuple[int, ...]) -> None:
    minute = timedelta(minutes=1)
    crisis = replace(SOON, rule_id="HW-02", priority=Priority.URGENT)
    triggers = (
        replace(SOON, trigger="t0", effective_at=NOW - 9 * minute, began_at=NOW - 9 * minute),
        replace(crisis, trigger="t1", effective_at=NOW, began_at=NOW, is_confirmed=False, limb=""),
        replace(crisis, trigger="t2", effective_at=NOW + 6 * minute, limb="pair"),
        replace(crisis, trigger="t3", effective_at=NOW + 9 * minute, limb="other"),
    )
    case: Case | None = None
    for number, index in enumerate(order):
        case = step(case, triggers[index], NOW + number * minute).case
    assert case is not None
    assert (case.rule_id, case.limb, case.decided_on) == ("HW-02", "pair", "t2")
    assert (case.began_at, case.last_point_at) == (NOW - 9 * minute, NOW + 9 * minute)
