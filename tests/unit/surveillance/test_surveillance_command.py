"""`hearthwatch surveillance detect` and `methods`, as an epidemiologist calls them."""

import json
from pathlib import Path

import pytest

from service.cli import main

GOLDEN = Path(__file__).parents[2] / "golden"
SALMONELLA = str(GOLDEN / "salmonella_agona__farringtonFlexible.json")


def _lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.row("C3")
def test_one_json_line_a_point_with_r_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    run = json.loads(Path(SALMONELLA).read_text(encoding="utf-8"))["runs"][0]
    control = json.dumps({**run["control_given"], "range": run["index_1based"]})
    command = ["surveillance", "detect", "--method", "farringtonFlexible"]
    assert main([*command, "--control", control, "--series", SALMONELLA]) == 0
    lines = _lines(capsys.readouterr().out)
    assert all(
        list(line) == ["index", "upperbound", "alarm", "expected", "pvalue"] for line in lines
    )
    assert [line["index"] for line in lines] == run["index_1based"]
    assert [line["upperbound"] for line in lines] == run["upperbound"]
    assert [line["alarm"] for line in lines] == run["alarm"]
    assert [line["expected"] is None for line in lines] == [e is None for e in run["expected"]]


def test_the_series_object_alone_and_controls_from_a_file_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden = json.loads(Path(SALMONELLA).read_text(encoding="utf-8"))
    series, control = tmp_path / "series.json", tmp_path / "control.json"
    series.write_text(json.dumps(golden["series"]), encoding="utf-8")
    control.write_text('{"method": "C2", "range": [20, 30]}', encoding="utf-8")
    command = ["surveillance", "detect", "--method", "earsC", "--series"]
    assert main([*command, SALMONELLA, "--control", control.read_text(encoding="utf-8")]) == 0
    told = capsys.readouterr().out
    assert [line["index"] for line in _lines(told)] == [20, 30]
    assert main([*command, str(series), "--control", f"@{control}"]) == 0
    assert capsys.readouterr().out == told


@pytest.mark.parametrize(
    ("method", "control", "named"),
    [
        ("farringtonFlexibel", "{}", "farringtonFlexibel"),
        ("farringtonFlexible", '{"thersholdMethod": "nbPlugin"}', "thersholdMethod"),
        ("farringtonFlexible", '{"thresholdMethod": "nbplugin"}', "thresholdMethod"),
        ("farringtonFlexible", '{"range": [313]}', "313"),
        ("farringtonFlexible", '{"range": [10]}', "point 10"),
        ("farringtonFlexible", '{"noPeriods": 53}', "noPeriods"),
        ("farringtonFlexible", '{"alpha": 1.5}', "alpha"),
        ("farrington", '{"b": 0}', "b"),
        ("cusum", '{"range": [100], "m": [1, 2]}', "2 values for 1"),
        ("cusum", '{"range": [100], "trans": "pearsonNegBin"}', "alpha"),
        ("rki", '{"b": 0, "range": [100]}', "no earlier point"),
        ("earsC", '{"baseline": 2}', "baseline"),
        ("earsC", '{"range": [7]}', "starts at 8"),
        ("earsC", "{nonsense", "control"),
    ],
)
def test_what_cannot_be_used_is_named_and_ends_with_two(
    method: str, control: str, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["surveillance", "detect", "--method", method, "--control", control]
    assert main([*command, "--series", SALMONELLA]) == 2
    told = capsys.readouterr()
    assert named in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[1, 2]", "series"),
        ('{"observed": [1, -2]}', "observed[1]"),
        ('{"observed": [1, "many"]}', "'many'"),
        ('{"observed": [1, 2], "epochAsDate": true, "epoch": ["2024-01-01"]}', "1 dates"),
        ('{"observed": [1], "epochAsDate": true, "epoch": ["soon"]}', "soon"),
        ('{"series": {"observed": "x"}}', "observed"),
        ("", "series"),
    ],
)
def test_a_file_that_is_no_series_is_named(
    text: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "series.json"
    path.write_text(text, encoding="utf-8")
    assert main(["surveillance", "detect", "--method", "earsC", "--series", str(path)]) == 2
    assert named in capsys.readouterr().err


def test_a_missing_file_ends_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "none.json")
    assert main(["surveillance", "detect", "--method", "earsC", "--series", missing]) == 2
    assert "none.json" in capsys.readouterr().err


@pytest.mark.row("C4")
def test_methods_says_what_the_history_allows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "young.json"
    path.write_text(json.dumps({"observed": [3] * 30}), encoding="utf-8")
    assert main(["surveillance", "methods", "--series", str(path)]) == 0
    told = {line["method"]: line for line in _lines(capsys.readouterr().out)}
    assert [name for name, line in told.items() if line["offered"]] == ["earsC"]
    assert "3 needed" in str(told["farringtonFlexible"]["lacking"])
