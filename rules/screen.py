"""Cheap necessary conditions in front of a condition (design section 6).

Most readings are calm, and a CEL run for each costs 20 µs. Some questions are answered without:

- Could a condition on one reading hold (`Screen.may_hold`)? It is screened by the comparisons that
  stand in it: joined by `||` alone one of them must hold; joined by `&&` alone each must.
- Could it hold for any reading of a window (`Screen.may_hold_in`)? The same, of the extremes.
- Could it hold for this person at all (`is_for`)?
- Could what it gives rest on a certain reading (`Resting.may`)? Only if one of its functions can.

Whatever is not known here is not screened. The screen never refuses what the condition would
accept; property tests hold it to that.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import MappingProxyType

from rules.codes import QUANTITIES
from rules.tree import Tree
from rules.vocabulary import Bound, Profile, QuantityName, Ternary, Vital
from rules.window import Point, Value

_OPERATORS = frozenset({"ge", "gt", "le", "lt"})
_SIDES = {"low": Bound.BELOW, "high": Bound.ABOVE}
_SIGNS = {">=": "ge", ">": "gt", "<=": "le", "<": "lt"}

Extremes = Mapping[QuantityName, tuple[float, float]]
"""Lowest and highest number of each quantity in some readings; infinite where one is censored."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """`ge('systolic', 180)` and its kind; of `low` and `high`, a censored side, `limit` is None."""

    name: str
    quantity: QuantityName
    limit: Decimal | None

    def holds(self, point: Point) -> bool:
        """Whether it is true of `point`."""
        value = point.values.get(self.quantity)
        if value is None:
            return False
        if self.limit is None:
            return value.censored is _SIDES[self.name]
        return _COMPARE[self.name](value, self.quantity, self.limit)

    def may_hold_in(self, extremes: Extremes) -> bool:
        """Whether it can be true of a reading between these."""
        found = extremes.get(self.quantity)
        if found is None:
            return False
        low, high = found
        if self.limit is None:
            return (high if self.name == "high" else -low) == float("inf")
        # Rounding to the guideline's precision moves a number by less than that.
        room, limit = float(QUANTITIES[self.quantity].precision), float(self.limit)
        return high + room >= limit if self.name in {"ge", "gt"} else low - room <= limit


_COMPARE: Mapping[str, Callable[[Value, QuantityName, Decimal], bool]] = MappingProxyType(
    {"ge": Value.ge, "gt": Value.gt, "le": Value.le, "lt": Value.lt}
)


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
    return Comparison(name, QuantityName(arguments[0]), Decimal(arguments[1]))


def extremes_of(points: Iterable[Point]) -> Extremes:
    """The extremes of these readings."""
    found: dict[QuantityName, tuple[float, float]] = {}
    for point in points:
        for name, value in point.values.items():
            low, high = _sides(value)
            known = found.get(name)
            if known is not None:
                low, high = min(low, known[0]), max(high, known[1])
            found[name] = (low, high)
    return found


def _sides(value: Value) -> tuple[float, float]:
    if value.value is not None:
        number = float(value.value)
        return number, number
    # Below what a meter can show lies anything down to nothing, above it anything.
    infinite = float("inf")
    return (-infinite, -infinite) if value.censored is Bound.BELOW else (infinite, infinite)


def needs_level(tree: Tree) -> bool:
    """Whether a condition can only hold where `at_level()` does."""
    if tree.kind == "call":
        return tree.text == "at_level"
    if tree.kind == "sign" and tree.text == "&&":
        return any(needs_level(part) for part in tree.parts)
    # Of both sides of `||`, each must need it.
    return tree.kind == "sign" and tree.text == "||" and all(needs_level(p) for p in tree.parts)


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
            return profile.drug_classes is None or not profile.drug_classes.isdisjoint(words)
        case "has_condition":
            return profile.conditions is None or not profile.conditions.isdisjoint(words)
        case _:
            return True


Level = Callable[[Point], bool]


@dataclass(frozen=True, slots=True)
class Resting:
    """On which readings the result of a condition can rest: one of `ways` says so.

    `anyway`: a function is among them of which nothing is known.
    """

    ways: tuple[tuple["Rests", tuple[Tree, ...]], ...]
    anyway: bool

    def may(self, point: Point, level: Level) -> bool:
        """Whether it can rest on `point`, the reading being judged."""
        return self.anyway or any(rests(parts, point, level) for rests, parts in self.ways)


NOWHERE = Resting((), anyway=False)
"""On no reading."""


def resting_of(tree: Tree) -> Resting:
    """On what the result of this condition can rest."""
    calls = tuple(_calls(tree))
    known = [(rests, call.parts) for call in calls if (rests := _RESTS.get(call.text)) is not None]
    told = tuple((rests, parts) for rests, parts in known if rests is not _never)
    return Resting(told, anyway=len(known) < len(calls))


def _calls(tree: Tree) -> Iterator[Tree]:
    if tree.kind == "call":
        yield tree
    for part in tree.parts:
        yield from _calls(part)


Rests = Callable[[Sequence[Tree], Point, Level], bool]


def _hit(name: str) -> Rests:
    def hit(parts: Sequence[Tree], point: Point, _level: Level) -> bool:
        return _compared(name, parts[0], parts[1], point)

    return hit


def _beyond(name: str) -> Rests:
    def beyond(parts: Sequence[Tree], point: Point, _level: Level) -> bool:
        return Comparison(name, QuantityName(parts[0].text), None).holds(point)

    return beyond


def _with_sign(parts: Sequence[Tree], point: Point, _level: Level) -> bool:
    return _compared(_SIGNS[parts[1].text], parts[0], parts[2], point)


def _of_parts(first: int, rests: Rests) -> Rests:
    """The same of the arguments from one place on."""
    return lambda parts, point, level: rests(parts[first:], point, level)


def _flagged(parts: Sequence[Tree], point: Point, _level: Level) -> bool:
    return parts[0].text in point.flags


def _compared(name: str, quantity: Tree, limit: Tree, point: Point) -> bool:
    if limit.kind != "number":
        return True  # a computed limit
    return _literal(name, quantity.text, limit.text).holds(point)


@cache
def _literal(name: str, quantity: str, limit: str) -> Comparison:
    return Comparison(name, QuantityName(quantity), Decimal(limit))


def _carried(parts: Sequence[Tree], point: Point, _level: Level) -> bool:
    return QuantityName(parts[0].text) in point.values


def _at_level(_parts: Sequence[Tree], point: Point, level: Level) -> bool:
    return level(point)


def _told(_parts: Sequence[Tree], point: Point, _level: Level) -> bool:
    return point.kind is Vital.SYMPTOM


def _never(_parts: Sequence[Tree], _point: Point, _level: Level) -> bool:
    return False


_RESTS: Mapping[str, Rests] = MappingProxyType(
    {
        "ge": _hit("ge"),
        "gt": _hit("gt"),
        "le": _hit("le"),
        "lt": _hit("lt"),
        "low": _beyond("low"),
        "high": _beyond("high"),
        "any_ge": _hit("ge"),
        "any_lt": _hit("lt"),
        "count_ge": _hit("ge"),
        "count_lt": _hit("lt"),
        "days_with": _with_sign,
        "at_level": _at_level,
        "pair_within": _at_level,
        "times_at_level": _at_level,
        "any_symptom": _told,
        "has_symptom": _told,
        "mean": _carried,
        "mean_ge": _carried,
        "mean_lt": _carried,
        "settled_mean_ge": _carried,
        "mean_over_target": _carried,
        "above_usual": _carried,
        "above_anchor": _carried,
        "session_share_above": _carried,
        "last": _carried,
        "gain": _carried,
        "slope": _carried,
        "above_past": _carried,
        "mean_between": _carried,
        "given": _carried,
        "first_of_day": _carried,
        "same_run": _carried,
        "unsettled_days": _carried,
        "round_share": _carried,
        "times_with": _with_sign,
        "lasts": _with_sign,
        "times_of": _of_parts(1, _with_sign),
        "meal_times": _of_parts(1, _with_sign),
        "flag_times": _flagged,
        "flag_of_last": _flagged,
        "flag_share": _flagged,
        "past_readings": _never,
        "readings_between": _never,
        "meal_readings": _never,
        "on_weekday": _never,
        "at_hours": _never,
        "aged": _never,
        "target": _never,
        "usual": _never,
        "seen": _never,
        "typed": _never,
        "readings": _never,
        "reading_days": _never,
        "missing_for": _never,
        "takes_drug": _never,
        "has_condition": _never,
        "pregnant": _never,
        "known_pregnant": _never,
        "usual_sd": _never,
        "history_days": _never,
        "history_readings": _never,
        "greater": _never,
    }
)
"""On which readings a function can rest; one that is not here could rest on any."""
