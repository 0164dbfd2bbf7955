"""What a command says of a database that is away, or of a file: no error number, never nothing."""

import errno
from pathlib import Path
from socket import gaierror

import pytest

from service.cli import main
from service.store.database import in_words

_NOBODY = "postgresql://hw_core@127.0.0.1:1/hearthwatch"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            ConnectionRefusedError(111, "Connection refused"),
            "the database is away: Connection refused",
        ),
        (
            gaierror(-2, "Name or service not known"),
            "the database is away: Name or service not known",
        ),
        (TimeoutError(), "the database is away: no answer in time"),
        (FileNotFoundError(errno.ENOENT, "No such file"), "the database is away: No such file"),
        (
            OSError("Multiple exceptions: one, other"),
            "the database is away: Multiple exceptions: one, other",
        ),
        (FileNotFoundError(errno.ENOENT, "No such file", "/a/b.csv"), "/a/b.csv: No such file"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (ValueError("at: is no instant"), "at: is no instant"),
    ],
)
def test_every_failure_is_told_in_words(error: Exception, words: str) -> None:
    assert in_words(error) == words


@pytest.mark.parametrize(
    "words",
    [
        ["db", "verify", "--dsn", _NOBODY],
        ["coverage", "check", "--dsn", _NOBODY],
        ["rules", "shadow", "--dsn", _NOBODY],
    ],
)
def test_a_command_without_its_database_says_so(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) != 0
    told = capsys.readouterr().err
    assert told.startswith("the database is away: ")
    assert "Errno" not in told


def test_a_backup_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none.dump"
    assert main(["db", "restore", str(missing), "--dsn", _NOBODY]) == 1
    told = capsys.readouterr().err
    assert str(missing) in told
    assert "Errno" not in told
