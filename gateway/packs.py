"""Reads the rule packs that ship with the program; rules themselves never touch a file."""

from functools import cache
from importlib.resources import files

from rules.pack import Pack
from rules.pack_set import PackSet, load_set

FIRST_PACK = "first.yaml"

_NOT_PACKS = frozenset({"priorities.yaml"})
_CASES = ".cases.yaml"


def is_pack_file(name: str) -> bool:
    """Whether a file of the packs' folder holds a pack, and not its worked cases or a table."""
    return name.endswith(".yaml") and not name.endswith(_CASES) and name not in _NOT_PACKS


@cache
def load_shipped() -> PackSet:
    """Every pack that ships with the program.

    Raises:
        rules.pack.PackError: a pack has an error; the text names file and line.
    """
    folder = files("rules").joinpath("packs")
    found = {item.name: item for item in folder.iterdir() if is_pack_file(item.name)}
    return load_set({name: item.read_text(encoding="utf-8") for name, item in found.items()})


@cache
def load_first_pack() -> Pack:
    """The first pack: the rules that run before any other.

    Raises:
        rules.pack.PackError: the pack has an error; the text names file and line.
    """
    text = files("rules").joinpath("packs", FIRST_PACK).read_text(encoding="utf-8")
    return load_set({FIRST_PACK: text}).first
