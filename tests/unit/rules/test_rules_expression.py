"""The small language of conditions: what it refuses, and its three values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.expression import compile_condition
from rules.scope import ConditionError, Scope, span
from rules.window import Point
from tests.unit.rules.readings import glucose, person, pressure, symptom, window

LOW, CALM = "lt('glucose', 3.0)", "lt('glucose', 1.0)"
DRUG = "takes_drug('insulin')"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("gee('systolic', 180)", "did you mean 'ge'"),
        ("ge('sistolic', 180)", "did you mean 'systolic'"),
        ("ge('systolic')", "takes 2 arguments, not 1"),
        ("ge('systolic', '180')", "is not a number"),
        ("ge(180, 'systolic')", "must be a string in quotes"),
        ("count_ge('systolic', 180, '7')", "not a span"),
        ("count_ge('systolic', 180, '0d') > 1", "not a span"),
        ("days_with('glucose', '!=', 3.9, '7d', '8h') > 1", "is no operator"),
        ("has_symptom('30m')", "takes 2 or more arguments"),
        ("has_symptom('30m', 'confuzion')", "did you mean 'confusion'"),
        ("ge", "is a function"),
        ("systolic >= 180", "unknown name 'systolic'"),
        ("1 < 2", "constant"),
        ("true", "unknown name 'true'"),
        ("ge('systolic', 180) || true", "unknown name 'true'"),
        ("ge('systolic', 180) == ge('systolic', 190)", "not allowed"),
        ("[1, 2].all(x, ge('systolic', x))", "not allowed"),
        ("ge('systolic', 180) ? ge('systolic', 1) : ge('systolic', 2)", "not allowed"),
        ("ge('systolic', 180", "parenthesis is missing"),
        ("ge('systolic', 180) ||", "ge"),
        ("'' > readings('glucose', '1d')", "'' > readings"),
        ("'glucose' > readings('glucose', '1d')", ""),
    ],
)
def test_what_is_refused_says_why(source: str, complaint: str) -> None:
    with pytest.raises(ConditionError) as caught:
        compile_condition(source).test(_scope("2.5", drugs=None))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("source", "known_yes", "unknown"),
    [
        (f"{LOW} && {DRUG}", True, None),
        (f"{DRUG} && {LOW}", True, None),
        (f"{CALM} && {DRUG}", False, False),
        (f"{DRUG} && {CALM}", False, False),
        (f"{LOW} || {DRUG}", True, True),
        (f"{DRUG} || {LOW}", True, True),
        (f"{CALM} || {DRUG}", True, None),
        (f"!{DRUG}", False, None),
        (DRUG, True, None),
    ],
)
def test_an_unknown_fact_leaves_unknown_only_what_it_decides(
    source: str, known_yes: bool, unknown: bool | None
) -> None:
    condition = compile_condition(source)
    assert condition.test(_scope("2.5", drugs=frozenset({"insulin"}))).result is known_yes
    outcome = condition.test(_scope("2.5", drugs=None))
    assert outcome.result is unknown


def test_the_unknown_is_named_and_missing_numbers_are_unknown_in_arithmetic() -> None:
    scope = _scope("2.5", drugs=None)
    assert compile_condition(DRUG).test(scope).trace.unknowns == {"drugs_unknown"}
    shift = compile_condition("above_usual('systolic', '3d') >= 1.6 * usual_sd('systolic')")
    outcome = shift.test(scope)
    assert outcome.result is None
    assert "baseline_unknown" in outcome.trace.unknowns


def test_numbers_spans_and_reach_are_read_off_the_text() -> None:
    condition = compile_condition("days_with('glucose', '<', 3.9, '7d', '8h') >= 2")
    assert condition.numbers == {"3.9", "7d", "8h", "2"}
    assert condition.reach == span("7d")
    assert not condition.judges
    assert not condition.needs_baseline


def test_a_whole_number_times_a_decimal_is_refused_when_it_runs() -> None:
    mixed = compile_condition("mean('glucose', '1d') * 2 > 3.0")
    with pytest.raises(ConditionError):
        mixed.test(_scope("2.5", drugs=None))


ATOMS = (
    "ge('systolic', 180)",
    "gt('diastolic', 100 + 9)",
    "lt('glucose', 3.0)",
    "le('glucose', 3.9)",
    "low('glucose')",
    "high('glucose')",
    "any_symptom()",
    "readings('systolic', '1d') >= 1",
)
JUDGED = (
    pressure(0, "179", "109"),
    pressure(0, "180", "110"),
    glucose(0, "LO"),
    glucose(0, "2.9"),
    glucose(0, "3.9"),
    glucose(0, "HI"),
    symptom(0, "seizure"),
)


@given(
    atoms=st.lists(st.sampled_from(ATOMS), min_size=1, max_size=4),
    joints=st.lists(st.sampled_from(["&&", "||", "&& !"]), min_size=3, max_size=3),
    judged=st.sampled_from(JUDGED),
)
def test_the_screen_never_refuses_what_the_condition_accepts(
    atoms: list[str], joints: list[str], judged: Point
) -> None:
    source = atoms[0]
    for joint, atom in zip(joints, atoms[1:], strict=False):
        source = f"{source} {joint} {atom}"
    condition = compile_condition(source)
    scope = Scope(window=window(judged), at=judged.effective_at, point=judged)
    assert condition.screen.may_hold(judged) or condition.test(scope).result is not True


def test_the_screen_of_a_level_refuses_a_calm_reading() -> None:
    level = compile_condition("ge('systolic', 180) || ge('diastolic', 110)")
    assert not level.screen.may_hold(pressure(0, "179", "109"))
    assert level.screen.may_hold(pressure(0, "179", "110"))


def _scope(number: str, *, drugs: frozenset[str] | None) -> Scope:
    judged = glucose(0, number)
    seen = window(judged, profile=person(drugs=drugs))
    return Scope(window=seen, at=judged.effective_at, point=judged)
