"""Sets a brief as a Word document, into the county's template where there is one.

A template's places are found in its body, in its tables and in its headers and footers, and what
takes their place is written as they were (font, size, colour).
"""

import io
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Protocol, cast

import docx
from docx.document import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.table import Table, _Cell  # pyright: ignore[reportPrivateUsage] -- has no other name
from docx.text.paragraph import Paragraph

from service.web.brief import Brief, Section

PLACE = "{{brief}}"
"""A line of the template that the brief takes the place of; without it the brief stands last."""


class _Element(Protocol):
    """What we use of an lxml element."""

    @property
    def attrib(self) -> object:
        """Its attributes."""
        ...

    def getparent(self) -> "_Element":
        """The element around it."""
        ...

    def remove(self, element: "_Element") -> None:
        """Takes a child out."""
        ...

    def addprevious(self, element: "_Element") -> None:
        """Puts another one before it."""
        ...

    def makeelement(self, name: str) -> "_Element":
        """A new element that stands nowhere yet."""
        ...

    def append(self, element: "_Element") -> None:
        """Puts a child last."""
        ...

    def set(self, name: str, value: str) -> None:
        """Writes an attribute."""
        ...

    def iter(self, name: str) -> "Iterator[_Element]":
        """What is called so, at any depth."""
        ...

    def get_or_add_rPr(self) -> "_Element":  # noqa: N802 -- lxml's and Word's spelling
        """The letters' properties."""
        ...

    def get_or_add_rFonts(self) -> "_Element":  # noqa: N802
        """The fonts among them."""
        ...

    def get_or_add_trPr(self) -> "_Element":  # noqa: N802
        """A row's properties."""
        ...


class BriefTemplateError(Exception):
    """The county's template cannot be read as a Word document."""


def write_docx(brief: Brief, template: Path | None) -> bytes:
    """The document; styles, header and footer are the template's own.

    `{{title}}`, `{{subtitle}}` and `{{foot}}` in the template's lines become the brief's.

    Raises:
        BriefTemplateError: the template is missing or no Word document.
    """
    try:
        document = docx.Document(None if template is None else str(template))
    except (PackageNotFoundError, KeyError, ValueError, OSError) as error:
        raise BriefTemplateError(str(template)) from error
    if template is None:
        _speak(document, brief.language)
    words = {"{{title}}": brief.title, "{{subtitle}}": brief.subtitle, "{{foot}}": brief.foot}
    named = _replace(document, words)
    place = next((one for one in _paragraphs(document) if PLACE in one.text), None)
    if "{{title}}" not in named:
        _paragraph(document, place, brief.title, "Title")
        _paragraph(document, place, brief.subtitle, None)
    for section in brief.sections:
        _section(document, place, section)
    if "{{foot}}" not in named:
        _paragraph(document, place, brief.foot, None)
    if place is not None:
        _element(place).getparent().remove(_element(place))
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _replace(document: Document, words: Mapping[str, str]) -> set[str]:
    """Fills the template's own places; returns those that it had."""
    found: set[str] = set()
    around = [part for one in document.sections for part in (one.header, one.footer)]
    for paragraph in (one for part in (document, *around) for one in _paragraphs(part)):
        named = [name for name in words if name in paragraph.text]
        if named:
            text = paragraph.text
            for name in named:
                text = text.replace(name, words[name])
            # Word cuts a line into runs as it likes: the first one's letters are the line's.
            paragraph.runs[0].text = text
            for run in paragraph.runs[1:]:
                run.text = ""
            found.update(named)
    return found


class _Part(Protocol):
    """Whatever holds lines and tables: a document, a header, a footer, a cell."""

    @property
    def paragraphs(self) -> list[Paragraph]:
        """Its own lines."""
        ...

    @property
    def tables(self) -> list[Table]:
        """Its own tables."""
        ...


def _paragraphs(part: _Part) -> Iterator[Paragraph]:
    """Every line, those in tables too; once, also where cells were joined."""
    yield from part.paragraphs
    cells: dict[object, _Cell] = {
        cell._tc: cell  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- joined cells share it
        for table in part.tables
        for row in table.rows
        for cell in row.cells
    }
    for cell in cells.values():
        yield from _paragraphs(cell)


def _speak(document: Document, language: str) -> None:
    """Chinese letters in Chinese fonts: without a name Word may take another country's forms."""
    if language != "zh":
        return
    for name, font in (("Normal", "宋体"), ("Title", "黑体"), ("Heading 2", "黑体")):
        style = cast("_Element", document.styles[name].element)
        fonts = style.get_or_add_rPr().get_or_add_rFonts()
        cast("MutableMapping[str, str]", fonts.attrib).pop(qn("w:eastAsiaTheme"), None)
        fonts.set(qn("w:eastAsia"), font)
    for one in cast("_Element", document.styles.element).iter(qn("w:lang")):
        one.set(qn("w:eastAsia"), "zh-CN")


def _keep_rows(table: Table) -> None:
    """No row is torn by a page's end, and the head stands on each page."""
    for number, row in enumerate(table.rows):
        element = cast("_Element", row._tr)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- python-docx has no word for it
        properties = element.get_or_add_trPr()
        properties.append(properties.makeelement(qn("w:cantSplit")))
        if number == 0:
            properties.append(properties.makeelement(qn("w:tblHeader")))


def _section(document: Document, place: Paragraph | None, section: Section) -> None:
    _paragraph(document, place, section.title, "Heading 2")
    for line in section.lines:
        _paragraph(document, place, line, "List Bullet")
    if not section.table:
        return
    table = document.add_table(rows=0, cols=len(section.table[0]))
    if "Table Grid" in {style.name for style in document.styles}:
        table.style = "Table Grid"
    for row in section.table:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    _keep_rows(table)
    if place is not None:  # python-docx adds tables at the end only
        _element(place).addprevious(_element(table))


def _element(part: Paragraph | Table) -> _Element:
    """The XML element itself: what python-docx cannot move or remove, lxml can."""
    return cast("_Element", part._element)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- see above


def _paragraph(document: Document, place: Paragraph | None, text: str, style: str | None) -> None:
    known = style if style in {one.name for one in document.styles} else None
    if place is None:
        document.add_paragraph(text, style=known)
    else:
        place.insert_paragraph_before(text, style=known)
