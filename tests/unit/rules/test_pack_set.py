"""Several packs together: one first, unique ids, live beside shadow, families over packs."""

import pytest

from gateway.packs import load_shipped
from rules.engine import evaluate
from rules.pack import PackError, load
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
    assert load_set({f"{name}.yaml": text for name, text in packs.texts().items()}) == packs


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
