"""What a hub asks about a doubtful reading: on its page for a week, aloud for minutes."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.commands import Asking
from gateway.hub_questions import said, shown

pytestmark = pytest.mark.row("P9")

NOW = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def asking(ago: timedelta) -> Asking:
    return Asking(at=NOW - ago, values="168/95 mmHg")


def test_the_page_asks_newest_first_in_both_languages() -> None:
    first, second = shown([asking(timedelta(days=2)), asking(timedelta(minutes=1))], NOW, UTC)
    assert "11-01 08:29" in first["zh"]
    assert "168/95 mmHg" in first["en"]
    assert "answer on the phone" in first["en"]
    assert "10-30" in second["zh"]


def test_after_a_week_the_page_asks_no_more() -> None:
    assert shown([asking(timedelta(days=8))], NOW, UTC) == ()


def test_a_speaker_asks_only_who_is_still_there() -> None:
    assert said([asking(timedelta(minutes=11))], NOW, UTC) == ()
    both = [asking(timedelta(minutes=4)), asking(timedelta(minutes=2))]
    (question,) = said(both, NOW, UTC)
    assert "08:28" in question["zh"]
