"""CEL text to a checked, compiled, three-valued condition.

The language is deliberately small: the functions of `conditions.FUNCTIONS`, `&& || !`, the four
comparisons `< <= > >=`, `+ - * /`, parentheses, numbers and strings of the closed vocabulary.
No variables, no `true` and `false`, no equality (a missing fact would compare as unequal), no
lists, macros or `?:`. Whatever a condition may call is bounded by the window, so is its cost.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from functools import cache, lru_cache, partial

import cel
import msgspec

from rules.conditions import FUNCTIONS
from rules.resting import NOWHERE, Resting, resting_of
from rules.scope import Call, ConditionError, Scope, Trace, span
from rules.screen import ALWAYS, Comparison, Screen, comparison, needs_level_or_symptom
from rules.tree import Tree, parse
from rules.words import WORDS, Parameter

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'[^'\\]*'|\"[^\"\\]*\")|(?P<number>[0-9]+(?:\.[0-9]+)?)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<sign>&&|\|\||<=|>=|[()!<>,+\-*/]))"
)


_KNOWN = 4096
"""More conditions than all packs hold, former versions and candidates too."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a condition: True, False or None (unknown), and what it rested on."""

    result: bool | None
    trace: Trace


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition; two with the same text are equal.

    `functions` are the names it calls, `numbers` its literals as written (spans too), `reach` its
    longest span, `screen` a cheap necessary condition on the judged reading, `tree` its shape,
    `resting` the readings it can rest on. `needs_baseline`: it reads baselines, which are known as
    of the newest point only. `needs_level_or_symptom`: it can only hold for a symptom, or for a
    reading at the rule's danger level.
    """

    source: str
    functions: frozenset[str]
    numbers: frozenset[str]
    reach: timedelta
    screen: Screen = field(default=ALWAYS, compare=False)
    tree: Tree = field(default=Tree("string", ""), compare=False)
    resting: Resting = field(default=NOWHERE, compare=False)
    needs_baseline: bool = field(default=False, compare=False)
    needs_level_or_symptom: bool = field(default=False, compare=False)

    @property
    def judges(self) -> bool:
        """Whether it speaks of one reading, so that it cannot be asked without one."""
        return any(FUNCTIONS[name].judges for name in self.functions)

    @property
    def levelled(self) -> bool:
        """Whether it speaks of the danger level of its rule, which then must have one."""
        return any(FUNCTIONS[name].level for name in self.functions)

    def test(self, scope: Scope) -> Outcome:
        """The condition's result from `scope`.

        Raises:
            ConditionError: an operation between a number and a bool, or a whole number and a
                decimal; the loader's dry run finds these before a pack runs.
        """
        trace = Trace()
        call = Call(scope=scope, trace=trace)
        bound = {name: partial(FUNCTIONS[name].run, call) for name in self.functions}
        try:
            result: object = _program(self.source).execute(cel.Context(functions=bound))
        except TypeError as error:
            # CEL has no null arithmetic: an operand that is unknown ends here, and is unknown.
            if not trace.touched_unknown:
                raise ConditionError(f"{self.source}: {error}") from error
            return Outcome(result=None, trace=trace)
        except (RuntimeError, ValueError, ZeroDivisionError) as error:
            raise ConditionError(f"{self.source}: {error}") from error
        if result is not None and not isinstance(result, bool):
            raise ConditionError(f"{self.source}: gives {result!r}, not true or false")
        return Outcome(result=result, trace=trace)


@cache
def _program(source: str) -> cel.Program:
    """The compiled program; compiling takes 100 µs, running 14 (measured)."""
    return cel.compile(source)


@lru_cache(maxsize=_KNOWN)
def compile_condition(source: str) -> Condition:
    """`source` as a condition; a pack that is read again costs no second compiling.

    Raises:
        ConditionError: not in this module's small language, an unknown function or word, a wrong
            number or kind of arguments, or a condition that looks at no reading.
    """
    tokens = _tokens(source)
    names = frozenset(token.text for token in tokens if token.kind == "name")
    for name in sorted(names - FUNCTIONS.keys()):
        raise ConditionError(f"unknown name {name!r}{_meant(name, FUNCTIONS)}")
    if not names:
        raise ConditionError(f"{source!r} looks at no reading: it is constant")
    for position, token in enumerate(tokens):
        if token.kind == "name":
            _check_call(token.text, _arguments(tokens, position))
    try:
        _program(source)
    except ValueError as error:
        raise ConditionError(f"{source!r}: {error}") from error
    tree = parse([(token.kind, token.text) for token in tokens])
    return Condition(
        source,
        names,
        _numbers(tokens),
        _reach(tokens),
        _screen(tokens),
        tree,
        resting_of(tree),
        any(FUNCTIONS[name].baseline for name in names),
        needs_level_or_symptom(tree),
    )


def _tokens(source: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    text = source.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ConditionError(
                f"{source!r}: {text[position:].strip()[:12]!r} is not allowed here"
            )
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match[kind].strip("'\"")))
        position = match.end()
    return tokens


def _arguments(tokens: list[_Token], position: int) -> list[list[_Token]]:
    """Tokens of each argument of the call whose name stands at `position`."""
    name = tokens[position].text
    if position + 1 >= len(tokens) or tokens[position + 1].text != "(":
        raise ConditionError(f"{name} is a function: write {name}(...)")
    arguments: list[list[_Token]] = [[]]
    depth = 0
    for token in tokens[position + 1 :]:
        if token.kind == "sign" and token.text in "()":
            depth += 1 if token.text == "(" else -1
            if depth == 0:
                return [argument for argument in arguments if argument]
            if depth == 1 and token.text == "(":
                continue
        if depth == 1 and token == _Token("sign", ","):
            arguments.append([])
        else:
            arguments[-1].append(token)
    raise ConditionError(f"{name}: a parenthesis is missing")


def _check_call(name: str, arguments: list[list[_Token]]) -> None:
    function = FUNCTIONS[name]
    fixed = len(function.takes)
    enough = len(arguments) > fixed if function.rest else len(arguments) == fixed
    if not enough:
        more = " or more" if function.rest else ""
        wanted = fixed + 1 if function.rest else fixed
        raise ConditionError(f"{name}: takes {wanted}{more} arguments, not {len(arguments)}")
    for place, argument in enumerate(arguments):
        kind = function.takes[place] if place < fixed else function.rest
        _check_argument(name, kind or Parameter.NUMBER, argument)


def _check_argument(name: str, kind: Parameter, argument: list[_Token]) -> None:
    if kind is Parameter.NUMBER:
        if any(token.kind == "string" for token in argument if len(argument) == 1):
            raise ConditionError(f"{name}: {argument[0].text!r} is not a number")
        return
    if len(argument) != 1 or argument[0].kind != "string":
        raise ConditionError(f"{name}: the {kind} must be a string in quotes")
    text = argument[0].text
    if kind is Parameter.SPAN:
        span(text)
    elif text not in WORDS[kind]:
        raise ConditionError(f"{name}: {text!r} is no {kind}{_meant(text, WORDS[kind])}")


def _meant(word: str, known: Mapping[str, object] | frozenset[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {str(close[0])!r}?" if close else ""


def _numbers(tokens: list[_Token]) -> frozenset[str]:
    spans = {token.text for token in tokens if token.kind == "string" and token.text[:1].isdigit()}
    return frozenset({token.text for token in tokens if token.kind == "number"} | spans)


def _reach(tokens: list[_Token]) -> timedelta:
    lengths = [span(t.text) for t in tokens if t.kind == "string" and t.text[:1].isdigit()]
    own = [FUNCTIONS[token.text].reach for token in tokens if token.kind == "name"]
    return max([*lengths, *own])


def _screen(tokens: list[_Token]) -> Screen:
    """The screen of a condition without `!` whose top is `||` alone or `&&` alone."""
    joints = {token.text for token in tokens if token.kind == "sign" and token.text in _JOINTS}
    if len(joints) > 1 or "!" in joints:
        return ALWAYS
    calls = [
        _comparison(token.text, _arguments(tokens, place))
        for place, token in enumerate(tokens)
        if token.kind == "name"
    ]
    known = tuple(call for call in calls if call is not None)
    whole = len(known) == len(calls)
    if "||" in joints:
        return Screen(known, every=False, whole=True) if whole else ALWAYS
    # A comparison with what a call gives (`readings(...) >= 2`) is more than its calls.
    return Screen(known, every=True, whole=whole)


def _comparison(name: str, arguments: list[list[_Token]]) -> Comparison | None:
    if any(len(argument) != 1 for argument in arguments):
        return None  # a computed limit
    return comparison(name, [argument[0].text for argument in arguments])


_JOINTS = frozenset({"&&", "||", "!"})
