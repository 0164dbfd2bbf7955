"""What is said of a file of a backtest that cannot be used."""

import csv
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

Refused = list[tuple[int, str]]
"""Lines that could not be used, with their number and the reason."""


class RecordError(ValueError):
    """A file or a line cannot be read; the text says which column and why."""


@contextmanager
def rows_of(
    path: Path, required: Sequence[str], optional: Sequence[str] = ()
) -> Generator[Iterator[tuple[int, dict[str, str | None]]]]:
    """The lines below the header with their numbers, cells by column.

    Raises:
        RecordError: a required column is missing, one is mistyped, or the file is no text.
        OSError: it cannot be opened.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            header = list(rows.fieldnames or ())
            missing = [name for name in required if name not in header]
            if missing:
                raise RecordError(f"{path.name}:1: column missing: {', '.join(missing)}")
            refuse_mistyped(path, header, (*required, *optional))
            yield ((rows.line_num, dict(row)) for row in rows)
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordError(f"{path.name}:1: no text in UTF-8: {error}") from error


_ALIKE = 0.8


def refuse_mistyped(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    """Returns where no column has nearly the name of one that is read and not there.

    It would be left out without a word; whatever else stands in a file is none of ours.

    Raises:
        RecordError: one has.
    """
    for name in header:
        near = get_close_matches(name.strip().casefold(), columns, n=1, cutoff=_ALIKE)
        if near and near[0] not in header:
            told = f"{name!r} is no column we know; did you mean {near[0]!r}?"
            raise RecordError(f"{path.name}:1: {told}")
