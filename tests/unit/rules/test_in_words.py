"""Every rule can be read in Chinese and English, and what is read is what runs."""

import re

import pytest

from gateway.packs import load_shipped
from rules.conditions import FUNCTIONS
from rules.expression import compile_condition
from rules.in_words import condition_in_words, rule_in_words, span_in_words
from rules.pack import load
from rules.phrases import PHRASES
from rules.phrases import WORDS as TOLD
from rules.rule import Rule
from rules.sentences import QUANTITIES
from rules.words import WORDS, Parameter
from service.web.words import word
from tests.unit.rules.readings import FIRST_TEXT

UNTOLD = {Parameter.QUANTITY, Parameter.NUMBER, Parameter.SPAN, Parameter.OPERATOR, Parameter.FACT}
"""Named elsewhere (quantities), or numbers and signs, or one word that has its own phrase."""

HAN = re.compile("[\u4e00-\u9fff]")
RULES = [pytest.param(rule, id=rule.id) for rule in load_shipped().beside.rules]


def test_every_function_and_word_of_the_language_has_words() -> None:
    assert FUNCTIONS.keys() - {"at_level"} == PHRASES.keys()
    for kind in set(Parameter) - UNTOLD:
        assert not WORDS[kind] - TOLD.keys() - QUANTITIES.keys(), kind


@pytest.mark.row("R16")
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_told_in_both_languages_with_all_its_numbers(rule: Rule) -> None:
    told = rule_in_words(rule)
    assert told.zh.startswith(rule.title.zh)
    assert told.en.startswith(rule.title.en)
    assert HAN.search(told.en) is None
    conditions = [*rule.limbs.values(), *rule.absences.values()]
    conditions += [rule.immediate.when] if rule.immediate else []
    conditions += [rule.pending.when, rule.pending.unless] if rule.pending else []
    for number in {n for condition in conditions for n in condition.numbers if n[-1].isdigit()}:
        assert number in told.zh
        assert number in told.en


@pytest.mark.row("R16")
def test_what_is_said_at_home_is_told_too() -> None:
    told = rule_in_words(load_shipped().first.rule("HW-06"))
    assert told.zh.endswith("血糖 < 3.9时，即刻、15分钟后提示本人及其同意的家人。")
    assert "the relatives they allow are told at once and after 15 minutes." in told.en


@pytest.mark.row("R16")
@pytest.mark.parametrize(
    ("name", "zh", "en"),
    [
        ("HW-MIN", "仅用于未满18岁者；", "for people under 18 only; "),
        ("HW-10", "已知妊娠或产后42天内者除外；", "not for who is known to be pregnant"),
        ("HW-12", "仅用于在家居住者；", "only while the person lives at home; "),
        ("HW-08b", "设备存疑的读数也算；", "also where the device doubts it; "),
        ("GL-29", "只看动态血糖读数；", "only readings of a continuous sensor; "),
        ("GL-25", "内血糖仪测得血糖", "that a meter showed glucose"),
        ("HW-02b", "15分钟内随后的有效读数", "within 15 minutes followed by a valid reading out"),
        ("HW-11", "均值与本人近期常态之差 ≤ -15.0", "minus the usual ≤ -15.0"),
        (
            "HW-06c",
            "且（不是血糖显示 LO（低于量程））且",
            "and (it is not so that glucose shows LO",
        ),
    ],
)
def test_for_whom_of_what_and_what_it_is_not_are_told(name: str, zh: str, en: str) -> None:
    told = rule_in_words(load_shipped().beside.rule(name))
    assert zh in told.zh
    assert en in told.en


def test_a_level_that_lies_below_is_left_upwards() -> None:
    """A low sugar that recovers does not fall back: the words fit both sides."""
    told = rule_in_words(load_shipped().first.rule("HW-06"))
    assert "none out of it between, glucose is below 3.9" in told.en
    assert "回落" not in told.zh


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_priority_is_called_what_every_page_calls_it(language: str) -> None:
    """紧急 is an emergency here and there; two words for one thing would cost minutes."""
    for rule in load_shipped().beside.rules:
        told = word(language, "priority", rule.priority.word).lower()
        said = rule_in_words(rule).in_language(language)
        assert (f"（{told}）" if language == "zh" else f"({told})") in said


@pytest.mark.row("R16")
def test_a_changed_limit_changes_the_words() -> None:
    text = FIRST_TEXT.replace("ge('systolic', 220)", "ge('systolic', 215)")
    changed = load(text.replace("[220, 130", "[215, 130"), name="changed").rule("HW-02")
    assert "收缩压 ≥ 215" in rule_in_words(changed).zh
    assert "systolic is 215 or above" in rule_in_words(changed).en


@pytest.mark.parametrize(
    ("source", "zh", "en"),
    [
        (
            "ge('systolic', 180) && (low('glucose') || lt('pulse', 40))",
            "收缩压 ≥ 180且（血糖显示 LO（低于量程）或脉搏 < 40）",
            "systolic is 180 or above and (glucose shows LO (below range) or pulse is below 40)",
        ),
        ("readings('spo2', '1d') >= 3", "1天内血氧饱和度的有效读数次数 ≥ 3", None),
        ("!takes_drug('insulin')", "不是使用胰岛素", "it is not so that the person takes"),
        ("above_usual('systolic', '3d') <= -15.0", "-15.0 mmHg", "-15.0 mmHg"),
        ("mean('glucose', '7d') - fired('reference') < 5.0", "均值 - 报警时的参照值 < 5.0", None),
    ],
)
def test_a_condition_in_words(source: str, zh: str, en: str | None) -> None:
    condition = compile_condition(source)
    assert zh in condition_in_words(condition, "zh")
    assert (en or "") in condition_in_words(condition, "en")


def test_a_span_in_words() -> None:
    assert [span_in_words(s, "en") for s in ("1m", "30m", "1d")] == [
        "1 minute",
        "30 minutes",
        "1 day",
    ]
    assert span_in_words("2h", "zh") == "2小时"
