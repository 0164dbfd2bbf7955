"""The listed words of a rule: drugs, diagnoses, symptoms and weekdays that a condition asks for."""

from collections.abc import Iterator
from dataclasses import dataclass

from rules.conditions import FUNCTIONS
from rules.places import Literal, Place, literals_of, with_literal
from rules.rule import Rule
from rules.words import OTHER, WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One word at one place: the call it stands in (`about`), and what may stand in its place.

    `instead` is another word where the list has this one alone, else empty: it can be left out.
    """

    place: Place
    about: str
    word: str
    instead: str


def listed_words_of(rule: Rule) -> tuple[Listed, ...]:
    """Every listed word of the firing conditions, in the order in which they are written."""
    return tuple(
        Listed(place=one.place, about=one.of.told, word=one.leaf.text, instead=_instead(one))
        for one in literals_of(rule)
        if one.of.kind == "call" and one.argument >= len(FUNCTIONS[one.of.text].takes)
    )


def without_a_word(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """The rule without one of its listed words, for each of them, and what that is."""
    for listed in listed_words_of(rule):
        instead = f"'{listed.instead}'" if listed.instead else ""
        could = f"could be {instead}" if instead else "could be left out"
        told = f"{listed.place.told}: {listed.about}: '{listed.word}' {could}"
        yield f"no case needs a word: {told}", with_literal(rule, listed.place, instead)


def _instead(literal: Literal) -> str:
    """A word of the same kind that its list does not hold, where the list would else be empty."""
    function = FUNCTIONS[literal.of.text]
    if len(literal.of.parts) > len(function.takes) + 1 or function.rest is None:
        return ""
    others = WORDS[function.rest] - {literal.leaf.text}
    return OTHER if OTHER in others else min(others)
