"""The states of an alert's life, and what may never happen whatever people do."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.vocabulary import Priority
from service.alerts.lifecycle import (
    LONGEST_CHECK,
    Answer,
    Life,
    LifecycleError,
    LifeState,
    Outcome,
    answer,
    close,
    resurface,
)

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
ALERT = UUID(int=1)
DOCTOR = UUID(int=2)


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


acts = st.lists(
    st.one_of(
        st.sampled_from(Answer),
        st.sampled_from(Outcome),
        st.timedeltas(timedelta(0), timedelta(days=3)),
    ),
    max_size=12,
)


@given(acts=acts, priority=st.sampled_from(Priority), dated=st.booleans())
def test_an_alert_is_always_owned_closed_or_due(
    acts: list[Answer | Outcome | timedelta], priority: Priority, *, dated: bool
) -> None:
    """Whatever people do, an open alert has a next instant at which somebody is asked."""
    now, current = NOW, life(priority, dated=dated)
    for act in acts:
        try:
            if isinstance(act, Answer):
                current = answer(current, by=DOCTOR, said=act, next_check_at=None, now=now)
            elif isinstance(act, Outcome):
                was_owned = current.state is LifeState.ACKNOWLEDGED
                current = close(current, outcome=act, now=now)
                assert was_owned or priority is not Priority.EMERGENCY or dated
            else:
                now += act
                current = resurface(current, now)
        except LifecycleError:
            continue
        if current.state is LifeState.CLOSED:
            assert current.next_due_at is None
            assert current.outcome is not None
        else:
            assert current.next_due_at is not None
        if current.state is LifeState.ACKNOWLEDGED:
            assert current.acknowledged_by == DOCTOR
            assert current.next_due_at == current.next_check_at
            assert current.next_due_at is not None
            assert current.next_due_at <= now + LONGEST_CHECK[priority]
