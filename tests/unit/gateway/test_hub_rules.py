from dataclasses import replace

import msgspec
import pytest

from gateway.commands import CommandBody
from gateway.hub_rules import HubRulesError, pack_of, rules_for_hubs
from gateway.packs import load_first_pack
from rules.rule import RunsOn

PACK = load_first_pack()


def test_what_is_sent_runs_with_the_same_hashes_over_the_wire() -> None:
    body = CommandBody(rules=rules_for_hubs(PACK))
    received = msgspec.json.decode(msgspec.json.encode(body), type=CommandBody)
    assert received.rules is not None
    pack = pack_of(received.rules, PACK)
    assert pack.rules
    assert {rule.runs_on for rule in pack.rules} == {RunsOn.HUB}
    assert [r.rule_hash for r in pack.rules] == [r.rule_hash for r in PACK.for_hub().rules]
    assert pack.targets == PACK.targets


def test_a_rule_that_cannot_be_run_is_named_and_refuses_all() -> None:
    sent = rules_for_hubs(PACK)
    broken = msgspec.structs.replace(sent, rules=(*sent.rules, '{"id":"HW-99"}'))
    with pytest.raises(HubRulesError, match=f"first {PACK.version}"):
        pack_of(broken, PACK)


@pytest.mark.parametrize("text", ["not json", "{}", "[]"])
def test_rubbish_is_refused(text: str) -> None:
    with pytest.raises(HubRulesError):
        pack_of(msgspec.structs.replace(rules_for_hubs(PACK), rules=(text,)), PACK)


def test_an_empty_list_does_not_leave_a_home_without_rules() -> None:
    with pytest.raises(HubRulesError, match="no rule"):
        pack_of(rules_for_hubs(replace(PACK, rules=())), PACK)


def test_a_county_without_a_signed_rule_says_so_and_its_hubs_ring_for_nothing() -> None:
    sent = rules_for_hubs(replace(PACK, rules=()), may_be_none=True)
    assert sent.none_ring
    assert pack_of(sent, PACK).rules == ()
    assert not rules_for_hubs(PACK, may_be_none=True).none_ring
