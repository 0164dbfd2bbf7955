"""Of whom nobody knows diagnosis, age or medicines: they are rung for, and the card says so."""

from datetime import timedelta

import pytest

from gateway.packs import load_shipped
from rules.cases import CaseFormat, Rang, live_through, load_cases
from rules.engine import evaluate
from rules.explain import SENTENCES
from rules.pack import Pack
from rules.rule import Age, Rule
from rules.vocabulary import Priority
from rules.words import Parameter, holds_one
from tests.unit.rules.readings import (
    PACKS,
    START,
    first_pack,
    glucose,
    person,
    window,
)

UNKNOWN = {"birth_year": None, "drug_classes": None, "conditions": None}
URGENT = [
    pytest.param(pack, rule, id=rule.id)
    for pack in load_shipped().packs
    for rule in pack.rules
    if rule.priority >= Priority.URGENT and rule.population.age is not Age.MINOR
]
ASKS = {"takes_drug": "drugs_unknown", "has_condition": "conditions_unknown", "aged": "age_unknown"}


def rings(pack: Pack, rule: Rule, case: CaseFormat) -> list[Rang]:
    """What rings of the rule's family, at its priority or above: of an unknown COPD VS-04."""
    return [
        rang
        for rang in live_through(pack, case)
        if rang.decision.family is rule.family and rang.decision.priority >= rule.priority
    ]


def own_cases(pack: Pack, rule: Rule) -> list[CaseFormat]:
    text = (PACKS / f"{pack.name}.cases.yaml").read_text(encoding="utf-8")
    found = [case for case in load_cases(text, name=pack.name) if case.rule == rule.id]
    return [case for case in found if any(want.rule == rule.id for want in case.expect)]


@pytest.mark.parametrize(("pack", "rule"), URGENT)
def test_an_urgent_rule_takes_for_the_unknown_the_value_that_alerts(pack: Pack, rule: Rule) -> None:
    firing = own_cases(pack, rule)
    assert firing
    said: set[str] = set()
    for case in firing:
        nobody_knows = case.profile.model_copy(update=UNKNOWN)
        found = rings(pack, rule, case.model_copy(update={"profile": nobody_knows}))
        known = rings(pack, rule, case)
        assert len(found) >= len(known), case.name
        for rang in found:
            assert "age_unknown" in rang.decision.unknowns
        said |= {key for rang in found for key in rang.decision.unknowns}
    asked = {key for function, key in ASKS.items() if f"{function}(" in rule.raw}
    assert asked <= said or rule.id == "VS-04c", "VS-04 rings there, which asks for no diagnosis"
    assert all(SENTENCES[key].zh and SENTENCES[key].en for key in said)


@pytest.mark.parametrize("word", ["Insulin", "insulins", "glargine", "gliclazide"])
def test_a_drug_that_no_rule_knows_silences_no_low_glucose(word: str) -> None:
    """It may be insulin by another name: a list with it is not one without insulin."""
    taken = person(drugs=frozenset({"metformin", word}))
    seen = window(glucose(0, "2.8"), profile=taken)
    told = evaluate(first_pack(), seen, START + timedelta(minutes=25), frozenset())
    (found,) = told.decisions
    assert found.rule_id == "HW-05"
    assert "drugs_unknown" in found.unknowns


def test_one_list_is_asked_alike_by_rules_and_by_what_spares_them() -> None:
    for known, found in (
        (None, None),
        (frozenset[str](), False),
        (frozenset({"copd"}), True),
        (frozenset({"stroke"}), False),
        (frozenset({"stroke", "Copd"}), None),
        (frozenset({"copd", "gout"}), True),
    ):
        assert holds_one(known, ("copd", "heart_failure"), Parameter.CONDITION) is found


@pytest.mark.parametrize("key", sorted(set(ASKS.values())))
def test_each_is_a_sentence_of_its_own(key: str) -> None:
    others = {SENTENCES[other].zh for other in SENTENCES if other != key}
    assert SENTENCES[key].zh not in others
