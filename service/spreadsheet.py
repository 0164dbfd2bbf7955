"""Tables as people keep them: CSV in the encodings of Chinese offices, and Excel workbooks.

Everything comes out as lines of texts. The only file that knows openpyxl.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

from service.care.lines import escaped

LARGEST = 64 * 1024 * 1024
"""Bytes of a file; a million contracts in CSV are some 60 MB."""

MOST_LINES = 1_100_000
_MOST_CELLS = 60


class TableError(ValueError):
    """The file is no table that can be read; the text says why."""


def read_table(content: bytes, name: str) -> Iterator[list[str]]:
    """The lines of a file, the heading first; by its name an Excel workbook, else CSV.

    Of a workbook the first sheet is read. Empty lines are passed over.

    Raises:
        TableError: too large, an unknown encoding, or a damaged workbook.
    """
    if len(content) > LARGEST:
        raise TableError(f"larger than {LARGEST // 1024 // 1024} MB")
    lines = _sheet(content) if name.lower().endswith(".xlsx") else _csv(content)
    for number, line in enumerate(lines):
        if number >= MOST_LINES:
            raise TableError(f"more than {MOST_LINES} lines")
        if any(line):
            yield line[:_MOST_CELLS]


def write_table(lines: Iterable[list[str]], name: str) -> bytes:
    """The lines as a file: an Excel workbook by its name, else CSV that Excel reads as UTF-8.

    No cell can be taken for a formula.
    """
    safe = ([escaped(cell) for cell in line] for line in lines)
    if name.lower().endswith(".xlsx"):
        return _workbook(safe)
    out = io.StringIO(newline="")
    csv.writer(out).writerows(safe)
    return out.getvalue().encode("utf-8-sig")


def _csv(content: bytes) -> Iterator[list[str]]:
    text = _decoded(content)
    try:
        for line in csv.reader(io.StringIO(text, newline="")):
            yield [cell.strip() for cell in line]
    except csv.Error as error:
        raise TableError(str(error)) from error


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableError("neither UTF-8 nor GB 18030")


def _sheet(content: bytes) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # noqa: PLC0415 -- 0.2 s of every start, for few uploads
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        for row in sheet.iter_rows(values_only=True, max_col=_MOST_CELLS):
            line = [_text(value) for value in row]
            while line and not line[-1]:  # a sheet is as wide as its widest line
                line.pop()
            yield line
    except (
        *(BadZipFile, InvalidFileException, ParseError),
        *(KeyError, ValueError, IndexError, TypeError, EOFError),
    ) as error:
        raise TableError("not a workbook that can be read") from error


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float() if value.is_integer():
            return str(int(value))
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value).strip()


def _workbook(lines: Iterable[list[str]]) -> bytes:
    from openpyxl import Workbook  # noqa: PLC0415 -- as above

    book = Workbook(write_only=True)
    sheet = book.create_sheet("hearthwatch")
    for line in lines:
        sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
