"""What means nothing is refused from its text alone: types, units, what is always the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.packs import load_shipped
from rules.conditions import FUNCTIONS, Result
from rules.expression import compile_condition
from rules.scope import Call, Scope, Trace
from rules.sense import faults_of, gives
from tests.unit.rules.readings import glucose, pressure, window

NEVER, ALWAYS = "is never true", "is always true"


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("mean('glucose', '7d') * 2 > 3.0", "write 2.0"),
        ("has_symptom('30m', 'seizure') && mean('glucose', '1d') + 1 > 3.0", "write 2.0"),
        ("readings('systolic', '7d') && ge('systolic', 180)", "joins what is true or false"),
        ("!readings('systolic', '7d')", "joins what is true or false"),
        ("ge('systolic', 180) > 1", "stands between numbers"),
        ("greater(at_level(), 2.0) > 1.0", "is not a number"),
        ("readings('systolic', '7d') / readings('glucose', '7d') > 1", "which may be 0"),
        ("readings('systolic', '7d') >= 5.5", "a count is whole"),
        ("5.5 < readings('systolic', '7d')", "a count is whole"),
        ("mean('systolic', '7d')", "not true or false"),
        ("lt('glucose', 54)", "54 is no glucose in mmol/L"),
        ("ge('glucose', 300)", "300 is no glucose in mmol/L"),
        ("ge('systolic', 24)", "24 is no systolic in mm[Hg]"),
        ("lt('spo2', 0.92)", "0.92 is no spo2 in %"),
        ("ge('temperature', 102.2)", "102.2 is no temperature in Cel"),
        ("days_with('glucose', '<', 70, '7d', '8h') >= 2", "70 is no glucose in mmol/L"),
        ("mean('systolic', '7d') >= 18.0", "18.0 is no systolic"),
        ("18.0 <= mean('systolic', '7d')", "18.0 is no systolic"),
        ("above_usual('systolic', '3d') <= -300.0", "is no distance of systolic"),
        ("flag_share('irregular_pulse', 'systolic', '7d') > 30.0", "is a share from 0 to 1"),
        ("quiet_days('systolic', 23, 'diastolic', 105, '14d') >= 2", "23 is no systolic"),
        ("1 < 2 && at_level()", ALWAYS),
        ("ge('systolic', 180) && lt('systolic', 120)", NEVER),
        (
            "ge('systolic', 180) && (lt('systolic', 120) || !at_level()) && at_level()",
            NEVER,
        ),
        ("readings('systolic', '7d') >= 0", ALWAYS),
        ("readings('systolic', '7d') < 0 || at_level()", NEVER),
        ("reading_days('systolic', '3d') >= 5", NEVER),
        ("readings('systolic', '7d') > 2 && readings('systolic', '7d') < 3", NEVER),
        ("mean('systolic', '7d') >= 150.0 && mean('systolic', '7d') < 150.0", NEVER),
        ("!(at_level() || !at_level())", NEVER),
        ("flag_share('irregular_pulse', 'systolic', '7d') <= 1.0 && at_level()", ALWAYS),
        ("mean_ge('systolic', 170, '7d') && mean_lt('systolic', 160, '7d')", NEVER),
        ("mean_ge('systolic', 170, '7d') && !mean_ge('systolic', 160, '7d')", NEVER),
        ("count_ge('systolic', 170, '7d') >= 2 && readings('systolic', '7d') < 2", NEVER),
        ("readings('systolic', '7d') <= 2 && 3 <= count_lt('systolic', 90, '7d')", NEVER),
        (
            "days_with('systolic', '>=', 170, '7d', '8h') >= 3 && readings('systolic', '7d') < 3",
            NEVER,
        ),
        ("run_ge('glucose', 3.9, '15m', '1d') >= 1 && missing_for('glucose', '1d')", NEVER),
        ("readings('glucose', '1d') >= 1 || missing_for('glucose', '1d')", ALWAYS),
        ("at_level() && on_weekday('monday') && on_weekday('tuesday')", NEVER),
        ("!on_weekday('monday') || !on_weekday('friday')", ALWAYS),
        ("times_at_level('1d', '5m') >= 2", "1d is longer than the span of 5m"),
        ("times_at_own_level('glucose', '1d', '5m') >= 2", "1d is longer than the span of 5m"),
        ("pair_within('7d', '5m')", "7d is longer than the span of 5m"),
        ("days_with('glucose', '>', 7.0, '8h', '1d') >= 1", "1d is longer than the span of 8h"),
        ("run_ge('glucose', 3.9, '1d', '15m') >= 2", "1d is longer than the span of 15m"),
        ("times_with('systolic', '>=', 170, '7d', '1d') >= 1", "7d is longer than the span"),
        ("times_of('glucose', 'glucose', '<', 3.9, '2h', '1h') >= 1", "2h is longer than"),
        ("lasts('glucose', '<', 3.9, '1h', '15m')", "1h is longer than the span of 15m"),
        ("past_readings('spo2', '14d', '1h') >= 5", "14d is longer than the span of 1h"),
        ("above_past('spo2', '7d', '7d') <= -3.0", "nothing is left of 7d"),
        ("times_at_level('8h', '1d') >= 5", NEVER),
        ("days_with('systolic', '>=', 160, '2d', '1d') >= 4", NEVER),
        ("run_ge('glucose', 3.9, '30m', '1h') > 3", NEVER),
        ("flag_of_last('irregular_pulse', 'pulse', 3, '7d') >= 4", NEVER),
        ("meal_times('fasting', 'glucose', '>', 7.0, 3, '14d') > 3", NEVER),
        ("at_level() && at_hours(30, 40)", "30 is no full hour of a day"),
        ("at_level() && at_hours(6.5, 8)", "6.5 is no full hour of a day"),
        ("mean_between('systolic', 6, 6, '7d') < 130.0", "ends in the hour in which it begins"),
        ("readings_between('systolic', 20, 25, '7d') >= 2", "25 is no full hour"),
        ("at_level() && aged(999)", "nobody is 999 years old"),
        ("at_level() && aged(0)", "nobody is 0 years old"),
    ],
)
def test_what_means_nothing_is_told(source: str, complaint: str) -> None:
    assert complaint in "; ".join(faults_of(compile_condition(source).tree))


@pytest.mark.parametrize(
    "source",
    [
        "reading_days('systolic', '3d') >= 4",
        "readings('systolic', '7d') > 2 && readings('systolic', '7d') < 4",
        "ge('systolic', 180) && lt('systolic', 181)",
        "mean('systolic', '7d') >= 150.0 && mean('systolic', '7d') <= 150.0",
        "ge('glucose', 33.3) || lt('glucose', 0.5)",
        "silent_for('glucose', greater(3.0 * own_gap('glucose'), 3.0))",
        "flag_of_last('irregular_pulse', 'pulse', 3, '7d') >= 2",
        "meal_times('fasting', 'glucose', '>', 7.0, 3, '14d') >= 2",
        "unsettled_days('systolic', 10, '7d') >= 1",
        "mean('glucose', '7d') - fired('reference') < 5.0",
        "at_level() || ge('systolic', 180)",
        "times_at_level('8h', '1d') >= 4",
        "mean_ge('systolic', 160, '7d') && mean_lt('systolic', 170, '7d')",
        "mean_ge('systolic', 160, '7d') && mean('systolic', '7d') < 160.0",
        "mean_ge('systolic', 170, '3d') && mean_lt('systolic', 160, '7d')",
        "mean_ge('systolic', 170, '7d') && mean_lt('diastolic', 160, '7d')",
        "count_ge('systolic', 170, '7d') >= 2 && readings('systolic', '7d') < 3",
        "count_ge('systolic', 170, '7d') >= 2 && readings('systolic', '1d') < 2",
        "count_ge('systolic', 170, '7d') < 2 && readings('systolic', '7d') < 2",
        "at_level() && (on_weekday('monday') || on_weekday('tuesday'))",
        "at_level() && !on_weekday('monday') && !on_weekday('tuesday')",
        "times_at_level('30m', '30m') >= 2",
        "pair_within('1m', '1m')",
        "run_ge('glucose', 3.9, '30m', '1h') >= 3",
        "flag_of_last('irregular_pulse', 'pulse', 3, '7d') >= 3",
        "at_level() && at_hours(22, 6) && !at_hours(0, 4)",
        "at_level() && aged(65) && !aged(80)",
    ],
)
def test_what_means_something_passes(source: str) -> None:
    assert [*faults_of(compile_condition(source).tree)] == []


def test_every_function_says_what_it_gives() -> None:
    assert {gives(name) for name in FUNCTIONS} == {bool, int, float}


SCOPE = Scope(
    window=window(pressure(0, "185"), glucose(5, "5.5")), at=pressure(5, "185").effective_at
)


@pytest.mark.parametrize("name", ["readings", "reading_days", "mean", "last", "since"])
def test_a_function_gives_what_it_says(name: str) -> None:
    found: Result = FUNCTIONS[name].run(Call(scope=SCOPE, trace=Trace()), "systolic", "7d")
    assert type(found) is gives(name)


COUNTS = ("readings('systolic', '7d')", "readings('glucose', '7d')")
ATOMS = st.one_of(
    st.just("at_level()"),
    st.builds(
        "{} {} {}".format,
        st.sampled_from(COUNTS),
        st.sampled_from([">", ">=", "<", "<="]),
        st.integers(0, 3),
    ),
)
TREES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_constant_is_what_no_number_of_readings_changes(source: str) -> None:
    """Beside a plain reckoning: each atom put in for every count from 0 to 5."""
    plain = source.replace("&&", " and ").replace("||", " or ").replace("!(", " not (")
    plain = plain.replace(COUNTS[0], "a").replace(COUNTS[1], "b").replace("at_level()", "c")
    outcomes = {
        bool(eval(plain, {}, {"a": a, "b": b, "c": c}))  # noqa: S307 - our own words and numbers
        for a in range(6)
        for b in range(6)
        for c in (True, False)
    }
    tree = compile_condition(source).tree
    whole = f"{tree.told!r} is "
    assert any(fault.startswith(whole) for fault in faults_of(tree)) is (len(outcomes) == 1)


def test_no_shipped_condition_is_senseless() -> None:
    """The loader asked already; here it is said that it was asked of all."""
    limbs = [limb for rule in load_shipped().beside.rules for limb in rule.limbs.values()]
    assert len(limbs) > 40
    assert [fault for limb in limbs for fault in faults_of(limb.tree)] == []
