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
