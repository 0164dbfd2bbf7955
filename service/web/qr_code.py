"""A QR code as what an SVG path needs; the only file that talks to segno."""

from dataclasses import dataclass

import segno

QUIET_ZONE = 4
"""White modules around the code that belong to it (ISO/IEC 18004): without them scanners fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QrPicture:
    """A square of `size` modules a side; `path` strokes the dark ones, a run of them at a time."""

    size: int
    path: str


def qr_picture(text: str) -> QrPicture:
    """The QR code (error level M) of some upper-case letters and digits."""
    code = segno.make_qr(text, error="m")
    rows = [list(row) for row in code.matrix_iter(border=QUIET_ZONE)]
    runs = [run for y, row in enumerate(rows) for run in _runs(row, y)]
    return QrPicture(size=len(rows), path="".join(runs))


def _runs(row: list[int], y: int) -> list[str]:
    runs: list[str] = []
    x = 0
    while x < len(row):
        length = 0
        while x + length < len(row) and row[x + length]:
            length += 1
        if length:
            # the middle of the row: a stroke is as wide as a module
            runs.append(f"M{x} {y}.5h{length}")
        x += max(1, length)
    return runs
