"""A hub that starts on a full disk: it starts, takes what comes, and says so.

The disk is a file system of its own in memory (mounted in a user namespace of its own), filled to
the last block.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.peer

_DISK = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]

_COURSE = """
import asyncio, json, pathlib, sys
from gateway.spool import Spool
from gateway.sqlite_writer import SpoolError
from rules.wire import Lane
from tests.unit.gateway.observations import blood_pressure

disk = pathlib.Path(sys.argv[1])
with_reserve = sys.argv[2] == "reserve"
said = {}

def fill():
    number = 0
    with (disk / "something else").open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass

async def main():
    async with Spool.open(disk / "spool.db") as spool:
        said["fault before"] = spool.fault
        await spool.add_decided([blood_pressure(1)])
    if not with_reserve:
        for part in disk.glob("*.reserve-*"):
            part.unlink()
    said["starts"] = 0
    fill()
    try:
        for number in range(2, 4):
            async with Spool.open(disk / "spool.db") as spool:
                said["starts"] += 1
                said["fault full"] = spool.fault
                await spool.hold.do(lambda: spool.add_decided([blood_pressure(number)]))
                said["held"] = spool.hold.fault
                found = await spool.unsent(Lane.BACKLOG, 0, 10)
                said["kept"] = len(found)
            fill()
    except SpoolError as error:
        said["refused"] = str(error)
    (disk / "something else").unlink()
    async with Spool.open(disk / "spool.db") as spool:
        said["fault after"] = spool.fault
        said["kept after"] = len(await spool.unsent(Lane.BACKLOG, 0, 10))
    print(json.dumps(said))

asyncio.run(main())
"""


def on_a_small_disk(tmp_path: Path, *words: str) -> dict[str, object]:
    """What the course says when it runs on a disk of four megabytes."""
    disk, course = tmp_path / "disk", tmp_path / "course.py"
    disk.mkdir()
    course.write_text(_COURSE)
    mount = f"mount -t tmpfs -o size=4m disk '{disk}'"
    if subprocess.run([*_DISK, mount], capture_output=True, check=False).returncode:  # noqa: S603
        pytest.skip("this machine lets no user mount a file system of their own")
    command = f"{mount} && PYTHONPATH=. '{sys.executable}' '{course}' '{disk}' {' '.join(words)}"
    ran = subprocess.run([*_DISK, command], capture_output=True, check=False, text=True)  # noqa: S603
    assert ran.returncode == 0, ran.stderr
    answer: dict[str, object] = json.loads(ran.stdout.splitlines()[-1])
    return answer


def test_a_full_disk_does_not_keep_a_hub_from_starting_and_it_says_so(tmp_path: Path) -> None:
    said = on_a_small_disk(tmp_path, "reserve")
    assert said["fault before"] == ""
    assert said["starts"] == 2, said
    assert said["fault full"]
    assert said["kept"] == 3  # the reserve had room for the reading itself
    assert (said["fault after"], said["kept after"]) == ("", 3)  # room again: all is well


def test_without_its_reserve_it_could_not(tmp_path: Path) -> None:
    """So that the test above proves something: the same disk, the reserve taken away."""
    said = on_a_small_disk(tmp_path, "none")
    assert said["starts"] == 0, said
    assert said["refused"]
    assert said["kept after"] == 1
