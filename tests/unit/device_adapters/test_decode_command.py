"""`hearthwatch decode` through the program's own front door."""

import json

import pytest

from service.cli import main

FULL = "1e8a00580078000000041114293b3c00012700"


def test_a_blood_pressure_is_printed_as_the_issue_shows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["decode", "2A35", "1e8a0058007800e807060f11111b3c00010100"]) == 0
    assert capsys.readouterr().out == (
        '{"characteristic":"2A35","quantities":{"systolic":{"value":138,"unit":"mm[Hg]"},'
        '"diastolic":{"value":88,"unit":"mm[Hg]"},"mean":{"value":120,"unit":"mm[Hg]"},'
        '"pulse":{"value":60,"unit":"/min"}},"device_time":"2024-06-15T17:17:27",'
        '"sequence":null,"time_offset_min":null,"user_id":1,"flags":["body_movement"]}\n'
    )


def test_no_value_and_censored_are_null_with_a_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["decode", "2a35", "00 ff07 fe07 0008"]) == 0
    said = json.loads(capsys.readouterr().out)["quantities"]
    assert said == {
        "systolic": {"value": None, "unit": "mm[Hg]", "no_value": "NaN"},
        "diastolic": {"value": None, "unit": "mm[Hg]", "censored": "above"},
        "mean": {"value": None, "unit": "mm[Hg]", "no_value": "NRes"},
    }


def test_several_records_are_a_list_and_intervals_are_milliseconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["decode", "2AA7", "06000c10060006000c100700"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [record["time_offset_min"] for record in said] == [6, 7]
    assert main(["decode", "2A37", "1e5532002100"]) == 0
    quantities = json.loads(capsys.readouterr().out)["quantities"]
    assert quantities["rr_intervals"] == {"value": [33 * 1000 / 1024], "unit": "ms"}


def test_the_model_decides_about_a_quirk(capsys: pytest.CaptureFixture[str]) -> None:
    frame = "566a0047000000ea07080b121f00003f000000"
    assert main(["decode", "2A35", frame]) == 1
    assert main(["decode", "2A35", frame, "--model", "BM85"]) == 0
    assert json.loads(capsys.readouterr().out)["quantities"]["pulse"]["value"] == 63


def test_a_bare_number_is_printed_in_the_form_of_a_record(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["decode", "SFLOAT", "0102"]) == 0
    assert capsys.readouterr().out == (
        '{"characteristic":"SFLOAT","quantities":{"value":{"value":513,"unit":null}},'
        '"device_time":null,"sequence":null,"time_offset_min":null,"user_id":null,"flags":[]}\n'
    )


@pytest.mark.parametrize(
    ("form", "digits", "value"),
    [
        ("sfloat", "01fe", {"value": -51.1, "unit": None}),
        ("SFLOAT", "ff07", {"value": None, "unit": None, "no_value": "NaN"}),
        ("SFLOAT", "0208", {"value": None, "unit": None, "censored": "below"}),
        ("FLOAT", "6c0100ff", {"value": 36.4, "unit": None}),
        ("FLOAT", "0c000001", {"value": 120, "unit": None}),
        ("FLOAT", "00008000", {"value": None, "unit": None, "no_value": "NRes"}),
        ("FLOAT", "feff7f00", {"value": None, "unit": None, "censored": "above"}),
    ],
)
def test_a_bare_number_says_its_value_or_why_it_has_none(
    form: str, digits: str, value: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", form, digits]) == 0
    assert json.loads(capsys.readouterr().out)["quantities"] == {"value": value}


@pytest.mark.parametrize(
    "number", ["2a35", "0x2A35", "00002a35", "00002A35-0000-1000-8000-00805F9B34FB"]
)
def test_a_characteristic_may_be_named_by_number_or_uuid(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", number, "00 8a00 5800 7800"]) == 0
    assert json.loads(capsys.readouterr().out)["characteristic"] == "2A35"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("XFLOAT", "XFLOAT"),
        ("12342A35", "12342A35"),
        ("6e400001-b5a3-f393-e0a9-e50e24dcca9e", "6E400001-B5A3-F393-E0A9-E50E24DCCA9E"),
        ("2A\n35", "2A\\x0a35"),
    ],
)
def test_an_unknown_name_is_shown_whole_and_on_one_line(
    name: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", name, "0102"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"{shown}: byte 0: no decoder; known: 2A08, 2A18, ")
    assert said.err.endswith(", FLOAT, SFLOAT\n")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("characteristic", "digits", "line"),
    [
        ("2A35", "010203040506", "2A35: byte 6: frame ends inside mean, 1 more byte needed"),
        ("2A35", FULL + "00", "2A35: byte 19: 1 byte too many"),
        ("2A35", "", "2A35: byte 0: frame ends inside flags, 1 more byte needed"),
        ("2A35", "xy", "2A35: byte 0: 'x' is not a hexadecimal digit"),
        ("SFLOAT", "01", "SFLOAT: byte 1: frame ends inside value, 1 more byte needed"),
        ("FLOAT", "0102030405", "FLOAT: byte 4: 1 byte too many"),
        ("SFLOAT", "0g", "SFLOAT: byte 0: 'g' is not a hexadecimal digit"),
        ("2A35", "001", "2A35: byte 1: half an octet: odd number of digits"),
    ],
)
def test_a_malformed_frame_is_one_line_that_names_the_byte(
    characteristic: str, digits: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["decode", characteristic, digits]) == 1
    assert capsys.readouterr() == ("", line + "\n")
