"""What is screened away before a condition runs would not have mattered (design section 6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.expression import compile_condition
from rules.rule import judge
from rules.scope import Scope
from rules.screen import extremes_of
from rules.vocabulary import Vital
from rules.window import Point
from tests.unit.rules.readings import glucose, pressure, symptom, window

ATOMS = (
    "ge('systolic', 180)",
    "lt('glucose', 3.9)",
    "gt('diastolic', 109)",
    "le('glucose', 3.0)",
    "at_level()",
    "pair_within('1m', '30m')",
    "times_at_level('1m', '1d') >= 1",
    "any_ge('systolic', 180, '30m')",
    "any_lt('glucose', 3.9, '30m')",
    "count_ge('systolic', 140, '1d') >= 1",
    "count_lt('glucose', 3.9, '1d') >= 1",
    "days_with('glucose', '<', 3.9, '7d', '8h') >= 1",
    "any_symptom()",
    "has_symptom('30m', 'seizure')",
    "mean('systolic', '1d') > 100.0",
    "mean_ge('systolic', 140, '1d')",
    "mean_lt('glucose', 9, '1d')",
    "settled_mean_ge('systolic', 140, '1d')",
    "mean_over_target('systolic', '1d') >= 1.0",
    "readings('systolic', '1d') >= 1",
    "reading_days('systolic', '1d') >= 1",
    "missing_for('glucose', '1d')",
    "takes_drug('insulin')",
    "has_condition('hypertension')",
    "pregnant()",
    "known_pregnant()",
)
READINGS = st.one_of(
    st.builds(
        pressure,
        st.integers(0, 60),
        st.sampled_from(["120", "139.5", "140", "179.4", "179.6", "180", "220"]),
        st.sampled_from(["80", "109", "110", "130"]),
    ),
    st.builds(
        glucose, st.integers(0, 60), st.sampled_from(["LO", "HI", "2.9", "3.9", "3.94", "9"])
    ),
    st.builds(symptom, st.integers(0, 60), st.sampled_from(["seizure", "dizziness"])),
)
LEVEL = compile_condition("ge('systolic', 180) || lt('glucose', 3.0) || high('glucose')")


@given(
    source=st.sampled_from(ATOMS),
    more=st.lists(
        st.tuples(st.sampled_from([" && ", " || ", " && !"]), st.sampled_from(ATOMS)), max_size=3
    ),
    readings=st.lists(READINGS, min_size=1, max_size=5, unique_by=lambda point: point.identity),
)
def test_a_result_rests_only_on_a_reading_that_the_screen_lets_through(
    source: str, more: list[tuple[str, str]], readings: list[Point]
) -> None:
    condition = compile_condition(f"({source})" + "".join(f"{sign}({atom})" for sign, atom in more))
    seen = window(*readings)
    for judged in seen.points:
        scope = Scope(window=seen, at=judged.effective_at, point=judged, level=_level)
        rests = judged.identity in condition.test(scope).trace.support
        assert condition.resting.may(judged, _level) or not rests
        cause = _level(judged) or judged.kind is Vital.SYMPTOM
        assert cause or not condition.needs_level_or_symptom or not condition.test(scope).result


@given(
    source=st.sampled_from(["ge('systolic', 180)", "lt('glucose', 3.9)", "low('glucose')"]),
    other=st.sampled_from(["gt('diastolic', 109)", "le('glucose', 3.9)", "high('glucose')"]),
    joint=st.sampled_from([" || ", " && "]),
    readings=st.lists(READINGS, min_size=1, max_size=5),
)
def test_a_level_none_is_at_is_the_only_one_refused_for_all_at_once(
    source: str, other: str, joint: str, readings: list[Point]
) -> None:
    level = compile_condition(source + joint + other)
    held = any(judge(level, point) for point in readings)
    assert level.screen.may_hold_in(extremes_of(readings)) or not held


def test_calm_readings_are_refused_all_at_once() -> None:
    calm = extremes_of([pressure(0, "130", "80"), glucose(5, "7.5")])
    assert not LEVEL.screen.may_hold_in(calm)
    assert LEVEL.screen.may_hold_in(extremes_of([glucose(5, "HI")]))
    assert not LEVEL.resting.may(pressure(0, "130", "80"), _level)


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ("at_level()", True),
        ("at_level() && !has_symptom('30m', 'seizure')", True),
        ("at_level() || low('glucose')", False),
        ("!at_level()", False),
        ("(at_level() || any_symptom()) && has_symptom('30m', 'seizure')", True),
        ("at_level() || has_symptom('30m', 'seizure')", False),
        ("times_at_level('1m', '1d') < 2 && (at_level() || at_level())", True),
    ],
)
def test_a_condition_says_whether_it_needs_the_level_or_a_symptom(
    source: str, needed: bool
) -> None:
    assert compile_condition(source).needs_level_or_symptom is needed


def _level(point: Point) -> bool:
    return judge(LEVEL, point)
