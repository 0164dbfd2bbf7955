"""Reads the rule packs that ship with the program; rules themselves never touch a file."""

from functools import cache
from importlib.resources import files

from rules.pack import Pack, load

FIRST_PACK = "first.yaml"


@cache
def load_first_pack() -> Pack:
    """The first pack: the rules that run before any other.

    Raises:
        rules.pack.PackError: the pack has an error; the text names file and line.
    """
    text = files("rules").joinpath("packs", FIRST_PACK).read_text(encoding="utf-8")
    return load(text, name=FIRST_PACK)
