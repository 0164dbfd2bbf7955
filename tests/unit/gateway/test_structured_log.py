"""One event a line, whatever is in it, and no local variable of a traceback."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import logging, structlog
from gateway.structured_log import configure_logs
configure_logs()
log = structlog.get_logger("x")
log.info("event", text="a\\nb\\u2028c\\x85d\\x1b[2J\\x9b2J 王")
name = "王秀兰"
try:
    raise ValueError("broken")
except ValueError:
    log.exception("failed")
logging.getLogger("uvicorn.error").warning("line\\nbreak %s", name)
"""


@pytest.mark.row("O2")
def test_what_is_logged_is_one_ascii_object_a_line_without_locals() -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    lines = done.stderr.splitlines()
    assert len(lines) == 3
    assert done.stderr.isascii()
    assert "\x1b" not in done.stderr
    plain, failed, foreign = (json.loads(line) for line in lines)
    assert plain["text"] == "a\nb\u2028c\x85d\x1b[2J\x9b2J 王"
    assert failed["level"] == "error"
    assert "王秀兰" not in json.dumps(failed, ensure_ascii=False)
    assert (foreign["event"], foreign["library"]) == ("line\nbreak 王秀兰", "uvicorn.error")
    assert foreign["level"] == logging.getLevelName(logging.WARNING).lower()


def test_a_full_disk_under_the_log_ends_nothing() -> None:
    """`/dev/full` says that there is no room, as the disk does."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", f"{_PROGRAM}\nprint('lives')"],
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            check=False,
        )
    assert done.stdout == "lives\n"
