"""The places of a rule where a number or a word is written, and the rule with another one there.

A comparison that stands in several limbs, or twice in one, is as many places: each could hold
another number by a slip.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from rules.expression import compile_condition
from rules.pack import canonical, rule_from_raw
from rules.rule import Rule
from rules.tree import Tree

_FIRING = ("level", "immediate", "condition", "absence", "pending")
_ONE_TEXT = frozenset({"immediate", "pending"})
"""Fields with one firing condition, `when`, among others."""

_LITERAL = re.compile(r"'[^']*'|\"[^\"]*\"|(?<![\w.])[0-9]+(?:\.[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a literal is written: the field of the rule, its limb, and the how manieth it is.

    `limb` is the field itself where that has no limbs. Literals, numbers and strings, are counted
    from 0 as they are written.
    """

    part: str
    limb: str
    number: int

    @property
    def told(self) -> str:
        """The place in words: the limb, and the literal counted from 1."""
        return f"{self.limb}, literal {self.number + 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """A number or a string (`leaf`), and the call or sign that it is the `argument`th part of.

    `about` is what a person would call its comparison: of a number that is only added, subtracted
    or negated, what that happens for.
    """

    place: Place
    leaf: Tree
    of: Tree
    argument: int
    about: Tree


def literals_of(rule: Rule) -> tuple[Literal, ...]:
    """Every literal of the firing conditions, in the order in which they are written.

    Those of the danger level too, where a firing condition speaks of it.
    """
    plain = cast("dict[str, object]", json.loads(rule.raw))
    texts = [one for part in _FIRING for one in _texts(plain.get(part), part)]
    fires = [text for part, _, text in texts if part != "level"]
    levelled = any(compile_condition(text).levelled for text in fires)
    return tuple(
        literal
        for part, limb, text in texts
        if levelled or part != "level"
        for literal in _literals(part, limb, text)
    )


def with_literal(rule: Rule, place: Place, instead: str) -> Rule:
    """The rule with another literal there, written as in a condition; an empty one: none.

    Raises:
        PackError: what then stands there is no condition.
    """
    plain = cast("dict[str, object]", json.loads(rule.raw))
    below = plain[place.part]
    if isinstance(below, str):
        plain[place.part] = _rewritten(below, place, instead)
    else:
        key = "when" if place.part in _ONE_TEXT else place.limb
        fields = cast("dict[str, str]", below)
        fields[key] = _rewritten(fields[key], place, instead)
    return rule_from_raw(canonical(plain), rule.targets)


def _texts(value: object, part: str) -> Iterator[tuple[str, str, str]]:
    """Field, limb and text of each firing condition below one field of a rule."""
    if isinstance(value, str):
        yield part, part, value
    elif isinstance(value, dict):
        fields = cast("dict[str, str]", value)
        if part in _ONE_TEXT:
            yield part, part, fields["when"]
        else:
            yield from ((part, limb, text) for limb, text in sorted(fields.items()))


def _literals(part: str, limb: str, text: str) -> Iterator[Literal]:
    tree = compile_condition(text).tree
    for number, (leaf, of, argument, about) in enumerate(_leaves(tree, tree)):
        place = Place(part=part, limb=limb, number=number)
        yield Literal(place=place, leaf=leaf, of=of, argument=argument, about=about)


def _leaves(tree: Tree, above: Tree) -> Iterator[tuple[Tree, Tree, int, Tree]]:
    """Each literal, what it is part of, the how manieth part, and its comparison."""
    about = above if tree.kind == "sign" and tree.text in {"+", "-", "*", "/"} else tree
    for argument, part in enumerate(tree.parts):
        if part.kind in {"number", "string"}:
            yield part, tree, argument, about
        else:
            yield from _leaves(part, tree)


def _rewritten(text: str, place: Place, instead: str) -> str:
    found = list(_LITERAL.finditer(text))[place.number]
    before, after = text[: found.start()], text[found.end() :]
    if instead:
        return before + instead + after
    return before.rstrip(" ,") + after if before.endswith(", ") else before + after.lstrip(" ,")
