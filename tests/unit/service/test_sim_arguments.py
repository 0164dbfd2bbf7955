"""Arguments of `sim publish`, `sim hub` and `sim load` that make no sense, and their reasons."""

import argparse
from pathlib import Path

import pytest

from service.lab import sim_command

NOBODY = ("--broker", "127.0.0.1:1")


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    sim_command.add_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize("action", ["publish", "hub", "load"])
@pytest.mark.parametrize("where", ["broker", "broker:", ":1883", "broker:1883x", "b:0", "b:65536"])
def test_what_is_no_address_is_refused(
    action: str, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(action, "--broker", where)
    assert ended.value.code == 2
    assert f"{where!r} is not HOST:PORT" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("publish", *NOBODY, "--rate", "nan"),
        ("publish", *NOBODY, "--rate", "inf"),
        ("publish", *NOBODY, "--rate", "-1"),
        ("publish", *NOBODY, "--count", "0"),
        ("hub", *NOBODY, "--count", "-1"),
        ("load", "--users", "users.json"),
        ("load", "--timekeeper", "127.0.0.1:1"),
    ],
)
def test_what_could_not_be_done_is_refused_before_anything_starts(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert sim_command.run(parsed(*words)) == 2
    assert "need" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["5", '["hub-00000"]', '{"hub-00000": 5}', "{", '{"hub-9": "x"}'])
def test_a_file_without_the_homes_passwords_is_said(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    users = tmp_path / "users.json"
    users.write_text(text)
    words = ("load", *NOBODY, "--users", str(users), "--homes", "1", "--seconds", "1")
    assert sim_command.run(parsed(*words)) == 1
    assert "users.json" in capsys.readouterr().err


@pytest.mark.parametrize("action", ["publish", "hub", "load"])
def test_a_broker_that_is_not_there_is_said(
    action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sim_command.run(parsed(action, *NOBODY)) == 1
    assert "127.0.0.1:1" in capsys.readouterr().err
