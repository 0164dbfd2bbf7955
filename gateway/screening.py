"""The screen: which readings could make a rule ask for somebody (design section 6). Vectorised.

Generated from the rules themselves: each condition's tree is walked over bounds of what its window
functions can give for a calm reading, that is one that is valid, unflagged, uncensored, of a
certain person, and newer than all that is known of this person. A function without a line here
could give anything, so a new one costs time until somebody bounds it, and never an alert.

A condition over several readings decides something only if it rests on the new one
(`engine._Review.conditions`), hence the second table: on which readings a function can rest.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property, lru_cache, reduce
from types import MappingProxyType
from typing import Protocol

import numpy as np

from gateway.recent import LOW_GLUCOSE
from gateway.screen_algebra import (
    ANY_NUMBER,
    ANY_TRUTH,
    COUNT,
    NO,
    YES,
    Flags,
    Floats,
    Range,
    Truth,
    as_range,
    as_truth,
    both,
    calculate,
    compare,
    either,
    exactly,
    greater,
    opposite,
    widened,
)
from gateway.screen_extremes import could_matter
from rules.codes import QUANTITIES
from rules.expression import Condition
from rules.pack import Pack
from rules.rule import OnUnknown, Rule
from rules.scope import span
from rules.screen import Extremes, edge_of
from rules.tree import Tree
from rules.vocabulary import QuantityName, Vital
from rules.words import WEEKDAYS

_MICROSECOND = timedelta(microseconds=1)
_SHORTEST_DAY = timedelta(hours=23)
_BINARY = 1e-6
"""More than a decimal loses as a number in binary floating point."""

_NAMES: Mapping[str, str] = MappingProxyType({">=": "ge", ">": "gt", "<=": "le", "<": "lt"})

ROOM = 1e-3
"""For sums in binary floating point and the engine's rounding to 1e-6, many times over."""


class SpanBounds(ABC):
    """Bounds over the valid readings of one quantity in a span that ends at the new reading.

    Each is worked out when it is asked for, and then remembered.
    """

    @cached_property
    @abstractmethod
    def readings(self) -> Range:
        """How many there are."""

    @cached_property
    @abstractmethod
    def days(self) -> Range:
        """On how many local days."""

    @cached_property
    @abstractmethod
    def mean(self) -> Range:
        """The mean of the session means."""

    @cached_property
    @abstractmethod
    def settled(self) -> Range:
        """The same with first readings left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """A baseline as columns; NaN where the exact stage would say None."""

    recent_mean: Floats
    recent_sd: Floats
    anchor: Floats
    readings: Floats
    first_day: Floats


class Look(Protocol):
    """What is known of many persons, one new reading each, when those readings are in."""

    def value(self, quantity: QuantityName) -> Floats:
        """The readings' numbers in the canonical unit; NaN where a reading carries no such one."""
        ...

    def over(self, quantity: QuantityName, length: timedelta) -> SpanBounds | None:
        """Bounds over a span, the new reading included; None where there are none."""
        ...

    def apart(self, quantity: QuantityName) -> Floats | None:
        """At least so many microseconds lie between it and the newest valid one before.

        Infinite where there is none before; None where nothing is known of that.
        """
        ...

    def last_day(self, quantity: QuantityName) -> Floats | None:
        """The local day of the newest valid number before it, as a proleptic ordinal.

        Minus infinity where there is none; None where nothing is known of that.
        """
        ...

    def heard(self, vitals: frozenset[Vital]) -> Flags:
        """Whose reading is of one of these kinds."""
        ...

    def usual(self, quantity: QuantityName) -> Usual | None:
        """The baselines as of the readings; None for a quantity without one."""
        ...

    @property
    def day(self) -> Floats:
        """Local days of the readings, as proleptic ordinals."""
        ...

    def low_days(self, length: timedelta) -> Floats | None:
        """On at most how many local days of a span a glucose was below `LOW_GLUCOSE`.

        The span ends at the reading, itself included; None where nothing is known of so long a one.
        """
        ...

    def surely_not(self, name: str, parts: tuple[Tree, ...]) -> Flags:
        """Of whom the answer to a question about the person alone is no."""
        ...

    @property
    def pregnant(self) -> Flags:
        """Who is known to be pregnant."""
        ...

    @property
    def typed(self) -> Flags:
        """Whose reading was typed by a person."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A rule's look: `of` is the quantity that its level is about, None where it is not one."""

    look: Look
    level: Truth
    of: QuantityName | None = None


