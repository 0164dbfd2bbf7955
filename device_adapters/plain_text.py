"""Text from outside that may be kept: no control characters, no halves of characters.

A lone surrogate cannot be written as UTF-8, PostgreSQL's text refuses NUL, and a line break makes
two lines of one on an operator's screen.
"""

import re

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""C0, DEL, C1, the line and paragraph separator, and surrogates (Unicode 15, chapter 23)."""


def is_plain(text: str) -> bool:
    """Whether `text` can be encoded, stored and shown on one line as it is."""
    return _UNSAFE.search(text) is None


def escaped(text: str) -> str:
    r"""`text` with each unsafe character written out: a NUL as `\x00`, half a pair as `\ud800`.

    Plain text stays as it is, so escaping twice changes nothing more.
    """
    return _UNSAFE.sub(_written_out, text)


def text_of(octets: bytes) -> str:
    r"""What a device's `octets` say: UTF-8, unsafe characters and padding at both ends cut off.

    Inside, an unsafe character or an octet that is no UTF-8 is written out (`\xff`) and not
    replaced by one mark for all: two serial numbers that differ stay two.
    """
    text = octets.decode("utf-8", "backslashreplace")
    start, end = 0, len(text)
    while start < end and _is_padding(text[start]):
        start += 1
    while end > start and _is_padding(text[end - 1]):
        end -= 1
    return escaped(text[start:end])


def _is_padding(character: str) -> bool:
    return character == " " or not is_plain(character)


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - one octet
