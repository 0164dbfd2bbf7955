"""What is written about a signal is about a township: numbers that name somebody are refused. Pure.

A mobile telephone has eleven digits from 13 to 19, a fixed one ten to twelve from 0, an identity
number seventeen and a digit or X; spaces, dots and hyphens in between change nothing. Names cannot
be told from words, so the page asks for none.
"""

import re
from unicodedata import normalize

_BETWEEN = re.compile(r"(?<=\d)[\s.\-‐-―·]+(?=[\dXx])")
_NUMBER = re.compile(r"\d{17}[\dXx]|1[3-9]\d{9}|(?<!\d)0\d{9,11}(?!\d)")


def names_somebody(*texts: str) -> bool:
    """Whether a telephone or identity number stands in one of the texts."""
    plain = (_BETWEEN.sub("", normalize("NFKC", text)) for text in texts)  # full-width digits too
    return any(_NUMBER.search(text) for text in plain)