def may_decide(pack: Pack, look: Look) -> dict[str, Flags]:
    """By rule for each reading whether `evaluate` could give a decision or a wait because of it.

    A rule that could not for any of them is missing.
    """
    extremes = _extremes(look)
    found: dict[str, Flags] = {}
    for rule in pack.rules:
        heard = look.heard(rule.vitals)
        if heard.any() and could_matter(rule, extremes):
            found[rule.id] = _may_fire(rule, look) & heard
    return {rule_id: flags for rule_id, flags in found.items() if flags.any()}


def _extremes(look: Look) -> Extremes:
    found: dict[QuantityName, tuple[float, float]] = {}
    for name in QuantityName:
        values = look.value(name)
        told = values[~np.isnan(values)]
        if told.size:
            found[name] = (float(told.min()), float(told.max()))
    return found


def may_hold(conditions: Sequence[Condition], look: Look) -> Truth:
    """For each reading whether one of `conditions` on a single reading could be true, or not."""
    seen = _Seen(look=look, level=ANY_TRUTH)
    found = (as_truth(_value(condition.tree, seen)) for condition in conditions)
    return reduce(either, found, Truth(NO, YES, NO))


def _may_fire(rule: Rule, look: Look) -> Flags:
    nothing = _Seen(look=look, level=Truth(NO, YES, NO))
    level = as_truth(_value(rule.level.tree, nothing)) if rule.level else nothing.level
    # An unknown level counts as not at it (`rule.judge`).
    about = _about(rule.level.tree) if rule.level else None
    seen = _Seen(look=look, level=Truth(level.yes, level.no | level.unknown, NO), of=about)
    fires = NO
    if rule.immediate is not None:
        fires = fires | _fires(rule, rule.immediate.when, seen)
    if rule.pending is not None:
        fires = fires | _fires(rule, rule.pending.when, seen)
    for limb in rule.limbs.values():
        rests = _rests(limb.tree, seen)
        if rests.any():
            fires = fires | (_fires(rule, limb, seen) & rests)
    return fires


def _about(level: Tree) -> QuantityName | None:
    """The one quantity of which a level compares the number with limits."""
    if level.kind == "sign" and level.text in {"&&", "||"}:
        one, other = (_about(part) for part in level.parts)
        return one if one is other else None
    compares = level.kind == "call" and level.text in _NAMES.values()
    return QuantityName(level.parts[0].text) if compares else None


def _fires(rule: Rule, condition: Condition, seen: _Seen) -> Flags:
    found = as_truth(_value(condition.tree, seen))
    return found.yes if rule.on_unknown is OnUnknown.SKIP else found.yes | found.unknown


def _value(tree: Tree, seen: _Seen) -> Truth | Range:
    if tree.kind == "number":
        return _literal(tree.text)
    if tree.kind == "call":
        bound = BOUNDS.get(tree.text)
        return ANY_TRUTH if bound is None else bound.value(seen, tree.parts)
    if tree.kind != "sign":
        return ANY_TRUTH
    one, *others = tree.parts
    if not others:
        found = _value(one, seen)
        return opposite(as_truth(found)) if tree.text == "!" else _negative(as_range(found))
    (other,) = others
    if tree.text in {"&&", "||"}:
        return _joined(tree.text, one, other, seen)
    join = compare if tree.text in {"<", "<=", ">", ">="} else calculate
    return join(_number(one, seen), tree.text, _number(other, seen))


