"""What is known of a person alone, as bits: a drug that is surely not taken, and no more."""

import pytest

from gateway.packs import load_shipped
from gateway.person_bits import PREGNANT, QUESTIONS, bit_of, bits_of
from rules.vocabulary import Profile, SubjectRef, Ternary

PACK = load_shipped().beside
QUESTION = next(one for one in PACK.personal if one.told == "takes_drug('insulin', 'sulfonylurea')")


def bits(profile: Profile) -> int:
    """The bit of the drugs that lower glucose."""
    found = bit_of(QUESTION.text, QUESTION.parts, PACK.personal)
    assert found
    return bits_of(profile, PACK) & found


@pytest.mark.parametrize(
    ("drugs", "is_no"),
    [
        (None, False),  # nobody knows, so it may be
        (frozenset[str](), True),
        (frozenset({"arb"}), True),
        (frozenset({"arb", "insulin"}), False),
        (frozenset({"sulfonylurea"}), False),
        (frozenset({"glargine"}), False),  # another name of one, for all that rules know
        (frozenset({"arb", "Insulin"}), False),
    ],
)
def test_only_a_known_list_without_the_drug_says_no(
    drugs: frozenset[str] | None, *, is_no: bool
) -> None:
    assert bool(bits(Profile(subject=SubjectRef("s"), drug_classes=drugs))) is is_no


def test_a_known_pregnancy_has_the_first_bit_and_an_unknown_one_none() -> None:
    for pregnant in Ternary:
        found = bits_of(Profile(subject=SubjectRef("s"), pregnant=pregnant), PACK)
        assert bool(found & PREGNANT) is (pregnant is Ternary.YES)


def test_every_question_of_the_shipped_packs_has_a_bit_of_its_own() -> None:
    assert len(PACK.personal) <= QUESTIONS
    found = {bit_of(one.text, one.parts, PACK.personal) for one in PACK.personal}
    assert len(found) == len(PACK.personal)
    assert not found & {0, PREGNANT}
    assert max(found) < 256


def test_a_question_beyond_the_bits_may_have_any_answer() -> None:
    many = (*PACK.personal, *PACK.personal)[: QUESTIONS + 1]
    last = QUESTION.parts[0]
    assert bit_of("takes_drug", (last, last), many) == 0
