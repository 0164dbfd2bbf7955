"""A rule that can never ring, or whose case ends by silence, is refused with its line."""

import pytest

from rules.pack import PackError, load
from tests.unit.rules.readings import first_pack

TWICE = "times_at_level('5m', '1d') >= 2"
LEVEL = "    level: ge('systolic', 170)\n"
CLEAR = "readings('systolic', '7d') >= 6 && mean_lt('systolic', 160, '7d')"
RULE = f"""pack: mine
version: 1
mode: shadow
title: {{zh: 试, en: Trial}}
rules:
  - id: ZZ-1
    version: 1
    title: {{zh: 试, en: Trial}}
    family: blood_pressure
    kind: physiological
    priority: soon
    population: {{age: adult_or_unknown, pregnancy: any}}
    vitals: [blood_pressure]
    undampable: false
    runs_on: core
{LEVEL}    condition:
      twice: {TWICE}
    max_age: 2h
    clear:
      when: {CLEAR}
      text: {{zh: 好, en: Well}}
    rearm: 24h
    deadband: 10 mm[Hg]
    confirm: {{zh: 复测, en: Again}}
    on_unknown: skip
    action: {{zh: 打电话, en: Call}}
    patient: {{zh: 请休息, en: Rest}}
    owner: {{zh: 我, en: Me}}
    source:
      - guideline: G
        section: S
        certainty: low
        access: D
        numbers: [170, 160, 1, 2, 3, 6, 30, 40, 5m, 1d, 3d, 7d, 2h, 24h]
    signed: null
"""


def faults(text: str) -> list[str]:
    """What the loader says to the pack; nothing where it takes it."""
    try:
        load(text, name="mine.yaml", first=first_pack())
    except PackError as error:
        return list(error.faults)
    return []


def refused(good: str, bad: str, line: str, complaint: str) -> None:
    """The pack with `bad` in the place of `good` has that fault, in the line that says `line`."""
    assert good in RULE
    broken = RULE.replace(good, bad, 1)
    at = broken.split(line, 1)[0].count("\n") + 1
    told = faults(broken)
    assert any(one.startswith(f"mine.yaml:{at}: ") and complaint in one for one in told), told


def test_the_rule_itself_is_taken() -> None:
    assert faults(RULE) == []


@pytest.mark.parametrize(
    "condition",
    [
        TWICE,
        "times_at_own_level('systolic', '5m', '1d') >= 2",
        "pair_within('5m', '1d')",
        "at_level()",
    ],
)
def test_what_speaks_of_the_danger_level_needs_one(condition: str) -> None:
    text = RULE.replace(TWICE, condition)
    assert faults(text) == []
    told = faults(text.replace(LEVEL, ""))
    assert any("the rule has no `level`" in one for one in told), told


def test_a_danger_level_is_not_told_by_itself() -> None:
    refused("level: ge('systolic', 170)", "level: at_level()", "level: at", "by the danger level")


@pytest.mark.parametrize(
    ("vitals", "condition", "complaint"),
    [
        ("glucose", TWICE, "carries systolic"),
        ("glucose", "count_ge('systolic', 170, '7d') >= 2", "carries systolic"),
        ("blood_pressure", "count_ge('spo2', 90, '7d') >= 2", "carries spo2"),
        ("blood_pressure", "times_of('pulse', 'pulse', '>', 100, '5m', '1d') >= 2", "is not among"),
        ("blood_pressure, spo2", "times_of('spo2', 'systolic', '>', 170, '5m', '1d') >= 2", "carr"),
        ("blood_pressure", "has_symptom('1d', 'vomiting')", "no symptom is among"),
        ("blood_pressure", "any_symptom() || at_level()", "no symptom is among"),
    ],
)
def test_a_rule_speaks_of_what_it_hears(vitals: str, condition: str, complaint: str) -> None:
    text = RULE.replace(TWICE, condition).replace("[blood_pressure]", f"[{vitals}]")
    told = faults(text)
    assert any(one.startswith("mine.yaml:") and complaint in one for one in told), told


@pytest.mark.parametrize("quantity", ["systolic", "diastolic", "mean", "pulse"])
def test_a_cuff_tells_the_pulse_too(quantity: str) -> None:
    assert faults(RULE.replace(TWICE, f"count_ge('{quantity}', 160, '7d') >= 2")) == []


