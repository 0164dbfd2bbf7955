"""`hearthwatch sim cohort`: what it prints, what it refuses, how fast it is."""

import argparse
import json
import time
from datetime import date
from pathlib import Path

import pytest

from firmware_sim.cohort.calendar import Calendar
from firmware_sim.cohort.files import Request, write_cohort
from firmware_sim.cohort.seeds import Purpose
from service.lab import sim_command


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    sim_command.add_arguments(parser)
    return parser.parse_args(["cohort", *words])


@pytest.mark.row("S1")
def test_the_command_writes_the_cohort_and_prints_its_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--people", "12", "--days", "20", "--seed", "9", "--purpose", "reporting")
    assert sim_command.run(parsed(*words, "--start", "2026-03-01", "--out", str(tmp_path))) == 0
    printed = capsys.readouterr().out
    facts = json.loads((tmp_path / "cohort.json").read_text(encoding="utf-8"))
    assert f"digest {facts['digest']}" in printed
    assert (facts["people"], facts["days"], facts["seed"]) == (12, 20, 9)
    assert (facts["purpose"], facts["first"]) == ("reporting", "2026-03-01")
    calendar = Calendar(first=date(2026, 3, 1), days=20)
    request = Request(purpose=Purpose.REPORTING, seed=9, people=12, calendar=calendar)
    assert write_cohort(request, tmp_path / "again").digest == facts["digest"]


def test_an_outbreak_put_there_on_purpose_is_in_the_events(tmp_path: Path) -> None:
    words = ("--people", "60", "--days", "30", "--start", "2026-07-01", "--out", str(tmp_path))
    assert sim_command.run(parsed(*words)) == 0
    before = (tmp_path / "events.csv").read_text(encoding="utf-8").count("introduced")
    assert before == 0
    assert sim_command.run(parsed(*words, "--outbreak", "2026-07-05:1:9")) == 0
    facts = json.loads((tmp_path / "cohort.json").read_text(encoding="utf-8"))
    assert facts["outbreaks"] == [{"day": 4, "village": 0, "people": 9}]
    events = (tmp_path / "events.csv").read_text(encoding="utf-8")
    assert 1 <= events.count("introduced") <= 9  # some are infected without symptoms


def test_an_outbreak_outside_the_cohorts_days_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--people", "2", "--days", "3", "--start", "2026-07-01", "--out", str(tmp_path))
    assert sim_command.run(parsed(*words, "--outbreak", "2026-07-04:1:1")) == 1
    assert "2026-07-04" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("outbreak", "reason"),
    [("2026-07-02:9:1", "no village 9"), ("2026-07-02:1:99", "live in village 1")],
)
def test_an_outbreak_where_nobody_lives_is_refused_and_leaves_the_cohort_that_is_there(
    outbreak: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("--people", "9", "--days", "3", "--start", "2026-07-01", "--out", str(tmp_path))
    assert sim_command.run(parsed(*words)) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sim_command.run(parsed(*words, "--outbreak", outbreak)) == 1
    assert reason in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    "words",
    [
        ("--outbreak", "2026-07-01"),
        ("--outbreak", "2026-07-01:0:1"),
        ("--people", "0"),
        ("--people", "200001"),
        ("--people", "ten"),
        ("--days", "-1"),
        ("--seed", "-1"),
        ("--start", "yesterday"),
        ("--purpose", "fun"),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(*words, "--out", str(tmp_path))
    assert ended.value.code == 2


def test_days_without_known_feasts_are_refused_with_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sim_command.run(parsed("--start", "2041-01-01", "--out", str(tmp_path))) == 1
    assert "2015-2040" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "file"
    taken.write_text("", encoding="utf-8")
    assert sim_command.run(parsed("--people", "1", "--days", "1", "--out", str(taken))) == 1
    assert "file" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.row("S1")
def test_two_hundred_thousand_readings_a_second_on_one_core(tmp_path: Path) -> None:
    """Processor time, files included: the rate does not depend on who else is working."""
    calendar = Calendar(first=date(2025, 1, 1), days=365)
    request = Request(purpose=Purpose.TUNING, seed=2, people=250, calendar=calendar)
    begun = time.process_time()
    written = write_cohort(request, tmp_path)
    assert written.rows / (time.process_time() - begun) > 200_000