def _joined(sign: str, one: Tree, other: Tree, seen: _Seen) -> Truth:
    """`&&` or `||`; what follows an `&&` is not asked where the first part is surely false."""
    found = as_truth(_value(one, seen))
    if sign == "||":
        return either(found, as_truth(_value(other, seen)))
    if not (found.yes | found.unknown).any():
        return Truth(NO, YES, NO)
    return both(found, as_truth(_value(other, seen)))


@lru_cache(maxsize=4096)
def _literal(number: str) -> Range:
    return exactly(float(number))


def _negative(one: Range) -> Range:
    return Range(-one.high, -one.low, one.unknown)


def _rests(tree: Tree, seen: _Seen) -> Flags:
    """Whether anything in the condition can rest on the new reading."""
    found = NO
    for part in tree.parts:
        if part.parts or part.kind == "call":
            found = found | _rests(part, seen)
    if tree.kind != "call":
        return found
    bound = BOUNDS.get(tree.text)
    return found | (YES if bound is None else bound.rests(seen, tree.parts))


Parts = tuple[Tree, ...]
_Rests = Callable[[_Seen, Parts], Flags]


def _number(tree: Tree, seen: _Seen) -> Range:
    return as_range(_value(tree, seen))


def _compared(seen: _Seen, quantity: Tree, sign: str, limit: Tree) -> Truth:
    """The new reading's number, rounded to the guideline's precision, against a limit."""
    name = QuantityName(quantity.text)
    value = seen.look.value(name)
    if limit.kind == "number":
        # Rounded or not, a number is on the same side of where the comparison turns.
        edge = _edge(_NAMES[sign], name, limit.text)
        side = ">=" if sign in {">", ">="} else "<"
        found = compare(Range(value - _BINARY, value + _BINARY), side, edge)
    else:
        half = float(QUANTITIES[name].precision) / 2 + _BINARY
        found = compare(Range(value - half, value + half), sign, _number(limit, seen))
    return Truth(found.yes, found.no | np.isnan(value), found.unknown)


@lru_cache(maxsize=4096)
def _edge(comparison: str, name: QuantityName, limit: str) -> Range:
    return exactly(float(edge_of(comparison, name, Decimal(limit))))


def _judged(sign: str) -> Callable[[_Seen, Parts], Truth]:
    return lambda seen, parts: _compared(seen, parts[0], sign, parts[1])


def _hit(sign: str) -> Callable[[_Seen, Parts], Flags]:
    return lambda seen, parts: _compared(seen, parts[0], sign, parts[1]).yes


def _with_sign(seen: _Seen, parts: Parts) -> Flags:
    return _compared(seen, parts[0], parts[1].text, parts[2]).yes


def _carried(seen: _Seen, parts: Parts) -> Flags:
    return ~np.isnan(seen.look.value(QuantityName(parts[0].text)))


def _typed(seen: _Seen, parts: Parts) -> Flags:
    return seen.look.typed & _carried(seen, parts)


def _over(seen: _Seen, quantity: Tree, length: Tree) -> SpanBounds | None:
    return seen.look.over(QuantityName(quantity.text), span(length.text))


def _readings(seen: _Seen, parts: Parts) -> Range:
    bounds = _over(seen, parts[0], parts[1])
    return COUNT if bounds is None else bounds.readings


def _reading_days(seen: _Seen, parts: Parts) -> Range:
    bounds = _over(seen, parts[0], parts[1])
    # Days count from some hours apart on only: there may be fewer than calendar days.
    return COUNT if bounds is None else Range(COUNT.low, bounds.days.high)


def _days_with(seen: _Seen, parts: Parts) -> Range:
    """Low glucoses have a column; of other numbers, and of higher limits, nothing is counted."""
    quantity, sign, limit, length, _gap = parts
    name = QuantityName(quantity.text)
    if name is not QuantityName.GLUCOSE or sign.text not in {"<", "<="}:
        return COUNT
    edge = edge_of(_NAMES[sign.text], name, Decimal(limit.text)) if _is_literal(limit) else None
    days = seen.look.low_days(span(length.text)) if edge and edge <= LOW_GLUCOSE else None
    return COUNT if days is None else Range(COUNT.low, days)


