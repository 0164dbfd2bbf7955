"""The evaluations of models over several people run and print their tables."""

import pytest

from service.cli import main


@pytest.mark.slow
def test_asking_couples_is_set_beside_chance(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "swaps", "--people", "150", "--days", "120", "--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert "couples" in said
    rows = [line for line in said.splitlines() if line.startswith("| ")]
    assert [row.split("|")[1].strip() for row in rows[1:]] == [
        "when the other fits clearly better",
        "when farthest from the own usual",
        "at random",
    ]
    asked = {row.split("|")[2].strip() for row in rows[1:]}
    assert len(asked) == 1, "all three ask equally often"


@pytest.mark.slow
def test_what_is_found_of_devices_is_told_fault_by_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["evaluate", "population", "--people", "60", "--days", "60", "--seed", "3"]) == 0
    said = capsys.readouterr().out
    for fault in ("none", "cuff model +8 mmHg", "strips -15 %"):
        assert f"| {fault} |" in said
    assert "| at random |" in said