@pytest.mark.parametrize(
    "when",
    [
        "missing_for('systolic', '7d')",
        "elapsed('7d')",
        "later_day()",
        "later_day() && elapsed('7d')",
        "elapsed('7d') || readings('systolic', '7d') >= 6",
        "count_ge('systolic', 170, '7d') < 2",
        "!any_ge('systolic', 170, '7d')",
        "!takes_drug('insulin')",
        "elapsed('7d') && pregnant()",
        "history_days('systolic') >= 7",
        "usual('systolic') < 160.0 && elapsed('7d')",
        "fired('reference') < 160.0",
    ],
)
def test_a_case_never_ends_by_silence(when: str) -> None:
    refused(CLEAR, f'"{when}"', "when: ", "a case ends by readings")


@pytest.mark.parametrize(
    "when",
    [
        "elapsed('7d') && count_ge('systolic', 170, '7d') < 2 && readings('systolic', '7d') >= 3",
        "later_day() && quiet_days('systolic', 160, 'diastolic', 160, '7d') >= 1",
        "mean_lt('systolic', 160, '7d')",
        "first_since('systolic', 'monday') && count_ge('systolic', 170, '7d') < 1",
    ],
)
def test_a_case_ends_by_readings_and_time(when: str) -> None:
    assert faults(RULE.replace(CLEAR, f'"{when}"')) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("en: Call}", "en: Call within two hours}"),
        ("en: Call}", "en: Call within half an hour}"),
        ("en: Call}", "en: Call in the next two hours}"),
        ("en: Call}", "en: Call within a day}"),
        ("en: Call}", "en: Call within twenty-four hours}"),
        ("en: Call}", "en: Call within 5 minutes}"),
        ("zh: 打电话", "zh: 半小时内打电话"),
        ("zh: 打电话", "zh: 一个半小时内打电话"),
        ("zh: 打电话", "zh: 24h内打电话"),
        ("zh: 打电话", "zh: 今日内打电话"),
        ("zh: 打电话", "zh: 三十分钟之内打电话"),
        ("en: Rest}", "en: Rest within half an hour}"),
        ("en: Again}", "en: Call within 5 minutes}"),
        ("title: {zh: 试, en: Trial}\n    family", "title: {zh: 试, en: In a week}\n    family"),
        ("zh: 复测,", "zh: 复测；5分钟内打电话,"),
        ("zh: 复测,", "zh: 半小时内打电话。复测,"),
    ],
)
def test_no_text_says_within_what_time(good: str, bad: str) -> None:
    refused(good, bad, bad, "is a response time")


@pytest.mark.parametrize(
    "confirm",
    [
        "{zh: 5分钟内复测, en: Measure again within 5 minutes}",
        "{zh: 半小时内复测, en: Measure again within half an hour}",
        "{zh: 规则本身含1天内的两次测量, en: Built in (two readings in 1 day)}",
        "{zh: 请在2小时后再测, en: Measure again after 2 hours}",
    ],
)
def test_a_patient_is_told_when_to_measure_again(confirm: str) -> None:
    assert faults(RULE.replace("{zh: 复测, en: Again}", confirm)) == []


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("zh: 打电话", "zh: Call", "nothing in Chinese"),
        ("zh: 打电话", 'zh: "\\u200b"', "nothing in Chinese"),
        ("zh: 打电话", 'zh: "\\u3164"', "nothing in Chinese"),
        ("zh: 请休息", "zh: 。。", "nothing in Chinese"),
        ("en: Well}", 'en: "\\u2060"}', "nothing in English"),
        ("en: Me}", "en: 我}", "nothing in English"),
        ("en: Again}", 'en: "180/110"}', "nothing in English"),
    ],
)
def test_both_languages_say_something(good: str, bad: str, complaint: str) -> None:
    refused(good, bad, bad, complaint)


def test_a_title_names_the_window_of_its_rule() -> None:
    title = "en: Trial}\n    family"
    assert title in RULE
    text = RULE.replace(title, "en: Twice high within a week}\n    family")
    assert faults(text) == [], "7d stands in its clear condition"
    assert faults(text.replace("7d", "3d")) != []