def _is_literal(tree: Tree) -> bool:
    return tree.kind == "number"


def _personal(name: str) -> Callable[[_Seen, Parts], Truth]:
    def told(seen: _Seen, parts: Parts) -> Truth:
        may = ~seen.look.surely_not(name, parts)
        return Truth(may, YES, may)

    return told


def _some_of(length: int, *, apart: int = 1) -> Callable[[_Seen, Parts], Range]:
    """A count of such readings of a span (the argument in that place), so many for each at least.

    A pressure's lower number without the upper one opens the bounds of its day.
    """

    def some(seen: _Seen, parts: Parts) -> Range:
        name = QuantityName(parts[0].text)
        whole = QuantityName.SYSTOLIC if name is QuantityName.DIASTOLIC else name
        bounds = seen.look.over(whole, span(parts[length].text))
        return COUNT if bounds is None else Range(COUNT.low, np.floor(bounds.readings.high / apart))

    return some


def _mean(seen: _Seen, parts: Parts) -> Range:
    bounds = _over(seen, parts[0], parts[-1])
    return ANY_NUMBER if bounds is None else widened(bounds.mean, ROOM)


def _mean_side(sign: str) -> Callable[[_Seen, Parts], Truth]:
    def side(seen: _Seen, parts: Parts) -> Truth:
        precision = float(QUANTITIES[QuantityName(parts[0].text)].precision)
        rounded = widened(_mean(seen, parts), precision / 2)
        return compare(rounded, sign, _number(parts[1], seen))

    return side


def _settled_ge(seen: _Seen, parts: Parts) -> Truth:
    bounds = _over(seen, parts[0], parts[2])
    if bounds is None:
        return ANY_TRUTH
    precision = float(QUANTITIES[QuantityName(parts[0].text)].precision)
    return compare(widened(bounds.settled, precision / 2 + ROOM), ">=", _number(parts[1], seen))


def _less(mean: Range, reference: Floats) -> Range:
    missing = np.isnan(reference)
    known = np.where(missing, 0.0, reference)
    low = np.where(missing, -np.inf, mean.low - known - ROOM)
    high = np.where(missing, np.inf, mean.high - known + ROOM)
    return Range(low, high, mean.unknown | missing)


def _above_usual(seen: _Seen, parts: Parts) -> Range:
    usual = seen.look.usual(QuantityName(parts[0].text))
    if usual is None:
        return ANY_NUMBER
    found = _less(_mean(seen, parts), usual.recent_mean)
    return Range(found.low, found.high, found.unknown | np.isnan(usual.recent_sd))


def _above_anchor(seen: _Seen, parts: Parts) -> Range:
    usual = seen.look.usual(QuantityName(parts[0].text))
    return ANY_NUMBER if usual is None else _less(_mean(seen, parts), usual.anchor)


def _usual_sd(seen: _Seen, parts: Parts) -> Range:
    usual = seen.look.usual(QuantityName(parts[0].text))
    if usual is None:
        return ANY_NUMBER
    missing = np.isnan(usual.recent_sd)
    sd = np.where(missing, 0.0, usual.recent_sd)
    return Range(sd - ROOM, np.where(missing, np.inf, sd + ROOM), missing)


def _share(seen: _Seen, parts: Parts) -> Range:
    return Range(np.zeros(()), np.ones(()), _above_usual(seen, (parts[0], parts[-1])).unknown)


def _history_days(seen: _Seen, parts: Parts) -> Range:
    usual = seen.look.usual(QuantityName(parts[0].text))
    if usual is None:
        return ANY_NUMBER
    missing = np.isnan(usual.first_day)
    days = np.where(missing, np.inf, seen.look.day - usual.first_day)
    return Range(np.where(missing, -np.inf, days), days, missing)


def _history_readings(seen: _Seen, parts: Parts) -> Range:
    usual = seen.look.usual(QuantityName(parts[0].text))
    return COUNT if usual is None else Range(usual.readings, usual.readings)


def _never(_seen: _Seen, _parts: Parts) -> Flags:
    return NO


