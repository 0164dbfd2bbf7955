"""What became of every entry of the clinical table, and of every word of the first pack's text."""

import re
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import cast

import pytest
import yaml

from gateway.packs import load_first_pack, load_shipped
from rules.rule import Rule
from rules.vocabulary import AlertKind, Priority

ROOT = Path(__file__).parents[3]
VECTORS = ROOT / "tests" / "vectors" / "rules"
DOCUMENT = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
SHIPPED = load_shipped()
RULES = {rule.id: rule for rule in SHIPPED.beside.rules}

GUIDELINES = {
    "NBPHS3-HTN": "国家基本公共卫生服务规范",
    "NBPHS3-DM": "国家基本公共卫生服务规范",
    "PRIM-HTN25": "国家基层高血压防治管理指南",
    "CHL24": "中国高血压防治指南",
    "HBPM19": "2019中国家庭血压监测指南",
    "AF16": "Verberk",
    "ADA6": "ADA Standards of Care",
    "ADA-DKA": "BMJ Best Practice DKA",
    "CGM-EV": "Consensus definition of sensor glucose events",
    "CDS24": "中国糖尿病防治指南",
    "NEWS2": "NEWS2",
    "ESC-HF": "ESC 2021 heart failure",
    "NHSOX": "NHS England oximetry",
    "BLE": "Bluetooth SIG",
    "OWN": "own design",
}
"""How a pack writes what the table calls a source."""

LESS_CERTAIN = {"GL-02": ("M", "medium"), "VS-12": ("D", "low")}
"""As the review asked: what rests on memory is not of high certainty; no night pulse, less so."""


class Entry(dict[str, str]):
    """One line of a copied table."""


@cache
def table(name: str) -> tuple[Entry, ...]:
    text = (VECTORS / name).read_text(encoding="utf-8")
    found = cast("list[dict[str, object]]", yaml.safe_load(text))
    return tuple(Entry({key: str(value) for key, value in one.items()}) for one in found)


CLINICAL = table("clinical_table.yaml")
FIRST = {entry["id"]: entry for entry in table("first_pack.yaml")}


def no_rules() -> dict[str, str]:
    """Entry and reason of those that the document says are no rule of a pack."""
    rows = DOCUMENT.split("## What is no rule")[1].splitlines()
    cells = [line.strip("|").split("|") for line in rows if re.match(r"\| [A-Z]{2}-", line)]
    return {
        name: f"{where.strip()}: {why.strip()}"
        for entry, where, why in cells
        for name in _named(entry.split(" for ")[0])
    }


def _named(entry: str) -> list[str]:
    names: list[str] = []
    for part in entry.split(","):
        ends = re.findall(r"([A-Z]{2}-)([A-Z]*)(\d+)", part)
        first, last = ends[0], ends[-1]
        names += [
            f"{first[0]}{first[1]}{number:0{len(first[2])}}"
            for number in range(int(first[2]), int(last[2]) + 1)
        ]
    return names


def test_every_entry_is_a_rule_or_is_said_not_to_be_one() -> None:
    reasons = no_rules()
    lost = [e["id"] for e in CLINICAL if e["id"] not in RULES and e["id"] not in reasons]
    assert lost == []
    assert len(CLINICAL) == 83
    assert all(len(reason) > 10 for reason in reasons.values())
    known = {entry["id"] for entry in CLINICAL}
    assert set(reasons) <= known
    both = {name for name in reasons if name in RULES}
    assert both == {"DQ-09"}, "of pressure and insulin it is HW-12"


def test_what_must_not_run_at_home_is_in_no_pack() -> None:
    """The review's second chapter: partial scores, postures, abroad rules, single limits."""
    for name in ("VS-01", "VS-02", "VS-03", "BP-14", "BP-24", "BP-17", "GL-01", "BP-23", "GL-27"):
        assert name not in RULES
        assert name in no_rules()


