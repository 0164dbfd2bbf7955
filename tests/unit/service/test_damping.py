"""What may be moved and how far: whatever anybody sets, nobody in danger waits."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.vocabulary import Priority
from service.alerts.damping import Hold, Load, next_duty, plan
from service.alerts.escalation import answer_by
from service.alerts.lifecycle import Life
from service.alerts.priorities import PrioritiesError, load_routes
from service.alerts.routing import DutyDay, Member
from service.permissions import Role
from tests.unit.service.test_escalation import TIMINGS

PACKS = Path(__file__).parents[3] / "rules" / "packs"
ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)  # 09:00 there
IDS = UUID(int=9)


def member(name: str, duty: DutyDay | None = DutyDay()) -> Member:  # noqa: B008 - frozen
    return Member(
        account_id=uuid5(IDS, name),
        staff_id=name,
        name=name,
        role=Role.FAMILY_DOCTOR,
        institution_id="i",
        duty_desk=duty is None,
        duty=duty,
    )


DOCTOR, NURSE, DESK = member("doctor"), member("nurse"), member("desk", None)


def life(priority: Priority, *, dated: bool = False, since: datetime = NOW) -> Life:
    by = answer_by(priority, dated=dated, since=since, timings=TIMINGS)
    return Life(alert_id=UUID(int=1), priority=priority, dated=dated, answer_by=by)


times = st.times().map(lambda t: t.replace(microsecond=0))
duties = st.one_of(
    st.none(),
    st.tuples(times, times, st.integers(1, 9))
    .filter(lambda t: t[0] < t[1])
    .map(lambda t: DutyDay(opens=t[0], closes=t[1], budget=t[2])),
)
instants = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=UTC)
)


@pytest.mark.row("D17")
@pytest.mark.row("D18")
@given(
    priority=st.sampled_from(Priority),
    dated=st.booleans(),
    duty=duties,
    now=instants,
    waited=st.timedeltas(timedelta(0), timedelta(days=20)),
    spent=st.integers(0, 50),
    grouped=st.booleans(),
    nurse=st.booleans(),
)
def test_no_setting_holds_danger_or_passes_the_time_to_answer(  # noqa: PLR0913 - the holders
    priority: Priority,
    duty: DutyDay | None,
    now: datetime,
    waited: timedelta,
    spent: int,
    *,
    dated: bool,
    grouped: bool,
    nurse: bool,
) -> None:
    somebody = member("somebody", duty)
    alert = life(priority, dated=dated, since=now - waited)
    load = Load(
        spent={somebody.account_id: spent, NURSE.account_id: spent},
        waiting=frozenset({somebody.account_id} if grouped else ()),
        nurses=(NURSE,) if nurse else (),
    )
    (told,) = plan([somebody], alert, load, now=now, zone=ZONE)
    assert told.at >= now
    assert alert.answer_by is not None
    assert told.at <= max(now, alert.answer_by)
    if priority >= Priority.URGENT and not dated:
        assert (told.at, told.interrupts, told.hold) == (now, True, None)
        assert told.member == somebody
    if told.at > now:
        assert told.hold in {Hold.QUIET_HOURS, Hold.BUDGET}
    if told.member != somebody:
        assert told.hold is Hold.MOVED
        assert told.instead_of == "somebody"


@pytest.mark.row("D18")
def test_the_budget_is_spent_once_a_day_and_the_rest_has_a_time_and_an_owner() -> None:
    """Whoever 500 people measure for has some ten soon alerts a day; five of them ring."""
    spent = 0
    later: list[datetime] = []
    for hour in range(10):
        now = NOW + timedelta(hours=hour)
        load = Load(spent={DOCTOR.account_id: spent})
        (told,) = plan([DOCTOR], life(Priority.SOON, since=now), load, now=now, zone=ZONE)
        assert told.member == DOCTOR
        if told.at == now:
            spent += 1
        else:
            later.append(told.at)
    assert spent == 5
    assert set(later) == {datetime(2026, 9, 1, 23, 30, tzinfo=UTC)}, "one message at 07:30"


def test_a_full_day_goes_to_the_nurse_while_one_works() -> None:
    full = {DOCTOR.account_id: 5}
    alert = life(Priority.SOON)
    (told,) = plan([DOCTOR], alert, Load(spent=full, nurses=(NURSE,)), now=NOW, zone=ZONE)
    assert (told.member, told.at, told.hold) == (NURSE, NOW, Hold.MOVED)
    both = Load(spent={**full, NURSE.account_id: 5}, nurses=(NURSE,))
    (told,) = plan([DOCTOR], alert, both, now=NOW, zone=ZONE)
    assert (told.member, told.hold) == (DOCTOR, Hold.BUDGET)


def test_a_duty_desk_has_neither_quiet_hours_nor_a_budget() -> None:
    night = NOW.replace(hour=18)
    load = Load(spent={DESK.account_id: 99})
    (told,) = plan([DESK], life(Priority.SOON, since=night), load, now=night, zone=ZONE)
    assert (told.at, told.interrupts, told.hold) == (night, True, None)


@given(now=instants, opens=times)
def test_the_next_duty_begins_after_now_within_a_day(now: datetime, opens: time) -> None:
    closes = time(23, 59, 59)
    if opens >= closes:
        return
    at = next_duty(member("x", DutyDay(opens=opens, closes=closes)), now, ZONE)
    assert now < at <= now + timedelta(days=1)
    assert at.astimezone(ZONE).time() == opens


@pytest.mark.parametrize("number", ["1", "6", "many"])
def test_a_rule_wants_between_two_and_five_answers(number: str) -> None:
    table = (PACKS / "priorities.yaml").read_text(encoding="utf-8")
    with pytest.raises(PrioritiesError):
        load_routes(table, f"several_must_answer: {{HW-01: {number}}}\n")
    routes = load_routes(table, "several_must_answer: {HW-01: 5}\n")
    assert routes["HW-01"].answers == 5
