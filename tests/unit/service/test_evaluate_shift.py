"""The evaluation of the personal shift: equal rates and re-arm times, other people to report."""

from datetime import date

import numpy as np
import pytest

from firmware_sim.cohort.event import EventKind
from firmware_sim.cohort.seeds import Purpose
from gateway.baselines import Folding
from service.lab.evaluate_shift import REARM_DAYS, alerts, limits_for, lines, table
from service.lab.shift_cohort import PersonDays, Shift, person_days, trailing
from service.lab.shift_scores import Scores, scores_of

FIRST = date(2025, 1, 1)
_NONE = np.zeros(0, dtype=np.int64)
NOTHING = Folding(row=_NONE, quantity=_NONE, day=_NONE, value=np.zeros(0), part=_NONE)


def test_alerts_are_at_the_limit_and_a_fortnight_apart() -> None:
    score = np.full((2, 60), np.nan)
    score[0, [3, 5, 16, 17, 40]] = [1.0, 9.0, 9.0, 9.0, 0.5]
    assert alerts(score, 1.0) == [[3, 17], []]
    assert REARM_DAYS == 14


def test_a_limit_gives_the_wanted_rate() -> None:
    score = np.random.default_rng(1).normal(size=(200, 304))
    scores = Scores(by_name={"one": score}, observed=np.full(200, 304))
    found = alerts(score, limits_for(scores, 0.2)["one"])
    months = 200 * 304 / 30.4
    assert sum(map(len, found)) / months == pytest.approx(0.2, abs=0.01)


def test_a_trailing_mean_is_of_the_days_with_a_reading() -> None:
    mean = np.array([[120.0, np.nan, 130.0, 140.0]])
    count = np.array([[2, 0, 1, 3]])
    days = PersonDays(readings=NOTHING, mean=mean, count=count, shifts=())
    found, readings, measured = trailing(days, 3)
    assert found[0].tolist() == [120.0, 120.0, 125.0, 135.0]
    assert readings[0].tolist() == [2, 2, 3, 4]
    assert measured[0].tolist() == [1, 1, 2, 2]


def test_what_is_found_in_time_is_right_and_what_is_late_is_not() -> None:
    shift = Shift(person=0, kind=EventKind.DRIFT_5, begins=100, ends=200)
    score = np.zeros((2, 365))
    score[0, [90, 130, 300]] = 1.0
    score[1, 50] = 1.0
    days = PersonDays(readings=NOTHING, mean=score, count=score.astype(int), shifts=(shift,))
    scores = Scores(by_name={"random": score}, observed=np.full(2, 304))
    (line,) = lines(days, scores, {"random": 1.0})
    assert (line.found, line.days, line.right) == (1.0, 30.0, 0.25)
    assert line.rate == pytest.approx(4 / 20)
    assert line.by_kind["drift_5"] == 1.0
    assert "| random | 1.0 |" in table([line])


@pytest.mark.slow
def test_tuning_and_reporting_people_are_others_and_the_same_seed_gives_the_same() -> None:
    one, two, again = (
        person_days(purpose, 5, 12, 90, FIRST)
        for purpose in (Purpose.TUNING, Purpose.REPORTING, Purpose.REPORTING)
    )
    assert not np.array_equal(one.count, two.count)
    assert np.array_equal(two.count, again.count)
    scores = scores_of(two, FIRST.toordinal(), 5)
    judged = ~np.isnan(scores.by_name["random"])
    assert judged.any()
    assert not judged[:, :28].any()  # nobody is judged without a month's history
    for score in scores.by_name.values():
        assert not (~np.isnan(score) & ~judged).any()
