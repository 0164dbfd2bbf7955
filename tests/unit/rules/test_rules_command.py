"""`hearthwatch rules`: exit status and words, for our packs and for broken ones."""

import re
from argparse import ArgumentParser
from pathlib import Path

import pytest

from service.rules_command import add_arguments, run
from tests.unit.rules.readings import FIRST_TEXT, PACKS, first_pack


def command(*words: str) -> int:
    parser = ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(words))


@pytest.mark.row("O5", "R11")
def test_our_own_packs_pass_check_and_test(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("check") == 0
    told = capsys.readouterr().out
    assert all(f"{rule.id} v{rule.version} " in told for rule in first_pack().rules)
    assert command("test") == 0
    assert "0 faults" in capsys.readouterr().out


def test_whoever_is_to_sign_reads_the_sentence_both_texts_owner_and_sources(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command("show", str(PACKS / "first.yaml")) == 0
    told = capsys.readouterr().out
    rule = first_pack().rule("HW-05")
    assert rule.owner is not None
    for text in (rule.action, rule.patient, rule.owner):
        assert text.zh in told
        assert text.en in told
    assert "ADA Standards of Care 2024 section 6" in told


@pytest.mark.row("O5")
def test_a_broken_pack_is_told_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = tmp_path / "mine.yaml"
    pack.write_text(FIRST_TEXT.replace("wait: 15m", "wait: 16m"), encoding="utf-8")
    assert command("check", str(pack)) == 1
    assert command("test", str(pack)) == 1
    assert "mine.yaml:" in capsys.readouterr().err


@pytest.mark.row("R11")
def test_a_case_that_does_not_hold_fails_the_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text(FIRST_TEXT, encoding="utf-8")
    cases = (PACKS / "first.cases.yaml").read_text(encoding="utf-8")
    wrong = cases.replace("stage: immediate, at: 0m, rang: 0m", "stage: immediate, at: 1m", 1)
    (tmp_path / "mine.cases.yaml").write_text(wrong, encoding="utf-8")
    assert command("test", str(tmp_path / "mine.yaml")) == 1
    told = capsys.readouterr()
    line = 1 + wrong.split("stage: immediate, at: 1m")[0].count("\n")
    (place,) = (fault for fault in told.err.splitlines() if "missing HW-02 immediate" in fault)
    name, begins, what = place.split(":", 2)
    assert name == "mine.cases.yaml"
    assert 0 <= line - int(begins) < 15, "the line on which the case begins"
    assert "missing HW-02 immediate at 1m" in what
    assert "2 faults" in told.out


def test_a_pack_without_cases_fails_the_test(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(FIRST_TEXT, encoding="utf-8")
    assert command("test", str(tmp_path / "mine.yaml")) == 1


def test_a_missing_file_is_a_wrong_argument(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("check", str(tmp_path / "none.yaml")) == 2
    assert "no such pack" in capsys.readouterr().err


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("schema") == 0
    stored = (PACKS.parent / "schemas" / "pack-1.json").read_text(encoding="utf-8")
    assert capsys.readouterr().out == stored


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("glucose: 2.9, unit: mmol/L", "glucose: 2.9", "never guessed"),
        ("at: 0m, bp: [180, 90]", "at: now, bp: [180, 90]", "is not an offset"),
        ("at: 0m, bp: [180, 90]", "at: 0m, bq: [180, 90]", "Extra inputs"),
        ("at: 0m, bp: [180, 90]", "at: 0m, at: 1m, bp: [180, 90]", "at stands here twice"),
        ("at: 0m, bp: [180, 90]", "at: 0m, bp: [180, 90", "not YAML"),
    ],
)
def test_a_case_that_cannot_be_read_is_told_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], good: str, bad: str, complaint: str
) -> None:
    (tmp_path / "mine.yaml").write_text(FIRST_TEXT, encoding="utf-8")
    cases = (PACKS / "first.cases.yaml").read_text(encoding="utf-8")
    assert good in cases
    (tmp_path / "mine.cases.yaml").write_text(cases.replace(good, bad, 1), encoding="utf-8")
    assert command("test", str(tmp_path / "mine.yaml")) == 1
    told = next(line for line in capsys.readouterr().err.splitlines() if complaint in line)
    name, line, _ = told.split(":", 2)
    assert name == "mine.cases.yaml"
    assert abs(int(line) - cases.split(good)[0].count("\n")) < 15


@pytest.mark.parametrize("text", [b"", b"\xff\xfe pack", bytes(range(256)), b"pack: [", b"- 1"])
def test_a_file_that_is_no_pack_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: bytes
) -> None:
    pack = tmp_path / "mine.yaml"
    pack.write_bytes(text)
    for action in ("check", "test", "show", "graph"):
        assert command(action, str(pack)) == 1
        assert re.match(r"mine\.yaml:\d+: ", capsys.readouterr().err), action
    pack.write_text(FIRST_TEXT, encoding="utf-8")
    pack.with_name("mine.cases.yaml").write_bytes(text or b"\xff")
    assert command("test", str(pack)) == 1
    assert re.match(r"mine\.cases\.yaml:\d+: ", capsys.readouterr().err)
