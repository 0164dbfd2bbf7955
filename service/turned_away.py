"""Whom the doors turned away before anybody was known: counted, and put on record once a minute.

A row for each would let whoever has no account fill a record that nobody can empty.
"""

from collections import Counter
from datetime import datetime, timedelta

from service.store.database import Database

EVERY = timedelta(minutes=1)
"""So long a count may wait for its row."""


class TurnedAway:
    """The counts of this process since the last row, by door as it is declared."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._since: datetime | None = None

    def count(self, door: str, now: datetime) -> None:
        """One more that nobody was let through."""
        self._since = self._since or now
        self._counts[door] += 1

    async def write(self, store: Database, now: datetime) -> None:
        """Puts on record what was counted; nothing as long as the first waits less than `EVERY`.

        Raises:
            service.store.database.DATABASE_ERRORS: no row was written; the counts are kept.
        """
        if self._since is None or now - self._since < EVERY:
            return
        counts, since = dict(self._counts), self._since
        told = {"since": since.isoformat(), **dict(sorted(counts.items()))}
        await store.audit(None, "turned away", None, told, now)
        self._counts -= Counter(counts)
        self._since = now if self._counts else None
