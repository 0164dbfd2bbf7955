"""One lane of a simulated hub's spool: what is numbered, what is under way, what is receipted.

Pure counting: no clock, no network. Sequences run from 1 in each epoch and lane without a gap; what
was sent is not safe before the core's receipt, which may also go back (a restored database).
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from firmware_sim.uplink_words import Lane, Record

WINDOW = 64
"""Unreceipted messages of a lane that may be under way."""

BEGINNING = {Lane.LIVE: 32, Lane.BACKLOG: 64}
"""So many of them at first."""

SWIFT_S = 5.0
"""A receipt within so long of its message lets twice as many be under way, a later one half."""

RESEND_AFTER_S = 30.0
"""Without progress for so long everything above the core's mark is sent again."""

LONGEST_S = 240.0
"""Each time in vain the wait doubles, up to this."""


@dataclass(slots=True)
class Entry:
    """A spooled record.

    Attributes:
        record: What was measured.
        spooled_s: Monotonic seconds at which it was spooled.
        receipted: Whether the core ever said that it has it.
    """

    record: Record
    spooled_s: float
    receipted: bool = False


class HubLane:
    """The stretch between the core's mark (`through`) and the newest record (`last`).

    Attributes:
        through: Up to where the core has receipted.
        sent: Up to where messages are under way.
        last: The newest sequence.
        allowed: How many may be under way now.
    """

    __slots__ = (
        "_beginning", "_entries", "_keep", "_moved_s", "_patience_s", "_probe", "_probe_s",
        "allowed", "last", "sent", "through",
    )  # fmt: skip

    def __init__(self, lane: Lane = Lane.LIVE, *, keep: int = 0) -> None:
        """An empty lane that keeps so many receipted records in case the core's mark goes back."""
        self._beginning = BEGINNING[lane]
        self.through = self.sent = self.last = 0
        self._entries: deque[Entry] = deque()
        self._keep = keep
        self._moved_s = 0.0
        self._patience_s = RESEND_AFTER_S
        self._probe, self._probe_s = 0, 0.0
        self.allowed = self._beginning

    @property
    def waiting(self) -> int:
        """How many records the core has not receipted."""
        return self.last - self.through

    def add(self, record: Record, now_s: float) -> int:
        """Spool a record at monotonic `now_s`; returns its sequence."""
        self._entries.append(Entry(record, now_s))
        self.last += 1
        return self.last

    def entry(self, sequence: int) -> Entry:
        """The record of a sequence that is still kept."""
        return self._entries[sequence - 1 - self._begin]

    def take_unsent(self, now_s: float) -> Iterator[tuple[int, Record]]:
        """Sequence and record of everything the window has room for; it counts as sent."""
        while self.sent < self.last and self.sent - self.through < self.allowed:
            if self.sent == self.through:
                self._moved_s = now_s
            self.sent += 1
            if not self._probe:
                self._probe, self._probe_s = self.sent, now_s
            yield self.sent, self.entry(self.sent).record

    def take_receipt(self, through: int, now_s: float) -> list[float]:
        """Move to the core's mark; returns when each newly receipted record was spooled.

        A mark beyond what exists, or so far back that the records are gone, is not believed and
        changes nothing; a mark that goes back makes all above it unsent.
        """
        if through == self.through or not self._begin <= through <= self.last:
            return []
        self._patience_s = RESEND_AFTER_S
        if through < self.through:
            self.through = self.sent = through
            self._probe = 0
            return []
        if 0 < self._probe <= through:
            swift = now_s - self._probe_s <= SWIFT_S
            self.allowed = min(2 * self.allowed, WINDOW) if swift else max(self.allowed // 2, 1)
            self._probe = 0
        settled = [self.entry(number) for number in range(self.through + 1, through + 1)]
        fresh = [entry.spooled_s for entry in settled if not entry.receipted]
        for entry in settled:
            entry.receipted = True
        self.through, self.sent = through, max(self.sent, through)
        self._moved_s = now_s
        while self._begin < self.through - self._keep:
            self._entries.popleft()
        return fresh

    def rewind(self) -> None:
        """Everything above the core's mark is unsent: new connection, new core."""
        self.sent, self._probe, self.allowed = self.through, 0, self._beginning
        self._patience_s = RESEND_AFTER_S

    def rewind_in_vain(self) -> None:
        """Everything above the core's mark is unsent: no progress; the next wait is longer."""
        self.sent, self._probe, self.allowed = self.through, 0, 1
        self._patience_s = min(2 * self._patience_s, LONGEST_S)

    def is_stuck(self, now_s: float) -> bool:
        """Whether messages are under way and no receipt has moved the mark for too long."""
        return self.sent > self.through and now_s - self._moved_s >= self._patience_s

    def unsettled(self) -> Iterator[Entry]:
        """Every record that the core has not receipted, in order."""
        return (self.entry(number) for number in range(self.through + 1, self.last + 1))

    @property
    def _begin(self) -> int:
        """The last sequence that is no longer kept."""
        return self.last - len(self._entries)
