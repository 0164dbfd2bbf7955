"""Every sentence of the pages exists in both languages, with the same places to fill."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from service.web.language import CATALOGUES, LOCALES, known_language, say
from service.web.words import WORDS, word

_WEB = Path(__file__).parents[3] / "service" / "web"
_KEYWORDS = {"mark": None, "say": (2,), "_": None}
_PLACE = re.compile(r"%\(\w+\)[a-z]")


def sentences() -> set[str]:
    """What templates and modules say."""
    found = extract_from_dir(
        str(_WEB),
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
        keywords=_KEYWORDS,
    )
    return {message for _, _, message, _, _ in found if isinstance(message, str)}


def catalogue(locale: str) -> dict[str, str]:
    with (CATALOGUES / locale / "messages.po").open("rb") as text:
        return {
            str(message.id): str(message.string)
            for message in read_po(text, locale=locale)
            if message.id
        }


def test_the_extraction_sees_templates_and_modules() -> None:
    found = sentences()
    assert "Skip to the content" in found
    assert "I have spoken to the patient" in found
    assert len(found) > 200


@pytest.mark.parametrize("locale", sorted(LOCALES.values()))
def test_no_sentence_is_missing(locale: str) -> None:
    translated = {text for text, translation in catalogue(locale).items() if translation}
    assert sentences() - translated == set()


@pytest.mark.parametrize("locale", sorted(LOCALES.values()))
def test_no_translation_is_left_over(locale: str) -> None:
    assert set(catalogue(locale)) - sentences() == set()


@pytest.mark.parametrize("locale", sorted(LOCALES.values()))
def test_a_translation_fills_the_same_places(locale: str) -> None:
    for text, translation in catalogue(locale).items():
        assert sorted(_PLACE.findall(text)) == sorted(_PLACE.findall(translation)), text


def test_chinese_is_chinese() -> None:
    latin_only = {
        text
        for text, translation in catalogue("zh_CN").items()
        if not re.search("[一-鿿]", translation)
    }
    assert latin_only == {", ", ": ", "ARB", "ACE inhibitor"}


def test_a_code_without_a_word_stands_as_it_is() -> None:
    assert word("zh", "outcome", "advice") == "已给予指导"
    assert word("en", "condition", "gout") == "gout"


def test_every_word_is_in_both_languages() -> None:
    for kind, words in WORDS.items():
        for code in words:
            assert word("zh", kind, code)
            assert word("en", kind, code) == words[code]


def test_an_unknown_language_falls_back() -> None:
    assert known_language("fr") == "zh"
    assert known_language(None, "en") == "en"
    assert say("zh", "no such sentence") == "no such sentence"
