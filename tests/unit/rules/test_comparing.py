"""A moved limit parts the same numbers as rounding each of them."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules.comparing import compared
from rules.vocabulary import Bound, QuantityName, Vital
from rules.window import Value
from tests.unit.rules.readings import point

NAMES = st.sampled_from([*QuantityName])
NUMBERS = st.decimals(0, 400, places=4, allow_nan=False)
LIMITS = st.one_of(
    st.integers(0, 300).map(float), st.decimals(0, 300, places=2, allow_nan=False).map(float)
)


@given(name=NAMES, number=NUMBERS, limit=LIMITS, operator=st.sampled_from(["<", "<=", ">", ">="]))
@example(name=QuantityName.GLUCOSE, number=Decimal("3.85"), limit=3.9, operator="<")
@example(name=QuantityName.GLUCOSE, number=Decimal("3.8499"), limit=3.9, operator="<")
@example(name=QuantityName.SYSTOLIC, number=Decimal("179.5"), limit=180.0, operator=">=")
@example(name=QuantityName.SYSTOLIC, number=Decimal("180.5"), limit=180.0, operator=">")
@example(name=QuantityName.SYSTOLIC, number=Decimal("144.5"), limit=144.5, operator="<=")
def test_a_limit_parts_what_rounding_parts(
    name: QuantityName, number: Decimal, limit: float, operator: str
) -> None:
    value, exact = Value(value=number), Decimal(str(limit))
    by_rounding = {"<": value.lt, "<=": value.le, ">": value.gt, ">=": value.ge}[operator]
    reading = point("x", Vital.GLUCOSE, 0, {name: value})
    assert compared(reading, name.value, operator, limit) is by_rounding(name, exact)


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
@pytest.mark.parametrize("side", [Bound.ABOVE, Bound.BELOW])
def test_a_censored_number_lies_beyond_any_limit_on_its_side(operator: str, side: Bound) -> None:
    reading = point("x", Vital.GLUCOSE, 0, {QuantityName.GLUCOSE: Value(censored=side)})
    assert compared(reading, "glucose", operator, 5.0) is (
        (side is Bound.ABOVE) is (">" in operator)
    )
    assert not compared(reading, "ketone", operator, 5.0)
