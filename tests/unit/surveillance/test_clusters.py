"""Several people of one home or village: the rules, in dates of a calendar."""

from datetime import UTC, datetime, timedelta

import pytest

from rules.vocabulary import Family, Priority
from service.surveillance.clusters import (
    Answered,
    Event,
    Scope,
    candidates,
    cluster_rules,
    is_above_usual,
    weekly_people,
)

pytestmark = [pytest.mark.row("R9"), pytest.mark.row("C19")]

NOW = datetime(2026, 9, 1, 1, 0, tzinfo=UTC)
RULES = cluster_rules()
BY_ID = {rule.id: rule for rule in RULES}


def event(  # noqa: PLR0913 -- the fields of an event
    who: str,
    days_ago: float,
    *,
    home: str | None = "home-1",
    village: str | None = "v",
    family: Family = Family.TEMPERATURE,
    priority: Priority = Priority.SOON,
    age: str = "75+",
) -> Event:
    return Event(
        alert_id=f"{who}-{days_ago}",
        subject=who,
        household=home,
        village=village,
        age_group=age,
        family=family,
        priority=priority,
        at=NOW - timedelta(days=days_ago),
    )


def found(*events: Event) -> list[tuple[str, str, int]]:
    return [(one.rule.id, one.place, one.people) for one in candidates(RULES, events, {}, NOW)]


def test_every_rule_names_its_source_and_says_both_texts() -> None:
    assert {rule.scope for rule in RULES} == set(Scope)
    for rule in RULES:
        assert rule.zh
        assert rule.en
        assert rule.source
        assert rule.certainty in {"high", "medium", "low"}
        assert rule.least_priority in set(Priority)


def test_two_of_one_home_within_a_week_are_a_task() -> None:
    assert found(event("a", 1), event("b", 6)) == [("MP-H1", "home-1", 2)]


def test_one_person_twice_is_one_person() -> None:
    assert found(event("a", 1), event("a", 2)) == []


def test_eight_days_apart_are_not_within_a_week() -> None:
    assert found(event("a", 0), event("b", 8)) == []


def test_two_homes_are_no_home() -> None:
    assert found(event("a", 1), event("b", 2, home="home-2")) == []


def test_a_fever_and_breathing_trouble_belong_together_but_not_a_high_pressure() -> None:
    other = event("b", 2, family=Family.RESPIRATORY)
    pressure = event("b", 2, family=Family.BLOOD_PRESSURE, priority=Priority.URGENT)
    assert found(event("a", 1), other) == [("MP-H1", "home-1", 2)]
    assert found(event("a", 1), pressure) == []


def test_urgent_states_count_from_urgent_on() -> None:
    def crisis(who: str, priority: Priority) -> Event:
        return event(who, 1, family=Family.BLOOD_PRESSURE, priority=priority)

    assert found(crisis("a", Priority.URGENT), crisis("b", Priority.EMERGENCY)) == [
        ("MP-H2", "home-1", 2)
    ]
    assert found(crisis("a", Priority.URGENT), crisis("b", Priority.SOON)) == []


def test_a_village_needs_five_people_or_three_homes() -> None:
    homes = [event(str(n), 1, home=f"h{n}") for n in range(3)]
    assert found(*homes) == [("MP-V1", "v", 3)]
    assert found(*homes[:2]) == []
    people = [event(str(n), 1, home=f"h{n % 2}") for n in range(5)]
    assert ("MP-V1", "v", 5) in found(*people)


def test_a_person_without_a_home_is_a_home_of_one() -> None:
    alone = [event(str(n), 1, home=None) for n in range(3)]
    assert found(*alone) == [("MP-V1", "v", 3)]


def test_without_a_village_no_village_is_meant() -> None:
    assert found(*(event(str(n), 1, home=None, village=None) for n in range(6))) == []


@pytest.mark.row("C12")
def test_what_was_answered_counts_no_second_time() -> None:
    events = [event("a", 3), event("b", 2), event("c", 1)]
    answered = answered_with(*events[:2])
    assert candidates(RULES, events, answered, NOW) == []
    more = [*events, event("d", 0.5)]
    (again,) = candidates(RULES, more, answered, NOW)
    assert {one.subject for one in again.events} == {"c", "d"}


@pytest.mark.row("C12")
def test_what_others_measured_before_the_answered_and_was_heard_later_counts() -> None:
    events = [event("a", 3), event("b", 2)]
    late = [event("c", 2.5), event("d", 2.4)]
    (found,) = candidates(RULES, [*events, *late], answered_with(*events), NOW)
    assert {one.subject for one in found.events} == {"c", "d"}
    same = [event("a", 2.6), event("b", 2.4)]
    assert candidates(RULES, [*events, *same], answered_with(*events), NOW) == []


def answered_with(*events: Event) -> dict[tuple[str, str], Answered]:
    """A task of the home was answered that rested on these."""
    last = max(one.at for one in events)
    rested = Answered(
        alerts=frozenset(one.alert_id for one in events),
        until={one.subject: last for one in events},
    )
    return {("MP-H1", "home-1"): rested}


def test_ages_and_the_leading_family_are_told() -> None:
    events = [event("a", 1, age="75+"), event("b", 2, age="5-14"), event("b", 3, age="5-14")]
    (one,) = candidates(RULES, events, {}, NOW)
    assert one.ages() == {"5-14": 1, "75+": 1}
    assert one.family is Family.TEMPERATURE
    assert one.first_at == NOW - timedelta(days=3)


def test_a_villages_own_weeks_are_counted_by_people() -> None:
    rule = BY_ID["MP-V1"]
    before = [event("a", 8), event("a", 9), event("b", 10), event("a", 30)]
    # the window is the 7 days to now; weeks before end 7, 14, 21 and 28 days ago
    assert weekly_people(rule, "v", before, NOW) == (2, 0, 0, 1)
    assert weekly_people(rule, "w", before, NOW) == ()


@pytest.mark.parametrize(
    ("people", "weeks", "above"),
    [
        (3, (), True),
        (3, (9, 9, 9), True),  # three weeks say nothing yet
        (3, (3, 3, 3, 3), False),
        (4, (3, 3, 3, 3), True),
        (5, (0, 1, 2, 3, 4, 5, 6, 7), False),
        (7, (0, 1, 2, 3, 4, 5, 6, 7), True),  # the percentile lies at 6.65
        (6, (0, 1, 2, 3, 4, 5, 6, 7), False),
    ],
)
def test_more_than_usual_is_above_the_95th_percentile(
    people: int, weeks: tuple[int, ...], *, above: bool
) -> None:
    assert is_above_usual(people, weeks) is above
