"""Whether a condition can mean anything: its types, its units, and whether it is always the same.

The loader asks this of every condition before a pack runs, from the text alone: what only some
person's readings would bring to light must not be found in a county.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cache
from inspect import signature
from itertools import product
from math import ceil, floor, inf
from types import MappingProxyType
from typing import get_args

from rules.codes import QUANTITIES
from rules.conditions import FUNCTIONS
from rules.fitting import misfits, most_counted
from rules.scope import span
from rules.tree import Tree
from rules.vocabulary import QuantityName
from rules.words import WEEKDAYS, Parameter

_COMPARED, _JOINED = frozenset({"<", "<=", ">", ">="}), frozenset({"&&", "||"})
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NOT = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_JUDGED = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
_MEANS = {"mean_ge": ">=", "mean_lt": "<"}
_OF_READINGS = frozenset(
    {
        *("count_ge", "count_lt", "reading_days", "days_with", "times_with", "times_of"),
        *("run_ge", "readings_between", "meal_times", "meal_readings", "past_readings"),
    }
)
"""Counts of some of the valid readings of a span, or of their days: never more than `readings`."""
_SPAN, _ONE, _WEEK = Parameter.SPAN, Decimal(1), frozenset(WEEKDAYS)

_NUMBERS = frozenset({"mean", "last", "ahead", "usual", "mean_between", "target"})
"""What gives a quantity's own number; a literal beside it is a limit."""
_DISTANCES = frozenset(
    {"above_usual", "above_anchor", "gain", "mean_over_target", "above_past", "usual_sd"}
)
"""What gives a distance between two of its numbers."""
_SHARES = frozenset({"flag_share", "round_share", "session_share_above"})
_DAYS = frozenset({"reading_days", "days_with", "unsettled_days", "quiet_days"})
_NOT_OF_THE_QUANTITY = frozenset(
    {
        *(("silent_for", 1), ("session_share_above", 1), ("flag_of_last", 2), ("meal_times", 4)),
        *(("mean_between", 1), ("mean_between", 2)),
        *(("readings_between", 1), ("readings_between", 2)),
    }
)
"""Arguments that are days, deviations, counts or hours, not numbers of the quantity before them."""
_READABLE: Mapping[QuantityName, Decimal] = MappingProxyType(
    {QuantityName.GLUCOSE: Decimal("33.3")}
)
"""Above it meters say HI: a higher limit would be one in mg/dL."""

_MOST_WAYS = 2000
"""Ways for a condition to come out that are looked through at most."""


def faults_of(tree: Tree) -> Iterator[str]:
    """Every fault of a condition's tree, in words; none of one that makes sense."""
    wrong = [*_wrong_types(tree)]
    if not wrong and _type_of(tree) is not bool:
        wrong = [f"{tree.told!r} gives a number, not true or false"]
    yield from wrong
    yield from _wrong_units(tree)
    unfit = [*misfits(tree)]
    yield from unfit
    if not (wrong or unfit):
        yield from _constants(tree)


@cache
def gives(name: str) -> type:
    """What a function of the language gives where it is known: bool, int (a count) or float."""
    told_by = signature(FUNCTIONS[name].run).return_annotation
    kinds = [kind for kind in get_args(told_by) or (told_by,) if kind is not type(None)]
    assert len(kinds) == 1, name
    found: type = kinds[0]
    return found


def _type_of(tree: Tree) -> type:
    if tree.kind == "number":
        return float if "." in tree.text else int
    if tree.kind == "call":
        return gives(tree.text)
    if tree.kind == "string":
        return str
    if tree.text in _COMPARED | _JOINED | {"!"}:
        return bool
    return _type_of(tree.parts[0])


def _wrong_types(tree: Tree) -> Iterator[str]:
    for part in tree.parts:
        yield from _wrong_types(part)
    if tree.kind == "call":
        yield from _wrong_arguments(tree)
    elif tree.kind == "sign":
        yield from _wrong_joints(tree, [_type_of(part) for part in tree.parts])


def _wrong_joints(tree: Tree, types: list[type]) -> Iterator[str]:
    if tree.text in _JOINED | {"!"}:
        if set(types) != {bool}:
            yield f"{tree.told!r}: {tree.text!r} joins what is true or false"
    elif not set(types) <= {int, float}:
        yield f"{tree.told!r}: {tree.text!r} stands between numbers"
    elif tree.text not in _COMPARED and len(set(types)) > 1:
        yield f"{tree.told!r}: {tree.text!r} between a whole number and a decimal: write 2.0"
    elif tree.text in _COMPARED and _is_split_count(tree, types):
        yield f"{tree.told!r}: a count is whole"
    elif tree.text == "/" and types[1] is int:
        yield f"{tree.told!r}: divides by a count, which may be 0"


def _is_split_count(tree: Tree, types: Sequence[type]) -> bool:
    """Whether something that is counted is compared with a written decimal."""
    sides = zip(tree.parts, types, reversed(tree.parts), strict=True)
    return any(
        kind is int and part.kind == "call" and other.kind == "number" and "." in other.text
        for part, kind, other in sides
    )


