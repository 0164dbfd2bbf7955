"""The states of an alert's life, and what may never happen whatever people do."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.vocabulary import Priority
from service.alerts.lifecycle import (
    Answer,
    Life,
    LifecycleError,
    LifeState,
    Outcome,
    ShelfReason,
    answer,
    close,
    join,
    resurface,
    return_to_normal,
    shelve,
    worsen,
)

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
ALERT = UUID(int=1)
DOCTOR = UUID(int=2)
OTHER = UUID(int=3)


def life(priority: Priority = Priority.URGENT, *, dated: bool = False) -> Life:
    return Life(alert_id=ALERT, priority=priority, dated=dated, next_due_at=NOW)


@pytest.mark.parametrize("said", [Answer.CONTACTED, Answer.GOING])
def test_an_emergency_is_answered_by_contacted_or_going(said: Answer) -> None:
    after = answer(life(Priority.EMERGENCY), by=DOCTOR, said=said, next_check_at=None, now=NOW)
    assert (after.state, after.acknowledged_by, after.answer) == (
        LifeState.ACKNOWLEDGED,
        DOCTOR,
        said,
    )
    assert after.next_due_at == after.next_check_at == NOW + timedelta(hours=1)


def test_an_emergency_is_not_answered_by_having_seen_it() -> None:
    with pytest.raises(LifecycleError) as refusal:
        answer(life(Priority.EMERGENCY), by=DOCTOR, said=Answer.SEEN, next_check_at=None, now=NOW)
    assert refusal.value.reason == "answer_required"


def test_an_old_emergency_point_is_a_task_and_may_be_seen() -> None:
    before = life(Priority.EMERGENCY, dated=True)
    after = answer(before, by=DOCTOR, said=Answer.SEEN, next_check_at=None, now=NOW)
    assert after.state is LifeState.ACKNOWLEDGED


def test_cannot_changes_nothing() -> None:
    before = life(Priority.EMERGENCY)
    after = answer(before, by=DOCTOR, said=Answer.CANNOT, next_check_at=None, now=NOW)
    assert after == before


@pytest.mark.parametrize(
    ("priority", "longest"),
    [
        (Priority.EMERGENCY, timedelta(hours=1)),
        (Priority.URGENT, timedelta(hours=24)),
        (Priority.SOON, timedelta(days=7)),
    ],
)
def test_the_next_check_is_bounded_by_priority(priority: Priority, longest: timedelta) -> None:
    before = life(priority)
    latest = NOW + longest
    after = answer(before, by=DOCTOR, said=Answer.GOING, next_check_at=latest, now=NOW)
    assert after.next_check_at == latest
    for wrong in (latest + timedelta(seconds=1), NOW, NOW - timedelta(hours=1)):
        with pytest.raises(LifecycleError) as refusal:
            answer(before, by=DOCTOR, said=Answer.GOING, next_check_at=wrong, now=NOW)
        assert refusal.value.reason == "next_check"


def test_closed_is_the_end() -> None:
    closed = close(life(), outcome=Outcome.ADVICE, now=NOW)
    assert (closed.state, closed.next_due_at) == (LifeState.CLOSED, None)
    with pytest.raises(LifecycleError, match="closed"):
        close(closed, outcome=Outcome.VISIT, now=NOW)
    with pytest.raises(LifecycleError, match="closed"):
        answer(closed, by=DOCTOR, said=Answer.SEEN, next_check_at=None, now=NOW)


def test_an_overdue_check_asks_again_and_an_early_look_does_not() -> None:
    owned = answer(life(), by=DOCTOR, said=Answer.SEEN, next_check_at=None, now=NOW)
    check = owned.next_check_at
    assert check is not None
    assert resurface(owned, check - timedelta(seconds=1)) == owned
    again = resurface(owned, check)
    assert (again.state, again.acknowledged_by, again.next_due_at) == (
        LifeState.UNACKNOWLEDGED,
        None,
        check,
    )


def test_seen_owns_an_urgent_alert_but_the_doctors_clock_runs_on() -> None:
    by = NOW + timedelta(hours=2)
    before = replace(life(), answer_by=by)
    seen = answer(before, by=DOCTOR, said=Answer.SEEN, next_check_at=None, now=NOW)
    assert (seen.state, seen.next_due_at) == (LifeState.ACKNOWLEDGED, by)
    reached = answer(seen, by=DOCTOR, said=Answer.CONTACTED, next_check_at=None, now=NOW)
    assert reached.next_due_at == reached.next_check_at == NOW + timedelta(hours=24)
    assert resurface(seen, by).state is LifeState.UNACKNOWLEDGED
    late = NOW + timedelta(hours=3)
    after = answer(before, by=DOCTOR, said=Answer.SEEN, next_check_at=None, now=late)
    assert after.next_due_at == late + timedelta(minutes=15)


@pytest.mark.row("A6")
def test_several_must_answer_where_the_rule_says_so() -> None:
    before = replace(life(Priority.EMERGENCY), answers_needed=2)
    one = answer(before, by=DOCTOR, said=Answer.GOING, next_check_at=None, now=NOW)
    assert (one.state, one.next_due_at) == (LifeState.UNACKNOWLEDGED, before.next_due_at)
    same = answer(one, by=DOCTOR, said=Answer.CONTACTED, next_check_at=None, now=NOW)
    assert same.state is LifeState.UNACKNOWLEDGED
    two = answer(one, by=OTHER, said=Answer.CONTACTED, next_check_at=None, now=NOW)
    assert (two.state, two.acknowledged_by) == (LifeState.ACKNOWLEDGED, OTHER)


@pytest.mark.row("A4")
@pytest.mark.parametrize("priority", [Priority.URGENT, Priority.EMERGENCY])
def test_nothing_urgent_is_put_aside(priority: Priority) -> None:
    with pytest.raises(LifecycleError) as refusal:
        shelve(
            life(priority),
            reason=ShelfReason.PERSON_AWAY,
            until=NOW + timedelta(hours=1),
            now=NOW,
        )
    assert refusal.value.reason == "may_not_rest"


@dataclass(frozen=True)
class Shelve:
    """Somebody puts it aside for so long."""

    hours: int


class Happens(Enum):
    """What the data does."""

    BACK = "the values are back"
    EQUAL = "an equal alert of the case rings"
    WORSE = "something worse rang"


acts = st.lists(
    st.one_of(
        st.sampled_from(Answer),
        st.sampled_from(Outcome),
        st.sampled_from(Happens),
        st.builds(Shelve, st.integers(-1, 400)),
        st.timedeltas(timedelta(0), timedelta(days=3)),
    ),
    max_size=14,
)

Act = Answer | Outcome | Happens | Shelve | timedelta


@given(
    acts=acts,
    priority=st.sampled_from(Priority),
    dated=st.booleans(),
    needed=st.integers(1, 2),
    people=st.lists(st.sampled_from([DOCTOR, OTHER]), min_size=14, max_size=14),
    undampable=st.booleans(),
)
def test_an_alert_is_always_owned_closed_back_to_normal_or_due(
    acts: list[Act],
    priority: Priority,
    needed: int,
    people: list[UUID],
    *,
    dated: bool,
    undampable: bool,
) -> None:
    """Whatever people do, an open alert has an owner who looks again, or somebody is asked."""
    now = NOW
    current = replace(
        life(priority, dated=dated),
        answers_needed=needed,
        answer_by=NOW + timedelta(hours=2),
        undampable=undampable,
    )
    emergency = priority is Priority.EMERGENCY and not dated
    for act, who in zip(acts, people, strict=False):
        before = current
        try:
            current = happen(current, act, who, now)
        except LifecycleError:
            assert current == before
            continue
        if isinstance(act, timedelta):
            now += act
            current = resurface(current, now)
        if current.state is LifeState.CLOSED:
            assert current.next_due_at is None
            assert current.outcome is not None
            assert not emergency or before.state is LifeState.CLOSED or before.acknowledged_by
        elif current.grouped_into is not None or current.state is LifeState.RETURNED:
            assert not (emergency and current.acknowledged_by is None and not before.grouped_into)
        else:
            assert current.next_due_at is not None
        if current.state is LifeState.SHELVED:
            assert (priority <= Priority.SOON and not undampable) or dated
            assert current.shelved_until == current.next_due_at
        if current.state is LifeState.ACKNOWLEDGED and current.grouped_into is None:
            assert current.next_due_at is not None
            assert current.next_check_at is not None
            assert current.next_due_at <= current.next_check_at
            assert len(current.answered_by) >= needed


def happen(current: Life, act: Act, who: UUID, now: datetime) -> Life:
    if isinstance(act, Answer):
        return answer(current, by=who, said=act, next_check_at=None, now=now)
    if isinstance(act, Outcome):
        return close(current, outcome=act, now=now)
    if isinstance(act, Shelve):
        until = now + timedelta(hours=act.hours)
        return shelve(current, reason=ShelfReason.BEING_TREATED, until=until, now=now)
    if isinstance(act, timedelta):
        return current
    return {
        Happens.BACK: return_to_normal(current, now),
        Happens.WORSE: worsen(current, by=UUID(int=77), now=now),
        Happens.EQUAL: join(current, by=UUID(int=78)),
    }[act]
