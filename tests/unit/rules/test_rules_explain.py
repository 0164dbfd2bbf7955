"""An alert explains itself, and its evidence alone gives the same decision again."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from rules.cases import CaseFormat, live_through, load_cases, points_of, window_of
from rules.engine import Decision, evaluate
from rules.explain import EvidenceError, evidence, read_evidence, replay, why
from rules.pack import load
from rules.sentences import FRAME, MEASURED_AGAIN, NEAR, SENTENCES, STAGES
from rules.vocabulary import Bound, Profile, QuantityName, Stage, SubjectRef
from rules.window import Baseline, Value, Window
from tests.unit.rules.readings import (
    FIRST_TEXT,
    PACKS,
    START,
    first_pack,
    flagged,
    glucose,
    identities,
    minutes,
    person,
    pressure,
    window,
)

CASES = load_cases((PACKS / "first.cases.yaml").read_text(encoding="utf-8"), name="first.cases")
USUAL = Baseline(recent_mean=128.4, recent_sd=6.2, readings=41, days=30, anchor=126.0)


def told(seen: Window, *, at_min: float) -> str:
    """Evidence of the first decision over `seen`."""
    now = START + minutes(at_min)
    found = evaluate(first_pack(), seen, now, identities(*seen.points))
    decision = found.decisions[0]
    return evidence(decision, seen, first_pack().rule(decision.rule_id), found.near, now)


@pytest.mark.row("R15")
@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES if c.expect])
def test_every_alert_of_the_worked_cases_replays_from_its_evidence(case: CaseFormat) -> None:
    for rang in live_through(first_pack(), case):
        known = tuple(p for p in points_of(case) if p.received_at <= rang.at)
        seen, rule = window_of(case, known), first_pack().rule(rang.decision.rule_id)
        text = evidence(rang.decision, seen, rule, (), rang.at)
        assert replay(text) == rang.decision
        assert read_evidence(text).decision == rang.decision


@pytest.mark.row("R15")
def test_evidence_is_canonical_and_pins_rule_version_and_hash() -> None:
    seen = window(pressure(0, "185"), pressure(5, "186"))
    text = told(seen, at_min=5)
    shuffled = window(pressure(5, "186"), pressure(0, "185"), pressure(5, "186"))
    assert told(shuffled, at_min=5) == text
    again: dict[str, dict[str, object]] = json.loads(text)
    assert json.dumps(again, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == text
    rule = first_pack().rule("HW-02")
    assert again["decision"]["rule_hash"] == rule.rule_hash
    assert again["decision"]["version"] == rule.version
    assert again["rule"] == rule.raw


@pytest.mark.row("R15")
def test_a_changed_number_in_the_running_pack_does_not_change_an_old_alert() -> None:
    text = told(window(pressure(0, "185"), pressure(5, "186")), at_min=5)
    raised = FIRST_TEXT.replace("'systolic', 180", "'systolic', 200").replace("[180,", "[200,")
    assert (
        load(raised, name="first.yaml").rule("HW-02").rule_hash != first_pack().rules[1].rule_hash
    )
    assert replay(text).rule_hash == first_pack().rule("HW-02").rule_hash


def test_evidence_that_was_tampered_with_does_not_replay_to_its_decision() -> None:
    text = told(window(pressure(0, "185"), pressure(5, "186")), at_min=5)
    with pytest.raises(EvidenceError, match="does not fire"):
        replay(text.replace('"value":"186"', '"value":"146"'))
    changed = text.replace("220", "221", 1)
    assert changed != text
    assert replay(changed) != read_evidence(changed).decision


def test_an_unconfirmed_alert_does_not_replay_without_its_reason() -> None:
    text = told(window(pressure(0, "185")), at_min=15)
    assert replay(text).stage is Stage.UNCONFIRMED
    for wrong in (
        text.replace('"value":"185"', '"value":"165"'),
        text.replace("00:15:00", "00:14:59"),
    ):
        assert wrong != text
        with pytest.raises(EvidenceError, match="does not fire"):
            replay(wrong)


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json", '{"v":1}'])
def test_what_is_no_evidence_is_refused(text: str) -> None:
    with pytest.raises(EvidenceError):
        why(text, "zh")
    with pytest.raises(EvidenceError):
        replay(text)


def test_another_version_is_refused() -> None:
    text = told(window(pressure(0, "225")), at_min=0)
    with pytest.raises(EvidenceError, match="version 2"):
        read_evidence(text.replace('"v":1,', '"v":2,'))


@pytest.mark.row("D9")
def test_the_card_says_what_how_sure_what_is_usual_and_which_rule() -> None:
    points = tuple(pressure(12 * 60.0 * n, "151") for n in range(6))
    usual = replace(USUAL, first_day=datetime(2026, 8, 1, tzinfo=START.tzinfo).date())
    seen = window(*points, baselines={QuantityName.SYSTOLIC: usual})
    card = why(told(seen, at_min=5 * 12 * 60.0), "en")
    assert card.headline.startswith(
        "Blood pressure has moved away from this person's usual: 151/80"
    )
    assert len(card.happened) == 6
    assert card.happened[0] == "2026-09-22 00:00 151/80 mmHg"
    assert "several points agree" in card.certainty
    assert "systolic 128 ± 6 mmHg (41 readings); now 151." in card.baseline
    assert "Target 140." in card.baseline
    assert "BP-22" in card.guideline
    assert card.rule.startswith(f"HW-11 v1 {first_pack().rule('HW-11').rule_hash[:12]}")
    assert "not signed" in card.rule
    assert card.next_step == first_pack().rule("HW-11").action.en
    zh = why(told(seen, at_min=5 * 12 * 60.0), "zh")
    assert "本人常态收缩压 128 ± 6 mmHg（41次测量）；本次 151。" in zh.baseline
    assert zh.patient == first_pack().rule("HW-11").patient.zh


@pytest.mark.row("D9")
def test_a_usual_range_above_the_target_is_never_called_normal() -> None:
    usual = replace(USUAL, recent_mean=158.0)
    seen = window(pressure(0, "225"), baselines={QuantityName.SYSTOLIC: usual})
    for language, words in (("en", "above the target of 140"), ("zh", "高于目标值 140")):
        card = why(told(seen, at_min=0), language)
        assert words in card.baseline
        assert "normal" not in repr(card).lower()
        assert "正常" not in repr(card)


def test_doubts_become_sentences() -> None:
    crisis = flagged(pressure(0, "235"), "body_movement")
    unsure = window(crisis, profile=Profile(subject=SubjectRef("home:1"), person_certain=False))
    card = why(told(unsure, at_min=15), "en")
    assert "no second reading or answer came" in card.headline
    for key in ("unconfirmed", "person_uncertain", "age_unknown", "pregnancy_unknown", "flagged"):
        assert SENTENCES[key].en in card.certainty
    assert "doubted by the device" in card.happened[0]


@pytest.mark.row("D9")
def test_what_was_measured_while_a_confirmation_was_waited_for_stands_on_the_card() -> None:
    fell = why(told(window(glucose(0, "2.9"), glucose(15, "2.4")), at_min=20), "en")
    assert [line.split()[-2] for line in fell.happened] == ["2.9", "2.4"]
    assert STAGES[MEASURED_AGAIN].en in fell.headline
    assert SENTENCES[MEASURED_AGAIN].en in fell.certainty
    assert SENTENCES["unconfirmed"].en not in fell.certainty
    later = why(told(window(glucose(0, "2.9"), glucose(21, "2.4")), at_min=20), "en")
    assert len(later.happened) == 1
    assert SENTENCES["unconfirmed"].en in later.certainty


def test_lo_and_old_records_are_said_as_such() -> None:
    card = why(told(window(glucose(0, "LO")), at_min=600), "zh")
    assert "LO" in card.headline
    assert FRAME["dated"].zh in card.certainty
    assert card.baseline == FRAME["no_usual"].zh


@pytest.mark.parametrize(
    ("language", "headline", "line"),
    [
        ("en", ": glucose LO (below range) (", " glucose LO (below range)"),
        ("zh", ": 血糖 LO（低于量程） (", " 血糖 LO（低于量程）"),
    ],
)
def test_a_reading_without_a_number_carries_no_unit(
    language: str, headline: str, line: str
) -> None:
    card = why(told(window(glucose(0, "LO")), at_min=0), language)
    assert headline in card.headline
    assert card.happened[0].endswith(line)
    assert "mmol/L" not in repr((card.headline, card.happened))
    lows = window(glucose(0, "3.5"), glucose(24 * 60.0, "3.5"))
    assert "3.5 mmol/L (" in why(told(lows, at_min=24 * 60.0), language).headline


def test_a_pressure_keeps_its_unit_as_long_as_one_of_its_numbers_is_one() -> None:
    over = Value(censored=Bound.ABOVE)
    for diastolic, words in (
        (Value(value=Decimal(120)), "HI (above range)/120 mmHg ("),
        (over, "HI (above range)/HI (above range) ("),
    ):
        values = {QuantityName.SYSTOLIC: over, QuantityName.DIASTOLIC: diastolic}
        card = why(told(window(replace(pressure(0, "235"), values=values)), at_min=0), "en")
        assert words in card.headline


def test_a_fixed_offset_zone_and_the_persons_days_survive() -> None:
    lows = (glucose(0, "3.5"), glucose(24 * 60.0, "3.5"))
    seen = replace(window(*lows), zone=timezone(timedelta(hours=8)))
    text = told(seen, at_min=24 * 60.0)
    assert read_evidence(text).zone == "+08:00"
    assert replay(text) == read_evidence(text).decision
    assert why(text, "en").happened[0].startswith("2026-09-22 08:00")


def test_what_nearly_fired_is_listed() -> None:
    points = (glucose(0, "3.5"), pressure(0, "225"))
    card = why(told(window(*points), at_min=0), "en")
    assert card.near == (f"HW-07: {NEAR['almost'].en}",)


def test_every_text_has_both_languages() -> None:
    for table in (SENTENCES, NEAR, FRAME, STAGES):
        for key, text in table.items():
            assert text.zh.strip(), key
            assert text.en.strip(), key
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text.zh), key
            assert text.en.isascii() or "±" in text.en, key


def test_no_patient_text_promises_that_somebody_comes() -> None:
    for rule in first_pack().rules:
        assert not any(word in rule.patient.zh for word in ("已通知", "马上到", "会联系您"))
        assert not any(word in rule.patient.en for word in ("was told", "is coming", "will call"))


def test_decisions_and_numbers_are_exact_in_evidence() -> None:
    reading = pressure(0, "225.40")
    text = told(window(reading, profile=person()), at_min=0)
    found: Decision = read_evidence(text).decision
    assert found.stage is Stage.IMMEDIATE
    values = read_evidence(text).points[0].values
    assert str(values[QuantityName.SYSTOLIC].value) == str(Decimal("225.40"))
