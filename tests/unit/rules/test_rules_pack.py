"""A pack with any fault is refused whole, and every fault names file and line."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

import rules
from gateway.packs import load_shipped
from rules.pack import PackError, load, rule_from_raw
from rules.pack_format import json_schema
from rules.rule import RunsOn
from rules.vocabulary import Priority
from tests.unit.rules.readings import FIRST_TEXT, PACKS, first_pack, glucose, pressure

HASH = first_pack().rule("HW-02").rule_hash
SIGNED = f"signed: {{name: Li, licence: '110', day: '2026-09-01', rule_hash: {HASH}}}"


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("pair_within('1m', '30m')", "pair_withn('1m', '30m')", "did you mean 'pair_within'"),
        ("wait: 15m", "wait: 16m", "16m has no source"),
        ("deadband: 5 mm[Hg]", "deadband: 6 mm[Hg]", "deadband: 6 mm[Hg] has no source"),
        ("deadband: 2.8 mmol/L", "deadband: 2.9 mmol/L", "2.9 mmol/L has no source"),
        ("    max_age: 60m\n", "    max_age: 3h\n", "max_age: 3h: a hub tells of the last 2h"),
        ("wait: 15m", "wait: 25m", "pending.wait: 25m: a hub waits for 20m at most"),
        ("ge('systolic', 220)", "ge('systolic', 221)", "number without a source: 221"),
        ("    rearm: next_day\n", "", "Field required"),
        ("    max_age: 2h\n", "", "Field required"),
        ("    deadband: 5 mm[Hg]\n    confirm:\n", "    confirm:\n", "Field required"),
        (
            "    confirm: {zh: 不等待复测, en: Nothing waits for a second reading}\n",
            "",
            "confirm: Field required",
        ),
        (
            "    clear:\n      when: outcome_only\n",
            "    cleared:\n      when: outcome_only\n",
            "clear: Field required",
        ),
        ("en: Severe hypoglycaemia", "en: ''", "at least 1 character"),
        ("      zh: 重度低血糖\n", "", "Field required"),
        ("en: Severe hypoglycaemia", "en: Call within 2 hours", "is a response time"),
        ("zh: 重度低血糖", "zh: 重度低血糖，2小时内处理", "is a response time"),
        ("vitals: [blood_pressure]", "vitals: [blood_presure]", "is no vital"),
        (
            "priority: emergency\n    population",
            "priority: dire\n    population",
            "Input should be",
        ),
        ("- id: HW-07", "- id: HW-05", "stands here twice"),
        ("- after: 15m\n", "- after: 0m\n", "0m is not after the prompt before it"),
        ("- after: 15m\n", "- after: 16m\n", "16m has no source"),
        ("- after: 15m\n", "- after: soon\n", "Input should be"),
        ("zh: 请现在再测一次血糖", "zh: 请15分钟内再测一次血糖", "is a response time"),
        ("    level: lt('glucose', 3.0)\n", "", "the rule has no `level`"),
        (
            "when: quiet_days('systolic', 175, 'diastolic', 105, '14d') >= 2",
            "when: ge('systolic', 175)",
            "no single reading to judge",
        ),
        (
            "confirmed: pair_within('1m', '30m')",
            "confirmed: count_ge('systolic', 180, '14d') >= 2",
            "a hub knows",
        ),
        (
            "recurrent: days_with('glucose', '<', 3.9, '7d', '8h') >= 2",
            "recurrent: days_with('glucose', '<', 3.9, '7d', '8h') < 2",
            "without any dangerous reading",
        ),
        ("when: low('glucose')", "when: '[1].all(x, low(x))'", "not allowed"),
        ("age: minor, pregnancy", "age: any, pregnancy", "must say `age: minor`"),
        ("      down: readings", "      fall: readings", "one condition for each limb"),
        ("    value: 140\n", "    value: 150\n", "150 has no source"),
        ("    value: 140\n", "    value: 18.7\n", "18.7 is no systolic"),
        ("    owner: *owner\n", "", "Field required"),
        ("  within: 72h\n", "  within: 71h\n", "71h has no source"),
        (
            "when: low('glucose')",
            "when: low('glucose') || lt('glucose', 54)",
            "54 is no glucose in",
        ),
        (
            "when: low('glucose')",
            "when: low('glucose') || pregnant() && mean('glucose', '1d') * 2 > 3.0",
            "write 2.0",
        ),
        ("when: low('glucose')", "when: low('glucose') && !low('glucose')", "is never true"),
        ("pack: first", "pack: first\ncolour: red", "Extra inputs"),
        (
            "    rearm: next_day\n",
            "    rearm: next_day\n    rearm: 24h\n",
            "rearm stands here twice",
        ),
        ("'needs_help', 'confusion'", "'needs_help', 'confused'", "did you mean 'confusion'"),
        ("readings('systolic', '3d') >= 6 &&", "readings('systolic', '3d') >= 0 &&", "is constant"),
    ],
)
def test_a_fault_is_refused_with_its_line(good: str, bad: str, complaint: str) -> None:
    assert good in FIRST_TEXT
    broken = FIRST_TEXT.replace(good, bad, 1)
    with pytest.raises(PackError) as caught:
        load(broken, name="first.yaml")
    place = next(f for f in caught.value.faults if complaint in f)
    name, line, _ = place.split(":", 2)
    assert name == "first.yaml"
    assert 1 <= int(line) <= broken.count("\n")


def test_the_line_is_the_line_of_the_fault() -> None:
    broken = FIRST_TEXT.replace("wait: 15m", "wait: 16m", 1)
    line = 1 + broken.split("wait: 16m")[0].count("\n")
    with pytest.raises(PackError) as caught:
        load(broken, name="mine.yaml")
    # `rules.0.pending` is where the span stands; its key is one line above its first field.
    numbers = [int(fault.split(":")[1]) for fault in caught.value.faults]
    assert all(abs(number - line) <= 2 for number in numbers)


def test_one_wrong_rule_is_one_fault() -> None:
    """The list it stands in is not told to be empty besides."""
    text = FIRST_TEXT.split("  - id: HW-02\n")[0]
    assert len(load(text, name="one.yaml").rules) == 2
    with pytest.raises(PackError) as refused:
        load(text.replace("stage: condition", "stage: whatever"), name="one.yaml")
    assert len(refused.value.faults) == 1


@pytest.mark.parametrize("unsure", ["HW-02", "HW-05"])
def test_from_urgent_up_an_unknown_fires(unsure: str) -> None:
    head, tail = FIRST_TEXT.split(f"id: {unsure}\n")
    broken = f"{head}id: {unsure}\n" + tail.replace("on_unknown: fire", "on_unknown: skip", 1)
    with pytest.raises(PackError, match="an unknown takes the value that alerts"):
        load(broken, name="first.yaml")


def test_an_emergency_rule_cannot_be_dampable() -> None:
    broken = FIRST_TEXT.replace("undampable: true", "undampable: false", 1)
    with pytest.raises(PackError, match="every emergency rule is undampable"):
        load(broken, name="first.yaml")


@pytest.mark.parametrize("text", ["", "[]", "pack: [", "a: b: c", "\tpack: first"])
def test_what_is_no_pack_is_refused(text: str) -> None:
    with pytest.raises(PackError, match=r"nothing\.yaml:\d+: "):
        load(text, name="nothing.yaml")


@pytest.mark.row("R15")
def test_the_hash_covers_number_and_texts_and_not_the_signature() -> None:
    plain = first_pack().rule("HW-02")
    signed = load(FIRST_TEXT.replace("signed: null", SIGNED), name="first.yaml")
    assert signed.rule("HW-02").rule_hash == HASH
    assert (plain.signed, signed.rule("HW-02").signed) == (False, True)
    assert not signed.rule("HW-05").signed, "a signature over another rule's hash"
    for good, other in (
        ("numbers: [220, 130, 175", "numbers: [220, 130, 221, 175"),
        ("静坐休息5分钟后再测一次", "静坐休息5分钟后再测两次"),
        ("Sit quietly for 5 minutes", "Sit quietly for five minutes"),
    ):
        changed = load(FIRST_TEXT.replace(good, other, 1), name="first.yaml")
        assert changed.rule("HW-02").rule_hash != HASH


def test_a_changed_default_target_is_another_rule() -> None:
    text = FIRST_TEXT.replace("value: 140", "value: 130").replace("[140]", "[130]")
    assert load(text, name="first.yaml").rule("HW-11").rule_hash != HASH


def test_a_rule_comes_back_from_its_canonical_text() -> None:
    for rule in first_pack().rules:
        assert rule_from_raw(rule.raw, rule.targets) == rule


def test_crisis_readings_teach_no_baseline() -> None:
    pack = first_pack()
    crisis = [pressure(0, "180"), pressure(0, "150", "110"), pressure(0, "79"), glucose(0, "LO")]
    crisis += [glucose(0, "2.9"), glucose(0, "HI"), glucose(0, "33.3")]
    usual = [pressure(0, "179", "109"), pressure(0, "80"), glucose(0, "3.0"), glucose(0, "33.2")]
    assert all(pack.learning_excludes(reading) for reading in crisis)
    assert not any(pack.learning_excludes(reading) for reading in usual)


def test_a_hub_runs_what_needs_one_device_and_half_an_hour() -> None:
    hub = first_pack().for_hub()
    here = ["HW-MIN", "HW-01", "HW-02", "HW-04e", "HW-05", "HW-08", "HW-08b"]
    assert [rule.id for rule in hub.rules] == here
    assert all(rule.runs_on is RunsOn.HUB for rule in hub.rules)


def test_only_urgent_and_emergency_clearing_needs_an_outcome_or_what_says_so() -> None:
    needing = {rule.id for rule in first_pack().rules if rule.needs_outcome}
    urgent = {rule.id for rule in first_pack().rules if rule.priority >= Priority.URGENT}
    assert needing == urgent | {"HW-06c", "HW-07"}
    soon = {rule.id for rule in first_pack().rules} - urgent
    assert {"HW-04b", "HW-06b", "HW-07", "HW-09b", "HW-10", "HW-11"} <= soon


def test_the_published_schema_is_the_programs_and_accepts_the_first_pack() -> None:
    stored = Path(next(iter(rules.__path__))) / "schemas" / "pack-1.json"
    published: dict[str, object] = json.loads(stored.read_text(encoding="utf-8"))
    assert published == json_schema()
    jsonschema.validate(yaml.safe_load(FIRST_TEXT), published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"pack": "first"}, published)


def test_response_times_stand_in_one_table() -> None:
    table = yaml.safe_load((PACKS / "priorities.yaml").read_text(encoding="utf-8"))
    minutes = {word: row["answer_within_min"] for word, row in table["response"].items()}
    assert minutes == {"emergency": 0, "urgent": 2 * 60, "soon": 72 * 60, "routine": 14 * 24 * 60}
    assert table["response"]["emergency"]["repeat_unanswered_every_min"] == 5
    assert table["source"]["certainty"]


def test_only_rules_that_exist_have_a_route_of_their_own() -> None:
    table = yaml.safe_load((PACKS / "priorities.yaml").read_text(encoding="utf-8"))
    known = {rule.id for rule in load_shipped().beside.rules}
    assert {*table["rule_routes"], *table["several_must_answer"]} <= known
