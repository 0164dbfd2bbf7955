"""A rule that would hold up everybody's readings is refused, with file and line."""

import pytest

from gateway.detect import LOOK_BACK
from gateway.packs import load_shipped
from rules.cost import MOST_COST_US, MOST_REACH, cost_us
from rules.pack import PackError, load
from rules.rule import Rule
from tests.unit.rules.readings import first_pack

RULE = """
pack: extra
version: 1
mode: shadow
title: {{zh: 附加, en: Extra}}
rules:
  - id: ZZ-01
    version: 1
    title: {{zh: 收缩压达到200, en: Systolic of 200 or more}}
    family: blood_pressure
    kind: physiological
    priority: soon
    population: {{age: adult_or_unknown, pregnancy: any}}
    vitals: [{vitals}]
    undampable: false
    runs_on: core
    condition: {{high: "{condition}"}}
    max_age: 24h
    clear: {{when: "mean_lt('systolic', 200, '7d')", text: {{zh: 低于200, en: Below 200}}}}
    rearm: 7d
    deadband: none
    confirm: {{zh: 不需要, en: None}}
    on_unknown: skip
    action: {{zh: 联系患者, en: Call the patient}}
    patient: {{zh: 请联系医生, en: Please call your doctor}}
    owner: {{zh: 县质控组, en: County quality group}}
    source:
      - guideline: own
        section: own
        certainty: low
        access: D
        numbers: [200, 3, 7d, 8h, 14d, 17d, 24h]
    signed: null
"""
CHEAP = "days_with('systolic', '>=', 200, '14d', '8h') >= 3"


def _load(condition: str, vitals: str = "blood_pressure") -> Rule:
    text = RULE.format(condition=condition, vitals=vitals)
    return load(text, name="extra.yaml", first=first_pack()).rule("ZZ-01")


def test_every_shipped_rule_is_cheap_enough() -> None:
    rules = load_shipped().beside.rules
    assert {rule.id for rule in rules if not 0 < cost_us(rule) <= MOST_COST_US} == set()


def test_a_dear_rule_is_refused_with_its_line() -> None:
    assert cost_us(_load(CHEAP)) < MOST_COST_US
    with pytest.raises(PackError, match=r"extra\.yaml:7: rules\.0: ZZ-01 may take [0-9]+ µs"):
        _load(
            "days_with('glucose', '<', 3, '14d', '8h') >= 3", vitals="glucose_cgm, blood_pressure"
        )


def test_a_rule_costs_more_with_a_longer_span_more_kinds_and_more_functions() -> None:
    cost = cost_us(_load(CHEAP))
    assert cost_us(_load(CHEAP.replace("14d", "7d"))) < cost
    assert cost_us(_load(CHEAP, vitals="blood_pressure, weight")) > cost
    assert cost_us(_load(f"{CHEAP} && readings('systolic', '7d') >= 3")) > cost


def test_no_rule_looks_further_back_than_the_core_reads() -> None:
    assert MOST_REACH == LOOK_BACK
    with pytest.raises(PackError, match="ZZ-01 looks back 17 days, 16 are known"):
        _load("count_ge('systolic', 200, '17d') >= 3")
