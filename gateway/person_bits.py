"""What is known of a person alone, as the bits of one column. Pure.

Whether somebody takes insulin, or has a certain diagnosis, settles most conditions that ask for it,
and it does not change with a reading: the screen need not send a low glucose of who takes no such
drug to the exact stage. The first bit says that a person is known to be pregnant; the others stand
for the questions of `Pack.personal`, in their order, and say that the answer is no.
"""

from rules.pack import Pack
from rules.screen import is_for
from rules.tree import Tree
from rules.vocabulary import Profile, Ternary

PREGNANT = 1
QUESTIONS = 7
"""So many questions of a pack have a bit; of the others any answer is possible."""


def bits_of(profile: Profile, pack: Pack) -> int:
    """The column of a person under these rules."""
    bits = PREGNANT if profile.pregnant is Ternary.YES else 0
    for place, question in enumerate(pack.personal[:QUESTIONS], start=1):
        if not is_for(question, profile):
            bits |= 1 << place
    return bits


def bit_of(name: str, parts: tuple[Tree, ...], personal: tuple[Tree, ...]) -> int:
    """The bit of a question, 0 where it has none."""
    for place, question in enumerate(personal[:QUESTIONS], start=1):
        if question.text == name and question.parts == parts:
            return 1 << place
    return 0
