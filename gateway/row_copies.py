"""Copies of structured rows as plain bytes: NumPy goes through them field by field otherwise."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.void]
Places = NDArray[np.int64]


def copied(rows: Rows) -> Rows:
    """A copy of one row or of many."""
    return _raw(rows).copy().view(rows.dtype)


def taken(rows: Rows, places: Places) -> Rows:
    """Copies of the rows in these places."""
    return _raw(rows)[places].view(rows.dtype)


def put(rows: Rows, places: Places, values: Rows) -> None:
    """Overwrite the rows in these places."""
    _raw(rows)[places] = _raw(values)


def one_after_another(parts: Sequence[Rows]) -> Rows:
    """Copies of the rows of all these."""
    return np.concatenate([_raw(rows) for rows in parts]).view(parts[0].dtype)


def _raw(rows: Rows) -> Rows:
    whole = np.asarray(rows)
    return whole.view(_bytes(whole.dtype.itemsize))


@cache
def _bytes(size: int) -> np.dtype[np.void]:
    return np.dtype((np.void, size))
