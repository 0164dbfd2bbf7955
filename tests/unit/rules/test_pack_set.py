"""Several packs together: one first, unique ids, live beside shadow, families over packs."""

from dataclasses import replace

import pytest

from gateway.packs import load_shipped
from rules.engine import evaluate
from rules.pack import PackError, Signature, Standing, load, rule_from_raw
from rules.pack_set import load_set
from rules.rule import Mode
from rules.vocabulary import Profile, SubjectRef
from rules.window import Window
from tests.unit.rules.readings import FIRST_TEXT, START, first_pack, pressure

RULE = """
  - id: ZZ-01
    version: 1
    title: {zh: 收缩压达到200, en: Systolic of 200 or more}
    family: blood_pressure
    kind: physiological
    priority: soon
    population: {age: adult_or_unknown, pregnancy: any}
    vitals: [blood_pressure]
    undampable: false
    runs_on: core
    condition: {high: "count_ge('systolic', 200, '7d') >= 1"}
    max_age: 24h
    clear: {when: "mean('systolic', '7d') < 200", text: {zh: 低于200, en: Below 200}}
    rearm: 7d
    deadband: none
    confirm: {zh: 不需要, en: None}
    on_unknown: skip
    action: {zh: 联系患者, en: Call the patient}
    patient: {zh: 请联系医生, en: Please call your doctor}
    owner: {zh: 县质控组, en: County quality group}
    source:
      - {guideline: own, section: own, certainty: low, access: D, numbers: [200, 1, 7d, 24h]}
    signed: null
"""
EXTRA = "pack: extra\nversion: 3\nmode: shadow\ntitle: {zh: 附加, en: Extra}\nrules:" + RULE


def test_shipped_packs_run_together() -> None:
    shipped = load_shipped()
    assert shipped.first.name == "first"
    assert shipped.first.mode is Mode.LIVE
    ids = [rule.id for rule in shipped.beside.rules]
    assert len(ids) == len(set(ids))
    assert all(pack.mode is Mode.SHADOW for pack in shipped.packs[1:])


def test_a_pack_in_shadow_runs_beside_and_not_among_the_live_ones() -> None:
    packs = load_set({"extra.yaml": EXTRA, "mine.yaml": FIRST_TEXT})
    assert [pack.name for pack in packs.packs] == ["first", "extra"]
    assert packs.live.rules == first_pack().rules
    assert [rule.id for rule in packs.beside.rules][-1] == "ZZ-01"
    assert packs.pack_of("ZZ-01").version == 3
    assert load_set(packs.files()) == packs


def test_a_candidate_is_tried_in_the_place_of_its_pack() -> None:
    packs = load_set({"first.yaml": FIRST_TEXT, "extra.yaml": EXTRA})
    assert (
        packs.trial({"mine.yaml": EXTRA}).rule("ZZ-01") in packs.trial({"mine.yaml": EXTRA}).rules
    )
    fewer = FIRST_TEXT.replace("en: Severe hypoglycaemia", "en: A severe low", 1)
    tried = packs.trial({"mine.yaml": fewer})
    assert [rule.id for rule in tried.rules] == [rule.id for rule in packs.live.rules]
    assert tried.rules != packs.live.rules
    assert tried.rule("ZZ-01").id == "ZZ-01", "a retired rule still clears its cases"
    with pytest.raises(PackError, match=r"mine\.yaml:\d+: .*stands in the pack first"):
        packs.trial({"mine.yaml": EXTRA.replace("ZZ-01", "HW-05")})


def test_two_candidates_share_neither_name_nor_rule() -> None:
    packs = load_set({"first.yaml": FIRST_TEXT})
    other = EXTRA.replace("pack: extra", "pack: other")
    with pytest.raises(PackError, match=r"b\.yaml:6: .*ZZ-01 stands in the pack extra already"):
        packs.trial({"a.yaml": EXTRA, "b.yaml": other})
    with pytest.raises(PackError, match=r"b\.yaml:2: pack: another candidate is extra already"):
        packs.trial({"a.yaml": EXTRA, "b.yaml": "# again\n" + EXTRA.replace("ZZ-01", "ZZ-02")})
    both = packs.trial({"a.yaml": EXTRA, "b.yaml": other.replace("ZZ-01", "ZZ-02")})
    assert both.name == "first+extra+other"
    assert {"ZZ-01", "ZZ-02"} <= {rule.id for rule in both.rules}


