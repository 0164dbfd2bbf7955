"""The timeline says in words what was wrong, not only that something happened."""

from datetime import UTC, datetime

import pytest

from service.alerts.routing import Doubt
from service.store.records import TimelineEntry
from service.web.timeline_view import doubts_of, timeline_view
from service.web.words import WORDS

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def entry(what: str, **detail: str) -> TimelineEntry:
    return TimelineEntry(at=NOW, actor="system", what=what, detail=detail)


@pytest.mark.row("A10")
def test_every_doubt_about_whom_to_ask_is_a_sentence_on_the_timeline() -> None:
    doubts = ",".join(Doubt)
    (event,) = timeline_view([entry("rang", tier="village_doctor", doubts=doubts)], {}, "en")
    for sentence in WORDS["doubt"].values():
        assert sentence in event.text
    assert len(doubts_of([entry("rang", doubts=doubts)], "zh")) == len(Doubt)
    (plain,) = timeline_view([entry("rang", tier="village_doctor", doubts="")], {}, "en")
    assert plain.text == "System: asked (Village doctor)"


@pytest.mark.row("A9")
@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("timed out", "no answer in time"),
        ("gave way", "no answer before an emergency had to leave"),
        ("answer not understood", "the answer was not understood"),
        ("messenger says 45009", "messenger says 45009"),
    ],
)
def test_why_a_message_failed_is_read_in_words(result: str, said: str) -> None:
    failed = entry("delivery failed", channel="wecom", result=result)
    (event,) = timeline_view([failed], {}, "en")
    assert event.text == f"System: failed, will be tried again (WeCom, {said})"
