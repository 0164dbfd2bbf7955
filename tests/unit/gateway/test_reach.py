from datetime import timedelta

from gateway.reach import NOBODY_REACHED, Reach
from rules.vocabulary import AlertId
from tests.unit.gateway.observations import START

ALERT = AlertId("0d5f9d5e-6f0c-5a43-8a6f-6f4f0d1d2a11")


def after(seconds: float) -> object:
    return START + timedelta(seconds=seconds)


def unreached(reach: Reach, seconds: float) -> bool:
    return reach.is_unreached(ALERT, START, START + timedelta(seconds=seconds))


def test_without_a_receipt_nobody_is_reached_after_a_minute() -> None:
    reach = Reach()
    assert not unreached(reach, 59)
    assert unreached(reach, 60)
    assert reach.changes_at(ALERT, START, START) == after(60)
    assert reach.changes_at(ALERT, START, START + timedelta(seconds=60)) is None


def test_a_receipt_buys_time_until_five_minutes_without_a_person() -> None:
    reach = Reach()
    reach.note_receipt(ALERT)
    assert not unreached(reach, 299)
    assert unreached(reach, 300)
    assert reach.changes_at(ALERT, START, START) == after(300)


def test_a_person_who_was_told_ends_it_also_when_late() -> None:
    reach = Reach()
    assert unreached(reach, 400)
    reach.note_told([ALERT])
    assert not unreached(reach, 400)
    assert reach.changes_at(ALERT, START, START) is None


def test_the_words_name_120_in_both_languages() -> None:
    assert "120" in NOBODY_REACHED.zh
    assert "120" in NOBODY_REACHED.en