def test_a_rule_may_move_between_two_candidates() -> None:
    text = EXTRA + RULE.replace("ZZ-01", "ZZ-03")
    packs = load_set({"first.yaml": FIRST_TEXT, "extra.yaml": text})
    other = EXTRA.replace("pack: extra", "pack: other").replace("ZZ-01", "ZZ-03")
    both = packs.trial({"a.yaml": EXTRA, "b.yaml": other})
    assert [rule.id for rule in both.rules][-2:] == ["ZZ-01", "ZZ-03"]


@pytest.mark.row("R13")
def test_a_signature_beside_the_text_lets_a_pack_be_live() -> None:
    first = load(FIRST_TEXT, name="first.yaml")
    rule = load(EXTRA, name="extra.yaml", first=first).rule("ZZ-01")
    right = Signature(
        rule_id="ZZ-01", rule_hash=rule.rule_hash, name="Li", licence="110", day="2026-11-22"
    )
    files = {"first.yaml": FIRST_TEXT, "extra.yaml": EXTRA}
    live = load_set(files, {"extra.yaml": Standing(mode=Mode.LIVE, signatures=(right,))}).live
    assert live.name == "first+extra"
    assert live.rule("ZZ-01").signed
    assert live.rule("ZZ-01").rule_hash == rule.rule_hash
    copied = live.rule("ZZ-01")
    assert rule_from_raw(copied.raw, copied.targets).signed, "an alert's copy says who signed"
    wrong = replace(right, rule_hash="0" * 64)
    with pytest.raises(PackError, match="without a signature over the present hash: ZZ-01"):
        load_set(files, {"extra.yaml": Standing(mode=Mode.LIVE, signatures=(wrong,))})


def test_a_higher_rule_of_one_pack_covers_a_lower_one_of_another() -> None:
    packs = load_set({"extra.yaml": EXTRA, "first.yaml": FIRST_TEXT})
    reading = pressure(0, "230", "120")
    window = Window(points=(reading,), profile=Profile(subject=SubjectRef("s1")))
    found = evaluate(packs.beside, window, START, frozenset({reading.identity}))
    assert "ZZ-01" not in {decision.rule_id for decision in found.decisions}
    assert ("ZZ-01", "covered") in {(miss.rule_id, miss.reason) for miss in found.near}


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        (EXTRA.replace("ZZ-01", "HW-05"), r"extra\.yaml:\d+: .*HW-05 stands in the pack first"),
        (
            EXTRA.replace("mode: shadow", "mode: live"),
            r"extra\.yaml:3: .*without a signature.*ZZ-01",
        ),
        (EXTRA + "targets: []\n", r"extra\.yaml:\d+: targets: stands in the pack first alone"),
        (EXTRA.replace("pack: extra", "pack: first"), "written twice|needs the rule for minors"),
        (EXTRA.replace("[200, 1, 7d, 24h]", "[1, 7d, 24h]"), "without a source: 200"),
    ],
)
def test_one_bad_pack_refuses_the_whole_set(other: str, complaint: str) -> None:
    with pytest.raises(PackError, match=complaint):
        load_set({"first.yaml": FIRST_TEXT, "extra.yaml": other})


def test_a_set_without_its_first_pack_is_refused() -> None:
    with pytest.raises(PackError, match="there is no pack first"):
        load_set({"extra.yaml": EXTRA})
    with pytest.raises(PackError, match="is always live"):
        load_set({"first.yaml": FIRST_TEXT.replace("mode: live", "mode: shadow")})


def test_targets_of_the_first_pack_belong_to_the_hash_of_every_other() -> None:
    lower = FIRST_TEXT.replace("value: 140", "value: 130").replace("[140]", "[130]")
    hashes = {
        load(EXTRA, name="extra.yaml", first=load(text, name="first.yaml")).rule("ZZ-01").rule_hash
        for text in (FIRST_TEXT, lower)
    }
    assert len(hashes) == 2
