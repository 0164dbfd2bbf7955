"""How far the simulated people have measured: kept over a crash, so that nothing happens twice."""

from datetime import datetime
from pathlib import Path

from service.lab.homes_settings import write_private

HOMES = "homes"
"""The homes' own folder in the data directory of a demo."""

_FILE = "played_until"


class Played:
    """The newest instant whose measurements have begun, in a file of the homes' own folder.

    It is written before anything is measured. An instant that was interrupted counts as played:
    some of its measurements may be missing for ever, but none is made a second time.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    def until(self) -> datetime | None:
        """The newest instant begun; None where nobody has measured yet.

        Raises:
            ValueError: the file is damaged.
        """
        try:
            return datetime.fromisoformat(self._path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None

    def begin(self, now: datetime) -> None:
        """Keep that everything up to `now` (aware) has begun."""
        write_private(self._path, now.isoformat().encode("ascii"))
