"""Sets a brief as PDF from the same page that prints; the only file that knows WeasyPrint.

WeasyPrint draws with the machine's Pango, which a small installation may lack; then there is no
PDF, and Word and the printing page remain.
"""

from pathlib import Path
from typing import NoReturn, Protocol, cast

import structlog

_log = structlog.get_logger()
_STYLE = Path(__file__).parent / "static" / "brief.css"


class _Document(Protocol):
    """What we use of WeasyPrint's document; it has no types of its own."""

    def write_pdf(self, *, stylesheets: list[object]) -> bytes | None:
        """The document as PDF."""
        ...


class NoPdfError(Exception):
    """This machine cannot write PDF: Pango is missing."""


def write_pdf(page: str) -> bytes:
    """The page as PDF; it loads nothing from anywhere. About a second of CPU: call it in a thread.

    Raises:
        NoPdfError: Pango is missing on this machine.
    """
    try:
        import weasyprint  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] -- loads Pango, half a second and not everywhere
    except OSError as error:
        _log.warning("no pdf", why=str(error))
        raise NoPdfError from error
    style = weasyprint.CSS(string=_STYLE.read_text(encoding="utf-8"), url_fetcher=_refuse)
    document = cast("_Document", weasyprint.HTML(string=page, url_fetcher=_refuse))
    written = document.write_pdf(stylesheets=[style])
    if written is None:
        raise NoPdfError
    return written


def _refuse(url: str) -> NoReturn:
    """A document that loads something could be made to load anything."""
    raise ValueError(f"a brief loads nothing: {url}")
