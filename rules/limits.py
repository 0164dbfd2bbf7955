"""Whether worked cases hold every limit of a rule from both sides.

A limit is held when a case would come out otherwise were it a little higher, and another (or the
same) were it a little lower. So each number that decides a firing is moved by one step, alone, and
the rule's cases are lived through again; a number that may be moved without anybody noticing has no
near miss on that side. One step is the guideline's precision of the quantity, one of a count, a
tenth of a share. The same comparison written in several limbs is one limit. Spans and hours of the
day are windows, not limits; so is a danger level that no firing condition speaks of.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import cast

from rules.cases import CaseFormat, Rang, live_through
from rules.codes import QUANTITIES
from rules.conditions import FUNCTIONS
from rules.expression import compile_condition
from rules.pack import Pack, canonical, rule_from_raw
from rules.phrases import IN_UNITS
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
_NUMBER = re.compile(r"'[^']*'|\"[^\"]*\"|(?P<number>(?<![\w.])[0-9]+(?:\.[0-9]+)?)")
_FIRING = ("level", "immediate", "condition", "absence", "pending")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One number of a rule: the comparison it stands in (`about`), its place in it, its step."""

    about: str
    place: int
    number: Decimal
    step: Decimal

    def moved(self, by: int) -> str:
        """The number as text, so many steps higher."""
        return str(self.number + by * self.step)


def limits_of(rule: Rule) -> tuple[Limit, ...]:
    """Every limit of the rule's firing conditions, each once, in order of its text."""
    found = {limit for text in _texts(rule) for limit in _limits(text) if limit is not None}
    return tuple(sorted(found, key=lambda limit: (limit.about, limit.place)))


def loose_limits(pack: Pack, cases: Sequence[CaseFormat], rule: Rule) -> tuple[str, ...]:
    """The limits of `rule` that its cases do not hold, one line each: which, and on which side."""
    own = [case for case in cases if case.rule == rule.id]
    alone = replace(pack, rules=(rule,))
    usual = [_told(live_through(alone, case)) for case in own]
    faults: list[str] = []
    for limit in limits_of(rule):
        for by, side in ((-1, "below"), (1, "above")):
            moved = replace(pack, rules=(_moved(rule, limit, by),))
            changed = any(
                _told(live_through(moved, case)) != before
                for case, before in zip(own, usual, strict=True)
            )
            if not changed:
                told = f"{limit.number} could be {limit.moved(by)}"
                faults.append(f"{rule.id}: no near miss {side}: {limit.about}: {told}")
    return tuple(faults)


def _told(rang: tuple[Rang, ...]) -> list[tuple[object, ...]]:
    return [
        (one.at, one.decision.stage, one.decision.limb, one.decision.trigger, one.decision.dated)
        for one in rang
    ]


def _texts(rule: Rule) -> Iterator[str]:
    plain = cast("dict[str, object]", json.loads(rule.raw))
    found = {part: [text for _, text in _expressions(plain.get(part), part)] for part in _FIRING}
    levels = found.pop("level")
    texts = [text for several in found.values() for text in several]
    if any(compile_condition(text).levelled for text in texts):
        yield from levels
    yield from texts


def _expressions(value: object, part: str) -> Iterator[tuple[str, str]]:
    """Key and text of each firing expression below one field of a rule."""
    if isinstance(value, str):
        yield part, value
    elif isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        wanted = {"when"} if part in {"immediate", "pending"} else fields.keys()
        for key in sorted(wanted & fields.keys()):
            text = fields[key]
            if isinstance(text, str):
                yield key, text


def _limits(text: str) -> Iterator[Limit | None]:
    """One for each number as it is written, None for one that is no limit."""
    leaves = list(_numbers(compile_condition(text).tree, None))
    for leaf, about, step in leaves:
        order = [id(number) for number, of, _ in leaves if of is about].index(id(leaf))
        limit = Limit(about=about.told, place=order, number=Decimal(leaf.text), step=step)
        yield None if about.text in _WINDOWS else limit


def _numbers(tree: Tree, above: Tree | None) -> Iterator[tuple[Tree, Tree, Decimal]]:
    """Each number, the comparison or call it stands in, and its step."""
    for place, part in enumerate(tree.parts):
        if part.kind != "number":
            yield from _numbers(part, tree)
            continue
        about = above if above is not None and _calculates(tree) else tree
        yield part, about, _step(tree, place)


def _calculates(tree: Tree) -> bool:
    return tree.kind == "sign" and tree.text in {"+", "-", "*", "/"}


def _step(tree: Tree, place: int) -> Decimal:
    if tree.kind == "call":
        return _OTHER_STEPS.get((tree.text, place)) or _precision(tree) or _ONE
    if tree.text == "*":
        return _TENTH
    other = tree.parts[1 - place] if len(tree.parts) > 1 else tree
    if other.kind == "call" and other.text in _SHARES:
        return _TENTH
    calls = [call for call in other.calls() if call.text in IN_UNITS | {"target", "fired"}]
    steps = [step for call in calls if (step := _precision(call)) is not None]
    return steps[0] if steps else _ONE


def _precision(call: Tree) -> Decimal | None:
    for kind, part in zip(FUNCTIONS[call.text].takes, call.parts, strict=False):
        if kind is Parameter.QUANTITY:
            return QUANTITIES[QuantityName(part.text)].precision
    return None


def _moved(rule: Rule, limit: Limit, by: int) -> Rule:
    """The rule with that limit moved, wherever it is written."""
    plain = cast("dict[str, object]", json.loads(rule.raw))
    for part in _FIRING:
        for key, text in list(_expressions(plain.get(part), part)):
            changed = _rewritten(text, limit, by)
            if part == key:
                plain[part] = changed
            else:
                cast("dict[str, object]", plain[part])[key] = changed
    return rule_from_raw(canonical(plain), rule.targets)


def _rewritten(text: str, limit: Limit, by: int) -> str:
    numbers = iter(list(_limits(text)))

    def number(match: re.Match[str]) -> str:
        if not match["number"]:
            return match[0]
        known = next(numbers)
        return limit.moved(by) if known == limit else match[0]

    return _NUMBER.sub(number, text)
