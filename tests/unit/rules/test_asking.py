"""What a page asks after a reading: neither more nor less than the rules that run can use."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.packs import load_shipped
from rules.asking import MOST_DANGEROUS_FIRST, Question, question
from rules.engine import evaluate
from rules.vocabulary import Profile, SubjectRef
from rules.window import Point, Window
from rules.words import WORDS, Parameter
from tests.unit.rules.readings import START, answer, glucose, minutes, pressure, symptom

PACK = load_shipped().live
DRUGS = frozenset({"insulin"})


def window(*points: Point, drugs: frozenset[str] | None = None) -> Window:
    profile = Profile(subject=SubjectRef("s"), birth_year=1950, drug_classes=drugs)
    return Window(points=points, profile=profile)


def asked(*points: Point, drugs: frozenset[str] | None = None, at_min: float = 1) -> Question:
    return question(PACK, window(*points, drugs=drugs), START + minutes(at_min))


def test_every_symptom_has_its_place() -> None:
    assert sorted(MOST_DANGEROUS_FIRST) == sorted(WORDS[Parameter.SYMPTOM])


def test_an_ordinary_reading_asks_nothing_and_a_crisis_asks_for_danger_symptoms() -> None:
    assert not asked(pressure(0, "128", "78")).is_open
    found = asked(pressure(0, "184", "96"))
    assert found.symptoms[0] == "chest_pain"
    assert {"dyspnoea", "speech_or_limb_deficit", "blurred_vision", "confusion"} <= {
        *found.symptoms
    }
    assert not found.waits, "no answer takes the place of a second pressure"


def test_a_low_sugar_on_insulin_waits_for_an_answer_and_one_ends_it() -> None:
    found = asked(glucose(0, "2.8"), drugs=DRUGS)
    assert found.waits
    assert {*found.symptoms} >= {"needs_help", "confusion", "seizure"}
    assert not asked(glucose(0, "2.8"), answer(2), drugs=DRUGS, at_min=3).waits


def test_an_hour_later_nobody_is_asked() -> None:
    assert asked(pressure(0, "184", "96"), at_min=29).is_open
    assert not asked(pressure(0, "184", "96"), at_min=61).is_open


@given(
    upper=st.integers(70, 230),
    lower=st.integers(40, 135),
    word=st.sampled_from(MOST_DANGEROUS_FIRST),
)
def test_what_is_not_asked_would_make_no_rule_ring(upper: int, lower: int, word: str) -> None:
    """Somebody feels it and says so although nobody asked: nothing comes of it at home."""
    reading = pressure(0, str(upper), str(lower))
    told = symptom(1, word)
    now = told.effective_at
    without = evaluate(PACK, window(reading), now, frozenset({reading.identity}))
    with_it = evaluate(PACK, window(reading, told), now, frozenset({told.identity}))
    rests = {d.rule_id for d in with_it.decisions if told.identity in d.points}
    rests |= {w.rule_id for w in with_it.wakes if w.trigger == told.identity}
    if word not in asked(reading).symptoms:
        assert rests == set(), (without, with_it)
