"""What is usual for a person, in words."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from rules.usual import Telling, usual_sentences
from rules.vocabulary import QuantityName
from rules.window import Baseline, Expected, Usual

TODAY = date(2026, 11, 21)
USUAL = Baseline(
    recent_mean=131.4,
    recent_sd=7.2,
    readings=80,
    days=40,
    anchor=126.0,
    anchor_confirmed=True,
    parts={
        "morning": Usual(mean=128.3, sd=6.1, readings=41),
        "evening": Usual(mean=139.0, sd=8.0, readings=4),
    },
)
TELLING = Telling(
    name=QuantityName.SYSTOLIC,
    now="151",
    day=TODAY,
    target=Decimal(140),
    part="morning",
    language="en",
)


def test_the_usual_morning_is_compared_with_a_morning() -> None:
    assert usual_sentences(USUAL, TELLING) == [
        "Usual mornings: systolic 128 ± 6 mmHg (41 readings); now 151.",
        "Target 140.",
        "First week 126.",
    ]
    chinese = usual_sentences(USUAL, replace(TELLING, language="zh"))
    assert chinese[0] == "本人早晨常态收缩压 128 ± 6 mmHg（41次测量）；本次 151。"


def test_a_number_of_another_day_is_told_with_its_day() -> None:
    then = replace(TELLING, past=True)
    assert usual_sentences(USUAL, then)[0] == (
        "Usual mornings: systolic 128 ± 6 mmHg (41 readings); 151 on 2026-11-21."
    )
    own = usual_sentences(USUAL, replace(then, own=True, language="zh"))[0]
    assert own == "您平时早晨的收缩压：128 ± 6 mmHg（41次测量）；2026-11-21测得 151。"


def test_a_part_with_few_readings_is_told_as_the_whole_day() -> None:
    for part in ("evening", ""):
        first = usual_sentences(USUAL, replace(TELLING, part=part))[0]
        assert first == "Usual for this person: systolic 131 ± 7 mmHg (80 readings); now 151."


def test_the_person_is_spoken_to() -> None:
    own = usual_sentences(USUAL, replace(TELLING, own=True))[0]
    assert own == "Your usual systolic, mornings, is 128 ± 6 mmHg (41 readings); now 151."
    assert (
        "您平时早晨的收缩压" in usual_sentences(USUAL, replace(TELLING, own=True, language="zh"))[0]
    )


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_usual_above_the_target_is_never_called_normal(language: str, own: bool) -> None:
    high = replace(USUAL, recent_mean=158.0, parts={})
    told = " ".join(usual_sentences(high, replace(TELLING, language=language, own=own)))
    assert "158" in told
    assert "140" in told
    assert ("高于目标值" if language == "zh" else "above") in told
    assert "正常" not in told
    assert "normal" not in told.lower()


def test_a_cold_start_says_how_much_a_group_speaks() -> None:
    group = Expected(
        mean=136.0, sd=13.4, weight=0.27, group_zh="高血压患者", group_en="the treated", source="x"
    )
    few = Baseline(recent_mean=141.0, recent_sd=5.0, readings=2, days=1, expected=group)
    told = usual_sentences(few, TELLING)
    assert told[1] == ("Few own readings yet: expect 136 ± 13 mmHg, 27 % of it from the treated.")
    nothing = usual_sentences(Baseline(expected=group), TELLING)
    assert len(nothing) == 1
    assert "(a group)" in nothing[0]
    assert usual_sentences(Baseline(), TELLING) == []


@pytest.mark.parametrize("change", ["drug", "device"])
def test_a_change_is_named_for_two_months(change: str) -> None:
    since = TODAY - timedelta(days=12)
    marked = replace(USUAL, marked=change, marked_on=since, fast_mean=139.6, fast_days=10)
    word = "Another device" if change == "device" else "Medicines changed"
    last = usual_sentences(marked, TELLING)[-1]
    assert word in last
    assert "140" in last
    assert "2026-11-09" in last
    fresh = usual_sentences(replace(marked, fast_days=2), TELLING)[-1]
    assert "too few days" in fresh
    late = replace(TELLING, day=since + timedelta(days=61))
    assert all(word not in sentence for sentence in usual_sentences(marked, late))


def test_one_reading_is_nobodys_usual() -> None:
    one = Baseline(recent_mean=156.0, recent_sd=None, readings=1, days=1)
    assert usual_sentences(one, TELLING) == []
