"""The UVa/Padova engine: same person, same series; a meal, a bolus, a low as in the own engine."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from firmware_sim.cohort.event import EventKind
from firmware_sim.cohort.glucose import glucose_days, glucose_events
from firmware_sim.cohort.simglucose_engine import (
    EngineTrace,
    SimglucoseMissingError,
    engine_trace,
    suits,
)
from tests.unit.firmware_sim.cohort_person import YEAR, every, moments, on_insulin, quiet, somebody

pytestmark = pytest.mark.row("S2")


def traced(number: int, missed: tuple[int, ...] = (), days: int = 1) -> EngineTrace:
    person, line = on_insulin(number), quiet(missed=missed)
    return engine_trace(person, line, glucose_days(person, YEAR, line), last_day=days)


@pytest.mark.slow
def test_the_same_person_gives_the_same_series_and_another_a_different_one() -> None:
    once, again, other = traced(1), traced(1), traced(2)
    assert len(once.mmol) == 288
    assert np.array_equal(once.mmol, again.mmol)
    assert not np.array_equal(once.mmol, other.mmol)


@pytest.mark.slow
def test_meals_raise_the_glucose_and_a_missed_bolus_raises_it_further() -> None:
    person, line = on_insulin(3), quiet()
    days = glucose_days(person, YEAR, line)
    trace = engine_trace(person, line, days, last_day=1)
    steady = trace.mmol[: int(days.meal_at[0, 0] // 5)]
    assert steady.std() < 0.05  # no meal yet: the equations rest
    assert 6.0 < steady.mean() < 9.5
    after = trace.at(moments(days.meal_at[0, :1] + 60))
    assert after[0] > steady[-1] + 0.5
    assert traced(3, missed=(0,)).mmol.max() > trace.mmol.max() + 3


def test_without_meals_the_series_rests() -> None:
    person, line = on_insulin(4), quiet()
    days = glucose_days(person, YEAR, line)
    fasting = replace(days, meal_mmol=np.zeros_like(days.meal_mmol))
    trace = engine_trace(person, line, fasting, last_day=1)
    assert trace.mmol.std() < 0.1


def test_lows_of_the_trace_become_true_events() -> None:
    mmol = np.full(288, 7.0)
    mmol[100:106], mmol[108:112], mmol[200:210] = 3.5, 3.2, 2.8
    trace = EngineTrace(begin=1440.0, mmol=mmol)
    person = on_insulin(5)
    days = replace(glucose_days(person, YEAR, quiet()), lows=trace.lows())
    assert days.lows.begin.tolist() == [1440 + 500, 1440 + 1000]
    assert days.lows.end.tolist() == [1440 + 560, 1440 + 1050]
    assert days.lows.size.tolist() == [3.2, 2.8]
    events = glucose_events(person, YEAR, quiet(), days)
    assert [each.kind for each in events] == [EventKind.LOW_GLUCOSE, EventKind.VERY_LOW_GLUCOSE]


def test_between_its_values_the_trace_is_a_straight_line() -> None:
    trace = EngineTrace(begin=0.0, mmol=np.array([5.0, 6.0, 8.0]))
    assert trace.at(every(2, 1)).tolist()[:6] == [5.0, 5.4, 5.8, 6.4, 7.2, 8.0]


def test_only_people_on_insulin_run_through_it() -> None:
    tablets = somebody(6, diagnoses=("diabetes_2",), drugs=("metformin",))
    assert suits(glucose_days(on_insulin(6), YEAR, quiet()))
    assert not suits(glucose_days(tablets, YEAR, quiet()))


def test_without_the_package_the_error_names_the_extra() -> None:
    assert "hearthwatch[simglucose]" in str(SimglucoseMissingError())
    code = (
        "import sys; sys.modules['simglucose'] = None\n"
        "from firmware_sim.cohort.simglucose_engine import SimglucoseMissingError, engine_trace\n"
        "from tests.unit.firmware_sim.test_cohort_simglucose import traced\n"
        "try:\n    traced(1)\n"
        "except SimglucoseMissingError as error:\n    print(error)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert "pip install 'hearthwatch[simglucose]'" in done.stdout


@pytest.mark.slow
def test_foreign_warnings_stay_unheard_and_ours_do_not() -> None:
    code = (
        "import logging, warnings\n"
        "from tests.unit.firmware_sim.test_cohort_simglucose import traced\n"
        "warnings.simplefilter('error'); before = list(warnings.filters)\n"
        "traced(1); print(warnings.filters == before, logging.root.handlers)\n"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "True []"
    assert done.stderr == ""
