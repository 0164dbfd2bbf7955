"""The conformance kit through the program's front door: check, list, table."""

import json
from pathlib import Path

import pytest

from device_adapters.ble.captures import shipped_captures
from device_adapters.ble.quirks import MODELS
from device_adapters.ble.registry import DECODERS, FACTS
from service.cli import main

Printed = pytest.CaptureFixture[str]
PAGE = Path(__file__).parents[2] / "docs" / "devices.md"


def frame(octets: str, characteristic: str = "2A35", **expect: object) -> dict[str, object]:
    return {"characteristic": characteristic, "hex": octets, "expect": expect}


def mmhg(value: int) -> dict[str, object]:
    return {"value": value, "unit": "mm[Hg]"}


GOOD = "028a0058007800e807060f11111b"
SAYS = {"systolic": mmhg(138), "diastolic": mmhg(88), "mean": mmhg(120)}


def write(folder: Path, *frames: object, model: str = "New cuff") -> str:
    path = folder / "frames.json"
    document = {"model": model, "maker": "Somebody", "source": "here", "frames": list(frames)}
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


@pytest.mark.row("O9")
@pytest.mark.row("P13")
def test_every_shipped_frame_passes_and_says_so(capsys: Printed) -> None:
    assert main(["devices", "check", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["model"] for line in lines} == shipped_captures().keys()
    for line in lines:
        assert (line["failed"], line["passed"]) == (0, len(line["frames"]))
        assert line["row"]
    looked_at = {check["name"] for line in lines for f in line["frames"] for check in f["checks"]}
    assert looked_at == {
        "decodes",
        "says what is expected",
        "agrees with the display",
        "can be measured",
        "repeats are told apart",
        "no other length is read",
    }


@pytest.mark.row("O9")
def test_a_frame_that_says_what_its_file_expects_passes(tmp_path: Path, capsys: Printed) -> None:
    good = frame(GOOD, quantities=SAYS, device_time="2024-06-15T17:17:27", user_id=None, flags=[])
    refused = frame("010203040506", refused_at_byte=6)
    about = frame("64", "2A19", facts={"battery_percent": "100"})
    assert main(["devices", "check", write(tmp_path, good, refused, about)]) == 0
    said = capsys.readouterr().out
    assert "no row: read as the specification says" in said
    assert "3 of 3 frames passed" in said


@pytest.mark.row("O9")
@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (
            frame(GOOD, quantities={**SAYS, "systolic": mmhg(139)}),
            "systolic is 138 mm[Hg], expected 139 mm[Hg]",
        ),
        (
            frame(GOOD, quantities={"systolic": mmhg(138)}),
            "diastolic is 88 mm[Hg], expected",
        ),
        (frame(GOOD, user_id=1), "user_id is absent, expected 1"),
        (frame(GOOD, flags=["body_movement"]), "flags is [], expected"),
        (frame(GOOD, device_time=None), "device_time is 2024-06-15T17:17:27, expected absent"),
        (frame(GOOD[:-2], quantities=SAYS), "2A35: byte 13: frame ends inside time stamp"),
        (frame(GOOD, refused_at_byte=3), "not refused at byte 3"),
        (frame("0102", refused_at_byte=6), "the file expects byte 6"),
        (
            frame("02ff09ff09ff09e807060f11111b", user_id=None),
            "systolic of -1537 mm[Hg] cannot be measured",
        ),
        (
            frame("65", "2A19", facts={"battery_percent": "101"}),
            "2A19: byte 0: battery level",
        ),
        (
            frame("64", "2A19", facts={"battery_percent": "99"}),
            "{'battery_percent': '99'}",
        ),
        (
            frame(GOOD, user_id=None) | {"display": {"systolic": mmhg(140)}},
            "systolic is 138 mm[Hg], the display showed 140",
        ),
        (
            frame(GOOD, user_id=None) | {"display": {"pulse": {"value": 60, "unit": "/min"}}},
            "pulse has no value, the display showed 60 /min",
        ),
        (frame("06000c100600", "2AA7", flags=[]) | {"record": 1}, "the packet holds 1 records"),
    ],
)
def test_a_frame_that_fails_says_why(
    tmp_path: Path, capsys: Printed, bad: dict[str, object], why: str
) -> None:
    good = frame(GOOD, quantities=SAYS)
    assert main(["devices", "check", write(tmp_path, good, bad)]) == 1
    said = capsys.readouterr().out
    assert why in said
    assert "1 of 2 frames passed" in said
    assert main(["devices", "check", "--json", write(tmp_path, good, bad)]) == 1
    line = json.loads(capsys.readouterr().out)
    assert (line["passed"], line["failed"]) == (1, 1)
    (reason,) = [c["reason"] for f in line["frames"] for c in f["checks"] if not c["passed"]]
    assert why in reason


