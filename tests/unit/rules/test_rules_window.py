"""A window is a set: order and repetition of what is handed over change nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.vocabulary import Bound, QuantityName
from rules.window import Point, Value, once_each, sessions
from tests.unit.rules.readings import flagged, glucose, pressure, repeatable, window

GLUCOSE, SYSTOLIC = QuantityName.GLUCOSE, QuantityName.SYSTOLIC


def test_points_are_kept_once_in_order_of_time_then_identity() -> None:
    late, early = pressure(9, "120"), pressure(1, "130")
    seen = window(late, early, late, early)
    assert [p.identity for p in seen.points] == [early.identity, late.identity]


SIX = tuple(pressure(m, str(120 + m)) for m in range(6))


@given(st.permutations(SIX), st.lists(st.sampled_from(SIX)))
def test_any_order_and_repetition_gives_an_equal_window(
    points: list[Point], repeated: list[Point]
) -> None:
    assert window(*points, *repeated) == window(*SIX)


@pytest.mark.parametrize(
    ("milligrams", "below_39", "below_30"),
    [("70", False, False), ("69", True, False), ("54", True, False), ("53", True, True)],
)
def test_limits_are_compared_after_rounding_to_a_tenth(
    milligrams: str, below_39: bool, below_30: bool
) -> None:
    value = Value(value=Decimal(milligrams) / Decimal("18.0156"))
    assert value.lt(GLUCOSE, Decimal("3.9")) is below_39
    assert value.lt(GLUCOSE, Decimal("3.0")) is below_30


def test_a_censored_value_is_beyond_every_limit_on_its_side() -> None:
    low, high = Value(censored=Bound.BELOW), Value(censored=Bound.ABOVE)
    for limit in (Decimal("0.1"), Decimal(60)):
        assert (low.lt(GLUCOSE, limit), low.le(GLUCOSE, limit)) == (True, True)
        assert (low.ge(GLUCOSE, limit), low.gt(GLUCOSE, limit)) == (False, False)
        assert (high.ge(GLUCOSE, limit), high.gt(GLUCOSE, limit)) == (True, True)
        assert (high.lt(GLUCOSE, limit), high.le(GLUCOSE, limit)) == (False, False)


def test_a_value_says_exactly_one_thing() -> None:
    with pytest.raises(ValueError, match="either a number or censored"):
        Value()
    with pytest.raises(ValueError, match="either a number or censored"):
        Value(value=Decimal(1), censored=Bound.ABOVE)


def test_a_session_ends_after_a_gap_of_more_than_30_minutes() -> None:
    points = (pressure(0, "120"), pressure(30, "121"), pressure(61, "122"))
    assert [len(group) for group in sessions(points)] == [2, 1]


def test_a_possible_repeat_counts_once_beside_its_equal_and_alone_in_full() -> None:
    first, again = repeatable(pressure(0, "185")), repeatable(pressure(3, "185"))
    other = repeatable(pressure(5, "186"))
    assert once_each((first, again, other)) == (first, other)
    assert once_each((again,)) == (again,)
    numbered = (pressure(0, "185"), pressure(3, "185"))
    assert once_each(numbered) == numbered


def test_control_solution_is_not_usable_and_movement_disturbs() -> None:
    assert not flagged(glucose(0, "6.0"), "control_solution").usable
    moved = flagged(pressure(0, "185"), "body_movement")
    assert moved.disturbed
    assert moved.usable
