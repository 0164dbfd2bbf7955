"""No walk through the acts escalates what is unverified or dismisses what is still arriving."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.surveillance.signal_words import Cause, Colour, Risk, Verified
from service.surveillance.workflow import (
    OPEN,
    Act,
    Level,
    Standing,
    State,
    Step,
    WorkflowError,
    grow,
    possible,
    rise,
    take,
)
from service.surveillance.workflow_clock import FIRST_LOOK, ON_THE_SPOT, Rung

START = datetime(2026, 9, 1, tzinfo=UTC)
SIGNAL = UUID("11111111-2222-5333-8444-555555555555")
OTHER = uuid5(SIGNAL, "other")


def new(colour: Colour = Colour.YELLOW, *, arriving_h: int = 0) -> Standing:
    return Standing(
        signal_id=SIGNAL,
        colour=colour,
        raised_at=START,
        due_at=START + FIRST_LOOK[colour],
        arriving_until=START + timedelta(hours=arriving_h) if arriving_h else None,
    )


def step(  # noqa: PLR0913 -- what acts need
    act: Act,
    hours: float = 0,
    *,
    reason: str = "because",
    cause: Cause | None = None,
    verified: Verified | None = None,
    risk: Risk | None = None,
    duplicate_of: UUID | None = None,
) -> Step:
    return Step(
        act=act,
        actor="luo",
        at=START + timedelta(hours=hours),
        reason=reason,
        cause=cause,
        verified=verified,
        risk=risk,
        duplicate_of=duplicate_of,
    )


def walk(standing: Standing, steps: Sequence[Step]) -> Standing:
    for one in steps:
        standing = take(standing, one)
    return standing


STEPS = st.builds(
    Step,
    act=st.sampled_from(Act),
    actor=st.sampled_from(["luo", ""]),
    at=st.integers(0, 200).map(lambda hours: START + timedelta(hours=hours)),
    reason=st.sampled_from(["because", " "]),
    cause=st.none() | st.sampled_from(Cause),
    verified=st.none() | st.sampled_from(Verified),
    risk=st.none() | st.sampled_from(Risk),
    duplicate_of=st.sampled_from([None, SIGNAL, OTHER]),
)


@pytest.mark.row("C6")
@pytest.mark.row("C7")
@given(steps=st.lists(STEPS, max_size=25), arriving_h=st.integers(0, 100))
def test_no_walk_breaks_a_guard_rail(steps: list[Step], arriving_h: int) -> None:
    standing = new(arriving_h=arriving_h)
    for one in steps:
        before = standing
        try:
            standing = take(before, one)
        except WorkflowError:
            continue
        assert one.reason.strip()
        assert one.actor
        assert one.act in possible(before, one.at)
        if one.act is Act.ESCALATE:
            assert before.verified in {Verified.EVENT, Verified.UNKNOWN_CAUSE}
            assert standing.level == before.level + 1
        else:
            assert standing.level == before.level
        if standing.state is State.FALSE and before.state is not State.FALSE:
            assert standing.cause is not None
            assert before.arriving_until is None or one.at >= before.arriving_until
        if standing.state is State.CONFIRMED and before.state is not State.CONFIRMED:
            assert before.verified in {Verified.EVENT, Verified.UNKNOWN_CAUSE}
        if standing.state is State.DUPLICATE:
            assert standing.duplicate_of == OTHER
        if standing.state is State.ASSESSED:
            assert standing.risk is not None
        assert (standing.due_at is None) == (standing.state is State.CLOSED)
        assert standing.colour.rank >= before.colour.rank


@pytest.mark.row("C6")
def test_the_long_way_from_new_to_closed() -> None:
    end = walk(
        new(),
        [
            step(Act.TRIAGE, 1),
            step(Act.ASK, 2),
            step(Act.ANSWER, 5, verified=Verified.EVENT),
            step(Act.CONFIRM, 6),
            step(Act.ASSESS, 7, risk=Risk.MODERATE),
            step(Act.ESCALATE, 7.5),
            step(Act.RESPOND, 8),
            step(Act.CLOSE, 50),
        ],
    )
    assert (end.state, end.risk, end.level, end.due_at) == (
        State.CLOSED,
        Risk.MODERATE,
        Level.PREFECTURE,
        None,
    )
    assert possible(end, START) == {Act.REOPEN}


@pytest.mark.row("C7")
@pytest.mark.parametrize(
    ("before", "refused", "reason"),
    [
        ([], step(Act.ESCALATE), "not_verified"),
        ([], step(Act.CONFIRM), "state"),
        ([step(Act.ASK)], step(Act.CONFIRM), "not_verified"),
        ([step(Act.ASK)], step(Act.ESCALATE), "not_verified"),
        (
            [step(Act.ASK), step(Act.ANSWER, verified=Verified.NO_EVENT)],
            step(Act.CONFIRM),
            "not_verified",
        ),
        (
            [step(Act.ASK), step(Act.ANSWER, verified=Verified.EVENT), step(Act.ASK)],
            step(Act.CONFIRM),
            "not_verified",
        ),
        ([], step(Act.DISMISS, 9, cause=Cause.CHANCE), "arriving"),
        ([], step(Act.DISMISS, 10), "cause"),
        ([], step(Act.CLOSE, 11), "state"),
        ([], step(Act.TRIAGE, reason=""), "no_reason"),
        ([], step(Act.MERGE, duplicate_of=SIGNAL), "other"),
    ],
)
def test_guard_rails_name_their_reason(before: list[Step], refused: Step, reason: str) -> None:
    standing = walk(new(arriving_h=10), before)
    with pytest.raises(WorkflowError) as told:
        take(standing, refused)
    assert told.value.reason == reason


def test_dismissing_is_possible_once_the_sources_are_in() -> None:
    end = take(new(arriving_h=10), step(Act.DISMISS, 10, cause=Cause.CATCH_UP))
    assert (end.state, end.cause) == (State.FALSE, Cause.CATCH_UP)


@pytest.mark.row("C9")
def test_an_unanswered_signal_rises_rung_by_rung_and_an_answer_takes_it_down() -> None:
    standing = new(Colour.ORANGE)
    assert rise(standing, START + timedelta(minutes=119)) == standing
    rungs: list[Rung] = []
    now = START
    for _ in range(5):
        assert standing.due_at is not None
        now = standing.due_at
        standing = rise(standing, now)
        rungs.append(standing.rung)
        assert standing.due_at == now + FIRST_LOOK[Colour.ORANGE]
    assert rungs == [Rung.DUTY, Rung.PREFECTURE, Rung.PROVINCE, Rung.PROVINCE, Rung.PROVINCE]
    asked = take(standing, Step(act=Act.ASK, actor="luo", at=now, reason="look"))
    assert asked.rung is Rung.OFFICERS
    assert asked.due_at == now + ON_THE_SPOT[Colour.ORANGE]
    noted = take(asked, Step(act=Act.NOTE, actor="luo", at=now, reason="n", cause=Cause.HOLIDAY))
    assert noted.due_at == asked.due_at, "a note stops no clock"


def test_growth_shortens_the_clock_and_wakes_what_was_left() -> None:
    blue = new(Colour.BLUE)
    grown = grow(blue, Colour.ORANGE, START + timedelta(hours=1))
    assert grown.due_at == START + timedelta(hours=3)
    assert grow(grown, Colour.BLUE, START + timedelta(hours=2)) == grown
    left = take(blue, step(Act.DISMISS, cause=Cause.CHANCE))
    closed = take(left, step(Act.CLOSE, 1))
    assert closed.due_at is None
    assert grow(closed, Colour.BLUE, START).due_at == START + FIRST_LOOK[Colour.BLUE]
    assert closed.state not in OPEN


def test_an_unknown_cause_found_on_the_spot_is_red() -> None:
    found = walk(
        new(Colour.YELLOW), [step(Act.ASK), step(Act.ANSWER, verified=Verified.UNKNOWN_CAUSE)]
    )
    assert found.colour is Colour.RED
    assert found.due_at == START + FIRST_LOOK[Colour.RED]
