"""The core's own judgement of the canaries."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.canary_device import ANSWER_WITHIN, CanaryAlert
from gateway.canary_watch import CanaryWatch
from rules.vocabulary import HubId

pytestmark = pytest.mark.row("L4")

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)
HUB, OTHER = HubId("hub-1"), HubId("hub-2")


def of(at: datetime, **alerts: HubId) -> dict[str, CanaryAlert]:
    return {name: CanaryAlert(hub=hub, measured_at=at) for name, hub in alerts.items()}


def test_what_arrives_together_after_an_outage_is_no_quick_canary() -> None:
    watch = CanaryWatch()
    back = START + 4 * EVERY
    for number in range(4):
        watch.rang(of(START + number * EVERY, **{f"a{number}": HUB}), back)
    assert watch.late(back + timedelta(minutes=1)) == {}
    watch.told("a3")
    assert watch.late(back + EVERY) == {}
    assert watch.late(back + EVERY + ANSWER_WITHIN) == {HUB: back + EVERY}


def test_who_is_told_within_two_minutes_is_not_late() -> None:
    watch = CanaryWatch()
    watch.rang(of(START, a=HUB), START)
    assert watch.late(START + ANSWER_WITHIN - timedelta(seconds=1)) == {}
    watch.told("a")
    assert watch.late(START + timedelta(hours=1)) == {}, "how often it comes is not known yet"


def test_nobody_told_is_late_since_the_first_that_waits_and_a_later_answer_settles_all() -> None:
    watch = CanaryWatch()
    for number in range(3):
        at = START + number * EVERY
        watch.rang(of(at, **{f"a{number}": HUB, f"b{number}": OTHER}), at)
        watch.told(f"b{number}")
    now = START + 2 * EVERY + ANSWER_WITHIN
    assert watch.late(now) == {HUB: START}
    watch.told("somebody's")
    assert watch.late(now) == {HUB: START}
    watch.told("a2")
    assert watch.late(now) == {}


def test_one_that_does_not_come_any_more_is_late_from_when_it_was_due() -> None:
    watch = CanaryWatch()
    for number in range(2):
        at = START + number * EVERY
        watch.rang(of(at, **{f"a{number}": HUB}), at)
        watch.told(f"a{number}")
    due = START + 2 * EVERY
    assert watch.late(due + ANSWER_WITHIN - timedelta(seconds=1)) == {}
    assert watch.late(due + ANSWER_WITHIN) == {HUB: due}
    watch.rang(of(due + EVERY, a2=HUB), due + EVERY)
    watch.told("a2")
    assert watch.late(due + EVERY) == {}
    assert watch.late(due + timedelta(days=2)) == {}, "one that was taken away is forgotten"


def test_a_quick_canary_is_judged_by_half_its_interval() -> None:
    watch = CanaryWatch()
    every = timedelta(seconds=12)
    watch.rang(of(START, a=HUB), START)
    watch.rang(of(START + every, b=HUB), START + every)
    watch.told("a")
    assert watch.late(START + every + timedelta(seconds=5)) == {}
    assert watch.late(START + every + timedelta(seconds=6)) == {HUB: START + every}


def _told_at(watch: CanaryWatch, minutes: tuple[float, ...]) -> None:
    for number, minute in enumerate(minutes):
        at = START + timedelta(minutes=minute)
        watch.rang(of(at, **{f"a{number}": HUB}), at)
        watch.told(f"a{number}")


def test_an_outage_is_not_how_often_a_canary_comes() -> None:
    watch = CanaryWatch()
    _told_at(watch, (0, 5, 10, 130))
    due = START + timedelta(minutes=135)
    assert watch.late(due + ANSWER_WITHIN - timedelta(seconds=1)) == {}
    assert watch.late(due + ANSWER_WITHIN) == {HUB: due}


def test_an_outage_before_anything_is_known_is_forgotten_with_the_next_one() -> None:
    watch = CanaryWatch()
    _told_at(watch, (0, 120, 125))
    due = START + timedelta(minutes=130)
    assert watch.late(due + ANSWER_WITHIN) == {HUB: due}


def test_a_hub_that_started_again_measures_no_faster_for_that() -> None:
    watch = CanaryWatch()
    _told_at(watch, (0, 5, 10, 10.5))
    due = START + timedelta(minutes=15.5)
    assert watch.late(due) == {}
    assert watch.late(due + ANSWER_WITHIN) == {HUB: due}


def test_another_interval_counts_once_it_has_come_twice() -> None:
    for gap in (1, 20):
        watch = CanaryWatch()
        _told_at(watch, (0, 5, 10, 10 + gap, 10 + 2 * gap))
        due = START + timedelta(minutes=10 + 3 * gap)
        assert watch.late(due) == {}
        assert watch.late(due + ANSWER_WITHIN) == {HUB: due}
