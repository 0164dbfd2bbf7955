"""Which limits a doctor may set, and that these are the ones that rules ask for."""

import re
from pathlib import Path

from rules.own_limits import OWN_LIMITS
from rules.sense import possible_limits

PACKS = Path(__file__).parents[3] / "rules" / "packs"
OF_A_TARGET = re.compile(r"\b(?:target|mean_over_target)\('(\w+)'")
OF_VERY_HIGH = re.compile(r"\btimes_at_own_level\('(\w+)'")


def test_every_limit_that_a_shipped_rule_asks_for_can_be_set_and_no_other() -> None:
    asked: set[str] = set()
    for path in PACKS.glob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        asked |= set(OF_A_TARGET.findall(text))
        for quantity in OF_VERY_HIGH.findall(text):
            asked |= {quantity, f"{quantity}_high"}
    assert asked == set(OWN_LIMITS)


def test_a_limit_lies_where_a_rules_own_could() -> None:
    for limit in OWN_LIMITS.values():
        low, high = possible_limits(limit.quantity)
        assert low <= limit.least < limit.most <= high
