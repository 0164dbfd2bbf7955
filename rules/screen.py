"""Cheap necessary conditions in front of a condition (design section 6).

Most readings are calm, and a CEL run for each costs 20 µs. Some questions are answered without:

- Could a condition on one reading hold (`Screen.may_hold`)? It is screened by the comparisons that
  stand in it: joined by `||` alone one of them must hold; joined by `&&` alone each must.
- Could it hold for any reading of a window (`Screen.may_hold_in`)? The same, of the extremes.
- Could it hold for this person at all (`is_for`)?
- Could what it gives rest on a certain reading? That is `resting.py`.

Whatever is not known here is not screened. The screen never refuses what the condition would
accept; property tests hold it to that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from types import MappingProxyType

from rules.codes import QUANTITIES
from rules.tree import Tree
from rules.vocabulary import Bound, Profile, QuantityName, Ternary
from rules.window import Point
from rules.words import Parameter, holds_one

_OPERATORS = frozenset({"ge", "gt", "le", "lt"})
_UPWARD = frozenset({"ge", "gt"})
_SIDES = {"low": Bound.BELOW, "high": Bound.ABOVE}

PERSONAL = frozenset({"takes_drug", "has_condition"})
"""What is asked about the person alone, and has the same answer until somebody tells other."""

Extremes = Mapping[QuantityName, tuple[float, float]]
"""Lowest and highest number of each quantity in some readings; infinite where one is censored."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`ge('systolic', 180)` and its kind; of `low` and `high`, a censored side, `limit` is None.

    `edge` is the number at which it turns (`edge_of`), None where there is no limit; `_about` one
    that no number at which it could be true is beyond.
    """

    name: str
    quantity: QuantityName
    limit: Decimal | None
    edge: Decimal | None = None
    _about: float = field(init=False, repr=False, compare=False, default=0.0)

    def __post_init__(self) -> None:
        if self.limit is not None:
            # Rounding to the guideline's precision moves a number by less than that.
            room = float(QUANTITIES[self.quantity].precision)
            sign = -1.0 if self.name in _UPWARD else 1.0
            object.__setattr__(self, "_about", float(self.limit) + sign * room)

    def holds(self, point: Point) -> bool:
        """Whether it is true of `point`."""
        value = point.values.get(self.quantity)
        if value is None:
            return False
        if self.edge is None:
            return value.censored is _SIDES[self.name]
        if value.value is None:
            return (value.censored is Bound.ABOVE) is (self.name in _UPWARD)
        return (value.value >= self.edge) is (self.name in _UPWARD)

    def may_hold_in(self, extremes: Extremes) -> bool:
        """Whether it can be true of a reading between these."""
        found = extremes.get(self.quantity)
        if found is None:
            return False
        low, high = found
        if self.limit is None:
            return (high if self.name == "high" else -low) == float("inf")
        return high >= self._about if self.name in _UPWARD else low <= self._about


def edge_of(name: str, quantity: QuantityName, limit: Decimal) -> Decimal:
    """The least number that, rounded to the guideline's precision, is at or above the limit.

    Of `gt` and `le`: above it. Of `ge` and `gt` it is where they begin to hold, of `lt` and `le`
    where they end. Numbers are rounded half up (`codes.at_guideline_precision`).
    """
    step = QUANTITIES[quantity].precision
    steps = (limit / step).to_integral_value(ROUND_CEILING)
    if name in {"gt", "le"}:
        steps = (limit / step).to_integral_value(ROUND_FLOOR) + 1
    return (steps - Decimal("0.5")) * step


@dataclass(frozen=True, slots=True)
class Screen:
    """`may_hold` is False only for points for which the condition is not true.

    `whole`: the comparisons are all of the condition; `may_hold` is then its result for any reading
    that speaks of a body (`Point.usable`).
    """

    comparisons: tuple[Comparison, ...]
    every: bool
    whole: bool = False

    def may_hold(self, point: Point) -> bool:
        """Whether the condition has to be run for `point`."""
        if self.every:
            return all(one.holds(point) for one in self.comparisons)
        return any(one.holds(point) for one in self.comparisons)

    def may_hold_in(self, extremes: Extremes) -> bool:
        """Whether the condition can be true of any reading between these."""
        if self.every:
            return all(one.may_hold_in(extremes) for one in self.comparisons)
        return any(one.may_hold_in(extremes) for one in self.comparisons)


ALWAYS = Screen((), every=True)
"""Refuses nothing."""


def comparison(name: str, arguments: Sequence[str]) -> Comparison | None:
    """The comparison that a call makes, None for a function that is none."""
    if name in _SIDES:
        return Comparison(name, QuantityName(arguments[0]), None)
    if name not in _OPERATORS:
        return None
    return compared_with(name, QuantityName(arguments[0]), Decimal(arguments[1]))


def compared_with(name: str, quantity: QuantityName, limit: Decimal) -> Comparison:
    """The comparison of a reading with a limit; `name` is `ge`, `gt`, `le` or `lt`."""
    return Comparison(name, quantity, limit, edge_of(name, quantity, limit))


def extremes_of(points: Iterable[Point]) -> Extremes:
    """The extremes of these readings."""
    numbers: dict[QuantityName, list[float]] = {}
    for point in points:
        for name, value in point.values.items():
            number = _SIDE[value.censored] if value.value is None else float(value.value)
            if name in numbers:
                numbers[name].append(number)
            else:
                numbers[name] = [number]
    return {name: (min(told), max(told)) for name, told in numbers.items()}


# Below what a meter can show lies anything down to nothing, above it anything.
_SIDE: Mapping[Bound | None, float] = MappingProxyType(
    {Bound.BELOW: -float("inf"), Bound.ABOVE: float("inf")}
)


def needs_level_or_symptom(tree: Tree) -> bool:
    """Whether a condition can only hold for a reading at the rule's level, or for a symptom."""
    if tree.kind == "call":
        return tree.text in {"at_level", "any_symptom"}
    if tree.kind == "sign" and tree.text == "&&":
        return any(needs_level_or_symptom(part) for part in tree.parts)
    # Of both sides of `||`, each must need it.
    either = tree.kind == "sign" and tree.text == "||"
    return either and all(needs_level_or_symptom(part) for part in tree.parts)


def is_for(tree: Tree, profile: Profile) -> bool:
    """False where what is known of the person alone settles that the condition does not hold."""
    if tree.kind == "sign" and tree.text == "&&":
        return all(is_for(part, profile) for part in tree.parts)
    if tree.kind != "call":
        return True
    words = {part.text for part in tree.parts}
    match tree.text:
        case "known_pregnant":
            return profile.pregnant is Ternary.YES
        case "takes_drug":
            return holds_one(profile.drug_classes, words, Parameter.DRUG) is not False
        case "has_condition":
            return holds_one(profile.conditions, words, Parameter.CONDITION) is not False
        case _:
            return True
