"""The lines of a recording as columns, each different cell of a column numbered once."""
# pandas' own types leave its frames' columns partly unknown:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from service.backtest.record_error import RecordError, Refused, refuse_mistyped

REQUIRED = ("subject", "effective_at", "code", "value", "unit")
_COLUMNS = (*REQUIRED, "received_at", "device", "context", "flags", "doctor")
_AT_ONCE = 50_000
_BLOCK = 1 << 24
_MOST_COMBINED = 2**62
_NOTHING: list[str] = []

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The good lines as columns: each names its different cells by number."""

    number: Whole
    cells: Mapping[str, NDArray[np.signedinteger]]
    texts: Mapping[str, Sequence[str]]


def lines_of(path: Path, refused: Refused) -> Lines:
    """The lines with as many cells as the header; the others are `refused`.

    Raises:
        RecordError: a required column is missing, or the file is no text.
        OSError: it cannot be opened.
    """
    try:
        header = _header(path)
        missing = [name for name in REQUIRED if name not in header]
        if missing:
            raise RecordError(f"{path.name}:1: column missing: {', '.join(missing)}")
        twice = [name for name in _COLUMNS if header.count(name) > 1]
        if twice:
            raise RecordError(f"{path.name}:1: column stands here twice: {', '.join(twice)}")
        refuse_mistyped(path, header, _COLUMNS)
        return _even_lines(path, header) or _uneven_lines(path, header, refused)
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordError(f"{path.name}:1: no text in UTF-8: {error}") from error


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), _NOTHING)


def _even_lines(path: Path, header: Sequence[str]) -> Lines | None:
    """The lines of a file without a quotation mark in which each has all its cells, else None.

    That is what machines write, and some ten times faster to read. The header is read as a line
    like any other: pandas makes numbers of a column that holds nothing else, whatever type is
    asked for, and 007 is not 7, nor 16.65 the nearest number that a processor has to it.
    """
    commas = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if b'"' in block or b"\0" in block:
                return None
            commas += block.count(b",")
    try:
        frame = pd.read_csv(
            path,
            header=None,
            dtype="category",
            na_filter=False,
            index_col=False,
            skip_blank_lines=False,
            low_memory=False,
            encoding="utf-8",  # the reader skips a byte-order mark itself, and is faster
        )
    except pd.errors.ParserError:
        return None
    # No line has too many cells: where the sum is right, none has too few.
    if commas != (len(header) - 1) * len(frame):
        return None
    number = np.arange(2, len(frame) + 1)
    nothing = np.zeros(number.size, dtype=np.int8)
    own = {name: frame[header.index(name)].cat for name in _COLUMNS if name in header}
    rows = {name: column.codes.to_numpy()[1:] for name, column in own.items()}
    return Lines(
        number=number,
        cells={name: rows.get(name, nothing) for name in _COLUMNS},
        texts={name: list(own[name].categories) if name in own else [""] for name in _COLUMNS},
    )


def _uneven_lines(path: Path, header: Sequence[str], refused: Refused) -> Lines:
    columns = {name: _Cells() for name in _COLUMNS}
    numbers = [np.zeros(0, dtype=np.int64)]
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = _records(file)
        next(records, None)
        while block := list(islice(records, _AT_ONCE)):
            good = [(number, row) for number, row in block if len(row) == len(header)]
            refused += [
                (number, f"{len(row)} columns where the header has {len(header)}")
                for number, row in block
                if len(row) != len(header)
            ]
            numbers.append(np.array([number for number, _ in good], dtype=np.int64))
            across = list(zip(*(row for _, row in good), strict=True))
            for name, column in columns.items():
                known = name in header and bool(across)
                column.add(across[header.index(name)] if known else ("",) * len(good))
    return Lines(
        number=np.concatenate(numbers),
        cells={name: column.numbers for name, column in columns.items()},
        texts={name: column.texts for name, column in columns.items()},
    )


def _records(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line it begins in: a cell in quotation marks may hold several."""
    rows = csv.reader(file)
    begins = 1
    for row in rows:
        yield begins, row
        begins = rows.line_num + 1


class _Cells:
    """The different cells of one column, numbered in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._blocks: list[NDArray[np.int32]] = []

    def add(self, cells: Sequence[str]) -> None:
        """Take over a block of lines."""
        numbers = self._numbers
        for text in dict.fromkeys(cells):
            numbers.setdefault(text, len(numbers))
        found = map(numbers.__getitem__, cells)
        self._blocks.append(np.fromiter(found, dtype=np.int32, count=len(cells)))

    @property
    def texts(self) -> list[str]:
        """The different cells."""
        return list(self._numbers)

    @property
    def numbers(self) -> NDArray[np.int32]:
        """Which of them stands in each line."""
        return np.concatenate([np.zeros(0, dtype=np.int32), *self._blocks])


def combined(columns: Sequence[NDArray[np.signedinteger]]) -> Whole:
    """One number for each different combination."""
    found = columns[0].astype(np.int64)
    for column in columns[1:]:
        size = int(column.max(initial=0)) + 1
        if (int(found.max(initial=0)) + 1) * size > _MOST_COMBINED:
            found = np.unique(found, return_inverse=True)[1]
        found = found * size + column
    return found