def _of_parts(first: int, last: int, rests: Callable[[_Seen, Parts], Flags]) -> _Rests:
    """The same over some of the arguments."""
    return lambda seen, parts: rests(seen, parts[first:last])


def _any_number(_seen: _Seen, _parts: Parts) -> Range:
    return ANY_NUMBER


def _within(low: float, high: float, unknown: Flags) -> Callable[[_Seen, Parts], Range]:
    return lambda _seen, _parts: Range(np.full((), low), np.full((), high), unknown)


def _given(seen: _Seen, parts: Parts) -> Truth:
    return _known(_carried(seen, parts))


def _first_of_day(seen: _Seen, parts: Parts) -> Truth:
    """No, where the day surely has another reading.

    A span that is no longer than the shortest of days, the one on which summer time begins, holds
    at most today as a whole; late in the evening it holds no whole day.
    """
    carried = _carried(seen, parts)
    bounds = seen.look.over(QuantityName(parts[0].text), _SHORTEST_DAY)
    another = NO if bounds is None else bounds.readings.low > 1
    return Truth(carried & ~another, YES, NO)


def _first_since(seen: _Seen, parts: Parts) -> Truth:
    """No, where another was surely measured since the latest of these weekdays began."""
    quantity, *weekdays = parts
    carried, last = _carried(seen, parts), seen.look.last_day(QuantityName(quantity.text))
    if last is None:
        return Truth(carried, YES, NO)
    today = (seen.look.day - 1) % len(WEEKDAYS)
    since = [(today - WEEKDAYS.index(one.text)) % len(WEEKDAYS) for one in weekdays]
    return Truth(carried & (last < seen.look.day - np.minimum.reduce(since)), YES, NO)


def _on_weekday(seen: _Seen, parts: Parts) -> Truth:
    return _known((seen.look.day - 1) % len(WEEKDAYS) == WEEKDAYS.index(parts[0].text))


def _usual_mean(seen: _Seen, parts: Parts) -> Range:
    usual = seen.look.usual(QuantityName(parts[0].text))
    if usual is None:
        return ANY_NUMBER
    missing = np.isnan(usual.recent_mean)
    known = np.where(missing, 0.0, usual.recent_mean)
    low, high = np.where(missing, -np.inf, known), np.where(missing, np.inf, known)
    return widened(Range(low, high, missing), ROOM)


def _at_level(seen: _Seen, _parts: Parts) -> Flags:
    return seen.level.yes


