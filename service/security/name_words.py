"""By which words a person is found, and in which order people are listed.

Parts of the name, initials of its pinyin, the telephone. The database cannot order what is sealed:
lists of names are put in order once they can be read.
"""

from itertools import combinations

from pypinyin import Style, lazy_pinyin

SHORTEST = 2
"""Characters: a single one would tell by its frequency which surname it is."""

_LONGEST = 6
_PHONE_TAIL = 4


def words_of(name: str, phone: str | None) -> set[str]:
    """Every part of two to six neighbouring characters, the whole, initials, and the telephone.

    张桂英 is found by 张桂英, 张桂, 桂英, zgy, zg; Anna Li by its words, too.
    """
    whole = name.casefold().strip()
    packed = "".join(whole.split())
    parts = {packed[a:b] for a, b in combinations(range(len(packed) + 1), 2) if b - a <= _LONGEST}
    initials = "".join(lazy_pinyin(packed, style=Style.FIRST_LETTER, errors="ignore")).casefold()
    found = parts | {whole, *whole.split()} | {initials[:n] for n in range(SHORTEST, 9)}
    found |= {phone, phone[-_PHONE_TAIL:]} if phone else set()
    return {word for word in found if len(word) >= SHORTEST}


def name_order(name: str) -> tuple[str, str]:
    """Where a name stands in a list: by its pinyin, then by itself."""
    return "".join(lazy_pinyin(name)).casefold(), name
