"""Every rule of every pack is worked through: each limit from both sides, each listed word."""

import re
from collections import Counter
from functools import cache

import pytest

from gateway.packs import load_shipped
from rules.cases import CaseFormat, PointFormat, differences, live_through, load_cases
from rules.limits import limits_of, moved_by_a_step
from rules.listed import listed_words_of, without_a_word
from rules.loose import loose_limits, loose_words
from rules.pack import Pack
from rules.rule import Rule
from tests.unit.rules.other_units import in_the_other_unit, units_of
from tests.unit.rules.readings import PACKS, first_pack

SHIPPED = load_shipped().packs
RULES = [pytest.param(pack, rule, id=rule.id) for pack in SHIPPED for rule in pack.rules]


@cache
def cases_of(name: str) -> tuple[CaseFormat, ...]:
    text = (PACKS / f"{name}.cases.yaml").read_text(encoding="utf-8")
    return load_cases(text, name=f"{name}.cases.yaml")


@pytest.mark.row("R3")
@pytest.mark.parametrize(
    ("pack", "case"),
    [
        pytest.param(pack, case, id=f"{pack.name}: {case.name}")
        for pack in SHIPPED[1:]
        for case in cases_of(pack.name)
    ],
)
def test_worked_case_of_a_further_pack(pack: Pack, case: CaseFormat) -> None:
    assert differences(case, live_through(pack, case)) == ()


@pytest.mark.parametrize(("pack", "rule"), RULES)
def test_two_cases_fire_and_two_do_not(pack: Pack, rule: Rule) -> None:
    own = [case for case in cases_of(pack.name) if case.rule == rule.id]
    fired = Counter(any(want.rule == rule.id for want in case.expect) for case in own)
    assert fired[True] >= 2
    assert fired[False] >= 2


@pytest.mark.slow
@pytest.mark.row("R3", "R11")
@pytest.mark.parametrize(("pack", "rule"), RULES)
def test_every_limit_is_met_and_missed_by_one_step(pack: Pack, rule: Rule) -> None:
    assert loose_limits(pack, cases_of(pack.name), rule) == ()


def test_a_limit_that_no_case_holds_is_told() -> None:
    rule = first_pack().rule("HW-09")
    cases = [case for case in cases_of("first") if case.rule == "HW-09"]
    assert loose_limits(first_pack(), cases, rule) == ()
    far = [case for case in cases if not any(_just_below(point) for point in case.points)]
    assert len(far) < len(cases)
    (fault,) = loose_limits(first_pack(), far, rule)
    assert fault.startswith(
        "HW-09: no near miss below: level, literal 2: ge('glucose', 16.7): 16.7 could be 16.6"
    )


def _just_below(point: PointFormat) -> bool:
    return str(point.glucose) in {"16.6", "299", "300"}


def test_the_same_comparison_in_three_limbs_is_three_limits() -> None:
    found = limits_of(load_shipped().pack_of("BP-07").rule("BP-07"))
    twelve = [one for one in found if one.about == "readings('systolic', '7d') >= 12"]
    assert [one.place.limb for one in twelve] == [
        "diastolic",
        "systolic_from_65",
        "systolic_under_65",
    ]


def test_each_place_is_moved_alone() -> None:
    rule = load_shipped().pack_of("VS-10").rule("VS-10")
    for said, moved in moved_by_a_step(rule):
        changed = [
            (was.source, now.source)
            for was, now in zip(rule.limbs.values(), moved.limbs.values(), strict=True)
            if was != now
        ]
        ((was, now),) = changed
        parts = zip(re.split(r"([\w.]+)", was), re.split(r"([\w.]+)", now), strict=True)
        ((old, new),) = [pair for pair in parts if pair[0] != pair[1]]
        assert said.endswith(f": {old} could be {new}")


def test_a_limb_does_not_lend_another_its_near_miss() -> None:
    """As the packs were: weight and pulse hold five past readings, pulse and pressure do not."""
    pack = load_shipped().pack_of("VS-10")
    theirs = [case for case in cases_of(pack.name) if "four pulses" not in case.name]
    assert len(theirs) == len(cases_of(pack.name)) - 1
    (fault,) = loose_limits(pack, theirs, pack.rule("VS-10"))
    assert fault == (
        "VS-10: no near miss below: pulse_pressure, literal 9:"
        " past_readings('pulse', '3d', '14d') >= 5: 5 could be 4"
    )


@pytest.mark.slow
@pytest.mark.row("R3")
@pytest.mark.parametrize(("pack", "rule"), RULES)
def test_every_listed_word_is_needed_by_a_case(pack: Pack, rule: Rule) -> None:
    assert loose_words(pack, cases_of(pack.name), rule) == ()


def test_a_word_that_no_case_needs_is_told() -> None:
    pack = load_shipped().pack_of("GL-28")
    cases = [case for case in cases_of(pack.name) if "glinide" not in case.name]
    (fault,) = loose_words(pack, cases, pack.rule("GL-28"))
    assert fault.startswith("GL-28: no case needs a word: oral, literal 3: takes_drug('metformin',")
    assert fault.endswith(": 'glinide' could be left out")


def test_a_word_is_left_out_wherever_it_stands_in_its_list() -> None:
    rule = load_shipped().pack_of("GL-02").rule("GL-02")
    lists = [
        re.sub(r".*has_symptom", "", other.limbs["low"].source)
        for said, other in without_a_word(rule)
        if ": low, " in said
    ]
    assert lists == [
        "('2h', 'dizziness', 'blurred_vision')",
        "('2h', 'palpitation', 'blurred_vision')",
        "('2h', 'palpitation', 'dizziness')",
    ]
    drugs = load_shipped().pack_of("GL-29").rule("GL-29")
    (first, second) = [other.limbs["falling"].source for _, other in without_a_word(drugs)]
    assert first.endswith("takes_drug('sulfonylurea')")
    assert second.endswith("takes_drug('insulin')")


def test_another_word_stands_for_one_that_is_alone_in_its_list() -> None:
    for rule_id, word, instead in (
        ("BP-21", "atrial_fibrillation", "other"),
        ("DQ-05", "monday", "friday"),
        ("GL-14", "vomiting", "abdominal_pain"),
    ):
        (listed,) = listed_words_of(load_shipped().pack_of(rule_id).rule(rule_id))
        assert (listed.word, listed.instead) == (word, instead)


@pytest.mark.row("R11")
@pytest.mark.parametrize("pack", SHIPPED, ids=lambda pack: pack.name)
def test_worked_cases_hold_in_the_other_unit(pack: Pack) -> None:
    """The same blood on a meter in mg/dL, the same arm in kPa: the same alerts (hazard 7)."""
    for case in cases_of(pack.name):
        told = live_through(pack, in_the_other_unit(case))
        assert differences(case, told) == (), case.name


@pytest.mark.slow
@pytest.mark.row("R11")
@pytest.mark.parametrize(("pack", "rule"), RULES)
def test_every_limit_is_met_and_missed_in_the_other_unit(pack: Pack, rule: Rule) -> None:
    own = [case for case in cases_of(pack.name) if case.rule == rule.id]
    turned = [in_the_other_unit(case) for case in own]
    for written, other in zip(own, turned, strict=True):
        for was, now in zip(units_of(written), units_of(other), strict=True):
            assert was[0] == now[0]
            assert was[1] != now[1], written.name
    assert loose_limits(pack, turned, rule) == ()
