from datetime import timedelta

import pytest

from gateway.availability import Availability, availability, overdue_at
from tests.unit.gateway.observations import START

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.row("L3")
def test_a_cuff_used_daily_sleeps_for_three_days_before_it_is_missed() -> None:
    heard = [START + n * DAY for n in range(5)]
    assert availability(heard, heard[-1] + 2.9 * DAY) is Availability.ASLEEP
    assert availability(heard, heard[-1] + 3 * DAY) is Availability.OVERDUE


@pytest.mark.row("L3")
def test_a_weekly_scale_is_not_called_lost_after_a_day() -> None:
    heard = [START + n * 7 * DAY for n in range(5)]
    assert overdue_at(heard) == heard[-1] + 21 * DAY


def test_two_readings_in_five_minutes_are_one_use() -> None:
    heard = [START + n * 8 * HOUR + k * timedelta(minutes=5) for n in range(4) for k in (0, 1)]
    # every eight hours, three times that is 24 (less five minutes): the floor of 25 hours holds
    assert overdue_at(heard) == heard[-1] + 25 * HOUR


def test_without_a_rhythm_three_days() -> None:
    assert overdue_at([START]) == START + 3 * DAY
    assert overdue_at([]) is None
    assert availability([], START) is Availability.NEVER_HEARD
