"""Which messages of one lane may be on their way: pure counting, no clock and no network."""

from collections.abc import Mapping
from types import MappingProxyType

from rules.wire import Lane

WINDOW = 64
"""At most so many unreceipted messages of a lane are in flight (design D2)."""

FIRST: Mapping[Lane, int] = MappingProxyType({Lane.LIVE: 32, Lane.BACKLOG: WINDOW})
QUICK_S = 5.0
"""A lane begins with so many (a memory that was read comes whole, if it can: what is missing of it
would be taken for silence), and doubles them each time a receipt came that quickly; after a slower
one it halves them, down to one. Ten thousand homes that have something to tell at once would else
have more under way than the broker keeps: what it drops leaves gaps, and everybody waits."""

RESEND_AFTER_S = 30.0
"""Without progress for so long, everything above the core's mark is sent again (design D2)."""

LONGEST_S = 8 * RESEND_AFTER_S
"""Each time in vain the wait doubles, up to this: a core that is slow must not get all of it again
and again from every hub, which would make it slower still."""


class Window:
    """The stretch of one lane between the core's receipt (`through`) and the last one sent.

    Sequences leave in order without a gap. What was sent is not safe: only a receipt moves the
    stretch's lower end, and it may move it back (a database was restored), which sends again.
    """

    def __init__(self, lane: Lane, through: int = 0) -> None:
        self._first = FIRST[lane]
        self.through = through
        self.sent = through
        self._waiting_since_s: float | None = None
        self._patience_s = RESEND_AFTER_S
        self._limit = self._first
        self._timed: tuple[int, float] | None = None

    def room(self) -> int:
        """How many further messages may be sent now, 0 to `WINDOW`."""
        return max(0, self._limit - (self.sent - self.through))

    def mark_sent(self, sequence: int, now_s: float) -> None:
        """Count a message as sent at monotonic time `now_s`.

        Raises:
            ValueError: it is not the next one, or there is no room.
        """
        if sequence != self.sent + 1 or self.room() < 1:
            raise ValueError(f"{sequence} after {self.sent}, receipt {self.through}")
        if self.sent == self.through:
            self._waiting_since_s = now_s
        if self._timed is None:
            self._timed = (sequence, now_s)
        self.sent = sequence

    def take_receipt(self, through: int, now_s: float) -> None:
        """Move to the core's mark; a mark below the former one makes all above it unsent."""
        if through != self.through:
            self._patience_s = RESEND_AFTER_S
        self._adapt(through, now_s)
        if through < self.through:
            self.sent, self._timed = through, None
        elif through > self.through:
            self._waiting_since_s = now_s
        self.through = through
        self.sent = max(self.sent, through)

    def _adapt(self, through: int, now_s: float) -> None:
        """Let more or fewer be under way, by how long the message that is timed has taken."""
        if self._timed is None or through < self._timed[0]:
            return
        quick = now_s - self._timed[1] <= QUICK_S
        self._limit = min(WINDOW, 2 * self._limit) if quick else max(1, self._limit // 2)
        self._timed = None

    def rewind(self) -> None:
        """Count everything above the core's mark as unsent: new connection, new core."""
        self.sent, self._timed, self._limit = self.through, None, self._first
        self._patience_s = RESEND_AFTER_S

    def rewind_in_vain(self) -> None:
        """The same because no receipt came in time; the next one is waited for longer."""
        self.sent, self._timed, self._limit = self.through, None, 1
        self._patience_s = min(2 * self._patience_s, LONGEST_S)

    def resend_at_s(self) -> float | None:
        """Monotonic time at which to rewind unless a receipt moves first; None with none out."""
        if self.sent == self.through or self._waiting_since_s is None:
            return None
        return self._waiting_since_s + self._patience_s
