"""The limits of a rule: the numbers that decide whether it fires, each with its step.

One step is the guideline's precision of the quantity, one of a count, a tenth of a share. Spans and
hours of the day are windows, not limits; so is a danger level that no firing condition speaks of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from rules.codes import QUANTITIES
from rules.conditions import FUNCTIONS
from rules.phrases import IN_UNITS
from rules.places import Literal, Place, literals_of, with_literal
from rules.rule import Rule
from rules.tree import Tree
from rules.vocabulary import QuantityName
from rules.words import Parameter

_ONE, _TENTH = Decimal(1), Decimal("0.1")
_SHARES = frozenset({"flag_share", "round_share", "session_share_above"})
_OTHER_STEPS: Mapping[tuple[str, int], Decimal] = MappingProxyType(
    {
        ("meal_times", 4): _ONE,
        ("flag_of_last", 2): _ONE,
        ("aged", 0): _ONE,
        ("silent_for", 1): _ONE,
        ("session_share_above", 1): _TENTH,
    }
)
"""Arguments that are numbers but not of the quantity: days, years, counts, deviations."""

_WINDOWS = frozenset({"at_hours", "mean_between", "readings_between"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One number at one place: the comparison it stands in (`about`), and its step."""

    place: Place
    about: str
    number: Decimal
    step: Decimal

    def moved(self, by: int) -> str:
        """The number as text, so many steps higher."""
        return str(self.number + by * self.step)


def limits_of(rule: Rule) -> tuple[Limit, ...]:
    """Every limit of the rule's firing conditions, in the order in which they are written."""
    return tuple(
        Limit(place=one.place, about=one.about.told, number=Decimal(one.leaf.text), step=_step(one))
        for one in literals_of(rule)
        if one.leaf.kind == "number" and one.of.text not in _WINDOWS
    )


def moved_by_a_step(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """The rule with one limit moved, alone, for each limit and either side, and what that is."""
    for limit in limits_of(rule):
        for by, side in ((-1, "below"), (1, "above")):
            moved = limit.moved(by)
            told = f"{limit.place.told}: {limit.about}: {limit.number} could be {moved}"
            yield f"no near miss {side}: {told}", with_literal(rule, limit.place, moved)


def _step(literal: Literal) -> Decimal:
    tree = literal.of
    if tree.kind == "call":
        special = _OTHER_STEPS.get((tree.text, literal.argument))
        return special or _precision(tree) or _ONE
    if tree.text == "*":
        return _TENTH
    beside = [part for part in literal.about.parts if part is not literal.leaf]
    calls = [call for part in beside for call in part.calls()]
    if any(call.text in _SHARES for call in calls):
        return _TENTH
    steps = [_precision(call) for call in calls if call.text in IN_UNITS | {"target", "fired"}]
    return next((step for step in steps if step is not None), _ONE)


def _precision(call: Tree) -> Decimal | None:
    for kind, part in zip(FUNCTIONS[call.text].takes, call.parts, strict=False):
        if kind is Parameter.QUANTITY:
            return QUANTITIES[QuantityName(part.text)].precision
    return None
