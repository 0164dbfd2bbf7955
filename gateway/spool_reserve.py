"""Room beside the spool that is given back when the disk is full, so that a hub can still start.

SQLite needs some room to open a file at all (its shared memory, its log). A hub that is started on
a full disk takes one part of the reserve away and has it; what is full after that is held in memory
(`spool_hold.py`). The parts are made again as soon as there is room for them and for more.
"""

import os
from pathlib import Path

import structlog

_log = structlog.get_logger()

PARTS = 4
"""So many starts in a row find room on a disk that stays full."""

PART_BYTES = 256 * 1024
"""What opening takes (some 70 KiB), and two hundred readings."""

SPARE_BYTES = 2 * PARTS * PART_BYTES
"""Free beyond the reserve, or it is not made again: the spool itself comes first."""


class Reserve:
    """Files beside one spool file; `complete` whether all of them stand."""

    def __init__(self, spool: Path) -> None:
        self._parts = [spool.with_name(f"{spool.name}.reserve-{number}") for number in range(PARTS)]
        self.complete = all(_stands(part) for part in self._parts)

    def give_back(self) -> bool:
        """Take one part away; False where none is left."""
        self.complete = False
        for part in self._parts:
            if part.exists():
                part.unlink()
                _log.error("disk is full, the spool takes room from its reserve", part=part.name)
                return True
        return False

    def fill(self) -> None:
        """Make the parts that miss, where the disk has room for more than them; blocks for ms."""
        missing = [part for part in self._parts if not _stands(part)]
        try:
            disk = os.statvfs(self._parts[0].parent)
            if disk.f_bavail * disk.f_frsize < len(missing) * PART_BYTES + SPARE_BYTES:
                return
            for part in missing:
                _write(part)
        except OSError as error:
            _log.warning("no reserve could be made", reason=str(error))
            return
        self.complete = True


def is_full(folder: Path) -> bool:
    """Whether the disk of `folder` has less room than opening a spool takes."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize < PART_BYTES


def _stands(part: Path) -> bool:
    return part.exists() and part.stat().st_size == PART_BYTES


def _write(part: Path) -> None:
    """Bytes that no file system can squeeze, and on the disk before they count."""
    try:
        with part.open("wb") as file:
            file.write(os.urandom(PART_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        part.unlink(missing_ok=True)
        raise