def _paired(seen: _Seen, parts: Parts) -> Truth:
    """No, where the last number that could be at the level was measured too long before."""
    apart = None if seen.of is None else seen.look.apart(seen.of)
    near = YES if apart is None else apart <= span(parts[1].text) / _MICROSECOND
    return Truth(seen.level.yes & near, YES, NO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a window function can give for a calm reading, and whether it can rest on it."""

    value: Callable[[_Seen, Parts], Truth | Range]
    rests: Callable[[_Seen, Parts], Flags] = _never


def _truth(*, yes: Flags = YES, unknown: Flags = NO) -> Callable[[_Seen, Parts], Truth]:
    return lambda _seen, _parts: Truth(yes, YES, unknown)


def _known(flags: Flags) -> Truth:
    return Truth(flags, ~flags, NO)


def _count(_seen: _Seen, _parts: Parts) -> Range:
    return COUNT


BOUNDS: Mapping[str, Bound] = MappingProxyType(
    {
        "ge": Bound(value=_judged(">="), rests=_hit(">=")),
        "gt": Bound(value=_judged(">"), rests=_hit(">")),
        "le": Bound(value=_judged("<="), rests=_hit("<=")),
        "lt": Bound(value=_judged("<"), rests=_hit("<")),
        # A calm reading is not censored and no symptom, and none was told shortly before it.
        "low": Bound(value=_truth(yes=NO)),
        "high": Bound(value=_truth(yes=NO)),
        "any_symptom": Bound(value=_truth(yes=NO)),
        "has_symptom": Bound(value=_truth(yes=NO)),
        "pregnant": Bound(value=_truth(unknown=YES)),
        "known_pregnant": Bound(value=lambda seen, _: _known(seen.look.pregnant)),
        "at_level": Bound(value=lambda seen, _: seen.level, rests=_at_level),
        "pair_within": Bound(value=_paired, rests=_at_level),
        "times_at_level": Bound(value=_count, rests=_at_level),
        "times_at_own_level": Bound(value=_count, rests=_at_level),
        "any_ge": Bound(value=_truth(), rests=_hit(">=")),
        "any_lt": Bound(value=_truth(), rests=_hit("<")),
        "count_ge": Bound(value=_count, rests=_hit(">=")),
        "count_lt": Bound(value=_count, rests=_hit("<")),
        "days_with": Bound(value=_days_with, rests=_with_sign),
        "takes_drug": Bound(value=_personal("takes_drug")),
        "has_condition": Bound(value=_personal("has_condition")),
        "readings": Bound(value=_readings),
        "reading_days": Bound(value=_reading_days),
        "missing_for": Bound(value=_truth()),
        "mean": Bound(value=_mean, rests=_carried),
        "mean_ge": Bound(value=_mean_side(">="), rests=_carried),
        "mean_lt": Bound(value=_mean_side("<"), rests=_carried),
        "settled_mean_ge": Bound(value=_settled_ge, rests=_carried),
        # A doctor's target for this person is not among the columns.
        "mean_over_target": Bound(value=lambda _seen, _parts: ANY_NUMBER, rests=_carried),
        "above_usual": Bound(value=_above_usual, rests=_carried),
        "above_anchor": Bound(value=_above_anchor, rests=_carried),
        "usual_sd": Bound(value=_usual_sd),
        "baseline_z": Bound(value=_any_number, rests=_carried),
        "session_share_above": Bound(value=_share, rests=_carried),
        "history_days": Bound(value=_history_days),
        "history_readings": Bound(value=_history_readings),
        "last": Bound(value=_any_number, rests=_carried),
        "gain": Bound(value=_any_number, rests=_carried),
        "slope": Bound(value=_any_number, rests=_carried),
        "ahead": Bound(value=_any_number, rests=_carried),
        "since": Bound(value=_any_number),
        "past_readings": Bound(value=_count),
        "above_past": Bound(value=_any_number, rests=_carried),
        "readings_between": Bound(value=_some_of(3)),
        "mean_between": Bound(value=_any_number, rests=_carried),
        "times_with": Bound(value=_count, rests=_with_sign),
        "times_of": Bound(value=_count, rests=_of_parts(1, 4, _with_sign)),
        "lasts": Bound(value=_truth(), rests=_with_sign),
        "meal_times": Bound(value=_count, rests=_of_parts(1, 4, _with_sign)),
        "meal_readings": Bound(value=_count),
        "given": Bound(value=_given, rests=_carried),
        "first_of_day": Bound(value=_first_of_day, rests=_carried),
        "first_since": Bound(value=_first_since, rests=_carried),
        "on_weekday": Bound(value=_on_weekday),
        "at_hours": Bound(value=_truth()),
        "aged": Bound(value=_truth(unknown=YES)),
        "target": Bound(value=_within(-np.inf, np.inf, NO)),
        "usual": Bound(value=_usual_mean),
        # A calm reading carries no flag; somebody may have typed it.
        "flag_times": Bound(value=_count),
        "flag_of_last": Bound(value=_count),
        "flag_share": Bound(value=_within(0.0, 1.0, YES)),
        "seen": Bound(value=_count),
        "same_run": Bound(value=_some_of(1), rests=_carried),
        # Two readings a session.
        "unsettled_days": Bound(value=_some_of(2, apart=2), rests=_carried),
        "typed": Bound(value=_some_of(1)),
        "round_share": Bound(value=_within(0.0, 1.0, YES), rests=_typed),
        "greater": Bound(
            value=lambda seen, parts: greater(_number(parts[0], seen), _number(parts[1], seen))
        ),
    }
)
"""One line a window function of `conditions.FUNCTIONS`; what is not here may give anything."""
