"""Sets a brief as a Word document, into the county's template where there is one."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, cast

import docx
from docx.document import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from docx.text.paragraph import Paragraph

from service.web.brief import Brief, Section

PLACE = "{{brief}}"
"""A line of the template that the brief takes the place of; without it the brief stands last."""


class _Element(Protocol):
    """What we use of an lxml element."""

    def getparent(self) -> "_Element":
        """The element around it."""
        ...

    def remove(self, element: "_Element") -> None:
        """Takes a child out."""
        ...

    def addprevious(self, element: "_Element") -> None:
        """Puts another one before it."""
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
    words = {"{{title}}": brief.title, "{{subtitle}}": brief.subtitle, "{{foot}}": brief.foot}
    named = _replace(document, words)
    place = next((one for one in document.paragraphs if PLACE in one.text), None)
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
    for paragraph in document.paragraphs:
        for name, text in words.items():
            if name in paragraph.text:
                paragraph.text = paragraph.text.replace(name, text)
                found.add(name)
    return found


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
