"""A cold start: the stratum speaks until the person's own readings do."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.baselines import TRACKED, empty_state
from gateway.priors import LEAST_WEIGHT, expected, load_strata, person_baselines
from rules.vocabulary import Profile, QuantityName, Sex, SubjectRef
from rules.window import Baseline
from rules.words import WORDS, Parameter

SYSTOLIC, GLUCOSE, PULSE = QuantityName.SYSTOLIC, QuantityName.GLUCOSE, QuantityName.PULSE


def person(
    born: int | None = 1954,
    conditions: frozenset[str] | None = frozenset({"hypertension"}),
    drugs: frozenset[str] | None = None,
    sex: Sex = Sex.FEMALE,
) -> Profile:
    return Profile(
        subject=SubjectRef("s"), birth_year=born, sex=sex, conditions=conditions, drug_classes=drugs
    )


@pytest.mark.row("R10")
def test_without_a_reading_the_stratum_speaks_alone() -> None:
    found = expected(SYSTOLIC, Baseline(), person(), 2026)
    assert found is not None
    # J-HOP: 134.2, 14.3 between people; 8.6 within one (Ohasama)
    assert (found.mean, found.weight) == (134.2, 1.0)
    assert found.sd == pytest.approx(sqrt(14.3**2 + 8.6**2), abs=1e-6)
    assert "65" in found.group_en


@pytest.mark.row("R10")
def test_the_stratum_shrinks_away_as_days_arrive() -> None:
    weights: list[float] = []
    for days in range(9):
        usual = Baseline(recent_mean=160.0, recent_sd=8.0, readings=2 * days, days=days)
        found = expected(SYSTOLIC, usual if days else Baseline(), person(), 2026)
        weights.append(found.weight if found else 0.0)
    # arithmetic: k = (8.6 / 14.3)^2 = 0.3617 days
    assert weights[1] == pytest.approx(0.3617 / 1.3617, abs=1e-3)
    assert weights == sorted(weights, reverse=True)
    assert weights[6] > LEAST_WEIGHT
    assert weights[-1] == 0.0
    one_day = Baseline(recent_mean=160.0, recent_sd=None, readings=1, days=1)
    told = expected(SYSTOLIC, one_day, person(), 2026)
    assert told is not None
    assert told.mean == pytest.approx(134.2 * weights[1] + 160.0 * (1 - weights[1]), abs=1e-4)


@pytest.mark.parametrize(
    ("profile", "quantity", "mean"),
    [
        (person(born=1980), SYSTOLIC, 135.0),
        (person(conditions=frozenset(), born=1980), SYSTOLIC, 117.3),
        (person(conditions=None, born=1950), SYSTOLIC, 123.4),
        (person(conditions=frozenset(), born=None), SYSTOLIC, 123.4),
        (person(conditions=frozenset({"diabetes_2"}), drugs=frozenset({"insulin"})), GLUCOSE, 10.5),
        (person(conditions=frozenset({"diabetes_2"})), GLUCOSE, 9.6),
        (person(), GLUCOSE, 5.6),
        (person(sex=Sex.MALE), PULSE, 67.9),
        (person(sex=Sex.UNKNOWN), PULSE, 69.8),
    ],
)
def test_the_first_row_that_fits_holds(
    profile: Profile, quantity: QuantityName, mean: float
) -> None:
    found = expected(quantity, Baseline(), profile, 2026)
    assert found is not None
    assert found.mean == mean


@given(
    st.floats(90, 190), st.floats(0, 30), st.integers(0, 400), st.integers(0, 5), st.integers(0, 90)
)
def test_what_is_expected_lies_between_the_two_and_is_never_sure(
    mean: float, sd: float, days: int, a_day: int, age: int
) -> None:
    usual = Baseline(recent_mean=mean, recent_sd=sd, readings=days * a_day, days=days)
    found = expected(SYSTOLIC, usual, person(born=2026 - age), 2026)
    if found is not None:
        low, high = sorted((mean, 134.2 if age >= 65 else 135.0))
        assert low - 1e-6 <= found.mean <= high + 1e-6
        assert found.sd > 0


def test_everybody_has_a_stratum_and_every_row_a_word_and_a_source() -> None:
    state = empty_state()
    state["folded_through"] = 739_000
    nobody = Profile(subject=SubjectRef("s"))
    found = person_baselines(state, nobody)
    assert all(found[name].expected is not None for name in TRACKED)
    assert {row.condition for row in load_strata()} <= WORDS[Parameter.CONDITION] | {None}
    assert {row.drug for row in load_strata()} <= WORDS[Parameter.DRUG] | {None}
