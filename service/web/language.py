"""The two languages of the pages: gettext catalogues, read once from their text form.

Message ids are the English sentences; both catalogues hold every one of them (a test compares
them with what the templates and modules say).
"""

from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LOCALES = {"zh": "zh_CN", "en": "en"}
"""Language of an account -> locale of catalogue, dates and numbers."""

CATALOGUES = Path(__file__).parent / "locales"


def mark(text: str) -> str:
    """`text` itself, noted for translation where a table is written before a language is known."""
    return text


def known_language(language: str | None, default: str = "zh") -> str:
    """`language` where there is a catalogue for it, else `default`."""
    return language if language in LOCALES else default


@cache
def translations(language: str) -> Translations:
    """The catalogue of `language`.

    Raises:
        KeyError: there is none.
    """
    path = CATALOGUES / LOCALES[language] / "messages.po"
    with path.open("rb") as text:
        catalogue = read_po(text, locale=LOCALES[language])
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def say(language: str, text: str) -> str:
    """The sentence `text` (an English message id) in `language`."""
    return translations(language).ugettext(text)
