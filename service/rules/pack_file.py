"""The text of a pack somebody has written, as a command is given it."""

from pathlib import Path

from rules.pack import PackError


def pack_text(path: Path) -> str:
    """What stands in the file.

    Raises:
        rules.pack.PackError: it is no text; told with its line, as any fault of a pack.
        OSError: the file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = 1 + path.read_bytes()[: error.start].count(b"\n")
        raise PackError([f"{path.name}:{line}: no text in UTF-8"]) from error
