"""The table of faults is whole, and its page is what the command prints."""

import json
import re
from pathlib import Path

import pytest

from firmware_sim.device_mishaps import DEVICE_MISHAPS
from firmware_sim.faults.kind import FaultKind
from firmware_sim.faults.table import FAULTS, OUTCOMES, applicable, kinds_for
from firmware_sim.hub_mishaps import HUB_MISHAPS
from firmware_sim.profiles.names import Profile
from service.cli import main

PAGE = Path(__file__).parents[3] / "docs" / "faults.md"
KINDS = pytest.mark.parametrize("kind", FAULTS.values(), ids=lambda kind: kind.name)


@pytest.mark.row("S6")
def test_there_are_at_least_forty_kinds_each_named_once() -> None:
    assert len(FAULTS) >= 40
    assert len(applicable()) == sum(len(kinds_for(profile)) for profile in Profile)


@KINDS
def test_a_kind_says_something_of_every_profile(kind: FaultKind) -> None:
    assert set(kind.expects) | set(kind.absent) == set(Profile)
    assert set(kind.expects) & set(kind.absent) == set()
    assert kind.expects
    for text in (kind.says, kind.injected, *kind.absent.values()):
        assert text
        assert not text.endswith(".")
    assert {text.partition(":")[0] for text in kind.expects.values()} <= set(OUTCOMES)


@KINDS
def test_what_a_reason_refers_to_is_a_row(kind: FaultKind) -> None:
    for text in kind.absent.values():
        for name in re.findall(r"\bsee ([a-z0-9-]+)", text):
            assert name in FAULTS


@KINDS
def test_every_pair_can_be_done(kind: FaultKind) -> None:
    assert (kind.inject is not None) is any(profile.is_ble for profile in kind.expects)
    assert (kind.name in DEVICE_MISHAPS) is (Profile.MQTT_DEVICE in kind.expects)
    assert (kind.name in HUB_MISHAPS) is (Profile.HUB in kind.expects)


def test_the_page_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "faults"]) == 0
    assert capsys.readouterr().out == PAGE.read_text(encoding="utf-8"), (
        "renew it: hearthwatch sim faults > docs/faults.md"
    )


def test_the_table_comes_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sim", "faults", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(FAULTS)
    nan = next(row for row in rows if row["name"] == "nan")
    assert nan["expects"]["thermometer"] == "no_value"
    assert nan["not_applicable"]["heart_rate"].startswith("n/a because its values are unsigned")
