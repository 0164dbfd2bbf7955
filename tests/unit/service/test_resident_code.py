"""A resident's code says nothing, and only ours is read."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.resident_code import code_text, read_code

KEY = bytes(range(32))
CODE = UUID("00112233-4455-6677-8899-aabbccddeeff")


def test_what_was_written_is_read_however_it_was_typed() -> None:
    text = code_text(CODE, KEY)
    assert len(text) == 36
    assert text.isalnum()
    assert text == text.upper()
    # RFC 4648: the first 16 of 21 bytes are the number, 00 11 22 33 44 -> AAISEM2E
    assert text.startswith("HWAAISEM2E")
    spaced = " ".join(text[i : i + 4] for i in range(0, len(text), 4))
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in text)  # full-width forms block
    for typed in (text, text.lower(), spaced, f" {text}\r\n", wide, text[:6] + "-" + text[6:]):
        assert read_code(typed, KEY) == CODE


@pytest.mark.parametrize("typed", ["", "HW", "张桂英", "4006381333931", "https://example.cn/x"])
def test_something_else_is_not_read(typed: str) -> None:
    assert read_code(typed, KEY) is None


def test_another_countys_signature_is_not_ours() -> None:
    assert read_code(code_text(CODE, bytes(32)), KEY) is None


@given(st.integers(2, 34), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_one_wrong_letter_is_noticed(place: int, letter: str) -> None:
    # the last letter carries two spare bits, which base 32 does not compare
    text = code_text(uuid4(), KEY)
    changed = text[:place] + letter + text[place + 1 :]
    assert changed == text or read_code(changed, KEY) is None


@given(st.text(max_size=60))
def test_no_text_raises(typed: str) -> None:
    assert read_code(typed, KEY) is None
