"""No message promises help, and each says what to do now (hazard H19)."""

import pytest

from rules.vocabulary import Family, Priority
from service.alerts.lifecycle import Answer
from service.alerts.patient_text import (
    MessageKind,
    PatientText,
    answered,
    in_chinese,
    in_english,
    is_told,
    told,
)

PROMISES = ("is coming", "on the way", "help", "soon", "马上到", "放心", "正在", "会来", "稍等")


def unanswered() -> list[PatientText]:
    return [
        told(reached=reached, step=step, family=family)
        for reached in (False, True)
        for step in (0, 1, 5)
        for family in Family
    ]


@pytest.mark.parametrize("text", unanswered(), ids=lambda text: text.en[:40])
def test_before_an_answer_nothing_is_promised(text: PatientText) -> None:
    for promise in PROMISES:
        assert promise not in text.zh
        assert promise not in text.en
    assert "请马上拨打120" in text.zh
    assert "call 120 now" in text.en


def test_nobody_reached_is_said_plainly() -> None:
    text = told(reached=False, step=0, family=Family.GLUCOSE)
    assert "没有联系到任何医生" in text.zh
    assert "No doctor has been reached" in text.en


def test_the_first_message_and_the_next_differ() -> None:
    first = told(reached=True, step=0, family=Family.GLUCOSE)
    later = told(reached=True, step=1, family=Family.GLUCOSE)
    assert (first.kind, later.kind) == (MessageKind.CONTACTED, MessageKind.UNANSWERED)
    assert "已经通知：李医生、王医生。" in in_chinese(first.zh, ["李医生", "王医生"])
    assert "contacted: 李医生, 王医生. Nobody" in in_english(first.en, ["李医生", "王医生"])
    assert "还没有人回应" in later.zh


@pytest.mark.parametrize("said", [Answer.SEEN, Answer.CONTACTED, Answer.GOING])
def test_an_answer_names_who_answered_and_still_says_120(said: Answer) -> None:
    text = answered(said, Family.BLOOD_PRESSURE)
    assert in_chinese(text.zh, ["李医生"]).startswith("李医生")
    assert in_english(text.en, []).startswith("your doctor")
    assert "120" in text.zh
    assert "120" in text.en


@pytest.mark.parametrize(
    ("priority", "dated", "expected"),
    [
        (Priority.EMERGENCY, False, True),
        (Priority.URGENT, False, True),
        (Priority.SOON, False, False),
        (Priority.EMERGENCY, True, False),
    ],
)
def test_who_is_told_at_all(priority: Priority, dated: bool, expected: bool) -> None:
    assert is_told(priority, dated=dated) is expected
