"""A text without an end is refused with its line, before it costs time, memory or the process."""

import pytest

from gateway.packs import load_shipped
from rules.pack import PackError, load
from rules.yaml_lines import YamlError, read_yaml

LEVELS, THINGS = 40, 100_000
BOMB = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 10)}]" for n in range(10))


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("first: 1\na: &a {b: *a}\n", 2, "holds itself"),
        ("- &a\n  - *a\n", 1, "holds itself"),
        ("a: &a\n  b: &b\n    - *a\n    - *b\n", 1, "holds itself"),
        ("a: &a\n  <<: *a\n", 1, "holds itself"),
        ("first: 1\nb: " + "[" * 100_000 + "]" * 100_000, 2, "levels deep"),
        ("- " * 100_000 + "x", 1, "levels deep"),
        ("{a: " * 50_000 + "}" * 50_000, 1, "levels deep"),
        ("a: &a " + "[" * 30 + "]" * 30 + "\nb:\n  " + "[" * 15 + "*a" + "]" * 15, 1, "deep"),
        (BOMB, 1, f"more than {THINGS} things"),
        ("x\n".join(["- "] * (THINGS + 2)), THINGS, f"more than {THINGS} things"),
        ("? [1, 2]\n: 3\n", 1, "a key is one word"),
        ("a: 1\na: 2\n", 2, "a stands here twice"),
    ],
)
def test_what_has_no_end_is_refused_with_its_line(text: str, line: int, complaint: str) -> None:
    with pytest.raises(YamlError, match=complaint) as caught:
        read_yaml(text)
    assert caught.value.line == line
    with pytest.raises(PackError, match=rf"mine\.yaml:{line}: .*{complaint}"):
        load(text, name="mine.yaml")
    with pytest.raises(PackError, match=complaint):  # what the page for proposals asks
        load_shipped().checked(text, "mine.yaml", shall_run=True)


def test_what_ends_is_read_and_an_alias_is_no_fault() -> None:
    deep = "[" * LEVELS + "]" * LEVELS
    assert read_yaml(deep)[0][()] == 1
    lines, document = read_yaml("a: &a {x: 1}\nb: *a\nc:\n  - *a\n")
    assert document == {"a": {"x": 1}, "b": {"x": 1}, "c": [{"x": 1}]}
    assert (lines["b",], lines["c",], lines["c", 0]) == (2, 3, 1)
