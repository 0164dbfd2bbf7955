"""What is said of a file of a backtest that cannot be used."""

import csv
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path


class RecordError(ValueError):
    """A file or a line cannot be read; the text says which column and why."""


@contextmanager
def rows_of(path: Path, *required: str) -> Generator[Iterator[tuple[int, dict[str, str | None]]]]:
    """The lines below the header with their numbers, cells by column.

    Raises:
        RecordError: a required column is missing, or the file is no text.
        OSError: it cannot be opened.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            missing = [name for name in required if name not in (rows.fieldnames or ())]
            if missing:
                raise RecordError(f"{path.name}:1: column missing: {', '.join(missing)}")
            yield ((rows.line_num, dict(row)) for row in rows)
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordError(f"{path.name}:1: no text in UTF-8: {error}") from error