def _wrong_arguments(call: Tree) -> Iterator[str]:
    for kind, part in zip(FUNCTIONS[call.text].takes, call.parts, strict=False):
        if kind is Parameter.NUMBER and _type_of(part) not in {int, float}:
            yield f"{call.told!r}: {part.told!r} is not a number"


def _wrong_units(tree: Tree) -> Iterator[str]:
    for part in tree.parts:
        yield from _wrong_units(part)
    if tree.kind == "call":
        yield from _wrong_limits(tree)
    elif tree.kind == "sign" and tree.text in _COMPARED:
        one, other = tree.parts
        for call, number in ((one, _literal(other)), (other, _literal(one))):
            if call.kind == "call" and number is not None:
                yield from _wrong_beside(call, number)


def _wrong_limits(call: Tree) -> Iterator[str]:
    quantity: QuantityName | None = None
    for place, kind in enumerate(FUNCTIONS[call.text].takes):
        part = call.parts[place]
        if kind is Parameter.QUANTITY:
            quantity = QuantityName(part.text)
        number = _literal(part) if kind is Parameter.NUMBER else None
        of_it = quantity is not None and (call.text, place) not in _NOT_OF_THE_QUANTITY
        if number is None or quantity is None or not of_it:
            continue
        if call.text == "unsettled_days":
            yield from _too_far(quantity, number, call)
        else:
            yield from _impossible(quantity, number, call)


def _wrong_beside(call: Tree, number: Decimal) -> Iterator[str]:
    if call.text in _NUMBERS:
        yield from _impossible(QuantityName(call.parts[0].text), number, call)
    elif call.text in _DISTANCES:
        yield from _too_far(QuantityName(call.parts[0].text), number, call)
    elif call.text in _SHARES and not 0 <= number <= 1:
        yield f"{call.told!r} is a share from 0 to 1, never {number}"


def possible_limits(quantity: QuantityName) -> tuple[Decimal, Decimal]:
    """The closed range, in the canonical unit, in which a limit of that quantity can lie."""
    low, high = QUANTITIES[quantity].possible
    return low, min(high, _READABLE.get(quantity, high))


def _impossible(quantity: QuantityName, number: Decimal, call: Tree) -> Iterator[str]:
    low, high = possible_limits(quantity)
    if not low <= number <= high:
        unit = QUANTITIES[quantity].unit
        yield f"{call.told!r}: {number} is no {quantity} in {unit} ({low} to {high})"


def _too_far(quantity: QuantityName, number: Decimal, call: Tree) -> Iterator[str]:
    low, high = possible_limits(quantity)
    if abs(number) > high - low:
        unit = QUANTITIES[quantity].unit
        yield f"{call.told!r}: {number} is no distance of {quantity} in {unit}"


def _literal(tree: Tree) -> Decimal | None:
    """A number as it is written, a minus before it counted in."""
    if tree.kind == "number":
        return Decimal(tree.text)
    if tree.kind == "sign" and tree.text == "-" and len(tree.parts) == 1:
        inner = _literal(tree.parts[0])
        return None if inner is None else -inner
    return None


_End = tuple[float, int]
"""A number, and -1 for just below it, 1 for just above it."""


@dataclass(frozen=True, slots=True)
class _Way:
    """One way for a condition to come out: the ends each number lies between, facts, weekdays."""

    ends: Mapping[str, tuple[_End, _End]] = field(default_factory=dict[str, tuple[_End, _End]])
    facts: frozenset[tuple[str, bool]] = frozenset()
    weekdays: frozenset[str] = _WEEK

    def joined(self, other: "_Way") -> "_Way | None":
        """Both at once; None where they contradict each other."""
        facts = self.facts | other.facts
        if any((name, not held) in facts for name, held in other.facts):
            return None
        ends = dict(self.ends)
        for name, (low, high) in other.ends.items():
            known = ends.get(name, (low, high))
            ends[name] = (max(known[0], low), min(known[1], high))
            if ends[name][0] > ends[name][1]:
                return None
        weekdays = self.weekdays & other.weekdays
        return _Way(ends, facts, weekdays) if weekdays else None


class _TooManyError(Exception):
    """More ways than are looked through."""


def _constants(tree: Tree) -> Iterator[str]:
    try:
        if not _ways(tree, wanted=True):
            yield f"{tree.told!r} is never true: it is constant"
        elif not _ways(tree, wanted=False):
            yield f"{tree.told!r} is always true: it is constant"
        else:
            for part in tree.parts if tree.text in _JOINED else ():
                yield from _constants(part)
    except _TooManyError:
        return  # nobody could read it either; the worked cases hold each of its limits


