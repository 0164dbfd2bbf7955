"""What of an inbox row is refused before a rule hears of it."""

import json
from decimal import Decimal

import pytest

from gateway.facts import FactError, decode_fact
from rules.own_limits import OWN_LIMITS
from rules.vocabulary import Profile


def profile(targets: object) -> str:
    return json.dumps({"subject": "s-li", "targets": targets})


@pytest.mark.row("R7")
@pytest.mark.parametrize("name", OWN_LIMITS)
def test_a_limit_is_taken_from_its_least_to_its_most(name: str) -> None:
    limit = OWN_LIMITS[name]
    for value in (limit.least, limit.most):
        fact = decode_fact("profile", profile({name: str(value)}))
        assert isinstance(fact, Profile)
        assert fact.targets == {name: value}
    for value in (limit.least - Decimal("0.1"), limit.most + Decimal("0.1")):
        with pytest.raises(FactError, match=rf"^profile: targets\.{name}: {value} is not from"):
            decode_fact("profile", profile({name: str(value)}))


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        ({"glucose_high": -5}, r"targets\.glucose_high: -5 is not from 16\.7 to 25\.0 mmol/L"),
        ({"glucose_high": 0}, r"targets\.glucose_high: 0 "),
        ({"glucose_high": 14}, r"targets\.glucose_high: 14 "),
        ({"glucose_high": 126}, r"targets\.glucose_high: 126 "),
        ({"glucose_high": 360}, r"targets\.glucose_high: 360 "),
        ({"glucose": 33.4}, r"targets\.glucose: 33\.4 "),
        ({"systolic": 300}, r"targets\.systolic: 300 is not from 90 to 180 mm\[Hg\]"),
        ({"systolic": 18.7}, r"targets\.systolic: 18\.7 "),  # kPa
        ({"systolic": "NaN"}, r"targets\.systolic: NaN "),
        ({"systolic": "sNaN"}, r"targets\.systolic: sNaN "),
        ({"systolic": "Infinity"}, r"targets\.systolic: Infinity "),
        ({"diastolic": "-Infinity"}, r"targets\.diastolic: -Infinity "),
        ({"systolic": True}, r"targets\.systolic: true is no number"),
        ({"systolic": "high"}, r'targets\.systolic: "high" is no number'),
        ({"systolic": ""}, r'targets\.systolic: "" is no number'),
        ({"systolic": None}, r"targets\.systolic: null is no number"),
        ({"systolic": [140]}, r"targets\.systolic: \[140\] is no number"),
        ({"glucose_highh": 20}, r"targets\.glucose_highh: is none of systolic, diastolic, glu"),
        ({"glucose_low": 4}, r"targets\.glucose_low: is none of"),
        ({"systolic": 140, "weight": 70}, r"targets\.weight: is none of"),
        ([140], r"targets"),
    ],
)
def test_a_limit_that_nobody_can_have_is_refused_by_its_name(targets: object, told: str) -> None:
    with pytest.raises(FactError, match=told):
        decode_fact("profile", profile(targets))


def test_what_is_told_of_a_long_limit_is_short() -> None:
    with pytest.raises(FactError) as refused:
        decode_fact("profile", profile({"x" * 5000: "y" * 5000}))
    assert len(str(refused.value)) < 200