@pytest.mark.row("O9")
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("{", "frames.json: not JSON: "),
        ("[]", "frames.json: Expected `object`, got `array`"),
        ('{"maker": "m", "source": "s", "frames": []}', "missing required field `model`"),
        ('{"model": "x", "maker": "m", "source": "s", "frames": []}', ": frames: holds no frame"),
        ('{"model": 7, "maker": "m", "source": "s", "frames": []}', ": model: Expected `str`"),
        (json.dumps({"colour": "red"}), "unknown field `colour`"),
    ],
)
def test_a_file_that_is_none_is_refused_by_its_field(
    tmp_path: Path, capsys: Printed, text: str, names: str
) -> None:
    path = tmp_path / "frames.json"
    path.write_text(text, encoding="utf-8")
    assert main(["devices", "check", str(path)]) == 2
    printed = capsys.readouterr()
    assert (printed.out, names in printed.err, printed.err.count("\n")) == ("", True, 1)


@pytest.mark.row("O9")
@pytest.mark.parametrize(
    ("bad", "names"),
    [
        (frame("0g", flags=[]), "frames[1].hex: non-hexadecimal number found"),
        (frame("00" * 513, flags=[]), "frames[1].hex: holds 513 octets"),
        (frame("", flags=[]), "frames[1].hex: holds 0 octets; a value has 1 to 512"),
        (frame(GOOD), "frames[1].expect: expects nothing"),
        (frame(GOOD, "2AFF", flags=[]), "frames[1].characteristic: nothing reads '2AFF'"),
        (frame(GOOD, flags=["tired"]), "frames[1].expect.flags[0]: Invalid enum value 'tired'"),
        (frame(GOOD, quantity={}), "frames[1].expect: Object contains unknown field `quantity`"),
        (frame(GOOD, sequence="4"), "frames[1].expect.sequence: Expected `int | null`, got `str`"),
        (
            frame(GOOD, quantities={"sys": mmhg(1)}),
            "frames[1].expect.quantities: Invalid enum value 'sys'",
        ),
        (
            frame(GOOD, quantities={"systolic": {"value": 1}}),
            "frames[1].expect.quantities[...]: Object missing required field `unit`",
        ),
        ({"hex": "00"}, "frames[1]: Object missing required field `characteristic`"),
    ],
)
def test_a_bad_frame_in_a_file_is_named(
    tmp_path: Path, capsys: Printed, bad: dict[str, object], names: str
) -> None:
    path = write(tmp_path, frame(GOOD, quantities=SAYS), bad)
    assert main(["devices", "check", path]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"{path}: {names}" in printed.err


def test_a_file_that_is_not_there_is_an_error_of_one_line(capsys: Printed) -> None:
    assert main(["devices", "check", "/nowhere/frames.json"]) == 2
    assert capsys.readouterr().err == "/nowhere/frames.json: No such file or directory\n"


@pytest.mark.row("O8")
def test_a_row_is_all_that_makes_a_quirky_model_readable(tmp_path: Path, capsys: Printed) -> None:
    octets = "566a0047000000ea07080b121f00003f000000"
    quirky = frame(octets, user_id=0, device_time="2026-08-11T18:31:00")
    assert main(["devices", "check", write(tmp_path, quirky, model="BM85")]) == 0
    assert main(["devices", "check", write(tmp_path, quirky, model="BM999")]) == 1
    assert "2A35: byte 18: 1 byte too many" in capsys.readouterr().out


@pytest.mark.row("O7")
def test_the_list_names_every_model_with_its_evidence(capsys: Printed) -> None:
    assert main(["devices", "list", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["model"] for row in rows] == list(MODELS)
    for row in rows:
        assert row["evidence"] == MODELS[row["model"]].level.value
        assert (row["frames"] > 0) == (row["model"] in shipped_captures())
    assert main(["devices", "list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(MODELS)


@pytest.mark.row("O7")
def test_the_page_of_devices_is_as_new_as_the_table(capsys: Printed) -> None:
    assert main(["devices", "table"]) == 0
    made = capsys.readouterr().out
    assert made == PAGE.read_text(encoding="utf-8"), "hearthwatch devices table > docs/devices.md"
    for name, model in MODELS.items():
        assert f"| {name} | {model.maker} |" in made
    for number in [*DECODERS, *FACTS]:
        assert f"\n| {number} | " in made
