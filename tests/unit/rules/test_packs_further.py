"""What the further packs can do that a single threshold cannot."""

import pytest

from gateway.packs import load_shipped
from rules.cases import CaseFormat, live_through, load_cases
from rules.vocabulary import Priority
from tests.unit.rules.readings import PACKS

PACKED = load_shipped()


def case_named(pack: str, name: str) -> CaseFormat:
    text = (PACKS / f"{pack}.cases.yaml").read_text(encoding="utf-8")
    return next(case for case in load_cases(text, name=pack) if case.name == name)


def rules_of(pack: str, case: CaseFormat) -> list[str]:
    found = next(one for one in PACKED.packs if one.name == pack)
    return [rang.decision.rule_id for rang in live_through(found, case)]


@pytest.mark.row("D4", "R7")
@pytest.mark.parametrize(("limit", "fires"), [("130", True), ("150", False), (None, False)])
def test_a_doctors_limit_for_the_person_stands_above_the_packs(
    limit: str | None, *, fires: bool
) -> None:
    case = case_named("hypertension", "the doctor's limit of 130 counts 125 at home")
    targets = {} if limit is None else {"systolic": limit}
    person = case.profile.model_copy(update={"targets": targets}).model_validate(
        {**case.profile.model_dump(), "targets": targets}
    )
    rang = rules_of("hypertension", case.model_copy(update={"profile": person}))
    assert rang == (["BP-07"] if fires else [])


@pytest.mark.row("R5")
@pytest.mark.parametrize(("zone", "fires"), [("Asia/Shanghai", True), ("America/New_York", False)])
def test_a_schedule_is_kept_in_the_persons_own_time_zone(zone: str, *, fires: bool) -> None:
    case = case_named("diabetes", "three of five fasting readings at 7.0")  # Monday at home
    rang = rules_of("diabetes", case.model_copy(update={"zone": zone}))
    assert rang == (["GL-17"] if fires else [])


@pytest.mark.row("R2")
def test_what_lasts_rings_and_what_passes_does_not() -> None:
    assert rules_of("heart_failure", case_named("heart_failure", "111 for half an hour")) == [
        "VS-05"
    ]
    short = case_named("heart_failure", "111 for twenty-five minutes")
    assert rules_of("heart_failure", short) == []


@pytest.mark.row("R4")
def test_no_data_is_a_condition_of_its_own() -> None:
    silent = case_named("adherence", "three days without a weight")
    assert rules_of("adherence", silent) == ["DQ-09"]


@pytest.mark.row("R21")
def test_a_spike_that_the_second_reading_does_not_confirm_is_nothing() -> None:
    spike = case_named("heart_failure", "131 once and 90 after ten minutes")
    assert rules_of("heart_failure", spike) == []


@pytest.mark.row("R18")
def test_every_rule_names_guideline_section_and_certainty_and_nobody_has_signed() -> None:
    for rule in PACKED.beside.rules:
        assert rule.sources
        assert all(one.guideline and one.section and one.certainty for one in rule.sources)
        assert not rule.signed


def test_nothing_in_shadow_interrupts_for_what_a_follow_up_settles() -> None:
    """After the clinical review: targets and patterns are lists for the next visit."""
    routine = {"BP-07", "BP-15", "GL-17"}
    for rule_id in routine:
        assert PACKED.pack_of(rule_id).rule(rule_id).priority is Priority.ROUTINE
