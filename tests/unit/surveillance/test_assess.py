"""Silence is a gate: what cannot be judged is said to be so, with its reason."""

from datetime import date, timedelta

import pytest

from service.surveillance.assess import Gap, assess_home, assess_report, known_share

DAY = date(2026, 8, 26)  # a Wednesday
EVERY_DAY = frozenset(range(1, 8))


@pytest.mark.parametrize(("later", "known"), [(0, 0.0), (1, 0.6), (2, 0.9), (3, 1.0), (40, 1.0)])
def test_what_is_known_rises_by_the_delay_profile(later: int, known: float) -> None:
    assert known_share((0.6, 0.9, 1.0), DAY, DAY + timedelta(days=later)) == known


def test_an_institution_that_sent_nothing_is_silent_not_healthy() -> None:
    seen = assess_report((1.0,), EVERY_DAY, sent=False, day=DAY, as_of=DAY + timedelta(days=1))
    assert seen.gap is Gap.SILENT


def test_a_school_rests_on_sunday() -> None:
    sunday = DAY + timedelta(days=4)
    school = frozenset({1, 2, 3, 4, 5})
    seen = assess_report((1.0,), school, sent=False, day=sunday, as_of=sunday + timedelta(days=1))
    assert seen.gap is Gap.REST_DAY


def test_a_day_of_which_most_is_to_come_is_provisional() -> None:
    soon = assess_report((0.6, 0.9, 1.0), EVERY_DAY, sent=True, day=DAY, as_of=DAY + timedelta(1))
    then = assess_report((0.6, 0.9, 1.0), EVERY_DAY, sent=True, day=DAY, as_of=DAY + timedelta(2))
    assert (soon.gap, then.gap) == (Gap.PROVISIONAL, None)


def home(reporting_today: int, people: int = 60, days: int = 40) -> Gap | None:
    before = {DAY - timedelta(days=n): 50 for n in range(1, days)}
    return assess_home(
        {DAY: people},
        {**before, DAY: reporting_today},
        least_people=30,
        delay_shares=(1.0,),
        day=DAY,
        as_of=DAY + timedelta(days=1),
    ).gap


@pytest.mark.row("C13")
def test_the_home_channel_needs_most_of_those_who_usually_report() -> None:
    assert home(50) is None
    assert home(40) is None  # 80 % of 50
    assert home(39) is Gap.FEW_OF_USUAL
    assert home(50, people=29) is Gap.FEW_PEOPLE
    assert home(50, days=20) is Gap.NO_HISTORY  # days 8 to 19 are twelve