@pytest.mark.row("R18")
@pytest.mark.parametrize("entry", CLINICAL, ids=lambda entry: entry["id"])
def test_a_rule_of_the_table_carries_its_source_and_its_marks(entry: Entry) -> None:
    rule = RULES.get(entry["id"])
    if rule is None:
        assert entry["id"] in no_rules()
        return
    wanted = GUIDELINES[entry["source"]]
    marks = {(one.access, one.certainty) for one in rule.sources if wanted in one.guideline}
    assert LESS_CERTAIN.get(rule.id, (entry["access"], entry["certainty"])) in marks


PARTS = {
    "HW-02": ("HW-02", "HW-02b"),
    "HW-04": ("HW-04", "HW-04b", "HW-04e"),
    "HW-06": ("HW-06", "HW-06b", "HW-06c"),
    "HW-08": ("HW-08", "HW-08b"),
    "HW-09": ("HW-09", "HW-09b", "HW-09c"),
    "HW-12": ("HW-12", "HW-12b", "HW-12c", "HW-12d", "HW-12e", "HW-12f"),
}
"""Rules that are the halves of one entry, the main one first."""

IN_WORDS = {
    ("HW-01", "5"): "the tiers are asked again by the service",
    ("HW-02", "5"): "minutes of rest, in the text",
    ("HW-04", "5"): "minutes of rest, in the text",
    ("HW-06", "0"): "at once",
    ("HW-07", "06"): "the name of another rule",
    ("HW-08", "39"): "over 39 is 39.1 and above",
    ("HW-10", "2"): "settled_mean_ge drops the first of a session",
    ("HW-11", "75"): "a share of 0.75",
}
SAID = ("when", "immediate", "step_up", "confirm", "clear", "rearm", "max_age")
_NUMBER = re.compile(r"(?<![\w.-])(\d+(?:\.\d+)?)(?=(?:min|h|d|sd|%|x)?\b)")


def the_parts(name: str) -> list[Rule]:
    return [load_first_pack().rule(part) for part in PARTS.get(name, (name,))]


def test_the_first_pack_has_its_rules_and_no_other() -> None:
    parts = [rule.id for name in FIRST for rule in the_parts(name)]
    assert sorted([*parts, "HW-MIN"]) == sorted(rule.id for rule in load_first_pack().rules)


@pytest.mark.row("R18")
@pytest.mark.parametrize("entry", FIRST.values(), ids=FIRST.keys())
def test_a_rule_of_the_first_pack_is_as_it_was_written(entry: Entry) -> None:
    main, *_ = parts = the_parts(entry["id"])
    if entry["prio"] == "technical":
        assert {rule.kind for rule in parts} == {AlertKind.TECHNICAL}
    else:
        assert main.priority is Priority[entry["prio"].upper()]
    if entry["max_age"] != "n/a":
        assert main.max_age == _span(entry["max_age"])
    assert main.rearm == _rearm(entry["rearm"])
    assert ("non-pregnant" in entry["pop"]) is not main.population.pregnancy
    assert main.needs_outcome is (
        entry["prio"] in {"urgent", "emergency"} or "after an action" in entry["clear"]
    )
    only_closed = entry["clear"].startswith("coded outcome")
    assert (not main.clear) is only_closed
    assert all(rule.rearm == main.rearm for rule in parts) or entry["id"] != "HW-12"


@pytest.mark.parametrize("entry", FIRST.values(), ids=FIRST.keys())
def test_every_number_of_the_first_pack_stands_in_its_rules(entry: Entry) -> None:
    sources = [one for rule in the_parts(entry["id"]) for one in rule.sources]
    numbers = {float(re.sub("[a-z]+$", "", text)) for one in sources for text in one.numbers}
    said = " ".join(entry.get(part, "") for part in SAID)
    missing = {one for one in _NUMBER.findall(said) if float(one) not in numbers}
    assert missing == {number for name, number in IN_WORDS if name == entry["id"]}


COLUMNS = (
    ("prio",),
    ("pop",),
    ("when",),
    ("immediate", "step_up"),
    ("k",),
    ("confirm",),
    ("max_age",),
    ("clear",),
    ("rearm",),
    ("to", "learn"),
)
"""Fields of the text, as the document's table has them."""


