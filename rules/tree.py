"""The shape of a condition: what calls what, and which signs join it.

CEL runs conditions; this reads the same text for whoever wants to know beforehand whether it can
hold at all (the core's screen, design section 6). Precedence is CEL's: `||`, `&&`, the four
comparisons, `+ -`, `* /`, then `!` and `-` before a single operand.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"<", "<=", ">", ">="}),
    frozenset({"+", "-"}),
    frozenset({"*", "/"}),
)

Word = tuple[str, str]
"""Kind of a token (`string`, `number`, `name` or `sign`) and its text."""


@dataclass(frozen=True, slots=True)
class Tree:
    """One node: `kind` is `call`, `number`, `string` or `sign`, `text` its name, value or sign."""

    kind: str
    text: str
    parts: tuple["Tree", ...] = ()

    @property
    def told(self) -> str:
        """The node as it would be written."""
        if self.kind == "string":
            return f"'{self.text}'"
        if self.kind == "number":
            return self.text
        parts = [part.told for part in self.parts]
        if self.kind == "call":
            return f"{self.text}({', '.join(parts)})"
        signs = [part.kind == "sign" for part in self.parts]
        parts = [f"({text})" if sign else text for text, sign in zip(parts, signs, strict=True)]
        return f"{self.text}{parts[0]}" if len(parts) == 1 else f" {self.text} ".join(parts)

    def calls(self) -> Iterator["Tree"]:
        """Every call in it, itself included, in the order in which they are written."""
        if self.kind == "call":
            yield self
        for part in self.parts:
            yield from part.calls()


def parse(words: Sequence[Word]) -> Tree:
    """The tree of a condition that CEL has compiled already: no error is looked for here."""
    tree, position = _joined(words, 0, 0)
    assert position == len(words)
    return tree


def _joined(words: Sequence[Word], position: int, level: int) -> tuple[Tree, int]:
    if level == len(_LEVELS):
        return _single(words, position)
    left, position = _joined(words, position, level + 1)
    while position < len(words) and words[position] in {("sign", s) for s in _LEVELS[level]}:
        sign = words[position][1]
        right, position = _joined(words, position + 1, level + 1)
        left = Tree("sign", sign, (left, right))
    return left, position


def _single(words: Sequence[Word], position: int) -> tuple[Tree, int]:
    kind, text = words[position]
    if kind == "name":
        parts, position = _arguments(words, position + 2)
        return Tree("call", text, parts), position
    if kind != "sign":
        return Tree(kind, text), position + 1
    if text == "(":
        inner, position = _joined(words, position + 1, 0)
        return inner, position + 1
    operand, position = _single(words, position + 1)
    return Tree("sign", text, (operand,)), position


def _arguments(words: Sequence[Word], position: int) -> tuple[tuple[Tree, ...], int]:
    parts: list[Tree] = []
    while words[position] != ("sign", ")"):
        part, position = _joined(words, position, 0)
        parts.append(part)
        if words[position] == ("sign", ","):
            position += 1
    return tuple(parts), position + 1
