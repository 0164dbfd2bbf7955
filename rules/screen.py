"""A cheap necessary condition in front of a condition on one reading (design section 6).

Most readings are calm, and a CEL run for each costs 20 µs. A condition is screened by the
comparisons that stand in it: joined by `||` alone one of them must hold; joined by `&&` alone each
must. Anything else is not screened. The screen never refuses what the condition would accept; a
property test holds it to that.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from rules.vocabulary import Bound, QuantityName
from rules.window import Point

Comparison = Callable[[Point], bool]
_OPERATORS = frozenset({"ge", "gt", "le", "lt"})
_SIDES = {"low": Bound.BELOW, "high": Bound.ABOVE}


@dataclass(frozen=True, slots=True)
class Screen:
    """`may_hold` is False only for points for which the condition is not true."""

    comparisons: tuple[Comparison, ...]
    every: bool

    def may_hold(self, point: Point) -> bool:
        """Whether the condition has to be run for `point`."""
        if self.every:
            return all(holds(point) for holds in self.comparisons)
        return any(holds(point) for holds in self.comparisons)


ALWAYS = Screen((), every=True)
"""Refuses nothing."""


def comparison(name: str, arguments: Sequence[str]) -> Comparison | None:
    """The comparison that a call makes, None for a function that is none."""
    if name in _SIDES:
        side, quantity = _SIDES[name], QuantityName(arguments[0])
        return lambda point: _censored(point, quantity, side)
    if name not in _OPERATORS:
        return None
    quantity, limit = QuantityName(arguments[0]), Decimal(arguments[1])
    return lambda point: _compared(point, name, quantity, limit)


def _censored(point: Point, quantity: QuantityName, side: Bound) -> bool:
    value = point.values.get(quantity)
    return value is not None and value.censored is side


def _compared(point: Point, name: str, quantity: QuantityName, limit: Decimal) -> bool:
    value = point.values.get(quantity)
    if value is None:
        return False
    compare = {"ge": value.ge, "gt": value.gt, "le": value.le, "lt": value.lt}[name]
    return compare(quantity, limit)
