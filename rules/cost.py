"""What one evaluation of a rule can cost at most, told from its text alone.

A condition costs what its window functions cost: the readings their spans can hold, times what a
function does with each. The same quantity over the same span is looked up once a rule, and of limbs
that begin with the same guard one goes on. Figures are microseconds on one core of a small county
server; `hearthwatch bench rules` holds them against the clock. They need only be right enough to
refuse what would hold up everybody's readings.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from math import ceil
from types import MappingProxyType

from rules.codes import MAIN_QUANTITIES
from rules.conditions import FUNCTIONS
from rules.expression import Condition
from rules.rule import Rule
from rules.scope import span
from rules.tree import Tree
from rules.vocabulary import QuantityName, Vital
from rules.words import WORDS, Parameter

MOST_COST_US = 1000.0
"""The loader refuses a rule above it."""

MOST_REACH = timedelta(days=16)
"""How far back the core reads a person's past: a longer span would see half of itself."""

A_DAY = 8
"""Readings of one kind that a person is taken to make on a busy day, at most."""

A_DAY_OF_KIND: Mapping[Vital, int] = MappingProxyType({Vital.GLUCOSE_CGM: 288, Vital.SYMPTOM: 4})
"""A continuous sensor tells every five minutes."""

_AT_LEAST = 8
"""Readings that even a short span may hold: people measure again and again when they worry."""

_CONDITION_US, _CALL_US, _SEEN_US, _READING_US = 20.0, 2.0, 0.3, 0.8
_EACH_US: Mapping[str, float] = MappingProxyType(
    {
        "readings": 0.0,
        "silent_for": 0.0,
        "missing_for": 0.0,
        "past_readings": 0.5,
        "reading_days": 1.2,
        "days_with": 5.0,
        "times_at_level": 5.0,
        "times_at_own_level": 6.0,
        "pair_within": 5.0,
        "mean": 1.5,
        "mean_ge": 1.5,
        "mean_lt": 1.5,
        "settled_mean_ge": 1.5,
        "mean_over_target": 1.5,
        "above_usual": 1.5,
        "above_anchor": 1.5,
        "baseline_z": 1.5,
        "session_share_above": 2.5,
        "above_past": 0.8,
        "readings_between": 1.2,
        "mean_between": 1.5,
        "slope": 4.0,
        "ahead": 4.0,
        "since": 0.0,
        "same_run": 2.5,
        "unsettled_days": 2.0,
        "quiet_days": 2.0,
    }
)
"""What a function does with each reading of its span; others are as `_READING_US` says."""


def cost_us(rule: Rule) -> float:
    """The most that looking at one reading by `rule` can cost, microseconds."""
    conditions = tuple(conditions_of(rule))
    looked_up = {
        (part.text, length)
        for condition in conditions
        for call in condition.tree.calls()
        for part in call.parts
        for length in _spans(call)
        if part.kind == "string" and part.text in WORDS[Parameter.QUANTITY]
    }
    looking = sum(_SEEN_US * _held(rule.vitals, length) for _, length in looked_up)
    calls = {call for condition in conditions for call in condition.tree.calls()}
    asking = _CONDITION_US * len(conditions)
    return asking + looking + sum(_call_us(call, rule) for call in calls)


def too_dear(rule: Rule) -> str:
    """Why the loader refuses the rule, in words; empty where it does not."""
    if rule.reach > MOST_REACH:
        return f"{rule.id} looks back {rule.reach.days} days, {MOST_REACH.days} are known"
    cost = cost_us(rule)
    if cost > MOST_COST_US:
        return f"{rule.id} may take {cost:.0f} µs a reading, {MOST_COST_US:.0f} are allowed"
    return ""


def conditions_of(rule: Rule) -> Iterator[Condition]:
    """All that is asked when the rule looks at a reading."""
    if rule.immediate is not None:
        yield rule.immediate.when
    yield from rule.limbs.values()
    yield from rule.absences.values()
    if rule.pending is not None:
        yield rule.pending.when
        yield rule.pending.unless
    if rule.nearly is not None:
        yield rule.nearly


def _call_us(call: Tree, rule: Rule) -> float:
    each = _EACH_US.get(call.text, _READING_US)
    return _CALL_US + sum(each * _held(_carrying(call, rule), length) for length in _spans(call))


def _carrying(call: Tree, rule: Rule) -> frozenset[Vital]:
    """The kinds of the rule that carry what the call asks for; all where it names no quantity."""
    places = zip(FUNCTIONS[call.text].takes, call.parts, strict=False)
    named = {part.text for kind, part in places if kind is Parameter.QUANTITY}
    if not named:
        return rule.vitals
    return frozenset(vital for vital in rule.vitals if not named.isdisjoint(_carried(vital)))


def _carried(vital: Vital) -> frozenset[str]:
    """A cuff tells the pulse too."""
    extra = {QuantityName.PULSE} if vital is Vital.BLOOD_PRESSURE else set[QuantityName]()
    return frozenset({*MAIN_QUANTITIES[vital], *extra})


def _held(kinds: frozenset[Vital], length: timedelta) -> int:
    """Readings of these kinds that a span can hold."""
    days = length / timedelta(days=1)
    return sum(max(_AT_LEAST, ceil(days * A_DAY_OF_KIND.get(kind, A_DAY))) for kind in kinds)


def _spans(call: Tree) -> list[timedelta]:
    """The longest span of a call, the one that its readings are taken from; none without one."""
    texts = (part.text for part in call.parts if part.kind == "string")
    found = [span(text) for text in texts if text[:1].isdigit()]
    return [max(found)] if found else []
