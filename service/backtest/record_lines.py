"""The lines of a recording as columns, each different cell of a column numbered once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from service.backtest.record_error import RecordError

REQUIRED = ("subject", "effective_at", "code", "value", "unit")
_COLUMNS = (*REQUIRED, "received_at", "device", "context", "flags")
_AT_ONCE = 50_000
_MOST_COMBINED = 2**62
_NOTHING: list[str] = []

Whole = NDArray[np.int64]
Refused = list[tuple[int, str]]


class Cells:
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
    def numbers(self) -> Whole:
        """Which of them stands in each line."""
        return np.concatenate([np.zeros(0, dtype=np.int32), *self._blocks]).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The good lines as columns: each names its different cells by number."""

    number: Whole
    cells: Mapping[str, Whole]
    texts: Mapping[str, Sequence[str]]


def lines_of(rows: Iterator[list[str]], refused: Refused) -> Lines:
    """The lines with as many cells as the header; the others are `refused`.

    Raises:
        RecordError: a required column is missing.
    """
    header = next(rows, _NOTHING)
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise RecordError(f"column missing: {', '.join(missing)}")
    columns = {name: Cells() for name in _COLUMNS}
    numbers = [np.zeros(0, dtype=np.int64)]
    begin = 2
    while block := list(islice(rows, _AT_ONCE)):
        good = [place for place, row in enumerate(block) if len(row) == len(header)]
        for place in set(range(len(block))).difference(good):
            told = f"{len(block[place])} columns where the header has {len(header)}"
            refused.append((begin + place, told))
        numbers.append(np.array(good, dtype=np.int64) + begin)
        begin += len(block)
        cells = dict(zip(header, zip(*(block[place] for place in good), strict=True), strict=False))
        for name, column in columns.items():
            column.add(cells.get(name, ("",) * len(good)))
    return Lines(
        number=np.concatenate(numbers),
        cells={name: column.numbers for name, column in columns.items()},
        texts={name: column.texts for name, column in columns.items()},
    )


def combined(columns: Sequence[Whole]) -> Whole:
    """One number for each different combination."""
    found = columns[0]
    for column in columns[1:]:
        size = int(column.max(initial=0)) + 1
        if (int(found.max(initial=0)) + 1) * size > _MOST_COMBINED:
            found = np.unique(found, return_inverse=True)[1]
        found = found * size + column
    return found
