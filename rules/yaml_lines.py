"""YAML that remembers its lines, so that whoever wrote a fault is told where it stands."""

from collections.abc import Iterator, Mapping
from typing import cast

import yaml

Path = tuple[str | int, ...]
"""Keys and places on the way from the top to a thing: `("rules", 0, "title")`."""


class YamlError(ValueError):
    """A text is no YAML, or says a thing twice; `line` says where."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line


def read_yaml(text: str) -> tuple[Mapping[Path, int], object]:
    """The line of each thing in `text`, and what it says.

    Raises:
        YamlError: it is no YAML, or a key stands twice in one mapping (one would be lost).
    """
    try:
        # The C loader: a pack is read at every start, and the Python one takes half a second.
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
        document: object = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = cast("yaml.Mark | None", getattr(error, "problem_mark", None))
        problem = f"not YAML: {getattr(error, 'problem', error)}"
        raise YamlError(mark.line + 1 if mark else 1, problem) from error
    return (dict(_walk(node, ())) if node else {}), document


def place_in(name: str, lines: Mapping[Path, int], path: Path) -> str:
    """`file:line: where`, the line of the nearest thing that exists."""
    known = path
    while known and known not in lines:
        known = known[:-1]
    where = ".".join(str(step) for step in path)
    return f"{name}:{lines.get(known, 1)}: {where}"


def _walk(node: yaml.Node, path: Path) -> Iterator[tuple[Path, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        known: set[str] = set()
        for key, value in cast("list[tuple[yaml.ScalarNode, yaml.Node]]", node.value):
            line = key.start_mark.line + 1
            if key.value in known:
                raise YamlError(line, f"{key.value} stands here twice")
            known.add(key.value)
            yield (*path, key.value), line
            yield from list(_walk(value, (*path, key.value)))[1:]
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(cast("list[yaml.Node]", node.value)):
            yield from _walk(value, (*path, index))