def exactness() -> dict[str, list[str]]:
    """The document's table: for each entry what it says of each column."""
    rows = DOCUMENT.split("Field by field, of the text")[1].split("For the physician")[0]
    cells = [line.strip("|").split("|") for line in rows.splitlines() if line.startswith("| HW-")]
    return {entry.strip(): [mark.strip() for mark in marks] for entry, *marks in cells}


@pytest.mark.parametrize("entry", FIRST.values(), ids=FIRST.keys())
def test_the_document_says_of_every_field_whether_it_is_exact(entry: Entry) -> None:
    marks = exactness()[entry["id"]]
    assert len(marks) == len(COLUMNS)
    for mark, fields in zip(marks, COLUMNS, strict=True):
        assert (mark == "–") is not any(field in entry for field in fields)
        assert mark in {"=", "–"} or f"* **{mark}** " in DOCUMENT, "a letter is explained"
    parts = the_parts(entry["id"])
    ages = {rule.id for rule in parts if entry["max_age"] != str(_said(rule.max_age, entry))}
    assert (marks[6] == "=") is not bool(ages), ages


def _said(length: timedelta, entry: Entry) -> str:
    """The entry's own words where they say this length."""
    told = entry["max_age"]
    return told if told != "n/a" and _span(told) == length else ""


def test_no_letter_of_the_table_is_without_a_cell() -> None:
    used = {mark for marks in exactness().values() for mark in marks} - {"=", "–"}
    assert set(re.findall(r"^\* \*\*([a-z])\*\* ", DOCUMENT, re.MULTILINE)) == used
    assert exactness().keys() == FIRST.keys()


Clause = tuple[str, str, str, str, str, str]
CLAUSES = cast(
    "list[Clause]",
    yaml.safe_load((VECTORS / "first_pack_clauses.yaml").read_text(encoding="utf-8")),
)
"""Entry, field, words of the text; rule and part that say them, and how in its language."""


@pytest.mark.row("R18")
@pytest.mark.parametrize("told", CLAUSES, ids=lambda told: f"{told[0]}-{told[1]}-{told[2]}")
def test_what_the_text_says_is_what_the_rule_says(told: Clause) -> None:
    entry, field, words, rule_id, part, expected = told
    assert words in FIRST[entry][field]
    assert rule_id in PARTS.get(entry, (entry,))
    assert expected in _parts_of(load_first_pack().rule(rule_id))[part]


def test_every_condition_of_the_text_is_compared() -> None:
    """Nothing that fires or waits in the pack is left out, but for what only a half adds."""
    compared = {(rule_id, part) for *_, rule_id, part, _ in CLAUSES}
    own = {
        (rule.id, part)
        for name in FIRST
        for rule in the_parts(name)[:1]
        for part in _parts_of(rule)
        if part != "pending"
    }
    told_otherwise = {("HW-04", "told_after")}
    """Letter d: the symptom comes after the second reading."""
    assert own - compared - told_otherwise == set()


def _parts_of(rule: Rule) -> dict[str, str]:
    parts = {name: one.source for name, one in {**rule.limbs, **rule.absences}.items()}
    parts["clear"] = " || ".join(one.source for one in rule.clear.values())
    if not rule.clear:
        del parts["clear"]
    if rule.level is not None:
        parts["level"] = rule.level.source
    if rule.immediate is not None:
        parts["immediate"] = rule.immediate.when.source
    if rule.pending is not None:
        parts["pending"] = rule.pending.when.source
        minutes = rule.pending.wait // _MINUTE
        parts["wait"] = f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"
    if rule.prompts:
        parts["prompts"] = " ".join(str(one.after // _MINUTE) for one in rule.prompts)
    return parts


def _span(text: str) -> timedelta:
    found = re.match(r"(\d+)(min|h|d)", text)
    assert found is not None
    return int(found[1]) * {"min": _MINUTE, "h": 60 * _MINUTE, "d": 1440 * _MINUTE}[found[2]]


_MINUTE = timedelta(minutes=1)


def _rearm(text: str) -> str:
    if text.startswith("at closure"):
        return "at_closure"
    if text.startswith("next day"):
        return "next_day"
    found = re.search(r"\d+[hd]", text)
    assert found is not None
    return found[0]
