"""When the next tier is told: waits per priority, skipped tiers, restarts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.vocabulary import Priority
from service.alerts.escalation import NOT_YET_TOLD, SAME_DAY, paced, ring, wait
from service.alerts.lifecycle import Life
from service.alerts.priorities import PrioritiesError, load_timings
from service.alerts.routing import Member, Route, Tier, TierName
from service.permissions import Role

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
SHIPPED = (Path(__file__).parents[3] / "rules" / "packs" / "priorities.yaml").read_text("utf-8")
TIMINGS = load_timings(SHIPPED)
SOMEBODY = Member(
    account_id=UUID(int=1),
    staff_id="x",
    name="x",
    role=Role.FAMILY_DOCTOR,
    institution_id="i",
    duty_desk=False,
)


def ladder(filled: str) -> Route:
    """One letter a rung: `x` has somebody, `-` has nobody."""
    tiers = tuple(
        Tier(name=TierName.FAMILY_DOCTOR, members=(SOMEBODY,) if each == "x" else ())
        for each in filled
    )
    return Route(tiers=tiers, doubts=(), administrators=())


def fresh(priority: Priority, *, dated: bool = False) -> Life:
    tier = step = NOT_YET_TOLD
    return Life(alert_id=UUID(int=2), priority=priority, dated=dated, tier=tier, step=step)


@pytest.mark.row("A5")
@pytest.mark.parametrize(
    ("priority", "rungs", "expected"),
    [
        (Priority.EMERGENCY, 2, timedelta(minutes=5)),
        (Priority.URGENT, 2, timedelta(hours=1)),
        (Priority.URGENT, 1, timedelta(hours=2)),
        (Priority.SOON, 4, timedelta(hours=18)),
        (Priority.ROUTINE, 4, timedelta(days=3, hours=12)),
    ],
)
def test_the_wait_before_the_next_tier(priority: Priority, rungs: int, expected: timedelta) -> None:
    assert wait(fresh(priority), ladder("x" * rungs), TIMINGS) == expected


def test_an_old_crisis_is_a_same_day_task() -> None:
    for priority in (Priority.URGENT, Priority.EMERGENCY):
        waited = wait(fresh(priority, dated=True), ladder("xx"), TIMINGS)
        assert waited == SAME_DAY / 2
    assert wait(fresh(Priority.SOON, dated=True), ladder("x"), TIMINGS) == timedelta(hours=72)


def test_empty_tiers_are_skipped_at_once_and_the_ladder_begins_again() -> None:
    route = ladder("-x-x")
    first = ring(fresh(Priority.SOON), route, TIMINGS, NOW)
    assert (first.life.tier, first.life.step, len(first.skipped)) == (1, 0, 1)
    second = ring(first.life, route, TIMINGS, NOW)
    assert (second.life.tier, second.life.step, second.restarted) == (3, 1, False)
    third = ring(second.life, route, TIMINGS, NOW)
    assert (third.life.tier, third.life.step, third.life.round) == (1, 2, 1)
    assert third.restarted


@pytest.mark.row("A7", "A12")
@pytest.mark.parametrize(
    ("filled", "told"),
    [("dx", (0, 1)), ("ddx", (0, 1, 2)), ("-dx", (1, 2)), ("xd", (0,)), ("dd", (0,)), ("d", (0,))],
)
def test_nobody_waits_for_a_rung_whose_addresses_are_all_dead(
    filled: str, told: tuple[int, ...]
) -> None:
    """Where nobody above can be reached either, the ladder keeps its pace."""
    dead = replace(SOMEBODY, account_id=UUID(int=3))
    whom = {"x": (SOMEBODY,), "d": (dead,), "-": ()}
    tiers = tuple(Tier(name=TierName.FAMILY_DOCTOR, members=whom[each]) for each in filled)
    unreachable = frozenset({dead.account_id})
    route = Route(tiers=tiers, doubts=(), administrators=(), unreachable=unreachable)
    life = replace(fresh(Priority.SOON), answer_by=NOW + timedelta(hours=72), next_due_at=NOW)
    heard: list[int] = []
    while life.next_due_at == NOW:
        step = ring(life, route, TIMINGS, NOW)
        life = paced(step, route, NOW)
        heard.append(life.tier)
    assert tuple(heard) == told


def test_a_ladder_that_became_shorter_begins_again() -> None:
    high = Life(alert_id=UUID(int=2), priority=Priority.SOON, tier=3, step=3)
    again = ring(high, ladder("xx"), TIMINGS, NOW)
    assert (again.life.tier, again.restarted) == (0, True)


def test_with_nobody_at_all_it_looks_again_later() -> None:
    nobody = ring(fresh(Priority.EMERGENCY), ladder("--"), TIMINGS, NOW)
    assert nobody.tier is None
    assert nobody.life.next_due_at == NOW + timedelta(minutes=5)
    assert nobody.life.step == NOT_YET_TOLD


@given(
    filled=st.text("x-", min_size=1, max_size=5).filter(lambda text: "x" in text),
    priority=st.sampled_from(Priority),
)
def test_every_tier_with_somebody_hears_before_the_time_to_answer_is_over(
    filled: str, priority: Priority
) -> None:
    route = ladder(filled)
    life, now, told = fresh(priority), NOW, list[int]()
    while len(told) < filled.count("x"):
        step = ring(life, route, TIMINGS, now)
        assert step.tier is not None
        told.append(step.life.tier)
        life, now = step.life, step.life.next_due_at or NOW
    assert told == [index for index, each in enumerate(filled) if each == "x"]
    within = TIMINGS[priority].acknowledge_within
    if priority is not Priority.EMERGENCY:
        assert now <= NOW + within


@pytest.mark.parametrize(
    "broken",
    [
        "response: {}",
        "not a table",
        SHIPPED.replace("repeat_unanswered_every_min: 5", "repeat_unanswered_every_min: null"),
        SHIPPED.replace("answer_within_min: 120", "answer_within_min: 0"),
        SHIPPED.replace("answer_within_min: 120", "answer_within_min: -1"),
        SHIPPED.replace("urgent:", "urgently:"),
    ],
)
def test_a_table_that_would_silence_an_alert_is_refused(broken: str) -> None:
    assert broken != SHIPPED
    with pytest.raises(PrioritiesError):
        load_timings(broken)