def _ways(tree: Tree, *, wanted: bool) -> Sequence[_Way]:
    """The ways for `tree` to come out as wanted; none where it cannot."""
    if tree.kind == "sign" and tree.text == "!":
        return _ways(tree.parts[0], wanted=not wanted)
    if tree.kind == "sign" and tree.text in _JOINED:
        parts = [_ways(part, wanted=wanted) for part in tree.parts]
        if (tree.text == "||") is wanted:
            return _few([way for several in parts for way in several])
        pairs = product(*_few_pairs(parts))
        return _few([way for one, other in pairs if (way := one.joined(other)) is not None])
    if tree.kind == "sign" and tree.text in _COMPARED:
        return _compared_ways(tree, wanted=wanted)
    known = _called_way(tree, wanted=wanted) if tree.kind == "call" else None
    return [known or _Way(facts=frozenset({(tree.told, wanted)}))]


def _called_way(call: Tree, *, wanted: bool) -> _Way | None:
    """What a call that is true or false says of a number that others speak of; None for nothing."""
    quantity = call.parts[0].text if call.parts else ""
    if call.text == "on_weekday":
        return _Way(weekdays=frozenset({quantity}) if wanted else _WEEK - {quantity})
    if call.text == "missing_for":
        none = _readings(quantity, call.parts[1].text)
        return _way(none.told, "<" if wanted else ">=", _ONE, none)
    number = _literal(call.parts[1]) if call.text in _JUDGED | _MEANS else None
    if number is None:
        return None
    if call.text in _MEANS:
        sign = _MEANS[call.text] if wanted else _NOT[_MEANS[call.text]]
        length = call.parts[2].text
        return _way(f"rounded mean of {quantity} {length}", sign, number, None)
    # Where the reading carries no such number it is false, whatever the limit.
    return _way(f"judged {quantity}", _JUDGED[call.text], number, None) if wanted else None


def _readings(quantity: str, length: str) -> Tree:
    return Tree("call", "readings", (Tree("string", quantity), Tree("string", length)))


def _with_readings(way: _Way, call: Tree) -> _Way | None:
    """Where a count of valid readings must be so high, the span must hold as many readings."""
    low, _ = way.ends[call.told]
    if call.kind != "call" or call.text not in _OF_READINGS or low[0] <= 0:
        return way
    takes = FUNCTIONS[call.text].takes
    spans = [part.text for kind, part in zip(takes, call.parts, strict=True) if kind is _SPAN]
    held = _readings(call.parts[takes.index(Parameter.QUANTITY)].text, max(spans, key=span))
    return way.joined(_Way({held.told: (low, (inf, 0))}))


def _compared_ways(tree: Tree, *, wanted: bool) -> Sequence[_Way]:
    one, other = tree.parts
    sign, number = tree.text, _literal(other)
    if number is None and _literal(one) is not None:
        one, sign, number = other, _TURNED[sign], _literal(one)
    if number is None:
        return [_Way(facts=frozenset({(tree.told, wanted)}))]
    way = _way(one.told, sign if wanted else _NOT[sign], number, one)
    if any(low > high for low, high in way.ends.values()):
        return []
    joined = _with_readings(way, one)
    return [] if joined is None else [joined]


def _way(name: str, sign: str, number: Decimal, what: Tree | None) -> _Way:
    low, high = ((-inf, 0), (inf, 0)) if what is None else _domain(what)
    limit, whole = float(number), what is not None and _type_of(what) is int
    match sign:
        case ">=":
            low = max(low, (ceil(limit), 0) if whole else (limit, 0))
        case ">":
            low = max(low, (floor(limit) + 1, 0) if whole else (limit, 1))
        case "<=":
            high = min(high, (floor(limit), 0) if whole else (limit, 0))
        case _:
            high = min(high, (ceil(limit) - 1, 0) if whole else (limit, -1))
    return _Way({name: (low, high)})


def _domain(tree: Tree) -> tuple[_End, _End]:
    """What a number can be at all."""
    literal = _literal(tree)
    if literal is not None:
        return (float(literal), 0), (float(literal), 0)
    if tree.kind != "call":
        return (-inf, 0), (inf, 0)
    if tree.text in _SHARES:
        return (0.0, 0), (1.0, 0)
    counted = most_counted(tree)
    most = inf if counted is None else float(counted)
    if tree.text in _DAYS:
        texts = [part.text for part in tree.parts if part.kind == "string"]
        longest = max(span(text) for text in texts if text[:1].isdigit())
        most = min(most, float(ceil(longest / timedelta(days=1)) + 1))
    if most < inf:
        return (0.0, 0), (most, 0)
    return ((0.0, 0) if gives(tree.text) is int else (-inf, 0)), (inf, 0)


def _few(ways: list[_Way]) -> list[_Way]:
    if len(ways) > _MOST_WAYS:
        raise _TooManyError
    return ways


def _few_pairs(parts: Sequence[Sequence[_Way]]) -> Sequence[Sequence[_Way]]:
    if len(parts[0]) * len(parts[1]) > _MOST_WAYS:
        raise _TooManyError
    return parts
