"""YAML that remembers its lines, so that whoever wrote a fault is told where it stands."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import cast

import yaml

Path = tuple[str | int, ...]
"""Keys and places on the way from the top to a thing: `("rules", 0, "title")`."""

_MOST_DEPTH = 40
"""Levels of a text; what this program reads has seven."""
_TOO_DEEP = f"more than {_MOST_DEPTH} levels deep"

_MOST_THINGS = 100_000
"""Things in a text, what an alias stands for counted each time; the largest shipped file has 7,000.

A page of aliases of aliases is a few hundred bytes and says more than any memory holds.
"""


class YamlError(ValueError):
    """A text is no YAML, says a thing twice, or has no end; `line` says where."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


def read_yaml(text: str) -> tuple[Mapping[Path, int], object]:
    """The line of each thing in `text`, and what it says.

    Raises:
        YamlError: it is no YAML, a key stands twice in one mapping (one would be lost), a thing
            stands inside itself, or it is deeper or longer than anything this program reads.
    """
    try:
        _refuse_depth(text)
        # The C loader: a pack is read at every start, and the Python one takes half a second.
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        # Before the document is made: merged mappings are unrolled there, without a bound.
        lines = _lines_of(node)
        document: object = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = cast("yaml.Mark | None", getattr(error, "problem_mark", None))
        problem = f"not YAML: {getattr(error, 'problem', error)}"
        raise YamlError(mark.line + 1 if mark else 1, problem) from error
    return lines, document


def place_in(name: str, lines: Mapping[Path, int], path: Path) -> str:
    """`file:line: where`, the line of the nearest thing that exists."""
    known = path
    while known and known not in lines:
        known = known[:-1]
    where = ".".join(str(step) for step in path)
    return f"{name}:{lines.get(known, 1)}: {where}"


def _refuse_depth(text: str) -> None:
    """Before anything is built: PyYAML's C composer calls itself without a bound.

    100,000 `[` end the process (measured with PyYAML 6), and what has begun no `except` sees.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MOST_DEPTH:
            mark = cast("yaml.Mark", event.start_mark)
            raise YamlError(mark.line + 1, _TOO_DEEP)


def _lines_of(node: yaml.Node | None) -> Mapping[Path, int]:
    lines: dict[Path, int] = {}
    if node is None:
        return lines
    for path, line in islice(_walk(node, (), ()), _MOST_THINGS + 1):
        if len(lines) == _MOST_THINGS:
            raise YamlError(line, f"more than {_MOST_THINGS} things, aliases counted each time")
        lines[path] = line
    return lines


def _walk(node: yaml.Node, path: Path, around: tuple[yaml.Node, ...]) -> Iterator[tuple[Path, int]]:
    """Each thing's path and line, once; `around` are the things that it stands in."""
    line = node.start_mark.line + 1
    if any(node is one for one in around):
        raise YamlError(line, "what an alias stands for holds itself")
    if len(around) > _MOST_DEPTH:
        raise YamlError(line, _TOO_DEEP)
    yield path, line
    inside = (*around, node)
    if isinstance(node, yaml.MappingNode):
        for name, key_line, value in _entries(node):
            yield (*path, name), key_line
            yield from islice(_walk(value, (*path, name), inside), 1, None)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(cast("list[yaml.Node]", node.value)):
            yield from _walk(value, (*path, index), inside)


def _entries(mapping: yaml.MappingNode) -> Iterator[tuple[str, int, yaml.Node]]:
    known: set[str] = set()
    for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", mapping.value):
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise YamlError(line, "a key is one word, not a list or a mapping")
        name = str(key.value)
        if name in known:
            raise YamlError(line, f"{name} stands here twice")
        known.add(name)
        yield name, line, value
