"""`python -m tests.chaos.shifted_core FILE core ...`: a core on a machine whose clock can jump.

FILE holds by how many seconds the machine's clock is wrong. Everything else is the core itself.
"""

import sys
from datetime import datetime, timedelta
from pathlib import Path

from gateway import clock
from service.cli import main


class ShiftedClock(clock.WallClock):
    """The machine's clock, so many seconds off."""

    offset_file = Path()

    def now(self) -> datetime:
        """What the wrong clock shows."""
        return super().now() + timedelta(seconds=float(self.offset_file.read_text() or 0))


if __name__ == "__main__":
    ShiftedClock.offset_file = Path(sys.argv.pop(1))
    clock.WallClock = ShiftedClock
    sys.exit(main(sys.argv[1:]))
